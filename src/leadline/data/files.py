"""Finding and reading pictures and label maps, and encoding them.

Every file that cannot be read ends in `UnreadableError`: one line that names the file and the reason, so that
a long run can count and list the bad ones. Nothing is guessed, and no picture is returned that its decoder
calls damaged or cut short, or a PNG whose checksums do not fit. Damage in the middle of a JPEG, which has no
checksum, may only be seen by eye.
"""

import os
import stat
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from pathlib import Path

import numpy as np
from isal import isal_zlib
from jaxtyping import Bool, Float32, UInt8, UInt16
from PIL import ExifTags, Image, UnidentifiedImageError

from leadline.types import LeadlineError, UnreadableError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
"""What a picture's name ends in, in lower case."""
MAX_PIXELS = 200_000_000
"""A picture whose header claims more is refused before a pixel is decoded."""

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")  # none of Pillow's that start other programs
_BROKEN = (
    OSError,
    Image.DecompressionBombError,
    # What Image.open itself takes for signs of damage; cutting and scrambling files shows the first two.
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    struct.error,
)
_UPRIGHT = {  # EXIF orientation -> what turns the stored pixels upright; 1 and unknown values change nothing
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_pillow_globals = threading.Lock()


def read_picture(
    file: Path | bytes, *, name: str | None = None, upright: bool = True
) -> UInt8[np.ndarray, "h w 3"]:
    """Read a picture as RGB, upright, by its content rather than its suffix.

    EXIF orientation is applied, unless `upright` is not wanted; damaged EXIF is ignored, as viewers do.
    Transparency is composited over white, which is what a viewer shows, where dropping it would show any
    colours. 16-bit grey keeps its upper byte. Of an animation the first frame is read. Colour profiles are
    ignored. `name` stands for the file in messages, for bytes above all.

    Raises:
        UnreadableError: for what is missing, empty, truncated, damaged, no picture, of 32-bit numbers, or of
            more than `MAX_PIXELS`.
    """
    with naming(file, name, "a picture"):
        image = _decode(file)
        return _rgb(_upright(image) if upright else image)


def read_picture_and_jpeg(
    file: Path | bytes, *, name: str | None = None
) -> tuple[UInt8[np.ndarray, "h w 3"], bytes | None]:
    """Read a picture, and its file where any reader sees the same in it: a JPEG in colour and nothing more.

    What a camera wrote besides (EXIF, XMP) may turn the picture, and may say where somebody lives: then there
    is no file, and whoever stores the picture encodes it anew. Raises as `read_picture`.
    """
    with naming(file, name, "a picture"):
        image = _decode(file)
        plain = image.format == "JPEG" and image.mode == "RGB" and not {"exif", "xmp"} & image.info.keys()
        content = file.read_bytes() if plain and isinstance(file, Path) else file
        return _rgb(_upright(image)), content if plain and isinstance(content, bytes) else None


def picture_of(image: Image.Image) -> UInt8[np.ndarray, "h w 3"]:
    """Turn an opened picture into what `read_picture` would make of its file.

    A picture whose EXIF orientation was applied before must have lost the mark, as
    ``PIL.ImageOps.exif_transpose`` sees to.

    Raises:
        UnreadableError: as `read_picture`, where Pillow has yet to decode it.
    """
    with naming(b"", str(getattr(image, "filename", "") or repr(image)), "a picture"):
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.height}x{image.width} exceeds limit of {MAX_PIXELS} pixels")
        if 0 in image.size:
            raise ValueError("it has no pixel")
        image.load()
        return _rgb(_upright(image))


def read_map(file: Path | bytes, *, name: str | None = None) -> Float32[np.ndarray, "h w"]:
    """Read the raw numbers of a label: PNG or TIFF with one channel of 8 or 16 bit.

    Raises:
        UnreadableError: as `read_picture`, and for any other format, number of channels, or depth.
    """
    return read_map_and_text(file, name=name)[0]


def read_map_and_text(
    file: Path | bytes, *, name: str | None = None
) -> tuple[Float32[np.ndarray, "h w"], dict[str, str]]:
    """Read a label map as `read_map`, and what the file says besides: the text chunks of a PNG."""
    with naming(file, name, "a label"):
        image = _decode(file)
        if image.format not in {"PNG", "TIFF"} or not (image.mode == "L" or _is_grey16(image)):
            raise ValueError(
                f"found {image.format} with {len(image.getbands())} channel(s), mode {image.mode}; "
                f"expected PNG or TIFF with one channel of 8 or 16 bit"
            )
        text = {str(key): value for key, value in image.info.items() if isinstance(value, str)}
        return np.asarray(image).astype(np.float32), text


def read_mask(file: Path | bytes, *, name: str | None = None) -> Bool[np.ndarray, "h w"]:
    """Read which pixels of a PNG or TIFF are above 0 in any channel, however many bits or colours it has.

    Raises:
        UnreadableError: as `read_picture`, and for any other format.
    """
    with naming(file, name, "a mask"):
        image = _decode(file)
        if image.format not in {"PNG", "TIFF"}:
            raise ValueError(f"found {image.format}; expected PNG or TIFF, whose numbers are exact")
        stored = np.asarray(image)
        colours = stored.reshape(*stored.shape[:2], -1)[:, :, [band != "A" for band in image.getbands()]]
        return np.asarray(colours.any(axis=2))


def encode_jpeg(image: UInt8[np.ndarray, "h w 3"], *, quality: int = 95) -> bytes:
    """Encode an RGB picture as JPEG, with chroma at half resolution as is usual."""
    stream = BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def encode_map(values: UInt16[np.ndarray, "h w"], *, text: Mapping[str, str] | None = None) -> bytes:
    """Encode a 16-bit map as PNG, without loss; equal maps give equal bytes. `text` goes into its metadata.

    Every row is stored as its difference to the one above, and compressed by ISA-L: as small as with zlib,
    in a tenth of the time, which was a third of what the label stage adds to its network (benchmarks/png.py).
    """
    h, w = values.shape
    big_endian = values.astype(">u2").view(np.uint8).reshape(h, 2 * w)
    rows = np.full((h, 1 + 2 * w), 2, np.uint8)  # each begins with its filter: 2 is "up"
    rows[0, 1:] = big_endian[0]
    np.subtract(big_endian[1:], big_endian[:-1], out=rows[1:, 1:])
    header = struct.pack(">IIBBBBB", w, h, 16, 0, 0, 0, 0)  # 16 bit, grey, not interlaced
    chunks = [
        (b"IHDR", header),
        *((b"tEXt", f"{key}\0{value}".encode("latin-1")) for key, value in (text or {}).items()),
        (b"IDAT", isal_zlib.compress(rows, 1)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def list_pictures(root: Path, *, unread: list[str] | None = None) -> list[Path]:
    """List the pictures below `root` by suffix, sorted by their relative path.

    Hidden files and folders are skipped. Links to folders are followed, but each folder is visited once,
    under its own name where that is below `root`, so loops of links end.

    Raises:
        LeadlineError: for a folder that cannot be read: `root`, and those below it unless a list `unread`
            is given that takes why.
    """

    def cannot(error: OSError) -> None:
        failure = LeadlineError(f"cannot list the pictures of {error.filename}: {_reason(error)}")
        if unread is None or Path(error.filename) == root:
            raise failure from error
        unread.append(str(failure))

    found: list[Path] = []
    visited: set[Path] = set()
    starts = [root]  # grows by links to folders, which wait until all real folders are done
    for start in starts:
        for where, folders, files in os.walk(start, onerror=cannot):
            here = Path(where)
            if here.resolve() in visited:
                folders.clear()
                continue
            visited.add(here.resolve())
            folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
            starts.extend(here / folder for folder in folders if (here / folder).is_symlink())
            found.extend(
                here / file
                for file in files
                if not file.startswith(".") and Path(file).suffix.lower() in SUFFIXES
            )
    return sorted(found, key=lambda file: file.relative_to(root).as_posix())


def _decode(file: Path | bytes) -> Image.Image:
    """Open and decode, pixels as they are stored."""
    if isinstance(file, Path):
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            raise ValueError("it is no regular file")
    if (len(file) if isinstance(file, bytes) else status.st_size) == 0:
        raise ValueError("it is empty")
    with BytesIO(file) if isinstance(file, bytes) else file.open("rb") as stream:
        image = _opened(stream)
        if image.format == "PNG":  # its decoder looks at few of its checksums
            image.verify()
            image = _opened(stream)
        image.load()
    return image


def _opened(stream: BytesIO | BufferedReader) -> Image.Image:
    with _quiet_pillow():
        image: Image.Image = Image.open(stream, formats=_FORMATS)
        if image.format == "TIFF":
            image.load()  # this one warns while decoding
    return image


def _upright(image: Image.Image) -> Image.Image:
    with _quiet_pillow():
        try:
            turn = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
        except _BROKEN:  # the pixels are whole: only the note about them is not
            return image
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> UInt8[np.ndarray, "h w 3"]:
    if _is_grey16(image):  # Pillow would clip at 255
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in {"I", "F"}:
        raise ValueError("it holds 32-bit numbers, whose black and white are unknown; save it with 8 bit")
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, coloured)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))  # writable, as torch wants


def _is_grey16(image: Image.Image) -> bool:
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")  # I: Pillow < 11


@contextmanager
def _quiet_pillow() -> Iterator[None]:
    """Keep Pillow's warnings about odd headers from the user, and put our limit in the place of its own.

    Both are global to the process, so threads take turns; decoding happens outside.
    """
    with _pillow_globals, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MAX_PIXELS // 2  # it refuses twice that
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


@contextmanager
def naming(file: Path | bytes, name: str | None, kind: str) -> Iterator[None]:
    """Turn what decoders raise into one line that names the file."""
    shown = name or (str(file) if isinstance(file, Path) else f"<{len(file)} bytes>")
    try:
        yield
    except UnidentifiedImageError as error:
        reason = f"its content is none of {', '.join(_FORMATS)}"
        raise UnreadableError(f"{shown} cannot be read as {kind}: {reason}") from error
    except _BROKEN as error:
        raise UnreadableError(f"{shown} cannot be read as {kind}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return " ".join(text.split())
