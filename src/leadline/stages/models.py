"""What can be loaded by name."""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from leadline.models.checkpoints import describe, described_variant
from leadline.models.network import Network
from leadline.models.published import BUNDLED, BUNDLED_FILE
from leadline.models.variants import VARIANTS, Variant


@dataclass(frozen=True, kw_only=True)
class ModelsConfig:
    """List the networks: what they predict, their size, where their weights come from, and the licence."""

    json: bool = False
    """Print JSON, with everything that the table of variants knows."""


def list_models(config: ModelsConfig) -> None:
    """Print the model in the box and the table of variants to standard output.

    Raises:
        LeadlineError: where the file of the model in the box is missing or damaged.
    """
    rows = [_bundled(), *(_facts(name, variant) for name, variant in VARIANTS.items())]
    if config.json:
        sys.stdout.write(json.dumps({row.pop("model"): row for row in rows}, indent=1) + "\n")
        return
    columns = ("model", "predicts", "parameters", "input", "weights", "licence")
    table = Table(*columns)
    for row in rows:
        table.add_row(*(str(row[column]) for column in columns))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _bundled() -> dict[str, Any]:
    """Return the facts of the model in the box, as its file tells them."""
    about = describe(BUNDLED_FILE)
    variant = described_variant(about)
    return {
        **_facts(BUNDLED, variant),
        "network": about["network"],
        "weights": f"in the box, {BUNDLED_FILE.stat().st_size / 1e6:.1f} MB",
        "licence": about.get("licence", "that of its data"),
    }


def sides(variant: Variant) -> str:
    """Say at which short sides a network looks unless asked otherwise."""
    return ", ".join(map(str, sorted(variant.sides())))


def _facts(name: str, variant: Variant) -> dict[str, Any]:
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in Network(name, variant=variant).parameters())
    ceiling, origin = variant.ceiling, variant.origin
    return {
        "model": name,
        **asdict(variant),
        "predicts": "affine disparity" if ceiling is None else f"depth up to {ceiling:g} m",
        "parameters": f"{count / 1e6:.1f} M",
        "input": f"{sides(variant)}, multiple of {variant.multiple}",
        "weights": origin.repository or origin.transformers or origin.url or "train it",
        "licence": origin.licence or "that of its data",
    }
