"""From pictures to maps: one path for labels, evaluation and everyone else, so numbers agree."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, overload

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from leadline.data.transforms import require_usable, resize_for_network, resize_picture
from leadline.geometry import fit_size
from leadline.memory import layout_on
from leadline.models.folding import folded
from leadline.models.network import Network
from leadline.models.published import BUNDLED, load_model
from leadline.models.soundness import LARGEST
from leadline.models.variants import Enlargement
from leadline.predict.looks import Map, enlarged, flip_disagreement, merged_look
from leadline.predict.overlap import overlapped
from leadline.predict.pictures import PictureLike, are_several, as_picture
from leadline.types import LeadlineError, Prediction, Size

Picture = UInt8[np.ndarray, "_h _w 3"]
Prepared = Picture | Float32[np.ndarray, "_h _w 3"]
"""A picture at the size at which a network looks, 0 to 255."""
Precision = Literal["auto", "float32", "bfloat16", "float16"]
"""Arithmetic of the network; ``auto`` is float16 on CUDA and float32 elsewhere."""
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class View:
    """What a network says about a picture, at the size at which it looked."""

    straight: Map
    mirrored: Map | None = None
    """The map of the mirrored picture, mirrored back; None where nobody asked for it."""


class Predictor:
    """Resizes a picture to its network, runs it, and brings the map back to the picture's size.

    `network` stays an ordinary float32 module (normalised pictures in, the map out), on `device`. Its weights
    are not to change: what runs is prepared from them once (`leadline.models.folding`).
    """

    def __init__(
        self,
        network: Network,
        *,
        device: torch.device | str = "auto",
        size: int | None = None,
        batch: int = 8,
        precision: Precision = "auto",
        flip_average: bool = False,
        disagreement: bool = False,
    ) -> None:
        """Put `network` on `device` for pictures whose short side becomes at least `size` pixels.

        A larger `size` than the network's own gives finer maps, in time and memory that grow with its
        square. A network with `looks` (`Variant`) also looks at those that are smaller than `size`.
        `flip_average` returns the mean of the map and that of the mirrored picture, `disagreement` fills
        `Prediction.disagreement` with how much they differ; either doubles the looks.

        Raises:
            LeadlineError: where there is no such device or precision, or `size` or `batch` makes no sense.
        """
        if precision not in get_args(Precision):
            raise LeadlineError(f"precision is one of {', '.join(get_args(Precision))}, got {precision!r}")
        for what, number in {"batch": batch, "size": 1 if size is None else size}.items():
            if isinstance(number, bool) or not (isinstance(number, Integral) and 1 <= number <= LARGEST):
                raise LeadlineError(f"{what} is a whole number from 1 to {LARGEST}, got {number!r}")
        self.sides = network.variant.sides(size)
        self.device = find_device(device)
        network.to(self.device, memory_format=layout_on(self.device))  # type: ignore[call-overload]
        self.network = network.eval()
        self._inference = folded(network)
        self.batch = batch
        half_is_faster = self.device.type == "cuda"
        chosen = ("float16" if half_is_faster else "float32") if precision == "auto" else precision
        self.dtype: torch.dtype = getattr(torch, chosen)
        self.flip_average = flip_average
        self.disagreement = disagreement

    @overload
    def __call__(self, pictures: PictureLike) -> Prediction: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(self, pictures: Iterable[PictureLike]) -> list[Prediction]: ...

    def __call__(self, pictures: object) -> Prediction | list[Prediction]:
        """Predict the map of a picture, or of each picture of a list, at the picture's size.

        A picture is a path, a file's bytes, a PIL image, or a uint8 array, RGB (h, w, 3) or grey (h, w).
        What a list gives is what its pictures give alone, up to rounding: sizes may be mixed, nothing is
        padded.

        Raises:
            UnreadableError: for a file that cannot be read, or a picture too long and narrow.
            LeadlineError: for what is no picture, or where the device has too little memory.
        """
        if are_several(pictures):
            return list(self.predict(pictures))
        image = as_picture(pictures)
        [view] = self.views([self.prepare(image)])
        return self.restore(view, Size(*image.shape[:2]))

    def predict(self, pictures: Iterable[PictureLike]) -> Iterator[Prediction]:
        """Predict one picture after another, reading ahead, in memory that does not grow with their number.

        Raises what calling the predictor raises, and `LeadlineError` for one picture alone.
        """
        if not are_several(pictures):
            raise LeadlineError("predict takes several pictures; for one, call the predictor itself")

        def read(picture: PictureLike) -> tuple[Picture, Size]:
            image = as_picture(picture)
            return self.prepare(image), Size(*image.shape[:2])

        ready = overlapped(read, pictures, ahead=2 * self.batch)
        for (_, size), view in self.follow(ready, lambda item: item[0]):
            assert view is not None
            yield self.restore(view, size)

    def prepare(self, image: Picture) -> Prepared:
        """Resize a picture for the network: aspect kept, sides a multiple of what the encoder needs.

        Raises:
            UnreadableError: for a picture too long and narrow to be enlarged.
        """
        require_usable(Size(*image.shape[:2]))
        size = self._fit(image, self.sides[0])
        with self._memory(f"a picture of {size}"):
            return resize_for_network(image, size, self.network.variant.interpolation)

    def _fit(self, image: Prepared, side: int) -> Size:
        """Return the size at which the network looks at a picture for a short side."""
        variant = self.network.variant
        size, target = Size(*image.shape[:2]), Size(side, side)
        return fit_size(size, target, multiple=variant.multiple, bound=variant.bound)

    def follow(
        self,
        items: Iterable[Item],
        image: Callable[[Item], Picture | None],
        *,
        mirrored: bool | None = None,
    ) -> Iterator[tuple[Item, View | None]]:
        """Pass items through in order, each with the network's view of its prepared `image` if it has one.

        `mirrored` as in `views`. Twice `batch` items are taken at a time, and those of one size run together.
        """
        items = iter(items)
        while some := list(islice(items, 2 * self.batch)):
            images = [image(item) for item in some]
            views = iter(self.views([one for one in images if one is not None], mirrored=mirrored))
            for item, one in zip(some, images, strict=True):
                yield item, None if one is None else next(views)

    def views(self, prepared: Sequence[Picture], *, mirrored: bool | None = None) -> list[View]:
        """Look at prepared pictures, and at their mirror images too where averaging or disagreement wants it.

        `mirrored` says so for callers with a use of their own for both maps.
        """
        if not (self.flip_average or self.disagreement if mirrored is None else mirrored):
            return [View(map) for map in self.maps(prepared)]
        maps = self.maps([turned for image in prepared for turned in (image, image[:, ::-1])])
        return [View(map, other.flip(-1)) for map, other in zip(maps[::2], maps[1::2], strict=True)]

    @torch.inference_mode()
    def maps(self, prepared: Sequence[Picture]) -> list[Map]:
        """Run the network on prepared pictures and return their maps; of several looks, `merged_look`.

        Raises:
            LeadlineError: where the device has too little memory, or a map is not finite.
        """
        finest = self._maps(prepared)
        coarser = [
            self._maps([resize_picture(image, self._fit(image, side), "area") for image in prepared])
            for side in self.sides[1:]
        ]
        space, how = self.network.space, self.network.variant.enlargement
        return [merged_look(looks, space, enlargement=how) for looks in zip(finest, *coarser, strict=True)]

    def _maps(self, prepared: Sequence[Prepared]) -> list[Map]:
        """Run the network on pictures, those of one size together; maps come in their order."""
        by_size: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
        for number, image in enumerate(prepared):
            by_size[image.shape].append(number)
        maps: dict[int, Tensor] = {}
        for numbers in by_size.values():
            for some in (numbers[i : i + self.batch] for i in range(0, len(numbers), self.batch)):
                images = torch.from_numpy(np.stack([prepared[n] for n in some])).permute(0, 3, 1, 2)
                maps.update(zip(some, torch.split(self._run(images.to(self.device)), 1), strict=True))
        return [maps[number] for number in range(len(prepared))]

    def _run(self, images: UInt8[Tensor, "b 3 h w"]) -> Float32[Tensor, "b 1 h w"]:
        half = self.dtype != torch.float32
        size = Size(*images.shape[-2:])
        with (
            self._memory(f"{len(images)} pictures of {size} at once"),
            torch.autocast(self.device.type, dtype=self.dtype, enabled=half),
        ):
            maps: Tensor = self._inference(self.network.normalise(images)).float()
        if not torch.isfinite(maps).all():
            raise LeadlineError(
                f"the network's map of a picture of {size} is not finite: "
                + ("use precision float32" if half else "its weights are damaged or were trained badly")
            )
        return maps

    @contextmanager
    def _memory(self, what: str) -> Iterator[None]:
        """Say what to lower where memory is too little, of which every library has its own way to say so."""
        try:
            yield
        except (MemoryError, RuntimeError, cv2.error) as error:
            if not isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) and not re.search(
                "(insufficient|not enough|out of|allocate) memory",
                str(error),
                re.IGNORECASE,
            ):
                raise
            raise LeadlineError(
                f"{self.device} has too little memory for {what}: lower batch (now {self.batch}) or size "
                f"(now {self.sides[0]}), or choose another device"
            ) from error

    def restore(self, view: View, size: Size) -> Prediction:
        """Bring what the network saw to the picture's `size`, averaged and compared as was asked for."""
        values, disagreement, mirrored = view.straight, None, view.mirrored
        how = self.network.variant.enlargement
        if mirrored is not None and self.disagreement:
            differing = flip_disagreement(values, mirrored, self.network.space)
            disagreement = _restored(differing, size, "bilinear" if how == "bicubic" else how)  # none below 0
        if mirrored is not None and self.flip_average:
            values = (values + mirrored) / 2
        restored = _restored(values, size, how)
        return Prediction(values=restored, space=self.network.space, disagreement=disagreement)


def load(model: str | Path = BUNDLED, *, network: str | None = None, **options: Any) -> Predictor:
    """Load a model for prediction, the one in the box where none is given; `options` are `Predictor`'s.

    `model` is a name that ``leadline models`` lists, a repository of the Hugging Face hub, or a path: a
    checkpoint of ours, the authors' .pth, a .safetensors file, or a folder of transformers. `network` tells
    which network a file of the authors holds where the file does not.

    Raises:
        LeadlineError: where there is no such model, or its file cannot be had, read, or told apart.
    """
    return Predictor(load_model(model, network=network)[0], **options)


def find_device(device: torch.device | str) -> torch.device:
    """Return the device of a name; ``auto`` is CUDA, else Apple's MPS, else the CPU.

    Raises:
        LeadlineError: for a name that is none, or a device that is not there.
    """
    if device == "auto":
        best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(best)
    try:
        torch.empty(1, device=device).cpu()  # what is on "meta" does not come back
        return torch.device(device)
    except (RuntimeError, AssertionError, TypeError, ImportError) as error:  # torch has no one way to say no
        reason = str(error).partition("\n")[0]
        raise LeadlineError(
            f"there is no device {str(device)!r} here ({reason}); use auto, cpu, cuda, cuda:1, mps"
        ) from error


def _restored(map: Map, size: Size, how: Enlargement) -> Float32[np.ndarray, "h w"]:
    values: np.ndarray = enlarged(map, size, how)[0, 0].cpu().numpy()
    return values
