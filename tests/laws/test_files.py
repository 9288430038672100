"""Pictures and labels read as what they show, or are refused by name."""

import os
import struct
import warnings
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFile

from leadline.data import files
from leadline.data.files import (
    encode_jpeg,
    encode_map,
    list_pictures,
    read_map,
    read_mask,
    read_picture,
    read_picture_and_jpeg,
)
from leadline.types import LeadlineError, UnreadableError

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def corners() -> Image.Image:
    """Red, green / blue, white: 2x2 blocks of 16 pixels, which JPEG hardly touches."""
    colours = np.array([[RED, GREEN], [BLUE, WHITE]], np.uint8)
    return Image.fromarray(np.kron(colours, np.ones((16, 16, 1), np.uint8)))


def noise(side: int = 48) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8))


def png_claiming(width: int, height: int, *, bits: int = 8, colour: int = 2) -> bytes:
    """Build a PNG whose header promises a size, with hardly any pixels behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


# ---------------------------------------------------------------- pictures that read


@pytest.mark.parametrize("kind", FORMATS)
def test_read_picture__every_format_gives_the_known_colours_in_rgb_order(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "picture.bin"
    file.write_bytes(encoded(corners(), kind))
    image = read_picture(file)
    assert image.shape == (32, 32, 3)
    assert image.dtype == np.uint8
    found = image[[8, 8, 24, 24], [8, 24, 8, 24]].astype(int)
    assert np.abs(found - np.array([RED, GREEN, BLUE, WHITE])).max() <= 4


def test_read_picture__path_and_bytes_agree_and_may_be_written_to(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(encoded(noise(), "PNG"))
    image = read_picture(file)
    np.testing.assert_array_equal(image, read_picture(file.read_bytes()))
    np.testing.assert_array_equal(image, np.asarray(noise()))
    image[0, 0] = 0


def test_read_picture__believes_the_content_not_the_suffix(tmp_path: Path) -> None:
    file = tmp_path / "really_a_png.jpg"
    file.write_bytes(encoded(noise(), "PNG"))
    np.testing.assert_array_equal(read_picture(file), np.asarray(noise()))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("1", (1, 1), 1), WHITE),
        (Image.new("L", (1, 1), 77), (77, 77, 77)),
        (Image.new("RGB", (1, 1), (1, 2, 3)), (1, 2, 3)),
        (Image.new("LA", (1, 1), (0, 51)), (204, 204, 204)),  # a fifth of black over white
        (Image.new("RGBA", (1, 1), (255, 0, 0, 255)), RED),
        (Image.new("RGBA", (1, 1), (255, 0, 0, 51)), (255, 204, 204)),
        (Image.new("RGBA", (1, 1), (9, 9, 9, 0)), WHITE),
    ],
)
def test_read_picture__one_pixel_of_every_mode_looks_as_in_a_viewer(
    image: Image.Image, expected: tuple[int, int, int]
) -> None:
    assert read_picture(encoded(image, "PNG")).tolist() == [[list(expected)]]


@pytest.mark.parametrize("transparency", [1, bytes([255, 0])])
def test_read_picture__palette_is_looked_up_and_its_transparent_entry_is_white(
    transparency: int | bytes,
) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*BLUE, *RED])
    image.putpixel((1, 0), 1)
    assert read_picture(encoded(image, "PNG")).tolist() == [[list(BLUE), list(RED)]]
    shown = read_picture(encoded(image, "PNG", transparency=transparency))
    assert shown.tolist() == [[list(BLUE), list(WHITE)]]


def test_read_picture__colour_key_of_an_rgb_png_is_white() -> None:
    image = Image.fromarray(np.array([[RED, BLUE]], np.uint8))
    shown = read_picture(encoded(image, "PNG", transparency=BLUE))
    assert shown.tolist() == [[list(RED), list(WHITE)]]


def test_read_picture__cmyk_is_converted() -> None:
    ink = Image.fromarray(np.array([[(0, 255, 255, 0), (0, 0, 0, 0), (0, 0, 0, 255)]], np.uint8), "CMYK")
    assert read_picture(encoded(ink, "TIFF")).tolist() == [[list(RED), list(WHITE), list(BLACK)]]
    wide = ink.resize((48, 16), Image.Resampling.NEAREST)
    found = read_picture(encoded(wide, "JPEG", quality=100))[8, [8, 24, 40]].astype(int)
    assert np.abs(found - np.array([RED, WHITE, BLACK])).max() <= 8


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_read_picture__sixteen_bit_keeps_the_upper_byte(suffix: str) -> None:
    grey = np.array([[0, 255, 256, 0x12FF, 65535]], np.uint16)
    _, data = cv2.imencode(suffix, grey)
    assert read_picture(data.tobytes())[0].tolist() == [[v] * 3 for v in (0, 0, 1, 0x12, 255)]
    colour = np.array([[(0x30FF, 0x2000, 0x10FF)]], np.uint16)  # OpenCV writes B, G, R
    _, data = cv2.imencode(suffix, colour)
    assert read_picture(data.tobytes()).tolist() == [[[0x10, 0x20, 0x30]]]


def test_read_picture__sixteen_bit_tiff_of_either_byte_order() -> None:
    def tiff(order: str) -> bytes:
        pixel_at, mark = 8, b"II" if order == "<" else b"MM"
        tags = [
            (256, 1),
            (257, 1),
            (258, 16),
            (259, 1),
            (262, 1),
            (273, pixel_at),
            (277, 1),
            (278, 1),
            (279, 2),
        ]
        entries = b"".join(struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0) for tag, value in tags)
        head = mark + struct.pack(f"{order}HI", 42, 10) + struct.pack(f"{order}H", 0x34AB)
        return head + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)

    for order in "<>":
        assert read_picture(tiff(order)).tolist() == [[[0x34] * 3]]
        assert read_map(tiff(order)).tolist() == [[0x34AB]]


def test_read_picture__animation_shows_its_first_frame() -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in (GREEN, RED)]
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert np.abs(read_picture(data).astype(int) - GREEN).max() <= 4
        assert read_picture(data).shape == (3, 4, 3)


@pytest.mark.parametrize(
    ("mode", "form", "options", "kept"),
    [
        ("RGB", "JPEG", {}, True),
        ("RGB", "JPEG", {"progressive": True, "comment": "hello"}, True),
        ("L", "JPEG", {}, False),
        ("CMYK", "JPEG", {}, False),
        ("RGB", "JPEG", {"exif": b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00"}, False),
        ("RGB", "JPEG", {"xmp": b"<x/>"}, False),
        ("RGB", "PNG", {}, False),
    ],
)
def test_read_picture_and_jpeg__keeps_what_any_reader_sees_alike(
    tmp_path: Path, mode: str, form: str, options: dict[str, object], kept: bool
) -> None:
    path, rough = tmp_path / "a", np.random.default_rng(0).integers(0, 256, (9, 17, 3), np.uint8)
    Image.fromarray(rough).convert(mode).save(path, form, **options)
    for given in (path, path.read_bytes()):
        image, jpeg = read_picture_and_jpeg(given)
        assert jpeg == (path.read_bytes() if kept else None)
        np.testing.assert_array_equal(image, read_picture(given))


def test_read_picture__a_phones_jpeg_of_several_pictures_shows_its_first() -> None:
    data = encoded(corners(), "MPO", save_all=True, append_images=[Image.new("RGB", (32, 32))])
    assert read_picture(data)[8, 24, 1] > 250


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "first", "last"),
    # Where EXIF shows the first and the last pixel of the first stored row of 2x3, as (row, column).
    [
        (1, (0, 0), (0, 2)),
        (2, (0, 2), (0, 0)),
        (3, (1, 2), (1, 0)),
        (4, (1, 0), (1, 2)),
        (5, (0, 0), (2, 0)),
        (6, (0, 1), (2, 1)),
        (7, (2, 1), (0, 1)),
        (8, (2, 0), (0, 0)),
        (9, (0, 0), (0, 2)),  # no such orientation
    ],
)
def test_read_picture__exif_rotation_moves_pixels_to_the_known_place(
    kind: str, orientation: int, first: tuple[int, int], last: tuple[int, int]
) -> None:
    stored = np.zeros((2, 3, 3), np.uint8)
    stored[0, 0], stored[0, 2] = RED, GREEN
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"lossless": True} if kind == "WEBP" else {}
    image = read_picture(encoded(Image.fromarray(stored), kind, exif=exif, **options))
    assert image.shape == ((3, 2, 3) if orientation in {5, 6, 7, 8} else (2, 3, 3))
    expected = np.zeros_like(image)
    expected[first], expected[last] = RED, GREEN
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(
            b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x10F, 2, 9999, 9999), id="warns"
        ),
        pytest.param(b"Exif\0\0" + bytes(12), id="raises"),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_read_picture__damaged_exif_neither_warns_nor_hides_the_picture(kind: str, damage: bytes) -> None:
    assert read_picture(encoded(corners(), kind, exif=damage)).shape == (32, 32, 3)


# ---------------------------------------------------------------- pictures that are refused


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_read_picture__truncated_is_refused_with_its_name(kind: str, share: float, tmp_path: Path) -> None:
    whole = encoded(noise(), kind)
    file = tmp_path / f"cut.{kind.lower()}"
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UnreadableError, match=r"cut\.\w+ cannot be read as a picture: \S") as caught:
        read_picture(file)
    assert "\n" not in str(caught.value)


def test_read_picture__scrambled_bytes_read_or_are_refused_and_nothing_else() -> None:
    rng = np.random.default_rng(1)
    refused = 0
    for kind in FORMATS:
        whole = np.frombuffer(encoded(noise(16), kind), np.uint8)
        for _ in range(60):
            bad = whole.copy()
            bad[rng.integers(0, min(200, len(bad)), 6)] = rng.integers(0, 256, 6)
            try:
                read_picture(bad.tobytes())
            except UnreadableError:
                refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"this is a text file\n", "its content is none of JPEG, PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "its content is none of JPEG, PNG"),
        (b"\xff\xd8\xff", "."),
    ],
)
def test_read_picture__what_is_no_picture_is_refused_with_the_reason(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "misnamed.jpg"
    file.write_bytes(content)
    with pytest.raises(UnreadableError, match=f"^{file} cannot be read as a picture: .*{reason}"):
        read_picture(file)
    with pytest.raises(UnreadableError, match=f"^upload cannot be read as a picture: .*{reason}"):
        read_picture(content, name="upload")


def test_read_picture__missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"gone\.jpg cannot be read as a picture: No such file"):
        read_picture(tmp_path / "gone.jpg")
    with pytest.raises(UnreadableError, match="no regular file"):
        read_picture(tmp_path)


@pytest.mark.timeout(10)
def test_read_picture__a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UnreadableError, match="no regular file"):
        read_picture(tmp_path / "pipe.jpg")


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_read_picture__numbers_without_black_and_white_are_refused(kind: type) -> None:
    data = encoded(Image.fromarray(np.ones((2, 2), kind)), "TIFF")
    with pytest.raises(UnreadableError, match="32-bit"):
        read_picture(data)


@pytest.mark.parametrize("read", [read_picture, read_map])
def test_read__a_bomb_is_refused_from_its_header(
    read: Callable[[bytes], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(image: ImageFile.ImageFile) -> None:
        raise AssertionError(f"{image.size} was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    with pytest.raises(UnreadableError, match="exceeds limit of 200000000 pixels"):
        read(png_claiming(14_143, 14_143))
    with pytest.raises(
        AssertionError, match="was decoded"
    ):  # 199.99 megapixels pass, though Pillow's limit is 179
        read(png_claiming(14_142, 14_142))


def test_read_picture__the_limit_itself_is_read_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_PIXELS", 100)
    assert read_picture(encoded(Image.new("RGB", (10, 10)), "PNG")).shape == (10, 10, 3)
    with pytest.raises(UnreadableError, match=r"110 pixels\) exceeds limit of 100"):
        read_picture(encoded(Image.new("RGB", (10, 11)), "PNG"))


def test_read_picture__leaves_pillows_limit_and_the_warning_filters_alone() -> None:
    before = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    read_picture(encoded(noise(), "PNG"))
    with pytest.raises(UnreadableError):
        read_picture(b"nothing")
    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before


# ---------------------------------------------------------------- labels


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_read_map__gives_the_raw_numbers(suffix: str, dtype: type, tmp_path: Path) -> None:
    raw: np.ndarray = np.array([[0, 1, 2], [200, 254, np.iinfo(dtype).max]], dtype)
    _, data = cv2.imencode(suffix, raw)
    (tmp_path / "label").write_bytes(data.tobytes())
    found = read_map(tmp_path / "label")
    assert found.dtype == np.float32
    assert found.tolist() == raw.tolist()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (encoded(noise(8), "PNG"), r"found PNG with 3 channel\(s\), mode RGB"),
        (encoded(Image.new("LA", (2, 2)), "PNG"), r"found PNG with 2 channel\(s\), mode LA"),
        (encoded(Image.new("P", (2, 2)), "PNG"), r"found PNG with 1 channel\(s\), mode P"),
        (encoded(Image.new("1", (2, 2)), "PNG"), r"found PNG with 1 channel\(s\), mode 1"),
        (encoded(Image.new("F", (2, 2)), "TIFF"), r"found TIFF with 1 channel\(s\), mode F"),
        (encoded(Image.new("I", (2, 2)), "TIFF"), r"found TIFF with 1 channel\(s\), mode I"),
        (encoded(Image.new("L", (8, 8)), "JPEG"), r"found JPEG with 1 channel\(s\), mode L"),
    ],
)
def test_read_map__anything_else_is_refused_with_what_was_found(data: bytes, found: str) -> None:
    expected = "expected PNG or TIFF with one channel of 8 or 16 bit"
    with pytest.raises(UnreadableError, match=f"^here cannot be read as a label: {found}; {expected}"):
        read_map(data, name="here")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_read_map__truncated_is_refused(share: float, tmp_path: Path) -> None:
    whole = encode_map(np.random.default_rng(0).integers(0, 65536, (32, 32)).astype(np.uint16))
    (tmp_path / "label.png").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UnreadableError, match=r"label\.png cannot be read as a label"):
        read_map(tmp_path / "label.png")


def test_encode_map__loses_nothing_is_deterministic_and_packs_smooth_maps() -> None:
    smooth = np.linspace(0, 65535, 256 * 341).reshape(256, 341).astype(np.uint16)
    data = encode_map(smooth)
    np.testing.assert_array_equal(read_map(data), smooth.astype(np.float32))
    assert data == encode_map(smooth.copy())
    assert len(data) < smooth.nbytes / 2


def test_encode_jpeg__keeps_colours_and_obeys_quality() -> None:
    image = np.asarray(corners())
    found = read_picture(encode_jpeg(image))[[8, 8, 24, 24], [8, 24, 8, 24]].astype(int)
    assert np.abs(found - np.array([RED, GREEN, BLUE, WHITE])).max() <= 4
    assert encode_jpeg(image)[:2] == b"\xff\xd8"
    rough = np.asarray(noise())
    assert (
        len(encode_jpeg(rough, quality=50)) < len(encode_jpeg(rough)) < len(encode_jpeg(rough, quality=100))
    )


# ---------------------------------------------------------------- listing


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def listed(root: Path) -> list[str]:
    return [file.relative_to(root).as_posix() for file in list_pictures(root)]


def test_list_pictures__finds_known_suffixes_of_any_case_sorted_by_relative_path(tmp_path: Path) -> None:
    names = ["B.PNG", "a/b.jpg", "a-b.JpEg", "a.webp", "c/d/e.tiff", "f.tif", "g.bmp", "h.gif"]
    touch(tmp_path, *names, "notes.txt", "jpg", "x.jpg.part")
    assert listed(tmp_path) == sorted(names)
    assert listed(tmp_path).index("a-b.JpEg") < listed(tmp_path).index("a/b.jpg")


def test_list_pictures__skips_what_is_hidden_below_the_root_only(tmp_path: Path) -> None:
    root = tmp_path / ".cache"
    touch(root, "a.jpg", ".b.jpg", ".thumbs/c.jpg", "d/.e/f.jpg")
    assert listed(root) == ["a.jpg"]


def test_list_pictures__follows_links_but_visits_each_folder_once(tmp_path: Path) -> None:
    root = tmp_path / "root"
    touch(root, "z/a.jpg")
    touch(tmp_path / "elsewhere", "b.jpg", "deep/c.jpg")
    (root / "loop").symlink_to(root)
    (root / "z" / "up").symlink_to(root)
    (root / "another_name_of_z").symlink_to(root / "z")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "linked_twice").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "deep" / "back").symlink_to(root)
    assert listed(root) == ["linked/b.jpg", "linked/deep/c.jpg", "z/a.jpg"]


@pytest.mark.parametrize("name", ["missing", "file.jpg"])
def test_list_pictures__a_root_that_is_no_folder_is_an_error(name: str, tmp_path: Path) -> None:
    touch(tmp_path, "file.jpg")
    with pytest.raises(LeadlineError, match=f"cannot list the pictures of .*{name}: No"):
        list_pictures(tmp_path / name)


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "I;16"])
def test_read__a_png_with_a_wrong_byte_anywhere_in_its_pixels_is_refused(mode: str) -> None:
    """A byte of compressed pixels that changed decodes to other pixels more often than to an error."""
    values = np.random.default_rng(7).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    image = Image.fromarray(values[:, :, 0].astype(np.uint16)) if mode == "I;16" else Image.fromarray(values)
    whole = encoded(image if mode == "I;16" else image.convert(mode), "PNG")
    start = whole.index(b"IDAT") + 4
    for place in range(start, len(whole) - 12, max(1, (len(whole) - start) // 60)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        with pytest.raises(UnreadableError):
            read_picture(bytes(damaged))
    assert read_picture(whole).shape == (40, 60, 3)


# ---------------------------------------------------------------- masks


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_read_mask__is_what_lies_above_0_however_it_is_stored(mode: str, kind: str) -> None:
    expected = np.array([[True, False, True], [False, False, True]])
    if mode == "I;16":
        image = Image.fromarray(np.where(expected, 256, 0).astype(np.uint16))
    elif mode == "P":
        image = Image.fromarray(expected.astype(np.uint8))
        image.putpalette([9, 9, 9, 200, 0, 0])
    else:
        image = Image.fromarray(np.where(expected, 255, 0).astype(np.uint8)).convert(mode)
    if kind == "TIFF" and mode == "LA":
        return  # Pillow does not write it
    np.testing.assert_array_equal(read_mask(encoded(image, kind)), expected)


def test_read_mask__lossy_or_damaged_is_refused() -> None:
    with pytest.raises(UnreadableError, match="m cannot be read as a mask: found JPEG; expected PNG or TIFF"):
        read_mask(encoded(corners(), "JPEG"), name="m")
    with pytest.raises(UnreadableError, match="cannot be read as a mask"):
        read_mask(encoded(corners(), "PNG")[:60])
