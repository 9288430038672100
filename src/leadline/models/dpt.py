"""The DPT decoder: an encoder's feature maps in, one map of disparity out.

Source: Ranftl et al. 2021, "Vision Transformers for Dense Prediction", section 3, as MiDaS and Depth
Anything use it: no batch normalisation, bilinear upsampling with aligned corners.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from leadline.models.variants import Tokens, Variant
from leadline.types import Size


class Reassembly(nn.Module):
    """From tokens laid out as a map to a level of the decoder: 4 and 2 times finer, as fine, half as fine."""

    def __init__(self, width: int, out: int, *, level: int, readout: bool) -> None:
        super().__init__()
        self.readout = nn.Linear(width, width // 2) if readout else None
        self.project = nn.Conv2d(width // 2 if readout else width, out, 1)
        self.resize: nn.Module = (
            nn.ConvTranspose2d(out, out, 4, stride=4),
            nn.ConvTranspose2d(out, out, 2, stride=2),
            nn.Identity(),
            nn.Conv2d(out, out, 3, stride=2, padding=1),
        )[level]

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h2 w2"]:
        """Project the channels, and resize."""
        if self.readout is not None:
            x = F.gelu(self.readout(x.movedim(1, -1))).movedim(-1, 1)
        resized: Tensor = self.resize(self.project(x))
        return resized


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

    def __init__(self, channels: int, out: int, *, coarsest: bool, spare: bool) -> None:
        super().__init__()
        self.skip = None if coarsest and not spare else ResidualUnit(channels)
        if coarsest and self.skip is not None:
            self.skip.requires_grad_(False)  # it takes no part
        self.refine = ResidualUnit(channels)
        self.out = nn.Conv2d(channels, out, 1)

    def forward(
        self, features: Float[Tensor, "b c h w"], coarser: Float[Tensor, "b c h w"] | None, size: Size
    ) -> Float[Tensor, "b c2 h2 w2"]:
        """Return the merged map at `size`."""
        if coarser is not None and self.skip is not None:
            features = coarser + self.skip(features)
        # The 1x1 convolution commutes with the interpolation and is cheaper before it.
        merged: Tensor = self.out(self.refine(features))
        return _resize(merged, size)


class Decoder(nn.Module):
    """From an encoder's maps to one at the picture's size, before the network's last activation."""

    def __init__(self, variant: Variant, widths: Sequence[int]) -> None:
        """Lay out the decoder of `variant` for maps of `widths` channels, finest first."""
        super().__init__()
        features, levels = variant.features, len(widths)
        channels = [features << level if variant.expanded else features for level in range(levels)]
        tokens = variant.encoder if isinstance(variant.encoder, Tokens) else None
        reassembled = len(tokens.taps) if tokens else len(variant.widths)
        early = levels - reassembled
        self.aligned = not variant.expanded
        self.reassemble = nn.ModuleList(
            Reassembly(width, out, level=level, readout=tokens is not None and tokens.readout)
            if level >= early
            else nn.Identity()
            for level, (width, out) in enumerate(zip(widths, variant.widths, strict=bool(variant.widths)))
        )
        self.project = nn.ModuleList(
            nn.Conv2d(width, out, 3, padding=1, bias=False)
            for width, out in zip(variant.widths or widths, channels, strict=True)
        )
        self.fuse = nn.ModuleList(
            Fusion(width, out, coarsest=level == levels - 1, spare=variant.spare)
            for level, (width, out) in enumerate(zip(channels, [features, *channels[:-1]], strict=True))
        )
        self.shrink = nn.Conv2d(features, features // 2, 3, padding=1)
        self.hidden = nn.Conv2d(features // 2, variant.hidden, 3, padding=1)
        self.head = nn.Conv2d(variant.hidden, 1, 1)
        # Ours: a last ReLU that starts below zero would never learn, so the map starts around 1.
        nn.init.constant_(self.head.bias, 1 if variant.ceiling is None else 0)  # type: ignore[arg-type]

    def forward(self, maps: Sequence[Float[Tensor, "b _c _h _w"]], size: Size) -> Float[Tensor, "b 1 h w"]:
        """Decode `maps` to what the network's last activation takes, at `size`."""
        if self.reassemble:
            maps = [part(features) for part, features in zip(self.reassemble, maps, strict=True)]
        projected = [project(features) for project, features in zip(self.project, maps, strict=True)]
        finest = Size(*projected[0].shape[-2:])
        sizes = [
            Size(2 * finest.h, 2 * finest.w),
            *(Size(*features.shape[-2:]) for features in projected[:-1]),
        ]
        merged = None
        for fuse, features, target in reversed(list(zip(self.fuse, projected, sizes, strict=True))):
            merged = fuse(features, merged, target)
        x = self.shrink(merged)
        if not torch.is_autocast_enabled(x.device.type):
            return self._finish(x, size)
        with torch.autocast(x.device.type, enabled=False):
            return self._finish(x.float(), size)

    def _finish(self, x: Float[Tensor, "b c _h _w"], size: Size) -> Float[Tensor, "b 1 h w"]:
        """Enlarge channels and compute the map from them, in float32 under any autocast.

        In bfloat16 the map would be made of steps. Gradient matching sees little else, and in training the
        output grows without end.
        """
        x = _resize(x, size, aligned=self.aligned)
        decoded: Tensor = self.head(F.relu(self.hidden(x)))
        return decoded


def _resize(
    x: Float[Tensor, "b c _h _w"], size: Size, *, aligned: bool = True
) -> Float[Tensor, "b c _h2 _w2"]:
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=aligned)
