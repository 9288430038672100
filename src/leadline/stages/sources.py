"""Sources as a person writes them on the command line.

``PATH[?key=value&...]``, where PATH is

- a store that `render` or `pseudo-label` wrote;
- a table, ``.csv``, of pictures and measurements;
- a folder of pictures, with ``labels=FOLDER&space=disparity&scale=1/6553.5&invalid=none`` where it has any;
- the word ``procedural`` for the built-in generator, drawn on the fly:
  ``procedural?count=400&seed=7&size=192x256``.

``limit=100`` uses that many samples of any source, evenly spaced.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from leadline.data.shards import MANIFEST, Store
from leadline.data.source import Concatenated, Evenly
from leadline.data.sources.folder import FolderSource
from leadline.data.sources.table import TableSource
from leadline.render.source import ProceduralSource
from leadline.specs import build, parse_space, split_spec
from leadline.types import LeadlineError, Size, Source

PROCEDURAL = "procedural"
_make = partial(build, also=("limit",))


def open_source(spec: str) -> Source:
    """Open one source.

    Raises:
        LeadlineError: where nothing stands there, or a key or value is wrong; the nearest key is named.
    """
    place, options = split_spec(spec)
    if (limit := options.pop("limit", None)) is not None:
        return _make(
            lambda limit: Evenly(_open(place, spec, options), limit), spec, {"limit": limit}, limit=int
        )
    return _open(place, spec, options)


def _open(place: str, spec: str, options: Mapping[str, str]) -> Source:
    path = Path(place).expanduser()
    if place == PROCEDURAL:
        return _make(ProceduralSource, spec, options, count=int, size=parse_size, seed=int)
    if path.suffix.lower() == ".csv":
        return _make(lambda **given: TableSource(path, **given), spec, options, name=str)
    if (path / MANIFEST).exists():
        return _make(lambda: Store(path), spec, options)
    if not path.is_dir():
        raise LeadlineError(
            f"{place} is neither a folder nor a .csv table, and the only built-in source is {PROCEDURAL!r}"
        )
    return _make(
        lambda **given: FolderSource(path, **given),
        spec,
        options,
        labels=Path,
        space=parse_space,
        scale=_ratio,
        invalid=lambda text: None if text.lower() == "none" else float(text),
        name=str,
        licence=str,
    )


def open_sources(specs: Sequence[str], *, role: str) -> Concatenated:
    """Open the sources of a role, one after another.

    Raises:
        LeadlineError: where none is given, and as `open_source`.
    """
    if not specs:
        raise LeadlineError(f"no source is given: name at least one with --{role} PATH (see --help)")
    return Concatenated([open_source(spec) for spec in specs])


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


def _ratio(text: str) -> float:
    """Read ``0.001`` or ``1/6553.5``."""
    numerator, _, denominator = text.partition("/")
    return float(numerator) / float(denominator or 1)
