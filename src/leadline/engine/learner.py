"""The network in training, beside the frozen encoder that the semantic loss compares it with."""

from typing import Self

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from leadline.models.encoders import widths_of
from leadline.models.network import Network, Normalise
from leadline.models.variants import Colour


class Learner(nn.Module):
    """A network, and optionally a frozen pretrained encoder to keep close to.

    A projection stands between the two where their widths differ, and only there: a fresh one dominates
    early (Depth Anything V1, section 7; LiheYoung/Depth-Anything issue 224). Features at other strides than
    the frozen encoder's are brought to its positions.
    """

    def __init__(
        self,
        network: Network,
        *,
        frozen: nn.Module | None = None,
        colours: tuple[Colour, Colour] | None = None,
    ) -> None:
        """Put a `frozen` encoder beside a network; `colours` are what it expects, where not the network's."""
        super().__init__()
        self.network = network
        colours = colours or network.variant.colours
        self.normalise = None if colours == network.variant.colours else Normalise(colours)
        self.frozen = frozen.requires_grad_(False).eval() if frozen is not None else None
        self.projection: nn.Module = nn.Identity()
        if frozen is not None:
            widths = [widths_of(encoder)[-1] for encoder in (network.encoder, frozen)]
            if widths[0] != widths[1]:
                self.projection = nn.Conv2d(widths[0], widths[1], 1)

    def forward(
        self, image: UInt8[Tensor, "b 3 h w"]
    ) -> tuple[
        Float[Tensor, "b 1 h w"],
        tuple[Float[Tensor, "b c _h _w"], Float[Tensor, "b c _h _w"]] | None,
    ]:
        """Return the map, and the student's and the frozen encoder's last features where there is one."""
        normalised = self.network.normalise(image)
        prediction, features = self.network.with_features(normalised)
        if self.frozen is None:
            return prediction, None
        with torch.no_grad():
            target = self.frozen(normalised if self.normalise is None else self.normalise(image))[-1]
        projected = self.projection(features)
        if projected.shape[-2:] != target.shape[-2:]:
            projected = F.interpolate(projected, size=target.shape[-2:], mode="bilinear")
        return prediction, (projected, target)

    def trained_state(self) -> dict[str, Tensor]:
        """Return all that training changes; the frozen encoder is not part of it."""
        return {name: t for name, t in self.state_dict().items() if not name.startswith("frozen.")}

    def train(self, mode: bool = True) -> Self:
        """Switch between training and inference, the frozen encoder excepted."""
        super().train(mode)
        if self.frozen is not None:
            self.frozen.eval()
        return self
