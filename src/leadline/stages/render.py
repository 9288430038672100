"""Stage 0: a seed -> a store of rendered pictures with exact labels."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Annotated

import cv2
import numpy as np
from tyro.constructors import PrimitiveConstructorSpec

from leadline.console import console, progress
from leadline.data.files import encode_jpeg, encode_map
from leadline.data.records import Record, Shard, Unreadable, encode_record
from leadline.data.shards import finish_store, finished_shards, write_store
from leadline.predict.figures import colourise, montage
from leadline.render.light import read_panorama
from leadline.render.path import limit_threads, require_path_tracer
from leadline.render.photographs import list_files
from leadline.render.source import LAYOUTS, ProceduralSource, Quality, Recipe, Shot
from leadline.stages.sources import parse_size
from leadline.storage import sweep, write_atomic
from leadline.types import Size, UnreadableError

AS_TEXT = PrimitiveConstructorSpec[Size](
    nargs=1,
    metavar="HxW",
    instance_from_str=lambda texts: parse_size(texts[0]),
    is_instance=lambda value: isinstance(value, Size),
    str_from_instance=lambda size: [str(size)],
)
"""How the command line writes a size: as a source's ``size=`` does."""
PREVIEW = "preview.jpg"
_SHOWN = 24


@dataclass(frozen=True, kw_only=True)
class RenderConfig:
    """Render labelled pictures of drawn scenes."""

    scenes: int = 200
    """Scenes to draw."""
    views: int = 2
    """Pictures of each scene, from different places."""
    quality: Quality = "fast"
    """How light is computed: fast, or path for a path tracer (needs the extra render-path)."""
    size: Annotated[Size, AS_TEXT] = Size(192, 256)  # noqa: RUF009 (a tuple cannot change)
    """Height x width in pixels."""
    seed: int = 0
    """Everything random follows from it."""
    layouts: tuple[str, ...] = tuple(LAYOUTS)
    """Kinds of places."""
    textures: Path | None = None
    """Folder of photographs that surfaces may wear; their licence becomes the pictures'."""
    environment: Path | None = None
    """Folder of Radiance HDR panoramas that light scenes."""
    lens: bool = True
    """Give pictures a camera's imperfections: exposure, colour, blur, noise, JPEG."""
    shard: int = 16
    """Scenes in a shard: what a kill loses at most."""
    processes: int = 2
    """Processes that render; their number changes nothing in the pictures."""
    preview: bool = False
    """Only write a sheet of the first 24 pictures beside their labels, preview.jpg."""
    out: Path = Path("runs/renders")
    """Folder of the store."""

    def __post_init__(self) -> None:
        """Refuse what cannot render."""
        if min(self.scenes, self.views, *self.size, self.shard, self.processes) < 1:
            raise ValueError("scenes, views, size, shard and processes are at least 1")
        if self.seed < 0:
            raise ValueError(f"seed: 0 or more, got {self.seed}")
        self.recipe()

    def recipe(self) -> Recipe:
        """Return what the generator needs to know; raises `ValueError` for what it cannot draw."""
        return Recipe(
            layouts=self.layouts,
            views=self.views,
            quality=self.quality,
            textures=self.textures,
            environment=self.environment,
            lens=self.lens,
        )


def render(config: RenderConfig) -> Path:
    """Write the store, or what is missing of it, and return its folder.

    A picture that the path tracer could not finish is left out, and counted in the manifest.

    Raises:
        LeadlineError: where a package or LLVM is missing, or a folder is of no use.
    """
    if config.quality == "path":
        require_path_tracer()
    source = ProceduralSource(
        config.scenes * config.views, size=config.size, seed=config.seed, recipe=config.recipe()
    )
    with ProcessPoolExecutor(
        config.processes,
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(config.quality, max(1, (os.cpu_count() or 1) // config.processes)),
    ) as pool:
        if config.preview:
            return _preview(source, config, pool)
        sweep(config.out)
        firsts = range(0, config.scenes, config.shard)
        counts = [config.views * min(config.shard, config.scenes - first) for first in firsts]
        done = sum(counts[number] for number in finished_shards(config.out, range(len(counts))))
        if config.environment is not None and done < sum(counts):
            _require_panoramas(list_files(config.environment, ".hdr"))
        with progress(f"rendering {config.out.name}", total=sum(counts), done=done) as tick:

            def make(number: int) -> Shard:
                shard: list[Record | Unreadable] = []
                scenes = range(firsts[number], min(firsts[number] + config.shard, config.scenes))
                for records in pool.map(_render, [source] * len(scenes), scenes):
                    for record in records:
                        shard.append(record)
                        tick("")
                return shard

            about = {"stage": "render", **source.provenance()}
            write_store(config.out, counts, make, about=about, done=lambda *_: None)
    finish_store(config.out)
    return config.out


def _require_panoramas(files: Sequence[Path]) -> None:
    """Look at all panoramas before any scene is drawn: a damaged one would stop the run where it is drawn.

    Raises:
        LeadlineError: naming the first that cannot be read.
    """
    with progress("looking at panoramas", total=len(files)) as tick:
        for file in files:
            read_panorama(file)
            tick("")


def _begin(quality: Quality, threads: int) -> None:
    """Use a share of the cores, and end when the parent is killed: a worker would wait for ever."""
    cv2.setNumThreads(1)
    if quality == "path":
        limit_threads(threads)

    def wait() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=wait, daemon=True).start()


def _shots(source: ProceduralSource, scene: int) -> Iterator[tuple[str, Shot | str]]:
    """Render the views of a scene; of those that fail, give the reason."""
    views = source.recipe.views
    for index in range(scene * views, min((scene + 1) * views, len(source))):
        try:
            yield source.identify(index), source.shoot(index)
        except UnreadableError as error:
            yield source.identify(index), str(error)


def _render(source: ProceduralSource, scene: int) -> Sequence[Record | Unreadable]:
    return [
        Unreadable(id=id, reason=shot) if isinstance(shot, str) else _record(id, shot)
        for id, shot in _shots(source, scene)
    ]


def _record(id: str, shot: Shot) -> Record:
    truth = shot.truth
    normals = np.rint(127.5 * truth.normals + 127.5).astype(np.uint8)
    camera = truth.pinhole()
    return encode_record(
        id,
        encode_jpeg(shot.image),
        truth.label(),
        extra={
            "things.png": encode_map(truth.things),
            "kinds.png": _png(truth.kinds),
            "normals.png": _png(np.ascontiguousarray(normals[..., ::-1])),
        },
        about={"layout": shot.layout, "camera": {"focal": camera.fx, "centre": [camera.cx, camera.cy]}},
    )


def _png(values: np.ndarray) -> bytes:
    _, data = cv2.imencode(".png", values, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    return bytes(data.tobytes())


def _preview(source: ProceduralSource, config: RenderConfig, pool: Executor) -> Path:
    """Write a contact sheet: pictures in odd columns, their disparity to the right of each."""
    scenes = range(-(-min(_SHOWN, len(source)) // config.views))
    tiles = []
    with progress("rendering a preview", total=min(_SHOWN, len(source))) as tick:
        for shots in pool.map(_render_shots, [source] * len(scenes), scenes):
            for shot in shots:
                tiles += [shot.image, colourise(np.sqrt(shot.truth.disparity))]
                tick("")
    config.out.mkdir(parents=True, exist_ok=True)
    sheet = montage(tiles[: 2 * _SHOWN], columns=8, tile=Size(192, 256))
    write_atomic(config.out / PREVIEW, encode_jpeg(sheet))
    console.print(f"{config.out / PREVIEW} shows {min(len(tiles) // 2, _SHOWN)} pictures beside their labels")
    return config.out


def _render_shots(source: ProceduralSource, scene: int) -> list[Shot]:
    return [shot for _, shot in _shots(source, scene) if isinstance(shot, Shot)]
