"""Depth from single pictures: MiDaS and Depth Anything V1 and V2 as one pipeline.

The public names are loaded when they are first asked for, so that ``import leadline`` costs nothing:

- values: `Space`, `Size`, `Sample`, `Label`, `Batch`, `Prediction`, and `LeadlineError`, which every mistake
  that a person can mend ends in;
- use: `load`, from the name or the file of a model to the `Predictor` of its maps;
- the pipeline: `train_teacher`, `pseudo_label`, `train_student`, `evaluate`; their configs stand in
  `leadline.presets.recipes` and beside the stages;
- the papers' losses and the metrics: the modules `losses` and `metrics`.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leadline import losses, metrics
    from leadline.models.checkpoints import load_network
    from leadline.predict.predictor import Predictor, load
    from leadline.stages.evaluate import evaluate
    from leadline.stages.pseudo_label import pseudo_label
    from leadline.stages.student import train_student
    from leadline.stages.teacher import train_teacher
    from leadline.types import Batch, Label, LeadlineError, Prediction, Sample, Size, Space

__all__ = [
    "Batch",
    "Label",
    "LeadlineError",
    "Prediction",
    "Predictor",
    "Sample",
    "Size",
    "Space",
    "evaluate",
    "load",
    "load_network",
    "losses",
    "metrics",
    "pseudo_label",
    "train_student",
    "train_teacher",
]

__version__ = version("leadline")

_HOMES = {
    "Predictor": "predict.predictor",
    "evaluate": "stages.evaluate",
    "load": "predict.predictor",
    "load_network": "models.checkpoints",
    "pseudo_label": "stages.pseudo_label",
    "train_student": "stages.student",
    "train_teacher": "stages.teacher",
}
"""Where a public name is defined; what is not listed stands in `leadline.types`, or is a module itself."""


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'leadline' has no attribute {name!r}")
    if name in ("losses", "metrics"):
        return import_module(f"leadline.{name}")
    return getattr(import_module(f"leadline.{_HOMES.get(name, 'types')}"), name)


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return [*__all__, "__version__"]
