"""Trained networks as files: safetensors, whose metadata say what the weights are and how they were made."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from leadline.models.network import Network
from leadline.models.variants import find_variant
from leadline.storage import write_atomic
from leadline.types import LeadlineError

_KEY = "leadline"


def save_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write tensors and a description of them to one file, at once or not at all."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, save(contiguous, metadata={_KEY: json.dumps(about)}))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file of `save_tensors`.

    Raises:
        LeadlineError: where the file is missing, damaged, or not one of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise LeadlineError(f"there is no checkpoint at {path}") from None
    except (SafetensorError, OSError) as error:
        raise LeadlineError(f"{path} is not a readable safetensors file: {error}") from error
    try:
        return tensors, json.loads(metadata[_KEY])
    except (KeyError, ValueError):
        raise LeadlineError(f"{path} is a safetensors file, but not one that leadline wrote") from None


def save_network(path: Path, name: str, weights: Mapping[str, Tensor], *, about: Mapping[str, Any]) -> None:
    """Write the weights of the network `name`; `about` says how they were made."""
    save_tensors(path, weights, {"network": name, "space": find_variant(name).space, **about})


def load_network(path: Path) -> tuple[Network, dict[str, Any]]:
    """Build the network that a checkpoint describes, and return it with the description.

    Raises:
        LeadlineError: where the file is missing, damaged, of another kind, or does not fit its network.
    """
    weights, about = load_tensors(path)
    if "network" not in about:
        raise LeadlineError(f"{path} is the state of an unfinished run, not a network")
    network = Network(about["network"])
    expected = network.state_dict()
    wrong = sorted(
        {name for name in expected.keys() | weights.keys() if name not in expected or name not in weights}
        | {n for n in expected.keys() & weights.keys() if expected[n].shape != weights[n].shape}
    )
    if wrong:
        raise LeadlineError(
            f"{path} does not fit the network {about['network']!r}: "
            f"{len(wrong)} tensors are missing, left over or of another shape, first {wrong[0]}"
        )
    network.load_state_dict(weights)
    return network.eval(), about
