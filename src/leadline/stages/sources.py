"""Sources as a person writes them on the command line.

``PATH[?key=value&...]``, where PATH is

- a published data set, ``hypersim:~/data/hypersim?split=train``, or its name alone where it lies in the
  folder of that name below the environment variable ``LEADLINE_DATA``; `leadline datasets` lists them;
- a store that `render` or `pseudo-label` wrote;
- a table, ``.csv``, of pictures and measurements;
- a ``.tar`` or ``.zip`` of pictures;
- a folder of pictures, with ``labels=FOLDER&space=disparity&scale=1/6553.5&invalid=none`` where it has any;
- the word ``procedural`` for the built-in generator, drawn on the fly:
  ``procedural?seed=7&size=192x256&layouts=street,garden&textures=FOLDER&environment=FOLDER&lens=no``;
  without a ``count`` there is no end to it.

``limit=100`` uses that many samples of any source, evenly spaced; ``weight=2`` draws each of them twice in an
epoch of training, ``weight=0.5`` every second one.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Literal

from leadline.data.archives import find_archive
from leadline.data.shards import MANIFEST, Store
from leadline.data.source import Concatenated, Evenly, Weighted
from leadline.data.sources.archive import open_archive
from leadline.data.sources.dataset import Dataset, DatasetSource
from leadline.data.sources.folder import FolderSource
from leadline.data.sources.registry import DATASETS, find_dataset
from leadline.data.sources.table import TableSource
from leadline.render.source import ENDLESS, SIZE, ProceduralSource, Quality, Recipe
from leadline.specs import build, parse_space, split_spec, typed_path
from leadline.types import LeadlineError, Size, Source

PROCEDURAL = "procedural"
ROOT = "LEADLINE_DATA"
"""The environment variable that names the folder in which data sets lie."""
Use = Literal["train", "test", "look"]
"""What a source is opened for, which decides on a data set's split where none is given."""
_make = partial(build, also=("limit", "weight"))


def open_source(spec: str, *, use: Use = "look") -> Source:
    """Open one source.

    Raises:
        LeadlineError: where nothing stands there, or a key or value is wrong; the nearest key is named. For a
            weight where nothing is trained, and a data set without a split for its use, where none is given.
    """
    place, options = split_spec(spec)
    if not place:
        raise LeadlineError(f"{spec!r} names no source: expected PATH, NAME or NAME:PATH before its options")
    limit, weight = options.pop("limit", None), options.pop("weight", None)
    source = _open(place, spec, options, use)
    if limit is not None:
        source = _make(partial(Evenly, source), spec, {"limit": limit}, limit=int)
    if weight is not None:
        if use != "train":
            raise LeadlineError(f"{spec}: a weight is for training; use limit to take fewer")
        source = _make(partial(Weighted, source), spec, {"weight": weight}, weight=float)
    return source


def _open(place: str, spec: str, options: Mapping[str, str], use: Use) -> Source:
    name, colon, below = place.partition(":")
    if name in DATASETS:
        dataset, root = DATASETS[name], _root(name) if not below else typed_path(below)
        open_split = partial(_open_dataset, dataset, root, use=use)
        return _make(open_split, spec, options, split=str, name=str)
    path = typed_path(place)
    if place == PROCEDURAL:
        return _make(
            _procedural,
            spec,
            options,
            count=int,
            size=parse_size,
            seed=int,
            views=int,
            layouts=lambda text: tuple(text.split(",")),
            quality=_quality,
            textures=_folder,
            environment=_folder,
            lens=_switch,
        )
    if path.suffix.lower() in (".tar", ".zip") and not path.is_dir():
        return _make(partial(open_archive, path), spec, options, name=str, licence=str)
    if path.suffix.lower() == ".csv":
        return _make(lambda **given: TableSource(path, **given), spec, options, name=str)
    if (path / MANIFEST).exists():
        return _make(partial(Store, path), spec, options, name=str)
    if not path.is_dir():
        if colon and not path.parent.exists():
            find_dataset(name)  # says which one is meant
        find_archive(path)  # says what to do with a compressed one
        near = get_close_matches(place, DATASETS, n=1)
        raise LeadlineError(
            f"{place} is neither a folder, nor a .tar, .zip or .csv file, and the only built-in source is "
            f"{PROCEDURAL!r}" + (f"; did you mean the data set {near[0]!r}?" if near else "")
        )
    return _make(
        lambda **given: FolderSource(path, **given),
        spec,
        options,
        labels=typed_path,
        space=parse_space,
        scale=_ratio,
        invalid=lambda text: None if text.lower() == "none" else float(text),
        name=str,
        licence=str,
    )


def _procedural(count: int = ENDLESS, size: Size = SIZE, seed: int = 0, **recipe: Any) -> ProceduralSource:
    return ProceduralSource(count, size=size, seed=seed, recipe=Recipe(**recipe))


def open_sources(specs: Sequence[str], *, role: str) -> Concatenated:
    """Open the sources of a role, one after another.

    Raises:
        LeadlineError: where none is given, or one twice, and as `open_source`.
    """
    if not specs:
        raise LeadlineError(f"no source is given: name at least one with --{role} PATH (see --help)")
    if twice := [spec for spec, times in Counter(map(_identity, specs)).items() if times > 1]:
        raise LeadlineError(
            f"{twice[0][0]} is given twice: once is enough (to train, ?weight=2 counts each picture twice)"
        )
    uses: dict[str, Use] = {
        "labelled": "train",
        "pseudo": "train",
        "benchmarks": "test",
        "validation": "test",
    }
    return Concatenated([open_source(spec, use=uses.get(role, "look")) for spec in specs])


def _identity(spec: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """Return what is the same for two ways to write one source."""
    place, options = split_spec(spec)
    return os.path.realpath(typed_path(place)), frozenset(options.items())


def _open_dataset(
    dataset: Dataset, root: Path, *, use: Use, split: str | None = None, name: str | None = None
) -> Source:
    splits = {"train": dataset.train, "test": dataset.test, "look": dataset.train or dataset.test}
    if split is None and splits[use] is None:
        raise LeadlineError(
            f"{dataset.title} has no split to {use} with by default; if that is what you want, name one: "
            f"?split={' or '.join(dataset.splits)}"
        )
    return DatasetSource(dataset, root, split=split or splits[use], name=name)


def require_apart(out: Path, specs: Sequence[str]) -> None:
    """Refuse to write into a folder of pictures, where what is written would be taken for pictures.

    Raises:
        LeadlineError: where `out` is such a folder or lies in one.
    """
    for spec in specs:
        folder = typed_path(split_spec(spec)[0])
        if folder.is_dir() and out.resolve().is_relative_to(folder.resolve()):
            raise LeadlineError(
                f"{out} lies in {folder}, and what is written there would be taken for pictures: "
                "give another --out"
            )


def _root(name: str) -> Path:
    if ROOT not in os.environ:
        raise LeadlineError(
            f"where does {name} lie? write {name}:FOLDER, or set {ROOT} to the folder above it (a folder "
            f"that is no such data set is ./{name})"
        )
    return typed_path(os.environ[ROOT]) / name


def parse_size(text: str) -> Size:
    """Read a size written as ``HxW``, height first.

    Raises:
        ValueError: for anything else.
    """
    try:
        h, w = (int(side) for side in text.lower().split("x"))
    except ValueError:
        raise ValueError(f"expected height x width, such as 192x256, got {text!r}") from None
    return Size(h, w)


def _folder(text: str) -> Path:
    """Read the name of a folder that exists."""
    folder = typed_path(text)
    if not folder.is_dir():
        raise ValueError("there is no such folder")
    return folder


def _quality(text: str) -> Quality:
    """Read how light is computed."""
    known: dict[str, Quality] = {"fast": "fast", "path": "path"}
    if text not in known:
        raise ValueError("expected fast or path")
    return known[text]


def _switch(text: str) -> bool:
    """Read ``yes`` or ``no``."""
    if text not in ("yes", "no"):
        raise ValueError("expected yes or no")
    return text == "yes"


def _ratio(text: str) -> float:
    """Read ``0.001`` or ``1/6553.5``."""
    numerator, _, denominator = text.partition("/")
    return float(numerator) / float(denominator or 1)
