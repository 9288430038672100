"""Pairs of picture and measurement listed in a CSV table, as benchmarks are."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from leadline.data.files import read_picture
from leadline.data.sources.labels import Coding, fingerprint, read_label
from leadline.types import LeadlineError, Sample, Size, Space

COLUMNS = ("rgb", "depth", "kind", "scale", "invalid")
"""What a table must have. `source` and `licence` are read where they exist, any other column is ignored."""
KINDS = {
    "depth": Space.DEPTH,
    # Published disparities are in pixels, some with an unknown offset of the crop (Middlebury 2001-2006).
    "disparity": Space.AFFINE_DISPARITY,
}
"""The column `kind` -> what ``value * scale`` means."""


@dataclass(frozen=True, slots=True)
class _Row:
    picture: str
    label: str
    coding: Coding
    source: str
    licence: str

    @property
    def id(self) -> str:
        """Begins with the source, by which reports group."""
        inside = self.picture.startswith(f"{self.source}/")
        return self.picture if inside else f"{self.source}/{self.picture}"


class TableSource:
    """One pair a row: paths relative to the table and below its folder, `kind` one of `KINDS`.

    An empty `invalid` says that every pixel counts. Ids are ``source/path/of/picture.png``.
    """

    def __init__(self, table: Path, *, name: str | None = None) -> None:
        """Read the table; no picture is read yet. `name` is that of the table's folder by default.

        Raises:
            LeadlineError: for a table that cannot be read, lacks a column, has no rows, or lists a picture
                twice, and for a wrong cell, by line and column.
        """
        self.table = table.resolve()
        self.root = self.table.parent
        self.name = self.root.name if name is None else name
        self._rows = tuple(_row(cells, self.table, line, self.name) for line, cells in _read(self.table))
        first: dict[str, int] = {}
        for number, row in enumerate(self._rows, start=1):
            if first.setdefault(row.id, number) != number:
                raise LeadlineError(
                    f"{self.table}: pairs {first[row.id]} and {number} are both {row.id}: keep one of them"
                )

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def __getitem__(self, index: int) -> Sample:
        """Read one pair.

        Raises:
            IndexError: out of range.
            UnreadableError: where picture or label cannot be read, or they differ in size.
        """
        row = self._rows[index]
        image = read_picture(self.root / row.picture)
        label = read_label(self.root / row.label, row.coding, size=Size(*image.shape[:2]))
        return Sample(image=image, label=label, id=row.id)

    def provenance(self) -> dict[str, str]:
        """Name, count and licences, and a fingerprint over all files and how they are read."""
        files = [(self._told(row), self.root / row.picture) for row in self._rows]
        files += [(f"{row.label}: {row.coding}", self.root / row.label) for row in self._rows]
        return {
            "name": self.name,
            "count": str(len(self)),
            "licence": " | ".join(sorted({row.licence for row in self._rows})),
            "fingerprint": fingerprint(files),
        }

    def _told(self, row: _Row) -> str:
        """Tell a picture by its place, and its source where that is another: it has its own protocol."""
        return row.picture if row.source == self.name else f"{row.source}: {row.picture}"


def _read(table: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the rows with the number of the line each ends on."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, restval="")
            found = list(reader.fieldnames or ())
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LeadlineError(f"the table {table} cannot be read: {error}") from error
    missing = [column for column in COLUMNS if column not in found]
    if missing:
        raise LeadlineError(
            f"the table {table} lacks the column(s) {', '.join(missing)}; found: {', '.join(found) or 'none'}"
        )
    if not rows:
        raise LeadlineError(f"the table {table} has no rows below its header")
    return rows


def _row(cells: dict[str, str], table: Path, line: int, name: str) -> _Row:
    def wrong(column: str, expected: str) -> LeadlineError:
        return LeadlineError(
            f"{table}, line {line}, column {column}: expected {expected}, got {cells[column]!r}"
        )

    def inside(column: str) -> str:
        path = Path(cells[column])
        if not path.name or path.is_absolute() or ".." in path.parts:
            raise wrong(column, "a path below the table's folder")
        return path.as_posix()

    def number(column: str) -> float:
        try:
            value = float(cells[column])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise wrong(column, "a number")
        return value

    if cells["kind"] not in KINDS:
        raise wrong("kind", " or ".join(KINDS))
    scale = number("scale")
    if scale <= 0:
        raise wrong("scale", "a positive number")
    coding = Coding(
        space=KINDS[cells["kind"]],
        scale=scale,
        invalid=None if cells["invalid"].lower() in ("", "none") else number("invalid"),
    )
    return _Row(
        inside("rgb"), inside("depth"), coding, cells.get("source") or name, cells.get("licence") or "unknown"
    )
