"""A checkpoint between our layout, the authors' and transformers', to the bit unless asked otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tyro.conf import Positional

from leadline.console import console
from leadline.models.checkpoints import digest, save_network
from leadline.models.foreign import save_foreign
from leadline.models.network import Network
from leadline.models.published import BUNDLED, load_model
from leadline.models.rounding import rounded
from leadline.models.variants import Tokens
from leadline.types import LeadlineError


@dataclass(frozen=True, kw_only=True)
class ConvertConfig:
    """Convert a checkpoint between our layout, the authors' and transformers'."""

    model: Positional[Path] = Path(BUNDLED)
    """A name that `leadline models` lists, a repository of the hub, or the path of a checkpoint."""
    out: Path = Path("converted")
    """What to write: a file, or a folder for transformers."""
    to: Literal["leadline", "official", "transformers"] = "leadline"
    """Layout: our .safetensors, the authors' .pth, or a folder with config.json and model.safetensors."""
    network: str | None = None
    """Which network an authors' file holds, where the file does not tell (V1 and V2 look alike)."""
    half: bool = False
    """Round to float16, half the bytes, what bears it; in our layout. Read again, it is float32."""
    note: tuple[str, ...] = ()
    """KEY=VALUE that our layout's description is to say besides, such as licence=Apache-2.0."""


_OWN = ("network", "space", "variant", "rounded")
"""What a file says of itself."""


def convert(config: ConvertConfig) -> Path:
    """Write the checkpoint in the other layout and return its path.

    Raises:
        LeadlineError: where `out` exists already, or the layout has no place for such a network, for
            float16, or for notes.
    """
    notes = _notes(config)
    if config.out.exists():
        raise LeadlineError(f"{config.out} exists already: choose another --out, or delete it")
    network, about = load_model(config.model, network=config.network)
    config.out.parent.mkdir(parents=True, exist_ok=True)
    if config.to == "leadline":
        _save(config, network, {**about, **notes})
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


def _notes(config: ConvertConfig) -> dict[str, str]:
    """Read what the description is to say besides.

    Raises:
        LeadlineError: for what is no note, and for what only our layout has in another one.
    """
    if config.to != "leadline" and (config.half or config.note):
        raise LeadlineError(f"--half and --note are for our layout, --to leadline; got --to {config.to}")
    for note in config.note:
        key, equals, _ = note.partition("=")
        if not equals or not key or key in _OWN:
            raise LeadlineError(f"a note is KEY=VALUE with a key that is none of {_OWN}, got {note!r}")
    return dict(note.split("=", 1) for note in config.note)


def _save(config: ConvertConfig, network: Network, about: Mapping[str, Any]) -> None:
    """Write our layout; rounded weights say the hash of what they were before."""
    weights = network.state_dict()
    known = {key: value for key, value in about.items() if key not in ("network", "space", "variant")}
    if config.half:
        weights = rounded(weights)
        known["rounded"] = {"to": "float16", "from": digest(network)}
    save_network(config.out, network.name, weights, about=known, variant=network.variant)
