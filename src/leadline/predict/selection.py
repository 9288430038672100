"""Which pictures a person means, and what their maps are called."""

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from leadline.data.files import SUFFIXES, list_pictures
from leadline.predict.formats import is_result
from leadline.predict.record import PREDICTIONS
from leadline.specs import typed_path
from leadline.types import LeadlineError


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """A picture to predict."""

    path: Path
    name: str
    """Where its maps go, relative to the folder of all of them, without their suffixes."""


def select_pictures(arguments: Sequence[str], *, results: Path) -> tuple[list[Selected], list[str]]:
    """Find the pictures that paths, folders and patterns mean, each once, and why some mean none.

    A folder means the pictures below it; a pattern (``*``, ``?``, ``[``; ``**`` reaches through folders) the
    pictures and folders that match, unless a file has that very name; anything else is a picture, whether or
    not it can be read. Below `results` and folders of other predictions, what is named as a result is found
    by neither folder nor pattern.

    Maps are named by their picture's path below the folder, below the fixed part of the pattern, or by its
    name alone. Where that gives two of one name, all are named by their path below what they have in common.
    The picture's suffix is kept only where two would differ in nothing else.
    """
    found: dict[Path, Path] = {}  # picture -> the folder that its name starts from
    problems: list[str] = []
    results = _absolute(results)
    for argument in arguments:
        try:
            for path, root in _meant(argument, results, problems):
                found.setdefault(path, root)
        except LeadlineError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(f"cannot look at {error.filename}: {error.strerror}")
    relative = {path: path.relative_to(root) for path, root in found.items()}
    if _repeated(relative, lambda path: str(relative[path])):
        common = os.path.commonpath([path.parent for path in found])
        relative = {path: path.relative_to(common) for path in found}
    return [Selected(path=path, name=name) for path, name in _names(relative).items()], problems


def _meant(argument: str, results: Path, problems: list[str]) -> list[tuple[Path, Path]]:
    """Return the pictures of one argument with the folder that their names start from.

    Folders below it that cannot be read are added to `problems`.
    """
    if not argument:
        raise LeadlineError("an empty name means no picture")
    typed = typed_path(argument)
    path = _absolute(typed)
    if path.is_dir():
        fixed, found = path, list_pictures(path, unread=problems)
    elif glob.has_magic(argument) and not path.exists():
        fixed = _absolute(next(parent for parent in typed.parents if not glob.has_magic(str(parent))))
        found = list(_matching(typed, problems))
    else:
        return [(path, path.parent)]
    made = cache(lambda folder: folder == results or (folder / PREDICTIONS).exists())
    pictures = [one for one in found if not (is_result(one) and any(map(made, one.parents)))]
    if not pictures:
        ends = ", ".join(sorted(SUFFIXES))
        raise LeadlineError(f"there are no pictures in {argument} (their names end in {ends})")
    return [(picture, fixed) for picture in pictures]


def _matching(pattern: Path, problems: list[str]) -> Iterator[Path]:
    for match in sorted(glob.glob(str(pattern), recursive=True)):  # noqa: PTH207 (Path.glob finds hidden files)
        path = _absolute(Path(match))
        if path.is_dir():
            yield from list_pictures(path, unread=problems)
        elif path.suffix.lower() in SUFFIXES:
            yield path


def _names(relative: dict[Path, Path]) -> dict[Path, str]:
    """Name every picture without its suffix, keeping the suffix where two would be the same."""
    kept: set[Path] = set()

    def name(path: Path) -> str:
        below = relative[path]
        return (below if path in kept else below.with_suffix("")).as_posix()

    while alike := _repeated(relative, name) - kept:  # a name that keeps its suffix may meet another
        kept |= alike
    return {path: name(path) for path in relative}


def _repeated(paths: Iterable[Path], name: Callable[[Path], str]) -> set[Path]:
    """Return the paths whose name another has too, on a disk that does not tell letters' cases apart."""
    paths = list(paths)
    counts = Counter(name(path).casefold() for path in paths)
    return {path for path in paths if counts[name(path).casefold()] > 1}


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow links, whose names count here)
