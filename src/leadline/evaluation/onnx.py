"""A network in an ONNX file: one picture in, one map out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from leadline.data.transforms import require_usable, resize_for_network, resize_picture
from leadline.evaluation.contract import Picture
from leadline.geometry import fit_size
from leadline.models.variants import IMAGENET
from leadline.types import LeadlineError, Prediction, Size, Space

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


class OnnxModel:
    """Runs the first output of a graph whose only input is pictures of shape (1, 3, h, w).

    Numbers are RGB / 255, less `mean`, over `deviation`; a graph that takes bytes gets them as they are.
    Where the graph fixes its size pictures are squeezed into it, otherwise the short side becomes
    `short_side` and both sides a multiple of `multiple`, as for Depth Anything.
    """

    def __init__(
        self,
        path: Path,
        *,
        device: torch.device,
        space: Space | None = None,
        short_side: int = 518,
        multiple: int = 14,
        mean: tuple[float, ...] = IMAGENET[0],
        deviation: tuple[float, ...] = IMAGENET[1],
    ) -> None:
        """Open the file; `space` is what it predicts, where its metadata have no entry ``space``.

        Raises:
            LeadlineError: where onnxruntime is missing, the file cannot be opened, or is of another kind.
        """
        self.path, self.short_side, self.multiple = path, short_side, multiple
        self.session = _open(path, device)
        entry = _only_input(path, self.session.get_inputs())
        self.input, self.dtype = entry.name, _TYPES[entry.type]
        self.fixed = _fixed_size(path, *entry.shape[2:])
        stated = self.session.get_modelmeta().custom_metadata_map.get("space")
        if space is None and stated not in set(Space):
            raise LeadlineError(
                f"{path} does not say what its numbers mean: add ?space=depth, disparity or affine_disparity"
            )
        self.space = space or Space(stated)
        self.mean, self.deviation = (
            np.array(values, np.float32)[:, None, None] for values in (mean, deviation)
        )

    def prepare(self, image: Picture) -> np.ndarray:
        """Resize and normalise.

        Raises:
            UnreadableError: for a picture too long and narrow to be enlarged.
        """
        own = Size(*image.shape[:2])
        require_usable(own)
        lower = Size(self.short_side, self.short_side)
        size = self.fixed or fit_size(own, lower, multiple=self.multiple, bound="lower")
        if self.dtype == np.uint8:
            return resize_picture(image, size, "cubic").transpose(2, 0, 1)[None]
        planes = resize_for_network(image, size, "cubic").transpose(2, 0, 1)
        return ((planes / np.float32(255) - self.mean) / self.deviation)[None].astype(self.dtype)

    def views(self, prepared: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        """Run the graph picture by picture: many are exported for a batch of one.

        Raises:
            LeadlineError: where it fails at their size.
        """
        return [self._run(planes) for planes in prepared]

    def _run(self, planes: np.ndarray) -> np.ndarray:
        from onnxruntime.capi import onnxruntime_pybind11_state as errors

        failures = (errors.Fail, errors.InvalidArgument, errors.NotImplemented, errors.RuntimeException)
        try:
            map: np.ndarray = self.session.run(None, {self.input: planes})[0]
        except failures as error:
            h, w = planes.shape[-2:]
            raise LeadlineError(
                f"{self.path} fails on a picture of {h}x{w} (?short_side= and ?multiple= change the size): "
                f"{' '.join(str(error).split())}"
            ) from error
        return map

    def restore(self, map: np.ndarray, size: Size) -> Prediction:
        """Bring a map to the picture's size with aligned corners, as Depth Anything's code does.

        Raises:
            LeadlineError: where the graph's output is no map.
        """
        if map.ndim < 2 or map.size != map.shape[-2] * map.shape[-1]:
            raise LeadlineError(
                f"{self.path}: expected a map, (1, h, w) or (1, 1, h, w); got shape {map.shape}"
            )
        small = torch.from_numpy(map.astype(np.float32)).reshape(1, 1, *map.shape[-2:])
        values = F.interpolate(small, size=tuple(size), mode="bilinear", align_corners=True)
        return Prediction(values=values[0, 0].numpy(), space=self.space)


def parse_triple(text: str) -> tuple[float, ...]:
    """Read ``0.5,0.5,0.5``.

    Raises:
        ValueError: for anything but three numbers.
    """
    numbers = tuple(float(part) for part in text.split(","))
    if len(numbers) != 3:
        raise ValueError("expected three numbers with commas, such as 0.5,0.5,0.5")
    return numbers


def _only_input(path: Path, inputs: Sequence[Any]) -> Any:
    """Return the one input of a graph, which takes a picture or a batch of any number."""
    shape = list(inputs[0].shape) if inputs else []
    fits = len(shape) == 4 and shape[1] == 3 and (shape[0] == 1 or not isinstance(shape[0], int))
    if len(inputs) != 1 or not fits or inputs[0].type not in _TYPES:
        found = ", ".join(f"{entry.name}: {entry.type} {entry.shape}" for entry in inputs)
        raise LeadlineError(
            f"{path}: expected one input of pictures, (1, 3, h, w) of floats or bytes; found "
            f"{found or 'none'}"
        )
    return inputs[0]


def _fixed_size(path: Path, h: Any, w: Any) -> Size | None:
    """Return the size that a graph wants; None where both its sides have names, or none."""
    if isinstance(h, int) and isinstance(w, int):
        return Size(h, w)
    if isinstance(h, int) or isinstance(w, int):
        raise LeadlineError(
            f"{path} takes pictures of {h} x {w}: export it with both sides fixed, or neither"
        )
    return None


def _open(path: Path, device: torch.device) -> Any:
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as errors
    except ImportError:
        raise LeadlineError("ONNX files need onnxruntime: pip install 'leadline[onnx]'") from None
    if not path.is_file():
        raise LeadlineError(f"there is no ONNX file at {path}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    wanted = ["CUDAExecutionProvider"] if device.type == "cuda" else []
    available = [name for name in wanted if name in onnxruntime.get_available_providers()]
    damaged = (
        errors.Fail,
        errors.InvalidArgument,
        errors.InvalidGraph,
        errors.InvalidProtobuf,
        errors.NotImplemented,
    )
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=[*available, "CPUExecutionProvider"]
        )
    except damaged as error:
        raise LeadlineError(f"{path} cannot be opened as ONNX: {' '.join(str(error).split())}") from error
