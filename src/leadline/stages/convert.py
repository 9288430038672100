"""A checkpoint between our layout, the authors' and transformers', to the bit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from leadline.console import console
from leadline.models.checkpoints import save_network
from leadline.models.foreign import save_foreign
from leadline.models.published import load_model
from leadline.models.variants import Tokens
from leadline.types import LeadlineError


@dataclass(frozen=True, kw_only=True)
class ConvertConfig:
    """Convert a checkpoint between our layout, the authors' and transformers', as float32."""

    model: Positional[Path] = Path("runs/student/weights.safetensors")
    """A name that `leadline models` lists, a repository of the hub, or the path of a checkpoint."""
    out: Path = Path("converted")
    """What to write: a file, or a folder for transformers."""
    to: Literal["leadline", "official", "transformers"] = "leadline"
    """Layout: our .safetensors, the authors' .pth, or a folder with config.json and model.safetensors."""
    network: str | None = None
    """Which network an authors' file holds, where the file does not tell (V1 and V2 look alike)."""


def convert(config: ConvertConfig) -> Path:
    """Write the checkpoint in the other layout and return its path.

    Raises:
        LeadlineError: where `out` exists already, or the layout has no place for such a network.
    """
    if config.out.exists():
        raise LeadlineError(f"{config.out} exists already: choose another --out, or delete it")
    network, about = load_model(config.model, network=config.network)
    config.out.parent.mkdir(parents=True, exist_ok=True)
    if config.to == "leadline":
        known = {key: value for key, value in about.items() if key not in ("network", "space", "variant")}
        weights = network.state_dict()
        save_network(config.out, network.name, weights, about=known, variant=network.variant)
    else:
        save_foreign(config.out, network, layout=config.to)
    console.print(f"{network.name} in {config.out}")
    encoder = network.variant.encoder
    if config.to == "transformers" and isinstance(encoder, Tokens) and encoder.position_offset:
        console.print(
            f"transformers stretches position embeddings without DINOv2's offset: at other sizes than "
            f"{encoder.image} its maps differ slightly (docs/parity.md)"
        )
    return config.out
