"""Stage 0: a seed -> a store of rendered pictures with exact labels."""

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

from leadline.console import progress
from leadline.data.files import encode_jpeg
from leadline.data.shards import Record, Shard, encode_record, finish_store, finished_shards, write_store
from leadline.render.source import ProceduralSource
from leadline.types import Size


@dataclass(frozen=True, kw_only=True)
class RenderConfig:
    """Render labelled pictures of drawn scenes."""

    count: int = 400
    """Pictures to render."""
    size: Size = Size(192, 256)  # noqa: RUF009 (a tuple cannot change)
    """Height and width in pixels."""
    seed: int = 0
    """Everything random follows from it."""
    shard: int = 32
    """Pictures in a shard: what a kill loses at most."""
    processes: int = 2
    """Processes that render; their number changes nothing in the pictures."""
    out: Path = Path("runs/renders")
    """Folder of the store."""

    def __post_init__(self) -> None:
        """Refuse what cannot render."""
        if min(self.count, *self.size, self.shard, self.processes) < 1:
            raise ValueError("count, size, shard and processes are at least 1")


def render(config: RenderConfig) -> Path:
    """Write the store, or what is missing of it, and return its folder."""
    source = ProceduralSource(config.count, size=config.size, seed=config.seed)
    firsts = range(0, config.count, config.shard)
    counts = [min(config.shard, config.count - first) for first in firsts]
    done = sum(counts[number] for number in finished_shards(config.out, range(len(counts))))
    with (
        progress(f"rendering {config.out.name}", total=config.count, done=done) as tick,
        ProcessPoolExecutor(
            config.processes, mp_context=get_context("spawn"), initializer=_end_with_parent
        ) as pool,
    ):

        def make(number: int) -> Shard:
            first = firsts[number]
            shard = []
            numbers = range(first, first + counts[number])
            for record in pool.map(_render, [source] * len(numbers), numbers, chunksize=4):
                shard.append(record)
                tick("")
            return shard

        write_store(
            config.out, counts, make, about={"stage": "render", **source.provenance()}, done=lambda *_: None
        )
    finish_store(config.out)
    return config.out


def _end_with_parent() -> None:
    """Let a worker end when its parent is killed, which otherwise leaves it waiting for ever."""

    def wait() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=wait, daemon=True).start()


def _render(source: ProceduralSource, index: int) -> Record:
    sample = source[index]
    assert sample.label is not None
    return encode_record(sample.id, encode_jpeg(sample.image), sample.label)
