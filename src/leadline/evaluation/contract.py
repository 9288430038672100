"""What a model must be able to do to be measured, and the models that are not networks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import UInt8

from leadline.evaluation.ledger import Ledger
from leadline.metrics import constant_map, vertical_ramp
from leadline.types import LeadlineError, Prediction, Size, Space

Picture = UInt8[np.ndarray, "_h _w 3"]


@runtime_checkable
class Model(Protocol):
    """Three steps, so that the first and the last can run beside the network. `Predictor` has them too.

    What a model's numbers mean is part of what it returns: every prediction carries its `Space`.
    """

    def prepare(self, image: Picture) -> Any:
        """Turn an RGB picture into what the network takes."""

    def views(self, prepared: Sequence[Any]) -> Sequence[Any]:
        """Run the network on prepared pictures, of any sizes; what it says comes in their order."""

    def restore(self, view: Any, size: Size) -> Prediction:
        """Make a map of the picture's `size` of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A model in an evaluation."""

    name: str
    """What tables call it."""
    spec: str
    """What the person wrote."""
    model: Model
    ledger: Ledger
    """What was measured of it before."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A map that knows nothing of the picture but its size."""

    map: Callable[[Size], Prediction]

    def prepare(self, image: Picture) -> None:
        """Look at nothing."""

    def views(self, prepared: Sequence[None]) -> Sequence[None]:
        """Compute nothing."""
        return prepared

    def restore(self, map: None, size: Size) -> Prediction:
        """Draw the map."""
        return self.map(size)


FLOORS = {"constant": Floor(constant_map), "vertical ramp": Floor(vertical_ramp)}
"""What stands beside every result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionModel:
    """A Python function from an RGB picture (h w 3, uint8) to its map (h w), or to a `Prediction`."""

    function: Callable[[Picture], Any]
    space: Space | None
    """What the numbers of a plain map mean; a `Prediction` says so itself."""
    name: str
    """For messages."""

    def prepare(self, image: Picture) -> Picture:
        """Hand on a copy, which the function may spoil."""
        return image.copy()

    def views(self, prepared: Sequence[Picture]) -> Sequence[Any]:
        """Call the function, picture by picture."""
        return [self.function(image) for image in prepared]

    def restore(self, map: Any, size: Size) -> Prediction:
        """Check what came out.

        Raises:
            LeadlineError: where it is no map of the picture's size, or its space is unknown.
        """
        values, space = (map.values, map.space) if isinstance(map, Prediction) else (map, self.space)
        if space is None:
            raise LeadlineError(
                f"{self.name} returns numbers without saying what they mean: add ?space=depth, disparity or "
                "affine_disparity, or return a leadline.Prediction"
            )
        values = np.asarray(values.detach().cpu() if isinstance(values, torch.Tensor) else values)
        if values.shape != size or values.dtype.kind not in "fiu":
            raise LeadlineError(
                f"{self.name} returned {values.dtype} of shape {values.shape}; expected the numbers of a map "
                f"of the picture's size, {size}"
            )
        return Prediction(values=values.astype(np.float32), space=space)
