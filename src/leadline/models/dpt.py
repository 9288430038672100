"""The DPT decoder: four feature maps in, one map of disparity out.

Source: Ranftl et al. 2021, "Vision Transformers for Dense Prediction", section 3, as MiDaS and Depth
Anything use it: no batch normalisation, bilinear upsampling with aligned corners.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from leadline.types import Size


class ResidualUnit(nn.Module):
    """Two 3x3 convolutions, each after a ReLU, around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Refine `x`."""
        refined: Tensor = self.second(F.relu(self.first(F.relu(x))))
        return x + refined


class Fusion(nn.Module):
    """Merge what comes from the coarser levels with this level's features, and upsample."""

    def __init__(self, channels: int, *, coarsest: bool) -> None:
        super().__init__()
        self.skip = None if coarsest else ResidualUnit(channels)
        self.refine = ResidualUnit(channels)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(
        self, features: Float[Tensor, "b c h w"], coarser: Float[Tensor, "b c h w"] | None, size: Size
    ) -> Float[Tensor, "b c h2 w2"]:
        """Return the merged map at `size`."""
        if self.skip is not None and coarser is not None:
            features = coarser + self.skip(features)
        # The 1x1 convolution commutes with the interpolation and is cheaper before it.
        merged: Tensor = self.out(self.refine(features))
        return _resize(merged, size)


class Decoder(nn.Module):
    """From four maps, finest first, to one non-negative map at the picture's size."""

    def __init__(self, widths: Sequence[int], *, features: int, hidden: int) -> None:
        super().__init__()
        self.project = nn.ModuleList(nn.Conv2d(width, features, 3, padding=1, bias=False) for width in widths)
        self.fuse = nn.ModuleList(
            Fusion(features, coarsest=level == len(widths) - 1) for level in range(len(widths))
        )
        self.shrink = nn.Conv2d(features, features // 2, 3, padding=1)
        self.hidden = nn.Conv2d(features // 2, hidden, 3, padding=1)
        self.head = nn.Conv2d(hidden, 1, 1)
        # Ours: a last ReLU that starts below zero would never learn, so the map starts around 1.
        nn.init.ones_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, maps: Sequence[Float[Tensor, "b _c _h _w"]], size: Size) -> Float[Tensor, "b 1 h w"]:
        """Decode `maps` to affine disparity at `size`."""
        projected = [project(features) for project, features in zip(self.project, maps, strict=True)]
        finest = Size(*projected[0].shape[-2:])
        sizes = [
            Size(2 * finest.h, 2 * finest.w),
            *(Size(*features.shape[-2:]) for features in projected[:-1]),
        ]
        merged = None
        for fuse, features, target in reversed(list(zip(self.fuse, projected, sizes, strict=True))):
            merged = fuse(features, merged, target)
        x = _resize(self.shrink(merged), size)
        return F.relu(self.head(F.relu(self.hidden(x))))


def _resize(x: Float[Tensor, "b c _h _w"], size: Size) -> Float[Tensor, "b c _h2 _w2"]:
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)
