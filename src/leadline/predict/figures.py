"""Maps as pictures that people can look at."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageDraw, ImageFont

from leadline.data.transforms import resize_picture
from leadline.types import Prediction, Size, Space

Picture = UInt8[np.ndarray, "_h _w 3"]

LONGEST = 1920
"""Longer side of a map or picture in a figure, at most: what a screen shows."""
_INK = (40, 40, 40)


def limits(nearness: Float32[np.ndarray, "h w"]) -> tuple[float, float]:
    """Return the values that are darkest and brightest: 1st and 99th percentile.

    Single pixels do not spend the colours.
    """
    low, high = np.percentile(nearness, (1, 99))
    return float(low), float(high)


def colourise(nearness: Float32[np.ndarray, "h w"], *, between: tuple[float, float] | None = None) -> Picture:
    """Colour a map that grows towards the camera: near is bright, far is dark, `limits` are `between`."""
    low, high = limits(nearness) if between is None else between
    scaled = np.clip((nearness - low) / (high - low if high > low else 1), 0, 1)
    coloured = cv2.applyColorMap((255 * scaled).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return np.ascontiguousarray(coloured[..., ::-1])


def montage(pictures: Sequence[Picture], *, columns: int, tile: Size) -> Picture:
    """Lay pictures out in rows, each scaled into a tile, its aspect kept, on white."""
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * tile.h, columns * tile.w, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        scale = min(tile.h / picture.shape[0], tile.w / picture.shape[1])
        h, w = (max(1, int(side * scale)) for side in picture.shape[:2])
        top, left = (number // columns) * tile.h, (number % columns) * tile.w
        sheet[top : top + h, left : left + w] = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
    return sheet


def shown_size(size: Size) -> Size:
    """Size at which a picture of `size` stands in a figure: its own, or what `LONGEST` leaves of it."""
    scale = min(1.0, LONGEST / max(size))
    return Size(*(max(1, round(scale * side)) for side in size))


def colour_picture(prediction: Prediction) -> Picture:
    """Draw a map in colours, with a bar that tells near from far, and how far where the space knows."""
    return _figure([], prediction)


def side_by_side(picture: Picture, prediction: Prediction) -> Picture:
    """Draw the picture, its map in colours, and the bar."""
    return _figure([picture], prediction)


def _figure(before: Sequence[Picture], prediction: Prediction) -> Picture:
    nearness = prediction.values
    if prediction.space is Space.DEPTH:
        nearness = 1 / np.maximum(nearness, np.float32(1e-6))  # infinitely far becomes 0
    size = shown_size(Size(*nearness.shape))
    if size != nearness.shape:
        nearness = cv2.resize(nearness, (size.w, size.h), interpolation=cv2.INTER_AREA)
    between = limits(nearness)
    panels = [resize_picture(picture, size, "area") for picture in before]
    panels.append(colourise(nearness, between=between))
    height = max(size.h, 160)  # what the bar's words need
    gap = np.full((height, max(2, height // 100), 3), 255, np.uint8)
    bar = _bar(height, prediction.space, None if prediction.space is Space.AFFINE_DISPARITY else between)
    parts = [part for panel in panels for part in (_on_white(panel, height), gap)]
    return np.hstack([*parts, bar])


def _on_white(picture: Picture, height: int) -> Picture:
    above = (height - picture.shape[0]) // 2
    rows = (above, height - picture.shape[0] - above)
    return np.pad(picture, (rows, (0, 0), (0, 0)), constant_values=255)


@lru_cache(maxsize=64)  # a folder's pictures are mostly of a few sizes
def _bar(height: int, space: Space, between: tuple[float, float] | None) -> Picture:
    """Draw the scale of colours from near (above) to far, with numbers where the space has a unit."""
    text = min(max(height // 26, 11), 36)
    font, small = (ImageFont.load_default(size) for size in (text, 0.85 * text))
    top, bottom, left, right = 2 * text, height - 2 * text, text // 2, 2 * text
    ticks = [] if between is None else list(np.linspace(between[1], between[0], 5))
    sheet = Image.new("RGB", (round((6.6 if ticks else 4.2) * text), height), "white")
    draw = ImageDraw.Draw(sheet)
    ramp = np.repeat(np.linspace(1, 0, bottom - top, dtype=np.float32)[:, None], right - left, axis=1)
    sheet.paste(Image.fromarray(colourise(ramp, between=(0, 1))), (left, top))
    draw.text((left, top - text // 2), "near", fill=_INK, font=font, anchor="ls")
    draw.text((left, bottom + text // 3), "far", fill=_INK, font=font, anchor="lt")
    for number, value in enumerate(ticks):
        y = round(top + number / 4 * (bottom - 1 - top))
        draw.line((right, y, right + text // 4, y), fill=_INK, width=max(1, text // 12))
        draw.text((right + text // 2, y), _number(value, space), fill=_INK, font=small, anchor="lm")
    what = {
        Space.DEPTH: "depth in metres",
        Space.DISPARITY: "disparity in 1/metres",
        Space.AFFINE_DISPARITY: "affine disparity, no unit",
    }[space]
    length = round(small.getlength(what))
    line = Image.new("RGB", (length + 2, round(1.4 * text)), "white")
    ImageDraw.Draw(line).text((1, line.height // 2), what, fill=_INK, font=small, anchor="lm")
    if length < bottom - top:
        place = (sheet.width - line.height - text // 4, (top + bottom - length) // 2)
        sheet.paste(line.rotate(90, expand=True), place)
    return np.asarray(sheet)


def _number(nearness: float, space: Space) -> str:
    if space is Space.DEPTH:
        nearness = 1 / nearness if nearness > 0 else np.inf
    return "∞" if np.isinf(nearness) else f"{nearness:.2g}" if nearness < 99.5 else f"{nearness:.0f}"
