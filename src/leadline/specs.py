"""What a person writes to name a thing and its options: ``PLACE[?key=value&...]``."""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from leadline.types import LeadlineError, Space

Thing = TypeVar("Thing")


def typed_path(text: str | Path) -> Path:
    """Return the path that a person typed, ``~`` and ``~name`` being homes where there are such people.

    Raises:
        LeadlineError: where the system does not even tell whether it exists: a locked folder, a long name.
    """
    path = Path(os.path.expanduser(text))  # noqa: PTH111 (Path's own refuses the names of nobody)
    try:
        path.exists()
    except OSError as error:
        raise LeadlineError(f"cannot look at {path}: {error.strerror}") from error
    return path


def split_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Split a specification into its place and its options, whose special characters are as in a web address.

    A question mark may be part of a place that exists.
    """
    ends = [*(number for number, character in enumerate(spec) if character == "?"), len(spec)]
    end = next((end for end in reversed(ends) if _exists(spec[:end])), ends[0])
    place, query = spec[:end], spec[end + 1 :]
    return place, dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))


def _exists(place: str) -> bool:
    try:
        return bool(place) and typed_path(place).exists()
    except (LeadlineError, ValueError):  # longer than a name can be, a null character
        return False


def build(
    factory: Callable[..., Thing],
    spec: str,
    options: Mapping[str, str],
    *,
    also: Sequence[str] = (),
    **keys: Callable[[str], Any],
) -> Thing:
    """Call `factory` with the `options`, each read by the function of its key.

    `also` names keys that exist and are dealt with elsewhere.

    Raises:
        LeadlineError: for a key that is not there, with the nearest one, and for a value that cannot be read
            or that the factory refuses.
    """
    for key in options:
        if key not in keys:
            known = sorted({*keys, *also})
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


def parse_space(text: str) -> Space:
    """Read the name of a space.

    Raises:
        ValueError: for anything else, with the nearest name.
    """
    names = [space.value for space in Space]
    if text not in names:
        near = get_close_matches(text, names, n=1)
        raise ValueError(f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(names)}")
    return Space(text)


def parse_positive(text: str) -> int:
    """Read a whole number from 1 on.

    Raises:
        ValueError: for anything else.
    """
    if (number := int(text)) < 1:
        raise ValueError("expected a whole number from 1 on")
    return number
