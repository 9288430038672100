"""Decoding what data sets store their maps in, beside the pictures that `files` reads.

Each function returns the stored numbers as float32 rows from top to bottom, or raises `UnreadableError` with
the file and the reason.
"""

import re
import struct
import zlib
from io import BytesIO
from pathlib import Path
from tokenize import TokenError

import numpy as np
from jaxtyping import Float32

from leadline.data.files import naming
from leadline.types import LeadlineError, Size

Map = Float32[np.ndarray, "_h _w"]
_SINTEL = 202021.25
_PFM = re.compile(rb"Pf\s+(\d+)\s+(\d+)\s+([-+.\deE]+)\s")


def read_pfm(file: Path) -> Map:
    """Read a portable float map of one channel.

    Rows are stored from bottom to top, and a negative scale says that the numbers are little-endian; its
    size is ignored, as the Middlebury and MVSNet readers do.
    """
    with naming(file, None, "a PFM map"):
        data = file.read_bytes()
        head = _PFM.match(data)
        if head is None:
            raise ValueError(f"expected the header of a PFM map with one channel, found {data[:12]!r}")
        width, height, scale = head.groups()
        kind = "<f4" if scale.startswith(b"-") else ">f4"
        return _flat(data[head.end() :], Size(int(height), int(width)), kind)[::-1].copy()


def read_dpt(file: Path) -> Map:
    """Read a depth map of MPI Sintel: a tag, width, height, then rows. Source: its sdk, sintel_io.py."""
    with naming(file, None, "a Sintel depth map"):
        return _tagged(file.read_bytes(), channels=1)[:, :, 0]


def read_flow(file: Path) -> Float32[np.ndarray, "_h _w 2"]:
    """Read optical flow in Middlebury's ``.flo``: by how many pixels each one moves to the right and down."""
    with naming(file, None, "optical flow"):
        return _tagged(file.read_bytes(), channels=2)


def read_raw(file: Path, size: Size) -> Map:
    """Read little-endian float32 rows without a header, of a picture of `size`."""
    with naming(file, None, f"raw numbers of {size}"):
        return _flat(file.read_bytes(), size, "<f4")


def read_npy(file: Path) -> Map:
    """Read a map that NumPy saved; a single channel at the end is dropped. Pickled objects are refused."""
    with naming(file, None, "a NumPy map"):
        return _plane(plain_array(file.read_bytes()))


def plain_array(data: bytes) -> np.ndarray:
    """Read an array of numbers or text as NumPy saves it.

    Raises:
        ValueError: for anything else, objects above all, which could run code when read.
    """
    try:
        return np.lib.format.read_array(BytesIO(data), allow_pickle=False)
    except (ValueError, TypeError, AttributeError, EOFError, MemoryError, TokenError, SyntaxError) as error:
        raise ValueError("it is no array of numbers that NumPy saved whole") from error


def read_hdf5(file: Path, key: str) -> Map:
    """Read a map from an HDF5 file.

    Raises:
        LeadlineError: where the package h5py is missing.
    """
    stored = _stored(file, key)
    with naming(file, None, "HDF5"):
        return _plane(stored)


def read_matlab(file: Path, key: str, number: int) -> np.ndarray:
    """Read an array of a stack, counted from 1, from a MATLAB file of version 7.3, which is HDF5.

    MATLAB stores the first axis fastest, so HDF5 sees the axes in reverse; they are turned round here.

    Raises:
        LeadlineError: where the package h5py is missing.
    """
    return np.ascontiguousarray(_stored(file, key, number - 1).T)


def _stored(file: Path, key: str, index: int | None = None) -> np.ndarray:
    try:
        import h5py
    except ImportError as error:
        raise LeadlineError(
            f"{file} is HDF5 and the package h5py is not installed: pip install 'leadline[datasets]'"
        ) from error
    with naming(file, None, "HDF5"), h5py.File(file, "r") as opened:
        if key not in opened:
            raise ValueError(f"it has no {key!r}, only {', '.join(opened)}")
        return np.asarray(opened[key][() if index is None else index])


def read_indices(file: Path, key: str) -> list[int]:
    """Read a list of whole numbers from a MATLAB file older than 7.3.

    Raises:
        LeadlineError: where it is missing or damaged, or the package scipy is not installed.
    """
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError as error:
        raise LeadlineError(
            f"{file} is MATLAB's and the package scipy is not installed: pip install 'leadline[datasets]'"
        ) from error
    with naming(file, None, "a MATLAB file"):
        try:
            found = loadmat(str(file), variable_names=[key])
        except (MatReadError, NotImplementedError, zlib.error) as error:
            raise ValueError(str(error)) from error
        if key not in found:
            raise ValueError(f"it has no {key!r}")
        return [int(number) for number in np.ravel(found[key])]


def read_exr(file: Path, channel: str | None = None) -> Map:
    """Read one channel of an OpenEXR file: the only one, or `channel` of several.

    OpenCV's wheels are built without OpenEXR, so this is the job of its own package.

    Raises:
        LeadlineError: where the package OpenEXR is missing.
    """
    try:
        import OpenEXR
    except ImportError as error:
        raise LeadlineError(
            f"{file} is OpenEXR and that package is not installed: pip install 'leadline[datasets]'"
        ) from error
    with naming(file, None, "OpenEXR"):
        _require_exr(file)
        try:
            with OpenEXR.File(str(file), separate_channels=True) as opened:
                channels = {name: found.pixels for name, found in opened.channels().items()}
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        if len(channels) > 1 and channel not in channels:
            raise ValueError(
                f"it has the channels {', '.join(channels)}; which of them is the map is unknown"
            )
        return _plane(channels[channel] if len(channels) > 1 else next(iter(channels.values())))


def unrotate(values: Map) -> Map:
    """Undo the rotation by three bits of SUN RGB-D's 16-bit numbers. Source: its toolbox, read3dPoints.m."""
    stored = values.astype(np.uint16)
    return ((stored >> 3) | (stored << 13)).astype(np.float32)


def _require_exr(file: Path) -> None:
    """Refuse what is no OpenEXR before its library, which writes about that to the terminal by itself."""
    with file.open("rb") as stream:
        if stream.read(4) != b"\x76\x2f\x31\x01":
            raise ValueError("its content is not OpenEXR")


def _tagged(data: bytes, *, channels: int) -> Float32[np.ndarray, "_h _w _c"]:
    """Read a tag, width and height, then the rows, whose channels alternate."""
    tag, width, height = struct.unpack_from("<fii", data)
    if tag != _SINTEL:
        raise ValueError(f"expected the tag {_SINTEL}, found {tag}")
    return _flat(data[12:], Size(height, width * channels), "<f4").reshape(height, width, channels)


def _flat(data: bytes, size: Size, kind: str) -> Map:
    if min(size) < 1 or len(data) != 4 * size.h * size.w:
        raise ValueError(f"{size} float32 numbers are {4 * size.h * size.w} bytes, found {len(data)}")
    return np.frombuffer(data, kind).reshape(size).astype(np.float32)


def _plane(values: np.ndarray) -> Map:
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim != 2 or values.dtype.kind not in "fiub":
        raise ValueError(f"expected a map of numbers, found shape {values.shape} of {values.dtype}")
    return values.astype(np.float32)
