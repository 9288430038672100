"""Any ``depth-estimation`` model of the transformers library, from a folder or by its name on the hub."""

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from leadline.evaluation.contract import Picture
from leadline.types import LeadlineError, Prediction, Size, Space

_SPACES = {
    "depth_pro": Space.DEPTH,
    "glpn": Space.DEPTH,
    "zoedepth": Space.DEPTH,
}
"""Model type -> what it predicts, where the type decides."""


class TransformersModel:
    """The library's own processor and post-processing around its network."""

    def __init__(self, place: str, *, device: torch.device | str, space: Space | None = None) -> None:
        """Load model and processor; `space` overrides what the model's config says.

        Raises:
            LeadlineError: where the library is missing, the model cannot be loaded, or what it predicts is
                not known and not given.
        """
        try:
            from transformers import AutoImageProcessor, AutoModelForDepthEstimation
        except ImportError:
            raise LeadlineError(
                "models of transformers need the library: pip install 'leadline[transformers]'"
            ) from None
        try:
            self.network = AutoModelForDepthEstimation.from_pretrained(place).to(device).eval()
            self.processor = AutoImageProcessor.from_pretrained(place)
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:400]
            raise LeadlineError(
                f"transformers cannot load a depth-estimation model from {place}: {reason}"
            ) from error
        self.device = device
        self.space = space or _space_of(self.network.config, place)

    def prepare(self, image: Picture) -> Any:
        """Resize and normalise as the model's processor does."""
        return self.processor(images=image, return_tensors="pt")

    @torch.inference_mode()
    def views(self, prepared: Sequence[Any]) -> Sequence[Any]:
        """Run the network picture by picture: processors disagree on whether sizes of a batch may differ."""
        return [self.network(**inputs.to(self.device)) for inputs in prepared]

    @torch.inference_mode()
    def restore(self, map: Any, size: Size) -> Prediction:
        """Post-process as the model's processor does."""
        finish = self.processor.post_process_depth_estimation
        sizes = {"target_sizes": [tuple(size)]}
        if "source_sizes" in inspect.signature(finish).parameters:  # ZoeDepth pads, and removes it again
            sizes["source_sizes"] = [tuple(size)]
        values = finish(map, **sizes)[0]["predicted_depth"]
        return Prediction(values=values.float().cpu().numpy(), space=self.space)


def describe(place: str) -> str | None:
    """Return what tells a model from others: names, sizes and times of a folder's files; None for the hub."""
    if not Path(place).is_dir():
        return None
    files = sorted(file for file in Path(place).rglob("*") if file.is_file())
    stats = [(str(file.relative_to(place)), file.stat()) for file in files]
    return json.dumps([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])


def _space_of(config: Any, place: str) -> Space:
    kind = config.model_type
    stated = {"metric": Space.DEPTH, "relative": Space.AFFINE_DISPARITY}  # Depth Anything and its kin
    if (said := getattr(config, "depth_estimation_type", None)) in stated:
        return stated[said]
    backbone = getattr(getattr(config, "backbone_config", None), "model_type", None)
    if kind == "dpt" and backbone != "dinov2":  # DINOv2's own heads are metric, MiDaS' are not
        return Space.AFFINE_DISPARITY
    if kind in _SPACES:
        return _SPACES[kind]
    raise LeadlineError(
        f"what the numbers of {place} (model type {kind!r}) mean is not known here: add ?space=depth, "
        "disparity or affine_disparity"
    )
