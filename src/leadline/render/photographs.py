"""Photographs as textures: read from a folder, cut to squares, some whole and some for their texture."""

import hashlib
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from leadline.render.materials import SIDE
from leadline.types import LeadlineError

_CONTRAST = 0.6  # of textures: a photograph is contrastier than a wall
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})


@lru_cache(maxsize=8)
def list_files(folder: Path, *suffixes: str) -> tuple[Path, ...]:
    """List the files below a folder that end in one of `suffixes`, pictures where none is given, by name.

    Raises:
        LeadlineError: where there are none.
    """
    wanted = frozenset(suffixes) or _SUFFIXES
    files = tuple(
        sorted(path for path in folder.rglob("*") if path.suffix.lower() in wanted and path.is_file())
    )
    if not files:
        raise LeadlineError(f"{folder} holds no file that ends in {', '.join(sorted(wanted))}")
    return files


def fingerprint(folder: Path, files: tuple[Path, ...]) -> str:
    """Tell a folder by its name and those and the sizes of its files, wherever it lies."""
    told = [f"{path.relative_to(folder).as_posix()} {path.stat().st_size}" for path in files]
    digest = hashlib.sha256("\n".join(told).encode(errors="surrogateescape")).hexdigest()
    return f"{folder.name}, {len(files)} files, {digest[:16]}"


def draw_photographs(
    files: tuple[Path, ...], *, pictures: int, textures: int, rng: np.random.Generator
) -> Float32[np.ndarray, "n s s 3"]:
    """Draw squares of photographs as linear light: first whole ones, then those for their texture."""
    drawn = [_whole(_read(files, rng), rng) for _ in range(pictures)]
    drawn += [_texture(_read(files, rng), rng) for _ in range(textures)]
    return np.stack(drawn)


def decode(data: bytes, how: int) -> np.ndarray | None:
    """Decode a picture as OpenCV's flags `how` say; None where it cannot be, or claims to be too large."""
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), how) if data else None
    except cv2.error:
        return None


def _read(files: tuple[Path, ...], rng: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """Read a photograph, another one where that cannot be."""
    for _ in range(20):
        path = files[rng.integers(len(files))]
        picture = decode(path.read_bytes(), cv2.IMREAD_COLOR)
        if picture is not None and min(picture.shape[:2]) >= 16:
            return np.ascontiguousarray(picture[..., ::-1])
    raise LeadlineError(
        f"20 photographs in a row cannot be read, {path} the last: give a folder with whole pictures"
    )


def _square(
    picture: UInt8[np.ndarray, "h w 3"], share: float, rng: np.random.Generator
) -> Float32[np.ndarray, "s s 3"]:
    h, w = picture.shape[:2]
    side = max(8, int(min(h, w) * share))
    top, left = int(rng.integers(h - side + 1)), int(rng.integers(w - side + 1))
    cut = cv2.resize(
        picture[top : top + side, left : left + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA
    )
    return (cut.astype(np.float32) / 255) ** np.float32(2.2)


def _whole(picture: UInt8[np.ndarray, "h w 3"], rng: np.random.Generator) -> Float32[np.ndarray, "s s 3"]:
    return _square(picture, 1.0, rng)


def _texture(picture: UInt8[np.ndarray, "h w 3"], rng: np.random.Generator) -> Float32[np.ndarray, "s s 3"]:
    """Choose of some cuts the most even one, mirror it so that it repeats, and make it even."""
    cuts = [_square(picture, share, rng) for share in rng.uniform(0.2, 0.6, 6)]
    best = min(cuts, key=lambda cut: float(cv2.resize(cut, (4, 4), interpolation=cv2.INTER_AREA).std()))
    wide = cv2.GaussianBlur(best, (0, 0), SIDE / 5)
    even = best / (wide + 0.02) * wide.mean((0, 1))
    even = np.clip(_CONTRAST * even + (1 - _CONTRAST) * even.mean((0, 1)), 0, 1)
    small = cv2.resize(even, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
    row = np.concatenate([small, small[:, ::-1]], 1)
    return np.concatenate([row, row[::-1]], 0)
