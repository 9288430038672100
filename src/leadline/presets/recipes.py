"""The recipes by name, as the command line offers them, and what a network makes of them."""

from dataclasses import replace
from typing import Any, TypeVar, cast

from leadline.geometry import nearest_multiple
from leadline.models.variants import Pyramid, find_variant
from leadline.presets import depth_anything_v1, depth_anything_v2, midas, tiny
from leadline.stages.metric import MetricConfig
from leadline.stages.student import StudentConfig
from leadline.stages.teacher import TeacherConfig

TEACHERS = {
    "midas": ("mixed labelled data, trimmed loss", midas.TEACHER),
    "depth-anything-v1": ("labelled data, affine-invariant loss", depth_anything_v1.TEACHER),
    "depth-anything-v2": ("synthetic pictures alone, sharp edges", depth_anything_v2.TEACHER),
}
"""Name -> what it is, and its config."""

STUDENTS = {
    "depth-anything-v1": ("labelled and pseudo-labelled pictures 1:2", depth_anything_v1.STUDENT),
    "depth-anything-v2": ("pseudo-labelled pictures alone", depth_anything_v2.STUDENT),
}
"""Name -> what it is, and its config. MiDaS has no student."""

METRICS = {
    "depth-anything-v1-indoor": ("to 10 m, with ZoeDepth's numbers", depth_anything_v1.METRIC_INDOOR),
    "depth-anything-v1-outdoor": ("to 80 m, with ZoeDepth's numbers", depth_anything_v1.METRIC_OUTDOOR),
    "depth-anything-v2-indoor": ("to 20 m", depth_anything_v2.METRIC_INDOOR),
    "depth-anything-v2-outdoor": ("to 80 m", depth_anything_v2.METRIC_OUTDOOR),
}
"""Name -> what it is, and its config."""

Recipe = TypeVar("Recipe", bound=TeacherConfig | StudentConfig | MetricConfig)
_SMALL: dict[type, Any] = {
    TeacherConfig: tiny.teacher,
    StudentConfig: tiny.student,
    MetricConfig: tiny.metric,
}


def fitted(recipe: Recipe, network: str) -> Recipe:
    """Return a recipe for a network: as published for a transformer, scaled down for a convolutional encoder.

    Crops are of the nearest size that the network can be fed.

    Raises:
        LeadlineError: where there is no such network.
    """
    variant = find_variant(network)
    if not isinstance(variant.encoder, Pyramid):
        crop = replace(recipe.crop, size=nearest_multiple(recipe.crop.size, variant.multiple))
        return replace(recipe, network=network, crop=crop)
    return cast(Recipe, _SMALL[type(recipe)](recipe, network))
