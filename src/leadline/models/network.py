"""A depth network: an encoder and a decoder, with the preprocessing they expect."""

from typing import Self

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from leadline.memory import layout_on
from leadline.models.dpt import Decoder
from leadline.models.encoders import build_encoder, widths_of
from leadline.models.linear import accelerate
from leadline.models.variants import Colour, Variant, find_variant
from leadline.types import LeadlineError, Size, Space


class Normalise(nn.Module):
    """Turns RGB from 0 to 255, bytes or not, into what an encoder expects."""

    mean: Float[Tensor, "3 1 1"]
    deviation: Float[Tensor, "3 1 1"]

    def __init__(self, colours: tuple[Colour, Colour]) -> None:
        """Take the mean and the deviation of RGB from 0 to 1; they stand in no state."""
        super().__init__()
        for name, colour in zip(("mean", "deviation"), colours, strict=True):
            self.register_buffer(name, torch.tensor(colour)[:, None, None], persistent=False)

    def forward(self, image: Shaped[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """Normalise pictures, laid out as the device likes them."""
        normalised = (image / 255 - self.mean) / self.deviation
        return normalised.contiguous(memory_format=layout_on(image.device))


class Network(nn.Module):
    """Normalised pictures in, non-negative affine disparity (larger is nearer) or depth in metres out.

    Statistics of batch normalisation stay as pretrained, also while training: batches are small, CutMix and
    colour jitter would shift them, and a batch accumulated in parts must equal the whole one.
    """

    def __init__(self, name: str, *, variant: Variant | None = None, pretrained: bool = False) -> None:
        """Build the network `name` of the variants table, with fresh or `pretrained` encoder weights.

        A `variant` that stands in no table may be given with a name of its own.

        Raises:
            LeadlineError: where there is no such network, its numbers contradict each other, or pretrained
                weights cannot be had.
        """
        super().__init__()
        self.name = name
        self.variant = variant or find_variant(name)
        try:
            self.encoder = build_encoder(self.variant.encoder, pretrained=pretrained)
            self.decoder = Decoder(self.variant, widths_of(self.encoder))
        except (ArithmeticError, AssertionError, IndexError, RuntimeError, TypeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise LeadlineError(f"the network {name!r} cannot be built as described: {reason}") from error
        self.normalise = Normalise(self.variant.colours)
        accelerate(self)
        self.train(self.training)

    @property
    def space(self) -> Space:
        """What the numbers of the map mean."""
        return self.variant.space

    def with_features(
        self, image: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b 1 h w"], Float[Tensor, "b c h2 w2"]]:
        """Return the map, and the encoder's last features for the semantic loss."""
        maps = self.encoder(image)
        decoded = self.decoder(maps, Size(*image.shape[-2:]))
        ceiling = self.variant.ceiling
        return F.relu(decoded) if ceiling is None else ceiling * decoded.sigmoid(), maps[-1]

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
        """Predict a map at the size of the input."""
        return self.with_features(image)[0]

    def train(self, mode: bool = True) -> Self:
        """Switch between training and inference, batch normalisation excepted."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self
