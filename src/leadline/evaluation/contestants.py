"""Models as a person writes them on the command line.

``PLACE[?key=value&...]``, where PLACE is

- whatever `leadline predict` takes: a checkpoint of ours or the authors', a folder of transformers, a name
  that `leadline models` lists; ``network=NAME`` where a file does not tell;
- ``transformers:FOLDER`` or ``transformers:NAME-ON-THE-HUB``, any depth-estimation model of that library;
- an ``.onnx`` file, with ``short_side``, ``multiple``, ``mean`` and ``deviation`` where they are not Depth
  Anything's;
- ``module:function``, a Python function from an RGB picture to its map.

``name=x`` names it in tables. ``space=depth`` (or ``disparity``, ``affine_disparity``) states what its
numbers mean, where the model does not say so itself.
"""

import hashlib
import importlib
import os
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from leadline.evaluation import transformer
from leadline.evaluation.contract import FLOORS, Contestant, FunctionModel, Model
from leadline.evaluation.ledger import Ledger
from leadline.evaluation.onnx import OnnxModel, parse_triple
from leadline.evaluation.transformer import TransformersModel
from leadline.models.checkpoints import digest, manner
from leadline.models.published import is_published, load_model
from leadline.predict.predictor import Predictor
from leadline.specs import build, parse_positive, parse_space, split_spec, typed_path
from leadline.storage import sha256_of
from leadline.types import LeadlineError, Space

_HUB = "transformers:"
_SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".onnx")
_build = partial(build, also=("name",))


def enter(
    specs: Sequence[str], *, device: torch.device, short_side: int | None, batch: int, ledgers: Path
) -> list[Contestant]:
    """Open the floors and every model; what was measured of them before lies in the folder `ledgers`.

    Raises:
        LeadlineError: where two have one name, or one cannot be opened, with what can be written.
    """
    entered = [
        Contestant(
            name=name, spec="floor", model=floor, ledger=Ledger(ledgers / f"{name.replace(' ', '-')}.jsonl")
        )
        for name, floor in FLOORS.items()
    ]
    for spec in specs:
        place, options = split_spec(spec)
        name = options.pop("name", None)
        model, told_apart = _open(place, spec, options, device=device, short_side=short_side, batch=batch)
        identity = hashlib.sha256(f"{told_apart} {sorted(options.items())}".encode()).hexdigest()[:16]
        taken = {other.name for other in entered}
        if name is None:
            name = next((name for name in _names(place) if name not in taken), spec)
        if name in taken:
            raise LeadlineError(f"two models are called {name}: tell them apart with ?name=")
        ledger = Ledger(None if told_apart is None else ledgers / f"{identity}.jsonl")
        entered.append(Contestant(name=name, spec=spec, model=model, ledger=ledger))
    return entered


def _open(
    place: str,
    spec: str,
    options: dict[str, str],
    *,
    device: torch.device,
    short_side: int | None,
    batch: int,
) -> tuple[Model, str | None]:
    """Open one model, and say what tells it from others; None where nothing does."""
    path = typed_path(place)
    side = {} if short_side is None else {"short_side": str(short_side)}
    if place.startswith(_HUB):
        place = str(typed_path(place.removeprefix(_HUB)))
        model: Model = _build(
            lambda **given: TransformersModel(place, device=device, **given), spec, options, space=parse_space
        )
        return model, transformer.describe(place)
    if path.suffix == ".onnx":
        model = _build(
            lambda **given: OnnxModel(path, device=device, **given),
            spec,
            side | options,
            space=parse_space,
            short_side=parse_positive,
            multiple=parse_positive,
            mean=parse_triple,
            deviation=parse_triple,
        )
        return model, f"{sha256_of(path)} {side}"
    if re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", place):
        return _build(lambda **given: _function(place, **given), spec, options, space=parse_space), None
    if not (path.exists() or is_published(place)):
        raise LeadlineError(
            f"{place} is no model: expected the path of a checkpoint or of an .onnx file, {_HUB}FOLDER, "
            "module:function, or a name that leadline models lists"
        )
    built, _ = load_model(place, network=options.get("network"))
    model = _build(
        lambda short_side=None, network=None: Predictor(
            built, device=device, size=short_side, batch=batch, precision="float32"
        ),
        spec,
        side | options,
        short_side=parse_positive,
        network=str,
    )
    return model, f"{digest(built)} {manner(built.variant)} {model.sides} {model.flip_average}"


def _function(place: str, space: Space | None = None) -> FunctionModel:
    """Import ``module:function``, from the current folder too."""
    module, _, name = place.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        function = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        where = f"looked for in {Path.cwd()} and where packages are"
        raise LeadlineError(f"{place}: {error}; {where}") from error
    finally:
        sys.path.pop(0)
    if not callable(function):
        raise LeadlineError(f"{place}: the module {module} has no function {name}")
    return FunctionModel(function=function, space=space, name=place)


def _names(place: str) -> list[str]:
    """Return what a model may be called: its file, or the folder where that says nothing; then its place."""
    if place.startswith(_HUB):
        place = place.removeprefix(_HUB)
        return [Path(place).name, place]
    if ":" in place and not Path(place).suffix:
        return [place]
    path = Path(os.path.abspath(place))  # noqa: PTH100 - of a link its own name
    stem = path.stem if path.suffix in _SUFFIXES else path.name
    return [path.parent.name if stem == "weights" else stem, place]
