"""What counts as a picture in Python, turned into RGB bytes."""

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeGuard

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from leadline.data.files import picture_of, read_picture
from leadline.types import LeadlineError

PictureLike = str | os.PathLike[str] | bytes | Image.Image | np.ndarray
"""A path, an encoded file's bytes, a PIL image, or uint8 RGB (h, w, 3) or grey (h, w)."""

_KINDS = "a path, a file's bytes, a PIL image, or a uint8 array of RGB (h, w, 3) or grey (h, w)"


def are_several(given: object) -> TypeGuard[Iterable[PictureLike]]:
    """Whether an argument is a list of pictures rather than one; a path and an array are one."""
    one = (str, os.PathLike, bytes, bytearray, memoryview, io.IOBase, Image.Image, np.ndarray, Tensor)
    return isinstance(given, Iterable) and not isinstance(given, one)


def as_picture(given: object) -> UInt8[np.ndarray, "h w 3"]:
    """Return a picture as RGB, upright, whatever it was given as.

    Raises:
        UnreadableError: for a file or PIL image that cannot be read.
        LeadlineError: for anything else that is no picture, with what would make it one.
    """
    if isinstance(given, bytes):
        return read_picture(given)
    if isinstance(given, str | os.PathLike):
        return read_picture(Path(given))
    if isinstance(given, Image.Image):
        return picture_of(given)
    if not isinstance(given, np.ndarray):
        hint = ": for a tensor (3, h, w), tensor.permute(1, 2, 0).cpu().numpy()"
        raise LeadlineError(
            f"a picture is {_KINDS}; got {type(given).__name__}{hint if isinstance(given, Tensor) else ''}"
        )
    return _checked(given)


def _checked(array: np.ndarray) -> UInt8[np.ndarray, "h w 3"]:
    if array.dtype != np.uint8:
        hint = {
            "f": "; values of 0 to 1 become one by (255 * array).round().astype(np.uint8)",
            "u": "; 16-bit values become one by (array >> 8).astype(np.uint8)",
        }.get(array.dtype.kind, "")
        raise LeadlineError(f"a picture is {_KINDS}; got an array of {array.dtype}{hint}")
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise LeadlineError(f"a picture is {_KINDS}; got shape {array.shape}{_shape_hint(array)}")
    return np.ascontiguousarray(array)


def _shape_hint(array: np.ndarray) -> str:
    if array.ndim == 4:
        return "; several go in as a list of arrays"
    if array.ndim == 3 and array.shape[2] == 4:
        return "; PIL.Image.fromarray(array) tells how RGBA is composited; BGRA is not guessed"
    if array.ndim == 3 and array.shape[0] == 3:
        return "; channels come last: array.transpose(1, 2, 0)"
    return ""
