"""Maps as pictures that people can look at."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from leadline.types import Size

Picture = UInt8[np.ndarray, "_h _w 3"]


def colourise(nearness: Float32[np.ndarray, "h w"]) -> Picture:
    """Colour a map that grows towards the camera: near is bright, far is dark.

    Colours run from the 1st to the 99th percentile, so single pixels do not spend them.
    """
    low, high = np.percentile(nearness, (1, 99))
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
