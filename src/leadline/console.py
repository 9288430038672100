"""What a person sees while something runs: messages and progress, on standard error."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)

Tick = Callable[[str], None]
"""Call it once for every item that is done, with a short note on how it goes."""


@contextmanager
def progress(title: str, *, total: int, done: int = 0, quiet: bool = False) -> Iterator[Tick]:
    """Show how far a long work is, and an estimate of what is left.

    A terminal gets a bar; a file or a pipe gets a line about every half minute. `done` items were finished
    by an earlier run and do not count for the estimate.
    """
    if quiet:
        yield lambda note: None
    elif console.is_terminal:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
        )
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(title, total=total, completed=done, note="")
            yield lambda note: bar.update(task, advance=1, note=note)
    else:
        yield _lines(title, total=total, done=done)


def _lines(title: str, *, total: int, done: int) -> Tick:
    start = last = time.monotonic()
    count = done

    def tick(note: str) -> None:
        nonlocal count, last
        count += 1
        now = time.monotonic()
        if now - last > 30 or count == total:
            last = now
            left = timedelta(seconds=round((now - start) / (count - done) * (total - count)))
            console.print(f"{title} {count}/{total}, {left} left {note}")

    return tick
