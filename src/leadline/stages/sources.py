"""Sources as a person writes them on the command line.

``PATH[?key=value&...]``, where PATH is

- a store that `render` or `pseudo-label` wrote;
- a table, ``.csv``, of pictures and measurements;
- a folder of pictures, with ``labels=FOLDER&space=disparity&scale=1/6553.5&invalid=none`` where it has any;
- the word ``procedural`` for the built-in generator, drawn on the fly:
  ``procedural?seed=7&size=192x256&layouts=street,garden&textures=FOLDER&environment=FOLDER&lens=no``;
  without a ``count`` there is no end to it.

``limit=100`` uses that many samples of any source, evenly spaced.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from leadline.data.shards import MANIFEST, Store
from leadline.data.source import Concatenated, Evenly
from leadline.data.sources.folder import FolderSource
from leadline.data.sources.table import TableSource
from leadline.render.source import ENDLESS, SIZE, ProceduralSource, Quality, Recipe
from leadline.types import LeadlineError, Size, Source, Space

PROCEDURAL = "procedural"


def open_source(spec: str) -> Source:
    """Open one source.

    Raises:
        LeadlineError: where nothing stands there, or a key or value is wrong; the nearest key is named.
    """
    place, _, query = spec.partition("?")
    options = dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))
    if (limit := options.pop("limit", None)) is not None:
        return _make(
            lambda limit: Evenly(_open(place, spec, options), limit), spec, {"limit": limit}, limit=int
        )
    return _open(place, spec, options)


def _open(place: str, spec: str, options: Mapping[str, str]) -> Source:
    path = Path(place).expanduser()
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
        space=_space,
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


def _folder(text: str) -> Path:
    """Read the name of a folder that exists."""
    folder = Path(text).expanduser()
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


def _space(text: str) -> Space:
    """Read the name of a space."""
    names = [space.value for space in Space]
    if text not in names:
        near = get_close_matches(text, names, n=1)
        raise ValueError(f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(names)}")
    return Space(text)


def _ratio(text: str) -> float:
    """Read ``0.001`` or ``1/6553.5``."""
    numerator, _, denominator = text.partition("/")
    return float(numerator) / float(denominator or 1)


def _make(
    factory: Callable[..., Source], spec: str, options: Mapping[str, str], **keys: Callable[[str], Any]
) -> Source:
    for key in options:
        if key not in keys:
            known = sorted({*keys, "limit"})
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
            raise LeadlineError(f"{spec}: there is no key {key!r} here; {hint}")
    given: dict[str, Any] = {}
    for key, text in options.items():
        try:
            given[key] = keys[key](text)
        except (ValueError, ZeroDivisionError) as error:
            raise LeadlineError(f"{spec}: {key}={text}: {error}") from None
    try:
        inspect.signature(factory).bind(**given)
        return factory(**given)
    except (TypeError, ValueError) as error:
        raise LeadlineError(f"{spec}: {error}") from None
