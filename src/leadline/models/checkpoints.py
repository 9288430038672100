"""Trained networks as files: safetensors, whose metadata say what the weights are and how they were made."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from leadline.models.foreign import is_pickled, load_foreign
from leadline.models.layouts import import_weights
from leadline.models.network import Network
from leadline.models.soundness import require_sound
from leadline.models.variants import (
    VARIANTS,
    Origin,
    Pyramid,
    Tokens,
    Variant,
    Windows,
    find_variant,
)
from leadline.storage import write_atomic
from leadline.types import LeadlineError

_KEY = "leadline"
_UNKNOWN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError, RuntimeError)
"""What building a network raises whose description is damaged."""


def save_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write tensors and a description of them to one file, at once or not at all."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, save(contiguous, metadata={_KEY: json.dumps(about)}))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file of `save_tensors`.

    Raises:
        LeadlineError: where the file is missing, damaged, or not one of ours.
    """
    with _opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, _description(file, path)


def describe(path: Path) -> dict[str, Any]:
    """Read what a file of `save_tensors` says about its tensors, without reading them; raises as that."""
    with _opened(path) as file:
        return _description(file, path)


def save_network(
    path: Path,
    name: str,
    weights: Mapping[str, Tensor],
    *,
    about: Mapping[str, Any],
    variant: Variant | None = None,
) -> None:
    """Write the weights of the network `name`; `about` says how they were made.

    `variant` describes a network that stands in no table, or otherwise than there.
    """
    built = variant or find_variant(name)
    described = {} if built == VARIANTS.get(name) else {"variant": asdict(built)}
    save_tensors(path, weights, {"network": name, "space": built.space, **described, **about})


def load_network(path: Path, *, network: str | None = None) -> tuple[Network, dict[str, Any]]:
    """Build the network whose weights stand in a file, ours or another's, and return it with what is known.

    `network` names it where the file of another leaves it open (`leadline.models.foreign`).

    Raises:
        LeadlineError: where the file is missing, damaged, of no known kind, or of another network.
    """
    if not is_ours(path):
        built = load_foreign(path, network=network)
        return built, {"network": built.name, "space": built.space, "file": path.name}
    weights, about = load_tensors(path)
    if "network" not in about:
        raise LeadlineError(f"{path} is the state of an unfinished run, not a network")
    if network not in (None, about["network"]):
        raise LeadlineError(f"{path} holds the network {about['network']!r}, not {network!r}")
    try:
        built = Network(about["network"], variant=described_variant(about))
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from error
    except _UNKNOWN as error:
        raise LeadlineError(
            f"{path} describes the network {about['network']!r} in a way that this version of leadline does "
            f"not know ({error}): another version wrote it, or it is damaged"
        ) from error
    _, misfit = import_weights(weights, built.state_dict(), {"": ""})
    if misfit:
        raise LeadlineError(f"{path} does not fit the network {about['network']!r}: {misfit}")
    built.load_state_dict(weights)  # float16 becomes float32, to the bit
    return built.eval(), about


def described_variant(about: Mapping[str, Any]) -> Variant:
    """Return the variant that a file's description means: its own, or the table's of the network's name."""
    return _variant_from(about["variant"]) if "variant" in about else find_variant(about["network"])


def _variant_from(plain: Mapping[str, Any]) -> Variant:
    """Build a variant from what `dataclasses.asdict` made of it, after a journey through JSON.

    Raises:
        ValueError: for what makes no sense; other damage raises what Python does.
    """
    values = {name: _tuples(value) for name, value in plain.items()}
    kind = next((kind for mark, kind in _MARKS.items() if mark in values["encoder"]), Pyramid)
    encoder = {name: _tuples(value) for name, value in values["encoder"].items()}
    found = Variant(**{**values, "encoder": kind(**encoder), "origin": Origin(**values["origin"])})
    require_sound(found)
    return found


_MARKS = {"taps": Tokens, "window": Windows}
"""A field that one kind of encoder alone has."""


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def digest(network: Network) -> str:
    """Return a hash of a network's weights, whatever file they came from."""
    hashed = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        hashed.update(name.encode())
        hashed.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return hashed.hexdigest()


def manner(variant: Variant) -> str:
    """Return a hash of what maps depend on but its weights and the sizes at which it looks."""
    apart = replace(variant, origin=Origin(), looks=(), short_side=0)
    return hashlib.sha256(json.dumps(asdict(apart), sort_keys=True).encode()).hexdigest()


def is_ours(path: Path) -> bool:
    """Whether a file is to be read as ours, also where it cannot be read at all."""
    if path.is_dir() or is_pickled(path):
        return False
    try:
        with safe_open(path, framework="pt") as file:
            return _KEY in (file.metadata() or {})
    except (SafetensorError, OSError):
        return True


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a file, and tell what is wrong with it while it is read."""
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError:
        raise LeadlineError(f"there is no checkpoint at {path}") from None
    except (SafetensorError, OSError) as error:
        raise LeadlineError(f"{path} is not a readable safetensors file: {error}") from error


def _description(file: Any, path: Path) -> dict[str, Any]:
    try:
        found = json.loads((file.metadata() or {})[_KEY])
        if not isinstance(found, dict):
            raise TypeError(f"expected an object, got {type(found).__name__}")
    except (KeyError, ValueError, TypeError, RecursionError):
        raise LeadlineError(f"{path} is a safetensors file, but not one that leadline wrote") from None
    return found
