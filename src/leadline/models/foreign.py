"""Other people's weights: the authors' .pth files, and transformers' folders.

Nothing is unpickled beyond tensors and numbers, and loading is strict: a file that is not the network's is
refused.
"""

import json
import pickle
import shutil
import struct
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from leadline.models.configs import (
    CONFIG,
    describe_depth_anything,
    describe_preprocessing,
    name_of_variant,
    read_config,
    read_json,
)
from leadline.models.layouts import (
    Layout,
    as_in_files,
    export_weights,
    import_weights,
    official_depth_anything,
    transformers_depth_anything,
)
from leadline.models.midas_configs import describe_dpt
from leadline.models.midas_layouts import official_midas, transformers_midas
from leadline.models.network import Network
from leadline.models.variants import VARIANTS, Origin, Tokens, Variant, Windows, find_variant
from leadline.storage import write_atomic
from leadline.types import LeadlineError

_PICKLED = frozenset({".pth", ".pt", ".bin"})
_BROKEN = (
    *(SafetensorError, OSError, RuntimeError, EOFError, struct.error),
    *(ValueError, LookupError, TypeError, AttributeError, AssertionError),
)
"""What reading a damaged file raises; cutting and scrambling files shows them all."""
WRAPPINGS = ("model", "state_dict")
"""What trainers put a network's tensors under, beside their optimiser and counters."""

_SCALAR = cast(Callable[..., Any], np.float64(0).__reduce__()[0])
_NUMBERS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_SCALAR, "numpy._core.multiarray.scalar"),
    (_SCALAR, "numpy.core.multiarray.scalar"),  # NumPy 1's name
    (np.dtype, "numpy.dtype"),
    *sorted({type(np.dtype(code)) for code in "?bhilqBHILQefd"}, key=lambda kind: kind.__name__),
]
"""What NumPy's numbers are made of in a pickle: trainers keep losses and metrics beside the weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Files whose tensors are named alike."""

    title: str
    marks: tuple[str, ...]
    """Beginnings of names that every such file has."""
    holds: Callable[[Variant], bool]
    """Whether it has a place for such a network."""
    layout: Callable[[Variant], Layout]
    """How it names the tensors of a network."""
    describe: Callable[[Variant], Mapping[str, Any]] | None = None
    """What a config.json says of a network, where one lies beside the file, as in transformers' folders."""


def _is_depth_anything(variant: Variant) -> bool:
    return isinstance(variant.encoder, Tokens) and variant.encoder.dino


def _is_dpt(variant: Variant) -> bool:
    transformer = isinstance(variant.encoder, Tokens | Windows) and not _is_depth_anything(variant)
    return transformer and variant.ceiling is None  # there is no place for metres


FAMILIES = (
    Family(
        title="Depth Anything",
        marks=("pretrained.patch_embed.", "depth_head."),
        holds=_is_depth_anything,
        layout=official_depth_anything,
    ),
    Family(
        title="Depth Anything in transformers",
        marks=("backbone.embeddings.", "head.conv1."),
        holds=_is_depth_anything,
        layout=transformers_depth_anything,
        describe=describe_depth_anything,
    ),
    Family(
        title="MiDaS",
        marks=("pretrained.", "scratch.refinenet1.", "scratch.output_conv."),
        holds=lambda variant: _is_dpt(variant) or (variant.expanded and variant.ceiling is None),
        layout=official_midas,
    ),
    Family(
        title="MiDaS in transformers",
        marks=("neck.fusion_stage.", "head.head."),
        holds=_is_dpt,
        layout=transformers_midas,
        describe=describe_dpt,
    ),
)


def is_pickled(path: Path) -> bool:
    """Whether a file is what torch.save writes: by its first bytes, or its name where they tell nothing."""
    start = b""
    if path.is_file():
        with path.open("rb") as stream:
            start = stream.read(9)
    if start[4:] == b"\0\0\0\0{":  # safetensors: the length of a header, and the header
        return False
    return start.startswith((b"PK\x03\x04", b"\x80")) or path.suffix.lower() in _PICKLED


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file of safetensors or torch.save, without their trainer's wrapping.

    Raises:
        LeadlineError: where the file is missing, damaged, or holds anything but tensors and plain values.
    """
    try:
        if not is_pickled(path):
            with safe_open(path, framework="pt") as file:
                return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        with (
            torch.serialization.safe_globals(_NUMBERS),
            path.open("rb") as stream,
            warnings.catch_warnings(action="ignore"),  # the error says what they say
        ):
            state = torch.load(stream, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise LeadlineError(f"there is no checkpoint at {path}") from None
    except pickle.UnpicklingError as error:
        raise LeadlineError(
            f"{path} is damaged, or holds more than tensors, which could run code when read; it is refused. "
            "Save its state_dict() alone"
        ) from error
    except _BROKEN as error:
        reason = str(error) or "it ends too early"
        raise LeadlineError(f"{path} is not a readable checkpoint: {reason}") from error
    return _unwrapped(state, path)


def _unwrapped(state: Any, path: Path) -> dict[str, Tensor]:
    for wrapping in 2 * WRAPPINGS:  # either may stand in the other
        if isinstance(state, dict) and isinstance(state.get(wrapping), dict):
            state = state[wrapping]
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        under = " or ".join(map(repr, WRAPPINGS))
        raise LeadlineError(f"{path} holds no network: expected tensors by name, alone or under {under}")
    for name, tensor in state.items():
        if tensor.is_meta or tensor.is_quantized or tensor.layout is not torch.strided:
            raise LeadlineError(f"{path} cannot be read: {name} is sparse, quantised, or has no numbers")
    return {str(name).removeprefix("module."): tensor for name, tensor in state.items()}


class AmbiguousError(LeadlineError):
    """A file fits several networks."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What stands in a file of others, or in a folder of transformers, under the names of single files."""

    path: Path
    tensors: Mapping[str, Tensor]
    family: Family
    config: Path | None
    """The config.json that tells the network, where the family has one."""


def _find(path: Path) -> _Found:
    files = _files(path)
    tensors = {name: tensor for file in files for name, tensor in read_tensors(file).items()}
    renamed = as_in_files(tensors)
    tensors = {renamed[name]: tensor for name, tensor in tensors.items()}
    family, config = _family(tensors, path), files[0].parent / CONFIG
    told = family.describe is not None and config.exists()
    return _Found(path, tensors, family, config if told else None)


def name_of(path: Path) -> str | None:
    """Return which network of the table a file or folder of others holds; None where a config has another.

    Raises:
        AmbiguousError: where several fit.
        LeadlineError: where it cannot be read, or none fits.
    """
    found = _find(path)
    return _guess(found) if found.config is None else name_of_variant(read_config(found.config))


def load_foreign(path: Path, *, network: str | None = None) -> Network:
    """Build the network whose weights stand in a file of others, or in a folder of transformers.

    `network` names it in the variants table where the file does not tell: V1 and V2 look alike, and so do
    relative and metric networks.

    Raises:
        LeadlineError: where the file cannot be read, its family is unknown, or it is another network's.
    """
    found = _find(path)
    family, tensors = found.family, found.tensors
    if found.config is not None:
        variant = read_config(found.config)
        told = name_of_variant(variant)
        if network not in (None, told):
            raise LeadlineError(f"{found.config} describes {told or 'another network'}, not {network!r}")
        name = told or path.stem
    else:
        name = network or _guess(found)
        variant = find_variant(name)
    if not family.holds(variant):
        raise _unfit(found, name, f"it is a file of {family.title}")
    built = Network(name, variant=variant)
    expected = built.state_dict()
    weights, misfit = import_weights(tensors, expected, family.layout(variant))
    if misfit:
        raise _unfit(found, name, str(misfit))
    built.load_state_dict({key: tensor.to(expected[key].dtype) for key, tensor in weights.items()})
    return built.eval()


def _unfit(found: _Found, name: str, reason: str) -> LeadlineError:
    fitting = _fitting(found)
    hint = f". It fits {' or '.join(fitting)}" if fitting else ""
    return LeadlineError(f"{found.path} holds no weights of {name!r}: {reason}{hint}")


def save_foreign(path: Path, network: Network, *, layout: Literal["official", "transformers"]) -> None:
    """Write a network as its authors do, a .pth file, or as transformers does, a folder.

    Raises:
        LeadlineError: where that layout has no place for it.
    """
    variant = network.variant
    configured = layout == "transformers"
    families = [f for f in FAMILIES if f.holds(variant) and (f.describe is not None) == configured]
    if not families:
        what = "its network" if variant.ceiling is None else "metres of its network"
        raise LeadlineError(f"the {layout} layout has no place for {network.name!r}: none for {what}")
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = export_weights(network.state_dict(), families[0].layout(variant))
    if families[0].describe is None:
        stream = BytesIO()
        torch.save(tensors, stream)
        write_atomic(path, stream.getvalue())
        return
    # Filled under another name, so that a folder of that name is whole.
    folder = path.with_name(f".{path.name}.tmp")
    folder.mkdir(exist_ok=True)
    try:
        for name, described in (
            (CONFIG, families[0].describe(variant)),
            ("preprocessor_config.json", describe_preprocessing(variant)),
        ):
            write_atomic(folder / name, json.dumps(described, indent=2) + "\n")
        write_atomic(folder / "model.safetensors", save(tensors, metadata={"format": "pt"}))
        folder.rename(path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _family(tensors: Mapping[str, Tensor], path: Path) -> Family:
    for family in FAMILIES:
        if all(any(name.startswith(mark) for name in tensors) for mark in family.marks):
            return family
    known = ", ".join(family.title for family in FAMILIES)
    some = ", ".join([*sorted(tensors)[:3], "..."]) if tensors else "nothing: there are none"
    raise LeadlineError(
        f"{path} is of no known family ({known}): its tensors are called {some}. "
        "Weights of ZoeDepth, which V1's metric files are, and of other systems cannot be loaded"
    )


def _guess(found: _Found) -> str:
    """Tell the network by the name of its file, else by its shapes where only one fits."""
    path, family = found.path, found.family
    named = [name for name, v in VARIANTS.items() if family.holds(v) and _is_named(path, v.origin)]
    if len(named) == 1:
        return named[0]
    fitting = _fitting(found)
    named = [name for name in fitting if name in named] or fitting
    if len(named) == 1:
        return named[0]
    if not fitting:
        raise LeadlineError(f"{path} is a file of {family.title}, but its shapes are no known network's")
    raise AmbiguousError(
        f"{path} may be {' or '.join(fitting)}, which look alike: say which (--network NAME, "
        "or ?network=NAME behind one of several models)"
    )


def _is_named(path: Path, origin: Origin) -> bool:
    """Whether a file is called as a published one is; many are called as V1's, which its folder tells."""
    repository = Path(origin.repository).name
    if path.name == "pytorch_model.bin":
        cached = f"models--{origin.repository.replace('/', '--')}"
        return bool(repository) and not {repository, cached}.isdisjoint(path.parts)
    return path.name == origin.file or path.stem == repository


def _fitting(found: _Found) -> list[str]:
    """Return the networks of the table that have just these tensors."""
    with torch.device("meta"):
        shapes = {key: tensor.to("meta") for key, tensor in found.tensors.items()}
        return [
            name
            for name, variant in VARIANTS.items()
            if found.family.holds(variant)
            and not import_weights(shapes, Network(name).state_dict(), found.family.layout(variant))[1]
        ]


def _files(path: Path) -> list[Path]:
    """Return the files that hold the weights at `path`: itself, or those of a folder of transformers."""
    if not path.is_dir():
        return [path]
    index = path / "model.safetensors.index.json"
    if index.exists():
        weights = read_json(index).get("weight_map")
        if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights.values()):
            raise LeadlineError(f"{index} does not say which file holds which tensor")
        names = sorted(set(weights.values()))
        if any(Path(name).name != name for name in names):
            raise LeadlineError(f"{index} names files outside its folder; it is refused")
        return [path / name for name in names]
    found = [path / name for name in ("model.safetensors", "pytorch_model.bin") if (path / name).exists()]
    if not found:
        ours = path / "weights.safetensors"
        hint = f": give {ours}" if ours.exists() else ""
        raise LeadlineError(f"{path} holds neither model.safetensors nor pytorch_model.bin{hint}")
    return found[:1]
