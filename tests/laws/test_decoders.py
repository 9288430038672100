"""Maps in the encodings of data sets are read to the number, or refused by name."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import miniature_datasets as trees
from leadline.data.decoders import (
    read_dpt,
    read_exr,
    read_flow,
    read_hdf5,
    read_indices,
    read_matlab,
    read_npy,
    read_pfm,
    read_raw,
    unrotate,
)
from leadline.types import LeadlineError, Size, UnreadableError

HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 1000)}\n"
NPY = b"\x93NUMPY\x01\x00" + bytes([len(HEADER) % 256, 0]) + HEADER
ROWS = [[1.5, -2, 0], [np.inf, np.nan, 6.25]]
EXPECTED = np.array(ROWS, np.float32)
SIZE = Size(2, 3)


def raw(file: Path, rows: Any) -> None:
    file.write_bytes(trees.numbers(rows, "<f4").tobytes())


def saved(file: Path, values: np.ndarray) -> None:
    with file.open("wb") as stream:
        np.save(stream, values)


Case = tuple[Callable[[Path, Any], None], Callable[[Path], np.ndarray]]
FORMATS: dict[str, Case] = {
    "pfm": (trees.pfm, read_pfm),
    "pfm big-endian": (lambda file, rows: trees.pfm(file, rows, scale=0.5), read_pfm),
    "dpt": (lambda file, rows: trees.tagged(file, trees.numbers(rows)), read_dpt),
    "raw": (raw, lambda file: read_raw(file, SIZE)),
    "npy": (
        lambda file, rows: trees.npy(file.with_suffix(".npy"), trees.numbers(rows)),
        lambda file: read_npy(file.with_suffix(".npy")),
    ),
    "npy of a channel": (
        lambda file, rows: trees.npy(file.with_suffix(".npy"), trees.numbers(rows, "f8")[:, :, None]),
        lambda file: read_npy(file.with_suffix(".npy")),
    ),
    "hdf5": (
        lambda file, rows: trees.hdf5(file, depth=trees.numbers(rows)),
        lambda file: read_hdf5(file, "depth"),
    ),
    "matlab": (
        lambda file, rows: trees.hdf5(file, d=np.stack([np.zeros((3, 2)), trees.numbers(rows).T])),
        lambda file: read_matlab(file, "d", 2),
    ),
    "exr": (lambda file, rows: trees.exr(file, Y=rows), read_exr),
    "exr half": (lambda file, rows: trees.exr(file, Z=trees.numbers(rows, "f2")), read_exr),
    "exr of three": (
        lambda file, rows: trees.exr(file, R=np.zeros(SIZE), G=rows, B=np.zeros(SIZE)),
        lambda file: read_exr(file, "G"),
    ),
}
over_formats = pytest.mark.parametrize("name", FORMATS)


@over_formats
def test_decoder__reads_rows_from_the_top_to_the_number(name: str, tmp_path: Path) -> None:
    write, read = FORMATS[name]
    write(tmp_path / "map", ROWS)
    found = read(tmp_path / "map")
    np.testing.assert_array_equal(found, EXPECTED)
    assert found.shape == SIZE


@over_formats
@pytest.mark.parametrize("damage", ["missing", "empty", "short", "long", "other", "folder"])
def test_decoder__what_it_cannot_read_is_named(name: str, damage: str, tmp_path: Path) -> None:
    write, read = FORMATS[name]
    write(tmp_path / "map", ROWS)
    file = next(tmp_path.iterdir())
    content = file.read_bytes()
    if damage == "long" and name not in ("pfm", "dpt", "raw"):
        return  # what follows after the end is nobody's business there
    file.unlink()
    if damage == "folder":
        file.mkdir()
    elif damage != "missing":
        content = {"empty": b"", "short": content[:-9], "long": content + b"1234", "other": b"GIF89a" * 9}[
            damage
        ]
        file.write_bytes(content)
    if name == "hdf5" and damage == "short":
        file.write_bytes(file.read_bytes()[:400])
    with pytest.raises(UnreadableError, match=f"{file.name} cannot be read as"):
        read(tmp_path / "map")


def test_flow__alternates_right_and_down(tmp_path: Path) -> None:
    flow = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    trees.tagged(tmp_path / "a.flo", flow)
    np.testing.assert_array_equal(read_flow(tmp_path / "a.flo"), flow)


@pytest.mark.parametrize(
    ("write", "read", "said"),
    [
        (lambda f: trees.hdf5(f, x=EXPECTED), lambda f: read_hdf5(f, "depth"), "it has no 'depth', only x"),
        (lambda f: trees.hdf5(f, depth=np.zeros(3)), lambda f: read_hdf5(f, "depth"), r"found shape \(3,\)"),
        (lambda f: trees.exr(f, R=ROWS, B=ROWS), read_exr, "channels B, R; which of them"),
        (lambda f: trees.exr(f, R=ROWS, B=ROWS), lambda f: read_exr(f, "G"), "channels B, R"),
        (lambda f: f.write_bytes(b"PF\n3 2\n-1\n" + bytes(72)), read_pfm, "one channel"),
        (lambda f: saved(f, np.array([{}])), read_npy, "no array of numbers that NumPy saved whole"),
        (lambda f: f.write_bytes(NPY % 2**40 + bytes(99)), read_npy, "no array of numbers"),
        (lambda f: f.write_bytes(NPY % 3 + bytes(5)), read_npy, "no array of numbers"),
        (lambda f: f.write_bytes((NPY % 3).replace(b"}", b"(")), read_npy, "no array of numbers"),
        (lambda f: f.write_bytes(b"PK" + bytes(99)), read_npy, "no array of numbers"),
        (lambda f: saved(f, np.array([["a"]])), read_npy, "a map of numbers"),
    ],
)
def test_decoder__says_what_is_there_instead(
    write: Callable[[Path], Any], read: Callable[[Path], Any], said: str, tmp_path: Path
) -> None:
    write(tmp_path / "map")
    with pytest.raises(UnreadableError, match=said):
        read(tmp_path / "map")


@pytest.mark.parametrize("number", [0, 1, 7, 8, 8191, 8192, 40_000, 65_535])
def test_unrotate__undoes_three_bits(number: int) -> None:
    turned = ((number << 3) | (number >> 13)) & 0xFFFF
    assert unrotate(np.array([[turned]], np.float32))[0, 0] == number


@pytest.mark.parametrize(
    ("module", "read"),
    [
        ("h5py", lambda file: read_hdf5(file, "depth")),
        ("OpenEXR", read_exr),
        ("scipy.io", lambda file: read_indices(file, "a")),
    ],
)
def test_decoder__a_missing_package_is_answered_with_the_line_that_installs_it(
    module: str, read: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(LeadlineError, match=r"pip install 'leadline\[datasets\]'$"):
        read(tmp_path / "map")
