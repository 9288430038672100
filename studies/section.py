"""A document's section that a study writes anew, and the paragraphs and tables in it."""

import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

from leadline.storage import write_atomic


def replace_section(document: Path, text: str) -> None:
    """Put `text`, which begins with its heading, in the place of that heading's section, or at the end."""
    heading = text.partition("\n")[0]
    before = document.read_text(encoding="utf-8")
    section = re.compile(rf"^{re.escape(heading)}\n.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    text = text.rstrip() + "\n\n"
    after = section.sub(lambda _: text, before) if section.search(before) else f"{before.rstrip()}\n\n{text}"
    write_atomic(document, after.rstrip() + "\n")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Set a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines)


def wrapped(text: str) -> str:
    """Set a paragraph; line breaks in `text` mean nothing."""
    return fill(" ".join(text.split()), 118, break_on_hyphens=False)
