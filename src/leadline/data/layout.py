"""Where the files of a data set lie, as templates: ``{scene}/depth/{frame:digits}.png``.

A field stands for part of one name; ``{frame:digits}`` for digits alone, ``{path:deep}`` for a path of any
depth. ``archive.tar!{frame}.jpg`` names a member of an archive. One template, the listed one, is matched
against what lies below the root; the others follow from its fields.
"""

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from leadline.data.archives import find_archive, list_members
from leadline.types import UnreadableError

_FIELD = re.compile(r"\{(?P<name>\w+)(?::(?P<kind>\w+))?\}")
_KINDS = {None: r"[^/!]+?", "digits": r"\d+", "deep": r"[^!]+?"}

Fields = tuple[str, ...]
"""What stood for the fields of a template, in their order: a picture among millions must not weigh much."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one part of a data set."""

    files: Mapping[str, str]
    """What -> template; ``picture`` is always there. Exactly one file must fit a ``*``."""
    listed: str = "picture"
    """Which of the templates is matched against the tree."""
    entries: Callable[[Path], Iterable[Fields]] | None = None
    """Lists the frames where the tree alone does not tell which ones belong here."""
    names: tuple[str, ...] = ()
    """What `entries` yields, where that is more than the fields of the listed template."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields of a frame, in their order."""
        return self.names or fields_of(self.files[self.listed])

    def find(self, root: Path) -> list[Fields]:
        """List the frames below `root`, sorted."""
        found = self.entries(root) if self.entries else match(root, self.files[self.listed])
        return sorted(set(found))

    def fill(self, what: str, fields: Mapping[str, str]) -> str:
        """Return the path of a file below the root."""
        return _fill(self.files[what], fields)

    def place(self, what: str, fields: Mapping[str, str]) -> tuple[str, str]:
        """Return the path of a file below the root and, where that is an archive, of its member, else ""."""
        outside, _, inside = self.files[what].partition("!")
        return _fill(outside, fields), _fill(inside, fields)


def _fill(template: str, fields: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda field: fields[field["name"]], template)


def fields_of(template: str) -> tuple[str, ...]:
    """Return the names of a template's fields, each once."""
    return tuple(dict.fromkeys(field["name"] for field in _FIELD.finditer(template)))


def match(root: Path, template: str) -> Iterator[Fields]:
    """Yield the fields of everything below `root` that fits; hidden files never do."""
    outside, bang, inside = template.partition("!")
    names = fields_of(template)
    for path, known in _match(root, outside.split("/"), {}):
        if not bang:
            yield tuple(known[name] for name in names)
        elif (archive := find_archive(path)) is not None:
            for member in list_members(archive):
                if fit := _pattern(inside, tuple(sorted(known.items()))).fullmatch(member):
                    yield tuple((known | fit.groupdict())[name] for name in names)


def only_file(pattern: Path) -> Path:
    """Return the one file that fits a path with ``*`` in its name.

    Raises:
        UnreadableError: where none fits, or several.
    """
    if "*" not in pattern.name:
        return pattern
    found = sorted(pattern.parent.glob(glob.escape(pattern.name).replace("[*]", "*")))
    if len(found) != 1:
        raise UnreadableError(f"{pattern}: expected one file, found {len(found)}")
    return found[0]


def _match(folder: Path, parts: list[str], known: dict[str, str]) -> Iterator[tuple[Path, dict[str, str]]]:
    """Walk down, a part of the template a level."""
    first, *rest = parts
    if not _FIELD.search(first):
        path = folder / first
        if rest:
            yield from _match(path, rest, known) if path.is_dir() else ()
        elif path.exists():
            yield path, known
        return
    if not folder.is_dir():
        return
    pattern = _pattern(first, tuple(sorted(known.items())))
    for name in _below(folder) if ":deep}" in first else (path.name for path in folder.iterdir()):
        fit = None if name.startswith(".") else pattern.fullmatch(name)
        path = folder / name
        if fit and rest:
            yield from _match(path, rest, known | fit.groupdict())
        elif fit:
            yield path, known | fit.groupdict()


def _below(folder: Path) -> Iterator[str]:
    """Yield the relative path of everything below; links are followed, but each folder is visited once."""
    visited = set[Path]()
    for where, folders, files in os.walk(folder, followlinks=True):
        here = Path(where)
        folders[:] = [] if here.resolve() in visited else [name for name in folders if name[0] != "."]
        visited.add(here.resolve())
        for name in (*folders, *(file for file in files if file[0] != ".")):
            yield (here / name).relative_to(folder).as_posix()


@cache
def _pattern(template: str, known: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    """Turn a template into a regular expression in which fields that are known stand for themselves."""
    fixed, seen, parts, end = dict(known), set[str](), list[str](), 0
    for field in _FIELD.finditer(template):
        name = field["name"]
        parts.append(re.escape(template[end : field.start()]))
        if name in fixed:
            parts.append(re.escape(fixed[name]))
        else:
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>{_KINDS[field['kind']]})")
        seen.add(name)
        end = field.end()
    return re.compile("".join(parts) + re.escape(template[end:]))
