"""What makes the student's pictures hard while its labels stay those of the clean picture.

Depth Anything V1, section 3.2: colour jitter, Gaussian blur, then CutMix with probability 0.5. Its strengths
are not in the paper; the author points at UniMatch (LiheYoung/Depth-Anything issue 240), whose values
(dataset/transform.py, and ColorJitter as the semi-supervised field uses it) are the defaults here.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from leadline.types import Size

_LUMA = np.array([0.299, 0.587, 0.114])
_GREY = np.tile(_LUMA, (3, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbation:
    """How strongly pictures are disturbed; all zeros leave them alone."""

    jitter: float = 0.8
    """Share of the pictures whose colours are jittered."""
    brightness: float = 0.5
    """Colours are multiplied by 1 plus or minus up to this."""
    contrast: float = 0.5
    """Contrast is multiplied by 1 plus or minus up to this."""
    saturation: float = 0.5
    """Saturation is multiplied by 1 plus or minus up to this."""
    hue: float = 0.25
    """Hue turns by up to this share of the colour circle, either way."""
    grey: float = 0.2
    """Share of the pictures turned grey."""
    blur: float = 0.5
    """Share of the pictures blurred, with a deviation of 0.1 to 2 pixels."""
    cutmix: float = 0.5
    """Share of the pictures that get a rectangle of another one, 2 to 40 % of the area."""

    def __post_init__(self) -> None:
        """Refuse shares outside 0..1, and strengths below 0."""
        for name in ("jitter", "grey", "blur", "cutmix"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"perturb.{name}: a share of the pictures is 0 to 1, got {getattr(self, name)}"
                )
        for name in ("brightness", "contrast", "saturation", "hue"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"perturb.{name}: a strength is 0 or more, got {getattr(self, name)}")


NONE = Perturbation(jitter=0, grey=0, blur=0, cutmix=0)


def distort(image: np.ndarray, config: Perturbation, *, rng: np.random.Generator) -> np.ndarray:
    """Jitter, grey and blur an RGB picture.

    Brightness, contrast, saturation, hue and grey are one affine map of the colours, so the picture is
    touched once and clipped once.
    """
    jittered, greyed, blurred = rng.random(3) < (config.jitter, config.grey, config.blur)
    strengths, sigma = rng.uniform(-1, 1, size=4), rng.uniform(0.1, 2)
    colours = np.eye(3, 4)
    if jittered:
        colours = _jitter(image, config, strengths)
    if greyed:
        colours = _GREY @ colours
    if jittered or greyed:
        image = cv2.transform(image, colours)
    return cv2.GaussianBlur(image, (0, 0), sigma) if blurred else image


def _jitter(image: np.ndarray, config: Perturbation, strengths: np.ndarray) -> np.ndarray:
    """Compose the affine map (3 x 4) of one draw of brightness, contrast, saturation and hue."""
    spread = (config.brightness, config.contrast, config.saturation)
    brightness, contrast, saturation = 1 + strengths[:3] * spread
    # Hue turns colours about the grey axis (Rodrigues' formula), which keeps greys grey.
    angle = 2 * np.pi * config.hue * strengths[3]
    axis = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turn = np.eye(3) + np.sin(angle) * axis + (1 - np.cos(angle)) * (axis @ axis)
    linear = brightness * contrast * turn @ (saturation * np.eye(3) + (1 - saturation) * _GREY)
    pivot = brightness * (1 - contrast) * (_LUMA @ cv2.mean(image)[:3])
    return np.hstack([linear, np.full((3, 1), pivot)])


def cutmix_box(size: Size, *, rng: np.random.Generator) -> tuple[slice, slice]:
    """Draw the rectangle that CutMix takes from another picture: rows and columns.

    Area 2 to 40 % of the picture, sides in a ratio of 0.3 to 1 / 0.3 (UniMatch, which draws again where a
    side does not fit; ours is cut to the picture's).
    """
    area = rng.uniform(0.02, 0.4) * size.h * size.w
    ratio = rng.uniform(0.3, 1 / 0.3)
    h, w = (min(int(np.sqrt(area * r)), side) for r, side in zip((ratio, 1 / ratio), size, strict=True))
    h, w = max(h, 1), max(w, 1)
    top, left = int(rng.integers(size.h - h + 1)), int(rng.integers(size.w - w + 1))
    return slice(top, top + h), slice(left, left + w)
