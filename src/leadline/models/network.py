"""A depth network: an encoder and a decoder, with the preprocessing they expect."""

from typing import Self

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from leadline.models.dpt import Decoder
from leadline.models.encoders import build_encoder
from leadline.models.variants import find_variant
from leadline.types import Size, Space


class Network(nn.Module):
    """Normalised pictures in, non-negative affine disparity out (larger is nearer).

    Statistics of batch normalisation stay as pretrained, also while training: batches are small, CutMix and
    colour jitter would shift them, and a batch accumulated in parts must equal the whole one.
    """

    space = Space.AFFINE_DISPARITY
    mean: Float[Tensor, "3 1 1"]
    deviation: Float[Tensor, "3 1 1"]

    def __init__(self, name: str, *, pretrained: bool = False) -> None:
        """Build the network `name` of the variants table, with fresh or `pretrained` encoder weights."""
        super().__init__()
        self.name = name
        self.variant = find_variant(name)
        self.encoder = build_encoder(self.variant, pretrained=pretrained)
        widths = self.encoder.feature_info.channels()  # type: ignore[union-attr, operator]
        self.decoder = Decoder(widths, features=self.variant.features, hidden=self.variant.hidden)
        for statistic in ("mean", "deviation"):
            values = torch.tensor(getattr(self.variant, statistic))[:, None, None]
            self.register_buffer(statistic, values, persistent=False)
        self.train(self.training)

    def normalise(self, image: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """Turn RGB bytes into what the encoder expects."""
        return ((image / 255 - self.mean) / self.deviation).contiguous(memory_format=torch.channels_last)

    def with_features(
        self, image: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b 1 h w"], Float[Tensor, "b c h2 w2"]]:
        """Return the map, and the encoder's last features for the semantic loss."""
        maps = self.encoder(image)
        return self.decoder(maps, Size(*image.shape[-2:])), maps[-1]

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
        """Predict affine disparity at the size of the input."""
        return self.with_features(image)[0]

    def train(self, mode: bool = True) -> Self:
        """Switch between training and inference, batch normalisation excepted."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self
