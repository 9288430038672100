"""A plot of dots and intervals, as a small SVG that is legible on white and on black."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_TEXT, _DOT = "#7d8590", "#2f81f7"  # enough contrast with either
_LEFT, _WIDTH, _TOP, _ROW = 190, 250, 44, 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A value with its interval, and the single values it is the mean of."""

    value: float
    low: float
    high: float
    singles: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A column of the plot; a row without a dot is the reference, at zero."""

    title: str
    dots: Sequence[Dot | None]


def draw(rows: Sequence[str], panels: Sequence[Panel], *, label: str) -> str:
    """Draw panels side by side over the same rows, each on its own axis around zero."""
    bottom = _TOP + _ROW * len(rows)
    width, height = _LEFT + _WIDTH * len(panels), bottom + 26
    names = "".join(
        f'<text x="{_LEFT - 14}" y="{_middle(number) + 4}" text-anchor="end">{escape(name)}</text>'
        for number, name in enumerate(rows)
    )
    drawn = "".join(
        _panel(panel, left=_LEFT + _WIDTH * number, bottom=bottom) for number, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="system-ui, sans-serif" font-size="13" fill="{_TEXT}" role="img" '
        f'aria-label="{escape(label)}">\n{names}{drawn}</svg>\n'
    )


def _panel(panel: Panel, *, left: int, bottom: int) -> str:
    dots = [dot for dot in panel.dots if dot is not None]
    reach = max((abs(x) for dot in dots for x in (dot.low, dot.high, *dot.singles)), default=0.0) or 1.0
    half = _WIDTH / 2 - 18
    centre = left + _WIDTH / 2

    def place(value: float) -> str:
        return f"{centre + half * value / reach:.1f}"

    parts = [
        f'<text x="{centre}" y="18" text-anchor="middle" font-weight="600">{escape(panel.title)}</text>',
        f'<path d="M{centre} {_TOP - 10}V{bottom}" stroke="{_TEXT}" stroke-dasharray="3 3"/>',
        *(
            f'<text x="{place(at)}" y="{bottom + 16}" text-anchor="{anchor}">{at:+.2g}</text>'
            for at, anchor in ((-reach, "start"), (reach, "end"))
        ),
        f'<text x="{centre}" y="{bottom + 16}" text-anchor="middle">0</text>',
    ]
    for number, dot in enumerate(panel.dots):
        y = _middle(number)
        if dot is None:
            parts.append(f'<circle cx="{centre}" cy="{y}" r="4" fill="{_TEXT}"/>')
            continue
        parts += [
            f'<path d="M{place(dot.low)} {y}H{place(dot.high)}" stroke="{_DOT}" stroke-width="2"/>',
            f'<circle cx="{place(dot.value)}" cy="{y}" r="5" fill="{_DOT}"/>',
            *(f'<circle cx="{place(x)}" cy="{y}" r="3" fill="none" stroke="{_TEXT}"/>' for x in dot.singles),
        ]
    return "\n".join(parts) + "\n"


def _middle(number: int) -> int:
    return _TOP + _ROW * number + _ROW // 2
