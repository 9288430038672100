"""A checkpoint between our layout, the authors' and transformers', to the bit unless asked otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from tyro.conf import Positional

from leadline.console import console
from leadline.models.checkpoints import digest, save_network
from leadline.models.configs import is_same, name_of_variant
from leadline.models.division import MOST, divided
from leadline.models.foreign import save_foreign
from leadline.models.network import Network
from leadline.models.published import BUNDLED, load_model, load_start
from leadline.models.rounding import rounded
from leadline.models.soundness import LARGEST
from leadline.models.variants import VARIANTS, Tokens, Variant, Windows
from leadline.types import LeadlineError, Space


@dataclass(frozen=True, kw_only=True)
class ConvertConfig:
    """Convert a checkpoint between our layout, the authors' and transformers'."""

    model: Positional[str | Path] = BUNDLED
    """A name that `leadline models` lists, a repository of the hub, or the path of a checkpoint."""
    out: Path = Path("converted")
    """What to write: a file, or a folder for transformers."""
    to: Literal["leadline", "official", "transformers"] = "leadline"
    """Layout: our .safetensors, the authors' .pth, or a folder with config.json and model.safetensors."""
    network: str | None = None
    """Which network an authors' file holds, where the file does not tell (V1 and V2 look alike)."""
    average: tuple[str | Path, ...] = ()
    """Checkpoints of the same network to take the mean of all weights with, such as a student's with those of
    the teacher that it started from; in our layout."""
    divide: int = 1
    """Power of 16 to divide the map of a network of affine disparity by, to the bit. Training lets maps grow,
    and float16, with which a GPU computes, ends at 65504; in our layout."""
    looks: tuple[int, ...] = ()
    """Short sides at which the network is to look, for one map of all; the largest gives edges and detail,
    and gives way where another size is asked for. In our layout."""
    half: bool = False
    """Round to float16, half the bytes, what bears it; in our layout. Read again, it is float32."""
    note: tuple[str, ...] = ()
    """KEY=VALUE that our layout's description is to say besides, such as licence=Apache-2.0."""

    def __post_init__(self) -> None:
        """Refuse sizes that are none."""
        if not all(1 <= side <= LARGEST for side in self.looks):
            raise ValueError(f"looks: short sides are from 1 to {LARGEST} pixels, got {self.looks}")


_OWN = (
    *("network", "space", "variant", "averaged", "others", "divided", "rounded"),
    *("run", "data", "start", "step", "stage", "machine", "leadline"),
)
"""What a file says of itself, and of how it was made."""


def convert(config: ConvertConfig) -> Path:
    """Write the checkpoint in the other layout and return its path.

    Raises:
        LeadlineError: where `out` exists already, the layout has no place for such a network, for means,
            float16 or notes, or the networks to average are not the same.
    """
    notes = _notes(config)
    if config.out.exists():
        raise LeadlineError(f"{config.out} exists already: choose another --out, or delete it")
    if config.to == "leadline" and config.out.suffix in {".onnx", ".pth", ".pt"}:
        raise LeadlineError(
            f"our layout is a .safetensors file, got {config.out}: name it so, or say --to (there is no ONNX)"
        )
    network, about = load_model(config.model, network=config.network)
    if config.average:
        others = [load_start(str(model), network=network.name) for model in config.average]
        about = _about_mean([(network, about), *others])
        average(network, [other for other, _ in others])
    if config.divide != 1:
        divide(network, config.divide)
        before = about.get("divided", 1)
        about = {**about, "divided": config.divide * (before if isinstance(before, int) else 1)}
        if about["divided"] > MOST:
            raise LeadlineError(f"--divide: it was divided by {before} already, and {MOST} is the most")
    if config.average or config.divide != 1:  # its weights are others now
        about.pop("rounded", None)
    if config.looks:
        network.variant = replace(network.variant, looks=config.looks)
    if config.to == "leadline":
        _save(config, network, {**about, **notes})
    else:
        save_foreign(config.out, network, layout=config.to)
    console.print(f"{network.name} in {config.out}")
    if config.to != "leadline":
        _say_what_is_lost(network.variant, layout=config.to)
    return config.out


def _say_what_is_lost(variant: Variant, *, layout: Literal["official", "transformers"]) -> None:
    """Tell what another layout does not say of a network, or says otherwise."""
    name, encoder = name_of_variant(variant), variant.encoder
    if name is not None:
        implied = VARIANTS[name].sides()
    else:
        implied = (encoder.image,) if isinstance(encoder, Tokens | Windows) else variant.sides()
    if variant.sides() != implied:
        console.print(
            f"that layout has no place for the sizes at which it looks: read again, it looks at {implied}, "
            f"not at {variant.sides()}"
        )
    if layout == "official" and name is None:
        ceiling = "" if variant.ceiling is None else f", nor its largest depth, {variant.ceiling:g} m"
        console.print(
            f"that layout does not tell which network it is{ceiling}, and no name does: "
            "what reads it must know"
        )
    elif layout == "official":
        console.print(f"that layout does not tell which network it is: read it with --network {name}")
    if not (isinstance(encoder, Tokens) and encoder.dino):
        return
    if bool(encoder.position_offset) is (layout == "transformers"):
        console.print(
            "Depth Anything's code stretches position embeddings with DINOv2's offset, transformers without: "
            f"at other sizes than {encoder.image} maps differ slightly (docs/parity.md)"
        )


def _about_mean(models: Sequence[tuple[Network, Mapping[str, Any]]]) -> dict[str, Any]:
    """Say of a mean what the first model's file says, and what those of the others do.

    A licence is the mean's where all have the same one.

    Raises:
        LeadlineError: where maps were divided by different numbers.
    """
    divided = {str(about.get("divided", 1)) for _, about in models}
    if len(divided) > 1:
        raise LeadlineError(
            f"--average: maps were divided by {' and '.join(sorted(divided))}, and what was divided more "
            "would hardly count: average what they were before --divide"
        )
    (_, first), *others = models
    about = dict(first)
    if any(other.get("licence") != first.get("licence") for _, other in others):
        about.pop("licence", None)
    about["averaged"] = [digest(network) for network, _ in models]
    about["others"] = [dict(other) for _, other in others]
    return about


def average(network: Network, others: Sequence[Network]) -> None:
    """Give a network the mean of its weights and those of `others`, all counting alike; its looks stay.

    It is good where they began from the same weights. Source: Wortsman et al. 2022, "Model soups".

    Raises:
        LeadlineError: where the others are not the same network.
    """
    for other in others:
        if not is_same(other.variant, network.variant):
            raise LeadlineError(
                f"--average: the mean of a {network.name!r} and a {other.name!r} is nothing; where the names "
                "are the same, something differs in how they are built or how their maps are made"
            )
    states = [one.state_dict() for one in (network, *others)]
    mean = {
        name: torch.stack([state[name].double() for state in states]).mean(0).to(tensor.dtype)
        for name, tensor in states[0].items()
    }
    network.load_state_dict(mean)


def divide(network: Network, by: int) -> None:
    """Divide a network's map by a power of 16.

    Raises:
        LeadlineError: where the map has metres, or `by` is no such power.
    """
    if network.space is not Space.AFFINE_DISPARITY:
        raise LeadlineError(f"--divide: the map of {network.name} has metres, which cannot be divided")
    network.load_state_dict(divided(network.state_dict(), by))


def _notes(config: ConvertConfig) -> dict[str, str]:
    """Read what the description is to say besides.

    Raises:
        LeadlineError: for what is no note, and for what only our layout has in another one.
    """
    own = config.average or config.divide != 1 or config.looks or config.half or config.note
    if config.to != "leadline" and own:
        raise LeadlineError(
            "--average, --divide, --looks, --half and --note are for our layout, --to leadline; got --to "
            + config.to
        )
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
