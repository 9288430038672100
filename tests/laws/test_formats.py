"""What is written is what is read back, and it says what it means."""

import struct
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import OpenEXR
import pytest
from PIL import Image

from leadline.data.files import encode_map, read_picture
from leadline.predict.formats import INFINITE, Format, encode, is_result, read_prediction, suffixes
from leadline.types import Prediction, Size, Space, UnreadableError

SIZES = [Size(1, 1), Size(1, 7), Size(5, 1), Size(33, 47)]
SMALL = Size(6, 9)
over_spaces = pytest.mark.parametrize("space", Space)
over_sizes = pytest.mark.parametrize("size", SIZES, ids=str)


def prediction(size: Size = SMALL, space: Space = Space.AFFINE_DISPARITY) -> Prediction:
    values = np.random.default_rng([*size]).normal(3, 2, size).astype(np.float32)
    return Prediction(values=np.abs(values) + np.float32(0.1), space=space)


def with_sky(map: Prediction) -> Prediction:
    values = map.values.copy()
    values[0, 0] = np.inf
    return replace(map, values=values)


def written(map: Prediction, format: Format, folder: Path) -> Path:
    """Write the one file of a format and return its path."""
    (encoded,) = encode(map, format)
    path = folder / f"photo{encoded.suffix}"
    path.write_bytes(encoded.data)
    return path


def read_exr(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    with OpenEXR.File(str(path)) as file:
        channels = {name: channel.pixels.copy() for name, channel in file.channels().items()}
        return channels, dict(file.header())


# ---------------------------------------------------------------- 16-bit PNG


@over_sizes
@over_spaces
def test_png__comes_back_within_half_a_step(size: Size, space: Space, tmp_path: Path) -> None:
    map = prediction(size, space)
    (encoded,) = encode(map, "png")
    found = read_prediction(written(map, "png", tmp_path))
    assert found.space is space
    assert found.values.dtype == np.float32
    step = encoded.facts["scale"]
    assert np.abs(found.values - map.values).max() <= 0.51 * step + 1e-6


def test_png__any_reader_finds_numbers_scale_and_offset(tmp_path: Path) -> None:
    map = prediction()
    path = written(map, "png", tmp_path)
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert stored is not None
    assert stored.dtype == np.uint16
    assert (stored.min(), stored.max()) == (0, 65535)
    with Image.open(path) as image:
        text = dict(image.info)
    assert (text["space"], text["unit"]) == ("affine_disparity", "none")
    values = stored * float(text["scale"]) + float(text["offset"])
    np.testing.assert_allclose(values, map.values, atol=0.51 * float(text["scale"]) + 1e-6)


def test_png__a_constant_map_keeps_its_value(tmp_path: Path) -> None:
    map = replace(prediction(), values=np.full((4, 5), 7.25, np.float32))
    np.testing.assert_array_equal(read_prediction(written(map, "png", tmp_path)).values, map.values)


@pytest.mark.parametrize("everywhere", [False, True])
def test_png__infinity_has_a_number_of_its_own(everywhere: bool, tmp_path: Path) -> None:
    map = with_sky(prediction(space=Space.DEPTH))
    if everywhere:
        map = replace(map, values=np.full_like(map.values, np.inf))
    (encoded,) = encode(map, "png")
    assert encoded.facts["infinity"] == INFINITE
    path = written(map, "png", tmp_path)
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert stored is not None
    np.testing.assert_array_equal(stored == INFINITE, np.isinf(map.values))
    found = read_prediction(path).values
    np.testing.assert_array_equal(np.isinf(found), np.isinf(map.values))
    finite = np.isfinite(map.values)
    np.testing.assert_allclose(found[finite], map.values[finite], atol=0.51 * encoded.facts["scale"] + 1e-6)


def test_png__without_infinity_uses_all_numbers() -> None:
    (encoded,) = encode(prediction(space=Space.DEPTH), "png")
    assert "infinity" not in encoded.facts


# ---------------------------------------------------------------- float formats, exact


@over_sizes
@over_spaces
def test_npz__comes_back_exactly_with_its_space(size: Size, space: Space, tmp_path: Path) -> None:
    map = with_sky(prediction(size, space))
    path = written(map, "npz", tmp_path)
    found = read_prediction(path)
    np.testing.assert_array_equal(found.values, map.values)
    assert found.space is space
    assert found.disagreement is None
    with np.load(path, allow_pickle=False) as archive:
        assert sorted(archive) == ["space", "unit", "values"]
        assert str(archive["unit"]) == space.unit


@over_sizes
def test_pfm__another_reader_finds_the_rows_in_order(size: Size, tmp_path: Path) -> None:
    map = with_sky(prediction(size))
    found = cv2.imread(str(written(map, "pfm", tmp_path)), cv2.IMREAD_UNCHANGED)
    assert found is not None
    np.testing.assert_array_equal(found, map.values)


def test_pfm__is_little_endian_from_the_bottom_row_up() -> None:
    map = replace(prediction(), values=np.array([[1, 2], [3, 4]], np.float32))
    (encoded,) = encode(map, "pfm")
    assert encoded.data == b"Pf\n2 2\n-1.0\n" + struct.pack("<4f", 3, 4, 1, 2)


@over_sizes
@over_spaces
def test_exr__the_reference_reader_finds_the_values_and_the_space(
    size: Size, space: Space, tmp_path: Path
) -> None:
    map = with_sky(prediction(size, space))
    channels, header = read_exr(written(map, "exr", tmp_path))
    assert list(channels) == ["Y"]
    assert channels["Y"].dtype == np.float32
    np.testing.assert_array_equal(channels["Y"], map.values)
    assert (header["space"], header["unit"]) == (space.value, space.unit)


def test_exr__the_table_of_lines_leads_to_them() -> None:
    """The reference reader mends a wrong table in silence, others do not."""
    (encoded,) = encode(prediction(Size(5, 3)), "exr")
    line = 8 + 4 * 3
    first = len(encoded.data) - 5 * line
    assert struct.unpack("<5Q", encoded.data[first - 40 : first]) == tuple(
        range(first, len(encoded.data), line)
    )
    assert [struct.unpack_from("<ii", encoded.data, first + y * line) for y in range(5)] == [
        (y, 12) for y in range(5)
    ]


# ---------------------------------------------------------------- how sure it is


def unsure() -> Prediction:
    map = prediction()
    return replace(map, disagreement=np.random.default_rng(1).random(map.values.shape).astype(np.float32))


def test_disagreement__goes_into_the_formats_that_hold_several_maps(tmp_path: Path) -> None:
    map = unsure()
    assert map.disagreement is not None
    found = read_prediction(written(map, "npz", tmp_path))
    assert found.disagreement is not None
    np.testing.assert_array_equal(found.disagreement, map.disagreement)
    np.testing.assert_array_equal(found.values, map.values)
    channels, _ = read_exr(written(map, "exr", tmp_path))
    np.testing.assert_array_equal(channels["Y"], map.values)
    np.testing.assert_array_equal(channels["disagreement"], map.disagreement)


@pytest.mark.parametrize("format", ["png", "pfm"])
def test_disagreement__has_a_file_of_its_own_elsewhere_which_is_no_map_of_distance(
    format: Format, tmp_path: Path
) -> None:
    first, second = encode(unsure(), format)
    assert (first.suffix, second.suffix) == (f".affine_disparity.{format}", f".disagreement.{format}")
    path = tmp_path / "photo.disagreement.png"
    path.write_bytes(encode(unsure(), "png")[1].data)
    with pytest.raises(UnreadableError, match="'disagreement' is not a valid Space"):
        read_prediction(path)


# ---------------------------------------------------------------- names, and what is refused


@over_spaces
@pytest.mark.parametrize("format", get_args(Format))
@pytest.mark.parametrize("disagreement", [False, True])
def test_suffixes__are_those_of_the_files_and_tell_space_and_format(
    space: Space, format: Format, disagreement: bool
) -> None:
    map = replace(unsure() if disagreement else prediction(), space=space)
    picture = np.zeros((*map.values.shape, 3), np.uint8)
    files = encode(map, format, picture=picture)
    assert [file.suffix for file in files] == suffixes(format, space, disagreement=disagreement)
    assert all(is_result(Path(f"photo{file.suffix}")) for file in files)
    if format not in ("colour", "side-by-side"):
        assert files[0].suffix == f".{space}.{format}"


@pytest.mark.parametrize("name", ["photo.jpg", "photo.png", "depth.png", "a.colour.png", "a.npz"])
def test_is_result__leaves_ordinary_pictures_alone(name: str) -> None:
    assert not is_result(Path(name))


@pytest.mark.parametrize("format", ["colour", "side-by-side"])
@pytest.mark.parametrize("size", [*SIZES, Size(1, 50)], ids=str)
def test_figures__are_pictures_whatever_the_size(format: Format, size: Size) -> None:
    picture = np.zeros((*size, 3), np.uint8)
    (encoded,) = encode(prediction(size), format, picture=picture)
    assert encoded.data[:2] == b"\xff\xd8"
    assert read_picture(encoded.data).shape[0] >= size.h


def test_encode__refuses_nan_and_a_picture_that_is_missing() -> None:
    map = prediction()
    with pytest.raises(ValueError, match="needs the picture"):
        encode(map, "side-by-side")
    map.values[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        encode(map, "npz")


def test_npz__may_hold_more_than_we_read(tmp_path: Path) -> None:
    map = prediction()
    np.savez(tmp_path / "a.npz", values=map.values, space="depth", note=np.array([{}]))
    assert read_prediction(tmp_path / "a.npz").space is Space.DEPTH


def damaged_files() -> dict[str, bytes]:
    png = encode(prediction(), "png")[0].data
    npz = encode(prediction(), "npz")[0].data
    array, double, packed = BytesIO(), BytesIO(), BytesIO()
    np.save(array, np.zeros((2, 3), np.float32))
    np.savez(double, space="depth", values=np.zeros((2, 3)))
    np.savez_compressed(packed, space="depth", values=np.random.default_rng(0).random((9, 9), np.float32))
    flipped = bytearray(packed.getvalue())
    flipped[-400:-300] = bytes(100)
    maps = {"space": "depth", "values": np.ones((2, 3), np.float32)}
    stored = {
        "nan": {**maps, "values": np.full((2, 3), np.nan, np.float32)},
        "space": {**maps, "space": "inches"},
        "spaceless": {"values": maps["values"]},
        "objects": {**maps, "values": np.array([[{}]])},
        "other-shape": {**maps, "disagreement": np.zeros((3, 2), np.float32)},
        "other-numbers": {**maps, "disagreement": np.zeros((2, 3))},
    }
    odd = {}
    for name, arrays in stored.items():
        np.savez(stream := BytesIO(), **arrays)  # type: ignore[arg-type]
        odd[f"{name}.npz"] = stream.getvalue()
    for key, value in {"scale": "nan", "offset": "inf", "infinity": "many"}.items():
        text = {"scale": "1", "offset": "0", "space": "depth", key: value}
        odd[f"{key}.png"] = encode_map(np.zeros((2, 3), np.uint16), text=text)
    return odd | {
        "array.npz": array.getvalue(),
        "double.npz": double.getvalue(),
        "flipped.npz": bytes(flipped),
        "plain.png": encode_map(np.zeros((2, 3), np.uint16)),
        "cut.png": png[: len(png) // 2],
        "cut.npz": npz[: len(npz) // 2],
        "empty.npz": b"",
        "photo.pfm": encode(prediction(), "pfm")[0].data,
    }


@pytest.mark.parametrize(("name", "data"), damaged_files().items(), ids=list(damaged_files()))
def test_read_prediction__what_is_none_is_refused_by_name(name: str, data: Any, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableError, match=rf"{name} cannot be read.*; expected an \.npz"):
        read_prediction(tmp_path / name)
    with pytest.raises(UnreadableError, match=r"gone\.(npz|png) cannot be read"):
        read_prediction(tmp_path / f"gone{'.npz' if name.endswith('npz') else '.png'}")
