"""Vision transformers tapped after some of their blocks: DINOv2, and the plain one of MiDaS 3."""

from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from timm.layers import SwiGLUPacked
from timm.layers.mlp import Mlp
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from leadline.models.variants import Tokens
from leadline.types import Size


class TokenEncoder(nn.Module):
    """Four maps at the stride of a patch, with the parts and the names of timm's transformer."""

    def __init__(self, spec: Tokens) -> None:
        super().__init__()
        parts = VisionTransformer(
            img_size=spec.image,
            patch_size=spec.patch,
            embed_dim=spec.width,
            depth=spec.depth,
            num_heads=spec.heads,
            mlp_layer=SwiGLUPacked if spec.gated else Mlp,
            mlp_ratio=_gated_ratio(spec.width) if spec.gated else 4,
            init_values=1.0 if spec.dino else None,
            norm_layer=partial(nn.LayerNorm, eps=spec.epsilon),
            final_norm=spec.dino,
            num_classes=0,
        )
        self.spec = spec
        self.widths = [spec.width * (2 if spec.readout else 1)] * 4
        self.patch_embed, self.cls_token, self.pos_embed = parts.patch_embed, parts.cls_token, parts.pos_embed
        self.blocks, self.norm = parts.blocks, parts.norm
        if spec.dino:  # it takes no part, but published weights carry it
            self.mask_token = nn.Parameter(torch.zeros(1, spec.width), requires_grad=False)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b c h2 w2"]]:
        """Return the maps behind the tapped blocks; behind the last of them nothing is computed.

        Raises:
            ValueError: for sides that are no multiples of the patch.
        """
        if any(side % self.spec.patch for side in image.shape[-2:]):
            raise ValueError(f"sides are multiples of {self.spec.patch}, got {tuple(image.shape[-2:])}")
        grid = Size(*(side // self.spec.patch for side in image.shape[-2:]))
        patches = self.patch_embed.proj(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(image), -1, -1), patches], dim=1) + self._positions(grid)
        maps = []
        for number, block in enumerate(self.blocks[: max(self.spec.taps) + 1]):
            x = block(x)
            if number in self.spec.taps:
                maps.append(self._map(self.norm(x), grid))
        return maps

    def _positions(self, grid: Size) -> Float[Tensor, "1 n c"]:
        """Stretch the position embeddings to a grid of patches.

        DINOv2: bicubic, without antialiasing, by a scale with an offset (facebookresearch/dinov2,
        models/vision_transformer.py), which transformers leaves out. MiDaS: bilinear (backbones/vit.py).
        """
        positions: Tensor = self.pos_embed
        side = self.spec.image // self.spec.patch
        if grid == (side, side):
            return positions
        token, patches = positions[:, :1], positions[:, 1:]
        square = patches.float().transpose(1, 2).reshape(1, -1, side, side)
        mode = "bicubic" if self.spec.dino else "bilinear"
        offset = self.spec.position_offset
        stretched = (
            F.interpolate(square, scale_factor=[(length + offset) / side for length in grid], mode=mode)
            if offset
            else F.interpolate(square, size=tuple(grid), mode=mode)
        )
        return torch.cat([token, stretched.flatten(2).transpose(1, 2).to(token.dtype)], dim=1)

    def _map(self, tokens: Float[Tensor, "b n c"], grid: Size) -> Float[Tensor, "b c2 h w"]:
        """Lay tokens out as a map, the class token joined to every position where it is read out."""
        patches = tokens[:, 1:]
        if self.spec.readout:
            patches = torch.cat([patches, tokens[:, :1].expand_as(patches)], dim=-1)
        return patches.transpose(1, 2).reshape(len(tokens), -1, *grid)


def _gated_ratio(width: int) -> float:
    """Width of DINOv2's gated hidden layer, of which timm counts both halves, by that of the tokens."""
    return 2 * ((width * 8 // 3 + 7) // 8 * 8) / width
