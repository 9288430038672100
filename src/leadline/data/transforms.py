"""What moves picture, target and mask together."""

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from leadline.geometry import as_depth, as_disparity, fit_size
from leadline.types import Camera, Label, Sample, Size, Space, UnreadableError

Interpolation = Literal["cubic", "area"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """How a training picture is cut out of a sample."""

    size: int = 518
    """Height and width of the crop in pixels."""
    smallest: int | None = None
    """If given, height and width of a step's crops are drawn, each for itself and evenly: `size`, or less by
    multiples of what the network needs, down to this. A convolutional network that has seen one size alone is
    good at no other."""
    min_scale: float = 1.0
    """The crop covers between this share (0 to 1) and all of the short side, drawn evenly."""
    flip: float = 0.5
    """Share of the pictures that are mirrored left to right."""

    def __post_init__(self) -> None:
        """Refuse what no picture can be cut to."""
        if self.size < 1 or not 0 < self.min_scale <= 1 or not 0 <= self.flip <= 1:
            raise ValueError(f"crop: needs size >= 1, 0 < min_scale <= 1 and 0 <= flip <= 1, got {self}")
        if self.smallest is not None and not 1 <= self.smallest <= self.size:
            raise ValueError(f"crop.smallest: from 1 to size, {self.size}, got {self.smallest}")

    def draw(self, multiple: int, *, rng: np.random.Generator) -> Size:
        """Draw the size of a step's crops."""
        smallest = self.size if self.smallest is None else self.smallest
        sides = range(self.size, smallest - 1, -multiple)
        return Size(*(sides[rng.integers(len(sides))] for _ in range(2)))


def resize_picture(image: np.ndarray, size: Size, interpolation: Interpolation) -> np.ndarray:
    """Resize a picture; ``area`` falls back to bilinear where the picture grows."""
    if image.shape[:2] == size:
        return image
    shrinks = size.h < image.shape[0] and size.w < image.shape[1]
    method = cv2.INTER_CUBIC if interpolation == "cubic" else cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (size.w, size.h), interpolation=method)


def resize_for_network(image: np.ndarray, size: Size, interpolation: Interpolation) -> np.ndarray:
    """Resize a picture as networks were taught to see it: ``cubic`` neither rounds nor cuts.

    It runs in float64 and overshoots 0 to 255, and what lies beyond is kept, as the authors do
    (DepthAnything/Depth-Anything-V2, depth_anything_v2/dpt.py, image2tensor).
    """
    if interpolation != "cubic":
        return resize_picture(image, size, interpolation)
    channels = (image[..., channel].astype(np.float64) for channel in range(3))  # saves memory
    return np.stack([resize_picture(each, size, "cubic") for each in channels], axis=-1).astype(np.float32)


def require_usable(size: Size) -> None:
    """Refuse a picture so long and narrow that bringing its short side to a network would fill the memory.

    Raises:
        UnreadableError: where one side is more than 50 times the other.
    """
    if max(size) > 50 * min(size):
        raise UnreadableError(f"a picture of {size} is too narrow: at most 1 to 50 can be used")


def resize(sample: Sample, size: Size, interpolation: Interpolation) -> Sample:
    """Resize the picture smoothly, and label and mask to the nearest pixel, so that no value is invented."""
    label = sample.label
    if label is not None:
        values, valid = (
            cv2.resize(channel, (size.w, size.h), interpolation=cv2.INTER_NEAREST_EXACT)
            for channel in (label.values, label.valid.view(np.uint8))
        )
        label = replace(label, values=values, valid=valid.view(np.bool_))
    camera = sample.camera
    if camera is not None:
        y, x = size.h / sample.size.h, size.w / sample.size.w
        cx, cy = (camera.cx + 0.5) * x - 0.5, (camera.cy + 0.5) * y - 0.5  # 0 is the first pixel's centre
        camera = Camera(fx=camera.fx * x, fy=camera.fy * y, cx=cx, cy=cy)
    image = resize_picture(sample.image, size, interpolation)
    return replace(sample, image=image, label=label, camera=camera)


def crop(sample: Sample, *, top: int, left: int, size: Size) -> Sample:
    """Cut a window out of picture, label and mask, and move the camera's centre along."""
    rows, columns = slice(top, top + size.h), slice(left, left + size.w)
    label = sample.label
    if label is not None:
        label = replace(label, values=label.values[rows, columns], valid=label.valid[rows, columns])
    camera = sample.camera
    if camera is not None:
        camera = replace(camera, cx=camera.cx - left, cy=camera.cy - top)
    return replace(sample, image=sample.image[rows, columns], label=label, camera=camera)


def flip(sample: Sample) -> Sample:
    """Mirror picture, label, mask and camera left to right.

    As copies: OpenCV and NumPy read a view that runs backwards ten times as slowly, whenever they meet it.
    """
    label = sample.label
    if label is not None:
        values, valid = cv2.flip(label.values, 1), cv2.flip(label.valid.view(np.uint8), 1).view(np.bool_)
        label = replace(label, values=values, valid=valid)
    camera = sample.camera
    if camera is not None:
        camera = replace(camera, cx=sample.size.w - 1 - camera.cx)
    return replace(sample, image=cv2.flip(sample.image, 1), label=label, camera=camera)


def cut_out(
    sample: Sample,
    config: Crop,
    interpolation: Interpolation,
    *,
    size: Size | None = None,
    rng: np.random.Generator,
) -> Sample:
    """Resize so that the picture holds the crop, cut it out at random, and mirror it at random.

    The crop is a square of `config.size`, or as `size` says.

    Source: Depth Anything V1, section 6 (short side 518, aspect kept, random crop); MiDaS, section 6.

    Raises:
        UnreadableError: as `require_usable`.
    """
    require_usable(sample.size)
    size = size or Size(config.size, config.size)
    scale = rng.uniform(config.min_scale, 1)
    target = Size(*(round(side / scale) for side in size))
    sample = resize(sample, fit_size(sample.size, target, multiple=1, bound="lower"), interpolation)
    top, left = (int(rng.integers(have - side + 1)) for have, side in zip(sample.size, size, strict=True))
    sample = crop(sample, top=top, left=left, size=size)
    return flip(sample) if rng.random() < config.flip else sample


def unit_range(label: Label) -> Label:
    """Bring a label to affine disparity from 0 to 1 over its valid pixels; pixels outside become 0.

    Constants between datasets cancel. The minimum runs over valid pixels only, where the circulating code
    lets masked zeros in. Source: Depth Anything V1, section 3.1; MiDaS, issue 16 (the author).
    """
    label = as_disparity(label)
    valid = label.valid & np.isfinite(label.values)
    seen = label.values[valid]
    low, high = (seen.min(), seen.max()) if seen.size else (0, 0)
    values = np.zeros_like(label.values)
    values[valid] = (seen - low) / (high - low if high > low else 1)
    return Label(values=values, valid=valid, space=Space.AFFINE_DISPARITY)


def metres(label: Label, *, nearest: float, farthest: float) -> Label:
    """Bring a label to metres, valid only from `nearest` to `farthest`; pixels outside become 0.

    Sky, infinitely far, is outside. Source: Depth Anything V2, metric_depth/train.py, whose bounds count too.

    Raises:
        LeadlineError: for affine disparity, which has no metres.
    """
    depth = as_depth(label.values, label.space)
    valid = label.valid & (depth >= nearest) & (depth <= farthest)
    return Label(values=np.where(valid, depth, np.float32(0)), valid=valid, space=Space.DEPTH)
