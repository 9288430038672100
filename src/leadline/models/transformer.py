"""Vision transformers tapped after some of their blocks: DINOv2, and those of MiDaS 3 and 3.1."""

from collections.abc import Iterator
from functools import partial
from typing import TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from timm.layers import StdConv2dSame, SwiGLUPacked
from timm.layers.mlp import Mlp
from timm.models.beit import Beit, gen_relative_position_index
from timm.models.resnetv2 import ResNetV2
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from leadline.models.variants import Tokens
from leadline.types import Size

_EARLY = 2
"""Levels that the stages of a ResNet give, where there is one."""


class TokenEncoder(nn.Module):
    """Maps at the stride of a patch, with the parts and the names of timm's transformers."""

    index: Int64[Tensor, "n n"]

    def __init__(self, spec: Tokens) -> None:
        super().__init__()
        if not all(0 <= tap < spec.depth for tap in spec.taps):
            raise ValueError(f"it has {spec.depth} blocks, and is to be tapped behind {spec.taps}")
        parts = _build_beit(spec) if spec.relative else _build_vit(spec)
        self.spec = spec
        self.widths = [width for _, width in spec.stages[:_EARLY]]
        self.widths += [spec.width * (2 if spec.readout else 1)] * len(spec.taps)
        self.patch_embed = _ConvolutionalStem(spec) if spec.stages else parts.patch_embed
        self.cls_token, self.blocks = parts.cls_token, parts.blocks
        if spec.relative:
            side = spec.image // spec.patch
            # It follows from the side, but published weights carry it.
            self.register_buffer("index", gen_relative_position_index((side, side)))
            self.distances = nn.ParameterList(
                nn.Parameter(torch.zeros((2 * side - 1) ** 2 + 3, spec.heads)) for _ in range(spec.depth)
            )
        else:
            self.pos_embed = parts.pos_embed
        if spec.dino:
            self.norm = parts.norm
            self.mask_token = spare(nn.Parameter(torch.zeros(1, spec.width)))
        else:
            self.norm, self.head = spare(nn.LayerNorm(spec.width)), spare_head(spec.width)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _c _h2 _w2"]]:
        """Return the maps behind the tapped blocks; behind the last of them nothing is computed.

        Raises:
            ValueError: for sides that are no multiples of the patch.
        """
        if any(side % self.spec.patch for side in image.shape[-2:]):
            raise ValueError(f"sides are multiples of {self.spec.patch}, got {tuple(image.shape[-2:])}")
        grid = Size(*(side // self.spec.patch for side in image.shape[-2:]))
        stages = self.patch_embed.stages(image) if self.spec.stages else [image]
        patches = self.patch_embed.proj(stages[-1]).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(image), -1, -1), patches], dim=1)
        if not self.spec.relative:
            x = x + self._positions(grid)
        maps = stages[:_EARLY] if self.spec.stages else []
        biases = self._distance_biases(grid)
        for number, block in enumerate(self.blocks[: max(self.spec.taps) + 1]):
            x = block(x, next(biases)) if self.spec.relative else block(x)
            if number in self.spec.taps:
                maps.append(self._map(self.norm(x) if self.spec.dino else x, grid))
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
            F.interpolate(square, scale_factor=[(int(length) + offset) / side for length in grid], mode=mode)
            if offset
            else F.interpolate(square, size=tuple(grid), mode=mode)
        )
        return torch.cat([token, stretched.flatten(2).transpose(1, 2).to(token.dtype)], dim=1)

    def _distance_biases(self, grid: Size) -> Iterator[Float[Tensor, "1 heads n n"]]:
        """Yield what each block adds to its attention, for the distance of any two patches of a grid.

        A table of distances is stretched bilinearly for a grid it was not made for, but for its last three
        rows, which are of the class token. Source: MiDaS, backbones/beit.py.
        """
        side = self.spec.image // self.spec.patch
        stored = grid == (side, side)
        index = self.index if stored else gen_relative_position_index(grid).to(self.index.device)
        old, new = 2 * side - 1, [2 * length - 1 for length in grid]
        for table in self.distances:
            patches, token = table[:-3], table[-3:]
            if not stored:
                square = patches.float().T.reshape(1, -1, old, old)
                patches = F.interpolate(square, size=new, mode="bilinear")[0].flatten(1).T.to(table.dtype)
            yield torch.cat([patches, token])[index].permute(2, 0, 1)[None]

    def _map(self, tokens: Float[Tensor, "b n c"], grid: Size) -> Float[Tensor, "b c2 h w"]:
        """Lay tokens out as a map, the class token joined to every position where it is read out."""
        patches = tokens[:, 1:]
        if self.spec.readout:
            patches = torch.cat([patches, tokens[:, :1].expand_as(patches)], dim=-1)
        return patches.transpose(1, 2).reshape(len(tokens), -1, *grid)


class _ConvolutionalStem(nn.Module):
    """A ResNet with group normalisation, and what makes tokens of its last map."""

    def __init__(self, spec: Tokens) -> None:
        super().__init__()
        widths = [width for _, width in spec.stages]
        self.backbone = ResNetV2(
            layers=[depth for depth, _ in spec.stages],
            channels=widths,
            stem_chs=widths[0] // 4,
            num_classes=0,
            global_pool="",
            preact=False,
            stem_type="same",
            conv_layer=partial(StdConv2dSame, eps=1e-8),
        )
        self.proj = nn.Conv2d(widths[-1], spec.width, 1)

    def stages(self, image: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _c _h2 _w2"]]:
        """Return the map behind each stage."""
        x = self.backbone.stem(image)
        return [x := stage(x) for stage in self.backbone.stages]


def _build_vit(spec: Tokens) -> VisionTransformer:
    return VisionTransformer(
        img_size=spec.image,
        patch_size=spec.patch,
        embed_dim=spec.width,
        depth=spec.depth,
        num_heads=spec.heads,
        mlp_layer=SwiGLUPacked if spec.gated else Mlp,
        mlp_ratio=_gated_ratio(spec.width) if spec.gated else 4,
        act_layer="silu" if spec.gated else None,
        init_values=1.0 if spec.dino else None,
        norm_layer=partial(nn.LayerNorm, eps=spec.epsilon),
        final_norm=spec.dino,
        num_classes=0,
    )


def _build_beit(spec: Tokens) -> Beit:
    return Beit(
        img_size=spec.image,
        patch_size=spec.patch,
        embed_dim=spec.width,
        depth=spec.depth,
        num_heads=spec.heads,
        init_values=1e-5,
        norm_layer=partial(nn.LayerNorm, eps=spec.epsilon),
        use_abs_pos_emb=False,
        num_classes=0,
    )


def _gated_ratio(width: int) -> float:
    """Width of DINOv2's gated hidden layer, of which timm counts both halves, by that of the tokens."""
    return 2 * ((width * 8 // 3 + 7) // 8 * 8) / width


Part = TypeVar("Part", nn.Parameter, nn.LayerNorm, nn.Linear)


def spare(part: Part) -> Part:
    """Return a part that takes no part in the network, but that published weights carry, untrained."""
    part.requires_grad_(False)
    return part


def spare_head(width: int) -> nn.Linear:
    """Return the head that classified ImageNet's 1000 kinds when an encoder of MiDaS was pretrained."""
    head = spare(nn.Linear(width, 1000))
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head
