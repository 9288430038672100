"""What things are made of: a table of looks by role, and the dice that draw from it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from leadline.render.materials import Colour, Finish, Material, Pattern
from leadline.render.shapes import Number, Rng

Choice = TypeVar("Choice")

_HUES: dict[str, tuple[float, float, float, float, float, float]] = {
    # hue from, to (turns), saturation from, to, brightness from, to (as shown)
    "white": (0.05, 0.15, 0.00, 0.10, 0.80, 0.97),
    "grey": (0.00, 1.00, 0.00, 0.08, 0.20, 0.80),
    "black": (0.00, 1.00, 0.00, 0.20, 0.08, 0.25),
    "pastel": (0.00, 1.00, 0.08, 0.30, 0.70, 0.95),
    "muted": (0.00, 1.00, 0.15, 0.45, 0.25, 0.75),
    "vivid": (0.00, 1.00, 0.60, 0.95, 0.45, 0.95),
    "wood": (0.04, 0.11, 0.30, 0.70, 0.25, 0.80),
    "earth": (0.05, 0.12, 0.15, 0.50, 0.25, 0.70),
    "sand": (0.08, 0.13, 0.15, 0.40, 0.55, 0.90),
    "brick": (0.01, 0.06, 0.35, 0.65, 0.35, 0.65),
    "green": (0.20, 0.36, 0.30, 0.75, 0.20, 0.60),
    "autumn": (0.03, 0.15, 0.50, 0.85, 0.35, 0.75),
    "skin": (0.03, 0.08, 0.30, 0.55, 0.35, 0.90),
    "denim": (0.57, 0.65, 0.25, 0.65, 0.20, 0.55),
    "food": (0.00, 0.20, 0.50, 0.90, 0.50, 0.95),
    "metal": (0.05, 0.14, 0.00, 0.15, 0.60, 0.90),
    "brass": (0.08, 0.13, 0.40, 0.65, 0.60, 0.85),
    "clear": (0.25, 0.60, 0.02, 0.12, 0.90, 0.98),
    "bottle": (0.10, 0.45, 0.30, 0.70, 0.50, 0.85),
}


@dataclass(frozen=True, slots=True)
class Look:
    """How the surfaces of a role vary."""

    hues: str
    """Families of `_HUES`, by name; one named twice is twice as likely."""
    patterns: tuple[Pattern, ...] = (Pattern.PLAIN,)
    scale: tuple[float, float] = (0.2, 0.6)
    """Metres a repetition, from and to."""
    contrast: float = 0.5
    """How far the second colour may lie from the first, 0 to 1."""
    finishes: tuple[Finish, ...] = (Finish.MATTE,)
    rough: tuple[float, float] = (0.1, 0.5)
    grain: tuple[float, float] = (0.03, 0.2)
    photo: float = 0.0
    """How often a photograph stands in, where there are any."""
    picture: bool = False
    """The photograph is shown as a picture; otherwise a part of it that could be a texture."""
    continuous: bool = False


P, F = Pattern, Finish
LOOKS: dict[str, Look] = {
    "wall": Look("white white pastel pastel muted grey", (P.PLAIN, P.PLAIN, P.PLAIN, P.CLOUDS, P.STRIPES,
        P.BRICKS, P.TILES, P.WEAVE),
                 (0.4, 1.2), 0.25, grain=(0.02, 0.12), photo=0.06, continuous=True),
    "tiled wall": Look("white pastel grey muted", (P.TILES,), (0.4, 1.2), 0.3, (F.GLOSSY, F.MATTE),
        continuous=True),
    "floor": Look("wood wood wood grey earth muted white", (P.PLANKS, P.PLANKS, P.TILES, P.CHECKS, P.WEAVE,
        P.MARBLE, P.SPECKLE), (0.6, 1.6),
                  0.4, (F.MATTE, F.MATTE, F.GLOSSY), (0.05, 0.3), photo=0.1, continuous=True),
    "ceiling": Look("white", (P.PLAIN, P.PLAIN, P.PLANKS, P.TILES), (1.2, 2.4), 0.1, grain=(0.0, 0.05),
        continuous=True),
    "rug": Look("muted vivid earth grey", (P.PLAID, P.STRIPES, P.CHECKS, P.WEAVE, P.FUR, P.DOTS,
        P.BLOTCHES), (0.2, 0.8), 0.8, photo=0.4,
                picture=True),
    "wood": Look("wood wood wood wood black white", (P.WOOD, P.WOOD, P.PLANKS, P.PLAIN), (0.15, 0.5), 0.35,
        (F.MATTE, F.GLOSSY), (0.1, 0.4)),
    "painted": Look("white white muted vivid black grey", (P.PLAIN,), (0.3, 0.6), 0.2, (F.MATTE, F.GLOSSY),
        grain=(0.01, 0.1)),
    "cloth": Look("muted muted vivid grey earth white black", (P.PLAIN, P.WEAVE, P.PLAID, P.STRIPES,
        P.DOTS, P.FUR, P.CLOUDS), (0.06, 0.3), 0.6,
                  photo=0.25),
    "metal": Look("metal metal metal brass black", (P.PLAIN,), (0.3, 0.6), 0.1, (F.METAL,), (0.05, 0.45),
        (0.0, 0.08)),
    "chrome": Look("metal", finishes=(F.METAL,), rough=(0.0, 0.08), grain=(0.0, 0.02)),
    "mirror": Look("clear", finishes=(F.MIRROR,), rough=(0.0, 0.0), grain=(0.0, 0.0)),
    "pane": Look("clear", finishes=(F.PANE,), rough=(0.0, 0.0), grain=(0.0, 0.0)),
    "glass": Look("clear clear bottle", finishes=(F.GLASS,), rough=(0.0, 0.0), grain=(0.0, 0.0)),
    "plastic": Look("vivid vivid muted white black", (P.PLAIN,), (0.1, 0.3), 0.3, (F.GLOSSY, F.MATTE),
        (0.05, 0.4), (0.0, 0.06)),
    "ceramic": Look("white pastel muted vivid earth", (P.PLAIN, P.PLAIN, P.STRIPES, P.DOTS, P.SPECKLE,
        P.MARBLE), (0.03, 0.12), 0.7,
                    (F.GLOSSY,), (0.02, 0.3), (0.0, 0.1)),
    "package": Look("vivid vivid white muted earth", (P.PLAIN, P.TEXT, P.STRIPES, P.CHECKS, P.BLOTCHES,
        P.DOTS), (0.1, 0.3), 0.9,
                    (F.MATTE, F.GLOSSY), photo=0.5, picture=True),
    "card": Look("earth sand", (P.PLAIN, P.TEXT), (0.3, 0.6), 0.2),
    "book": Look("vivid muted muted black white earth", (P.PLAIN, P.TEXT, P.STRIPES), (0.08, 0.25), 0.6,
        photo=0.15, picture=True),
    "page": Look("white white sand", (P.TEXT, P.PLAIN), (0.15, 0.3), 1.0, photo=0.4, picture=True),
    "picture": Look("muted vivid", (P.CLOUDS, P.BLOTCHES, P.MARBLE, P.CHECKS, P.STRIPES, P.TEXT), (0.3,
        0.8), 0.9, photo=0.9, picture=True),
    "screen": Look("black black denim", (P.PLAIN, P.TEXT), (0.3, 0.6), 0.6, (F.GLOSSY,), (0.02, 0.1), (0.0,
        0.05), photo=0.5, picture=True),
    "food": Look("food food green earth skin", (P.PLAIN, P.SPECKLE, P.CLOUDS, P.BLOTCHES, P.GRAVEL), (0.03,
        0.12), 0.4, (F.GLOSSY, F.MATTE),
                 (0.2, 0.5)),
    "leaf": Look("green green green green autumn", (P.CLOUDS,), (0.05, 0.2), 0.4, (F.LEAF,), grain=(0.1,
        0.4)),
    "petal": Look("vivid vivid white pastel", (P.PLAIN,), (0.05, 0.2), 0.3, (F.LEAF,)),
    "hedge": Look("green", (P.LEAFAGE,), (0.5, 1.2), 0.8, grain=(0.2, 0.5)),
    "bark": Look("earth grey wood", (P.FUR, P.WOOD, P.GRAVEL), (0.1, 0.5), 0.6, grain=(0.3, 0.6)),
    "grass": Look("green green green sand", (P.FUR, P.LEAFAGE, P.CLOUDS), (0.5, 2.0), 0.5, grain=(0.2,
        0.5), photo=0.1, continuous=True),
    "soil": Look("earth sand grey green", (P.GRAVEL, P.CLOUDS, P.BLOTCHES, P.SPECKLE), (0.5, 2.5), 0.4,
        grain=(0.2, 0.5), photo=0.1, continuous=True),
    "snow": Look("white", (P.CLOUDS,), (1.0, 4.0), 0.1, grain=(0.02, 0.1), continuous=True),
    "rock": Look("grey grey earth sand", (P.CLOUDS, P.MARBLE, P.BLOTCHES, P.SPECKLE), (0.3, 1.5), 0.5,
        grain=(0.2, 0.6), photo=0.1),
    "asphalt": Look("grey black", (P.SPECKLE, P.CLOUDS, P.PLAIN), (0.5, 2.0), 0.3, grain=(0.05, 0.3),
        continuous=True),
    "paving": Look("grey sand earth brick", (P.TILES, P.BRICKS, P.GRAVEL, P.CHECKS), (0.8, 2.4), 0.4,
        grain=(0.1, 0.3), continuous=True),
    "facade": Look("brick brick sand white pastel grey muted", (P.BRICKS, P.BRICKS, P.PLAIN, P.PLAIN,
        P.CLOUDS, P.TILES), (0.8, 2.4), 0.4,
                   grain=(0.05, 0.25), photo=0.08),
    "roof": Look("brick grey black earth", (P.TILES, P.BRICKS, P.STRIPES), (0.8, 1.6), 0.4, grain=(0.1, 0.3)),
    "paint": Look("grey white black vivid vivid muted", (P.PLAIN,), (1, 2), 0.0, (F.GLOSSY,), (0.02, 0.15),
        (0.0, 0.04)),
    "dark glass": Look("black", finishes=(F.GLOSSY,), rough=(0.0, 0.03), grain=(0.0, 0.02)),
    "rubber": Look("black", grain=(0.0, 0.1)),
    "skin": Look("skin", (P.CLOUDS,), (0.1, 0.3), 0.1, grain=(0.02, 0.08)),
    "hair": Look("black earth wood autumn grey", (P.FUR,), (0.05, 0.15), 0.3, grain=(0.1, 0.4)),
    "coat": Look("earth sand black white grey autumn", (P.FUR, P.FUR, P.BLOTCHES, P.CLOUDS), (0.2, 0.6),
        0.8, grain=(0.2, 0.5)),
    "shirt": Look("vivid muted white black pastel", (P.PLAIN, P.PLAIN, P.STRIPES, P.PLAID, P.DOTS,
        P.WEAVE), (0.06, 0.2), 0.7, photo=0.15),
    "trousers": Look("denim black grey earth sand", (P.WEAVE, P.PLAIN), (0.05, 0.15), 0.3),
    "marking": Look("white", (P.SPECKLE,), (0.5, 1.0), 0.3, grain=(0.1, 0.3)),
    "water": Look("denim green", (P.CLOUDS,), (1, 4), 0.3, (F.GLOSSY,), (0.0, 0.1), (0.02, 0.1)),
    "stone": Look("grey sand white", (P.MARBLE, P.SPECKLE, P.PLAIN), (0.3, 1.0), 0.3, (F.MATTE, F.GLOSSY),
        (0.1, 0.4)),
}  # fmt: skip
"""Role -> look."""


@dataclass(frozen=True, slots=True)
class Dice:
    """A random generator, and how many photographs a scene may use."""

    rng: Rng
    pictures: int = 0
    """Photographs to show whole; they come first."""
    textures: int = 0
    """Parts of photographs that could be textures."""

    def between(self, low: Number, high: Number) -> float:
        """Draw a number evenly."""
        return float(self.rng.uniform(low, high))

    def spread(self, low: Number, high: Number) -> float:
        """Draw a positive number so that every octave is as likely as another."""
        return math.exp(self.rng.uniform(math.log(low), math.log(high)))

    def normal(self, deviation: Number) -> float:
        """Draw around 0."""
        return float(self.rng.normal(0, deviation))

    def count(self, low: int, high: int) -> int:
        """Draw a whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, share: float) -> bool:
        """Return true so often."""
        return bool(self.rng.random() < share)

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Draw one of several."""
        return choices[int(self.rng.integers(len(choices)))]

    def turn(self) -> float:
        """Draw a direction in radians."""
        return float(self.rng.uniform(0, math.tau))

    def colour(self, family: str) -> tuple[float, float, float]:
        """Draw a reflectance of a family."""
        low, high, pale, strong, dark, bright = _HUES[family]
        hue, saturation = self.between(low, high) % 1, self.between(pale, strong)
        value = self.between(dark, bright)
        parts = (
            value * (1 - saturation * min(1, max(0, min(k, 4 - k))))
            for k in ((n + 6 * hue) % 6 for n in (5, 3, 1))
        )
        red, green, blue = (part**2.2 for part in parts)
        return red, green, blue

    def look(self, role: str) -> Material:
        """Draw a material for a role."""
        look = LOOKS[role]
        hues = look.hues.split()
        first = self.colour(self.pick(hues))
        near = _scaled(first, self.between(0.3, 1.5))
        target = self.colour(self.pick(hues)) if self.chance(0.4) else near
        second = blend(first, target, look.contrast * self.between(0.3, 1))
        pattern: Pattern | int = self.pick(look.patterns)
        if self.chance(look.photo) and (self.pictures if look.picture else self.textures):
            pattern = (
                self.count(0, self.pictures - 1)
                if look.picture
                else self.pictures + self.count(0, self.textures - 1)
            )
            shade = self.between(0.6, 1)
            first = second = (shade, shade, shade)
        return Material(
            pattern=pattern,
            colours=(first, second),
            scale=self.spread(*look.scale),
            angle=0.0
            if self.chance(0.6) or look.picture
            else self.pick((math.pi / 2, math.pi / 4, self.turn())),
            grain=self.between(*look.grain),
            finish=self.pick(look.finishes),
            roughness=self.between(*look.rough),
            continuous=look.continuous,
        )


def blend(first: Colour, second: Colour, share: float) -> tuple[float, float, float]:
    """Go from one colour to another by a share."""
    red, green, blue = (a + share * (b - a) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _scaled(colour: Colour, by: float) -> tuple[float, float, float]:
    red, green, blue = (min(part * by, 0.95) for part in colour)
    return red, green, blue
