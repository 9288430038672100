"""A self-contained page: pictures, curves and tables in one file that opens offline."""

import base64
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from jaxtyping import UInt8

from leadline.data.files import encode_jpeg

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
body { color: #222 }
h1 { margin-bottom: 0 } h2 { margin-top: 2.5rem }
table { border-collapse: collapse }
th, td { padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left }
.rows { display: grid; gap: .4rem } .rows img { width: 100%; display: block }
.rows b { font-weight: 600 } figure { margin: 0 } figcaption { color: #666; font-size: .85rem }
svg { width: 100%; max-width: 40rem } p { max-width: 45rem }
@media (prefers-color-scheme: dark) {
  body { background: #181818; color: #ddd } th, td { border-color: #444 }
}
"""
_COLOURS = ("#c0392b", "#2471a3", "#229954", "#b9770e", "#7d3c98")


def page(title: str, sections: Sequence[str]) -> str:
    """Put sections of HTML into a page."""
    body = "\n".join(sections)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n{body}</body></html>\n"
    )


def section(title: str, *parts: str) -> str:
    """Head some HTML with a title."""
    return f"<h2>{escape(title)}</h2>\n" + "\n".join(parts)


def paragraph(text: str) -> str:
    """Set plain text."""
    return f"<p>{escape(text)}</p>"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Set a table of plain text."""

    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return f"<table>{line(header, 'th')}{''.join(line(row, 'td') for row in rows)}</table>"


def gallery(header: Sequence[str], rows: Sequence[tuple[str, Sequence[UInt8[np.ndarray, "_h _w 3"]]]]) -> str:
    """Set rows of pictures side by side, each row with a caption, below a heading for every column."""
    cells = [f"<b>{escape(name)}</b>" for name in header]
    for caption, pictures in rows:
        cells += [
            f'<figure><img alt="{escape(caption)}" src="{_data(picture)}"></figure>' for picture in pictures
        ]
        cells.append(f'<figcaption style="grid-column: 1 / -1">{escape(caption)}</figcaption>')
    columns = f"grid-template-columns: repeat({len(header)}, 1fr)"
    return f'<div class="rows" style="{columns}">{"".join(cells)}</div>'


def curves(series: Mapping[str, Sequence[tuple[float, float]]], *, label: str) -> str:
    """Draw lines over steps, on a logarithmic axis; points that are not positive numbers are left out."""
    kept = {name: [(x, y) for x, y in points if 0 < y < np.inf] for name, points in series.items()}
    kept = {name: points for name, points in kept.items() if points}
    if not kept:
        return paragraph(f"{label}: nothing to draw")
    xs = [x for points in kept.values() for x, _ in points]
    logs = [np.log10(y) for points in kept.values() for _, y in points]
    low, high = min(logs), max(max(logs), min(logs) + 1e-9)
    right = max(*xs, 1)

    def place(x: float, y: float) -> str:
        return f"{50 + 540 * x / right:.1f},{230 - 210 * (np.log10(y) - low) / (high - low):.1f}"

    lines = []
    for number, (name, points) in enumerate(kept.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(place(x, y) for x, y in points)
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{path}"/>')
        lines.append(f'<text x="{60 + 110 * number}" y="262" fill="{colour}">{escape(name)}</text>')
    axis = '<path d="M50 20V230H590" fill="none" stroke="#888"/>'
    marks = "".join(
        f'<text x="{x}" y="{y}" fill="#888" text-anchor="end">{escape(text)}</text>'
        for x, y, text in (
            (45, 26, f"{10**high:.2g}"),
            (45, 230, f"{10**low:.2g}"),
            (590, 246, f"{right:.0f} steps"),
        )
    )
    return (
        f'<figure><svg viewBox="0 0 600 270" font-size="12" role="img" aria-label="{escape(label)}">'
        f"{axis}{marks}{''.join(lines)}</svg><figcaption>{escape(label)}</figcaption></figure>"
    )


def bars(counts: Sequence[float], *, label: str) -> str:
    """Draw a histogram."""
    top, width = max([*counts, 1e-9]), 540 / max(len(counts), 1)
    drawn = "".join(
        f'<rect x="{50 + width * number:.1f}" y="{130 - 110 * count / top:.1f}" width="{0.9 * width:.1f}" '
        f'height="{110 * count / top:.1f}" fill="{_COLOURS[1]}"/>'
        for number, count in enumerate(counts)
    )
    return (
        f'<figure><svg viewBox="0 0 600 140" role="img" aria-label="{escape(label)}">{drawn}</svg>'
        f"<figcaption>{escape(label)}</figcaption></figure>"
    )


def _data(picture: UInt8[np.ndarray, "h w 3"]) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(picture, quality=85)).decode()
