"""What the `tiny` networks change of a recipe so that it fits a laptop. All numbers here are ours.

Sources, objective, mix and the student's perturbations stay the recipe's.
"""

from dataclasses import replace
from typing import TypeVar

from leadline.data.perturb import Perturbation
from leadline.data.transforms import Crop
from leadline.engine.optim import Optim
from leadline.engine.run import Run
from leadline.geometry import nearest_multiple
from leadline.models.variants import find_variant
from leadline.stages.metric import MetricConfig
from leadline.stages.student import StudentConfig
from leadline.stages.teacher import TeacherConfig

Config = TypeVar("Config", bound=Run)

# An ImageNet encoder of 3 million parameters wants a larger step than DINOv2, and minutes want it even more.
_OPTIM = Optim(
    steps=2000,
    lr=2e-4,
    decoder_ratio=5,
    weight_decay=0.01,
    schedule="linear",
    warmup=100,
    clip=1.0,
    ema=0.995,
)
_BATCH = 8

# Rendered pictures have cleaner colours than photographs.
_MILD = Perturbation(brightness=0.25, contrast=0.25, saturation=0.4, hue=0.05, grey=0.1, blur=0.3, cutmix=0)


def teacher(recipe: TeacherConfig, network: str = "tiny") -> TeacherConfig:
    """Scale a recipe's teacher down."""
    return replace(_small(recipe, network), batch=_BATCH, perturb=_MILD)


def student(recipe: StudentConfig, network: str = "tiny") -> StudentConfig:
    """Scale a recipe's student down; its mix of labelled and pseudo-labelled pictures stays."""
    return replace(
        _small(recipe, network), batch=_BATCH, labelled_batch=_BATCH * recipe.labelled_batch // recipe.batch
    )


def metric(recipe: MetricConfig, network: str = "tiny") -> MetricConfig:
    """Scale a recipe's fine-tuning down.

    Crops are as large as the picture allows, since what is enlarged looks nearer than its metres say.
    """
    return replace(_small(recipe, network, min_scale=1.0), batch=_BATCH, validate_every=200)


def _small(recipe: Config, network: str, *, min_scale: float = 0.7) -> Config:
    crop = Crop(size=nearest_multiple(224, find_variant(network).multiple), min_scale=min_scale)
    return replace(recipe, network=network, optim=_OPTIM, crop=crop)
