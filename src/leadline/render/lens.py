"""What a camera makes of light: focus, shake, exposure, colour, noise, and a file."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from leadline.render.palette import Dice

Light = Float32[np.ndarray, "h w 3"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """The imperfections of one picture. Lengths are shares of its longer side."""

    brightness: float
    """Mean of the finished picture, 0 to 1."""
    contrast: float
    """Steepness of the tone curve; 1 only saturates softly."""
    tint: tuple[float, float, float]
    """What white comes out as."""
    saturation: float
    vignette: float
    """Share of light lost in the corners."""
    focus: float
    """Disparity that is sharp, in 1 / metres."""
    aperture: float
    """Blur of a point whose disparity is 1 / metre off the focus; 0 is sharp everywhere."""
    shake: float
    """Length of the streak that the camera's turn draws; 0 is a steady hand."""
    shake_angle: float
    softness: float
    """Blur of everything."""
    fringe: float
    """How much larger red comes out than blue."""
    grain: float
    """Noise of the darkest part, as a share of white; light has its own on top."""
    jpeg: int
    """Quality of the file, 1 to 100; above 97 none is made."""


PERFECT = Lens(
    brightness=0.45,
    contrast=1.0,
    tint=(1.0, 1.0, 1.0),
    saturation=1.0,
    vignette=0.0,
    focus=0.0,
    aperture=0.0,
    shake=0.0,
    shake_angle=0.0,
    softness=0.0,
    fringe=0.0,
    grain=0.0,
    jpeg=100,
)
"""A camera without faults: only exposure and a soft shoulder."""


def draw_lens(dice: Dice, disparity: Float32[np.ndarray, "h w"]) -> Lens:
    """Draw what a picture suffers from: always a little, now and then much."""
    warm, green = dice.normal(0.08), dice.normal(0.03)
    h, w = disparity.shape
    return Lens(
        brightness=float(np.clip(0.48 + dice.normal(0.09), 0.25, 0.75)),
        contrast=dice.between(0.9, 1.5),
        tint=(math.exp(warm), math.exp(green), math.exp(-warm)),
        saturation=dice.between(0.75, 1.25),
        vignette=dice.between(0, 0.35) if dice.chance(0.5) else 0.0,
        focus=float(disparity[dice.count(h // 3, 2 * h // 3), dice.count(w // 3, 2 * w // 3)]),
        aperture=dice.spread(0.001, 0.012) if dice.chance(0.4) else 0.0,
        shake=dice.spread(0.002, 0.012) if dice.chance(0.2) else 0.0,
        shake_angle=dice.turn(),
        softness=dice.between(0, 0.003) if dice.chance(0.5) else 0.0,
        fringe=dice.between(0, 0.004) if dice.chance(0.25) else 0.0,
        grain=dice.spread(0.0003, 0.008),
        jpeg=dice.count(55, 97),
    )


def develop(
    light: Light, disparity: Float32[np.ndarray, "h w"], lens: Lens, *, rng: np.random.Generator
) -> UInt8[np.ndarray, "h w 3"]:
    """Turn linear light into a picture as `lens` would."""
    side = max(light.shape[:2])
    light = _focused(np.ascontiguousarray(light, np.float32), disparity, lens, side=side)
    if lens.shake * side > 1:
        light = cv2.filter2D(
            light, -1, _streak(lens.shake * side, lens.shake_angle), borderType=cv2.BORDER_REPLICATE
        )
    if lens.softness * side > 0.2:
        light = cv2.GaussianBlur(light, (0, 0), lens.softness * side)
    if lens.fringe:
        light = _fringed(light, lens.fringe)
    light = light * np.asarray(lens.tint, np.float32) * _vignette(light.shape[:2], lens.vignette)
    light = light * np.float32(_exposure(light, lens))
    if lens.grain:
        deviation = np.sqrt(lens.grain**2 + 0.3 * lens.grain * np.clip(light, 0, 4)).astype(np.float32)
        light = light + deviation * rng.standard_normal(light.shape, np.float32)
    shown = _toned(np.clip(light, 0, None), lens.contrast)
    grey = shown @ np.asarray([0.3, 0.59, 0.11], np.float32)
    shown = grey[..., None] + np.float32(lens.saturation) * (shown - grey[..., None])
    picture = (np.clip(shown, 0, 1) * 255 + 0.5).astype(np.uint8)
    return picture if lens.jpeg > 97 else _compressed(picture, lens.jpeg)


def _focused(light: Light, disparity: Float32[np.ndarray, "h w"], lens: Lens, *, side: int) -> Light:
    """Blur by the distance from the focus, layer by layer; what is in focus keeps its edges."""
    blur = lens.aperture * side * np.abs(np.minimum(disparity, 8) - min(lens.focus, 8))
    if blur.max() < 0.7:
        return light
    result, done = light, 0.0
    for radius in (0.7, 1.4, 2.8, 5.6):
        if blur.max() < radius:
            break
        part = np.clip((blur - done) / (radius - done), 0, 1).astype(np.float32)
        share = cv2.GaussianBlur(part, (0, 0), radius)
        soft = cv2.GaussianBlur(light * part[..., None], (0, 0), radius) / (share[..., None] + 1e-3)
        result = result + part[..., None] * (soft - result)
        done = radius
    return result.astype(np.float32)


def _streak(length: float, angle: float) -> Float32[np.ndarray, "k k"]:
    reach = math.ceil(length / 2)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for along in np.linspace(-length / 2, length / 2, 8 * reach + 1):
        y, x = reach + along * math.sin(angle), reach + along * math.cos(angle)
        i, j = min(int(y), 2 * reach - 1), min(int(x), 2 * reach - 1)
        s, t = y - i, x - j
        kernel[i : i + 2, j : j + 2] += np.outer([1 - s, s], [1 - t, t])
    kernel /= kernel.sum()
    return kernel


def _fringed(light: Light, fringe: float) -> Light:
    """Draw red and blue at slightly different sizes."""
    h, w = light.shape[:2]
    channels = []
    for channel, zoom in ((0, 1 + fringe), (1, 1.0), (2, 1 - fringe)):
        grown = np.array([[zoom, 0, (1 - zoom) * (w - 1) / 2], [0, zoom, (1 - zoom) * (h - 1) / 2]])
        plane = np.ascontiguousarray(light[..., channel])
        channels.append(
            cv2.warpAffine(plane, grown, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        )
    return np.stack(channels, 2)


def _vignette(size: tuple[int, int], lost: float) -> Float32[np.ndarray, "h w 1"]:
    h, w = size
    y, x = np.ogrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    kept: Float32[np.ndarray, "h w 1"] = (1 - lost * ((x * x + y * y) / 2) ** 1.5)[..., None].astype(
        np.float32
    )
    return kept


def _exposure(light: Light, lens: Lens) -> float:
    """Factor that gives the finished picture its mean."""
    probe = light[::3, ::3].reshape(-1, 3)
    low, high = -32.0, 32.0
    for _ in range(28):
        middle = (low + high) / 2
        dark = float(_toned(probe * np.float32(2**middle), lens.contrast).mean()) < lens.brightness
        low, high = (middle, high) if dark else (low, middle)
    return float(2**low)


def _toned(light: Float32[np.ndarray, "*n 3"], contrast: float) -> Float32[np.ndarray, "*n 3"]:
    """Tone curve: straight in the shadows, saturating in the lights, steeper in the middle; then gamma."""
    shown = (1 - np.exp(-1.2 * light)) ** np.float32(1 / 2.2)
    bent = shown**contrast / (shown**contrast + (1 - shown) ** contrast + 1e-6)
    return np.asarray(bent, np.float32)


def _compressed(picture: UInt8[np.ndarray, "h w 3"], quality: int) -> UInt8[np.ndarray, "h w 3"]:
    _, data = cv2.imencode(
        ".jpg", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.ascontiguousarray(decoded[..., ::-1])
