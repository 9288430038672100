"""What can be loaded by name."""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from leadline.models.network import Network
from leadline.models.variants import VARIANTS, Variant


@dataclass(frozen=True, kw_only=True)
class ModelsConfig:
    """List the networks: what they predict, their size, where their weights come from, and the licence."""

    json: bool = False
    """Print JSON, with everything that the table of variants knows."""


def list_models(config: ModelsConfig) -> None:
    """Print the table of variants to standard output."""
    rows = {name: _facts(name, variant) for name, variant in VARIANTS.items()}
    if config.json:
        listed = {name: {**asdict(VARIANTS[name]), **facts} for name, facts in rows.items()}
        sys.stdout.write(json.dumps(listed, indent=1) + "\n")
        return
    table = Table("model", "predicts", "parameters", "input", "weights", "licence")
    for name, facts in rows.items():
        table.add_row(
            name, *(str(facts[key]) for key in ("predicts", "parameters", "input", "weights", "licence"))
        )
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _facts(name: str, variant: Variant) -> dict[str, Any]:
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in Network(name).parameters())
    ceiling, origin = variant.ceiling, variant.origin
    return {
        "predicts": "affine disparity" if ceiling is None else f"depth up to {ceiling:g} m",
        "parameters": f"{count / 1e6:.1f} M",
        "input": f"{variant.short_side}, multiple of {variant.multiple}",
        "weights": origin.repository or origin.transformers or origin.url or "train it",
        "licence": origin.licence or "that of its data",
    }
