"""Swin transformers of version 2, tapped behind their stages: MiDaS 3.1's small and fast encoders."""

from jaxtyping import Float
from timm.models.swin_transformer_v2 import SwinTransformerV2
from torch import Tensor, nn

from leadline.models.transformer import spare, spare_head
from leadline.models.variants import Windows


class WindowEncoder(nn.Module):
    """Four maps at strides 4, 8, 16 and 32, with the parts and the names of timm's transformer."""

    def __init__(self, spec: Windows) -> None:
        super().__init__()
        parts = SwinTransformerV2(
            img_size=spec.image,
            patch_size=spec.patch,
            embed_dim=spec.width,
            depths=spec.depths,
            num_heads=spec.heads,
            window_size=spec.window,
            drop_path_rate=0,
            num_classes=0,
            strict_img_size=False,
        )
        self.spec = spec
        self.widths = [spec.width << level for level in range(len(spec.depths))]
        self.patch_embed, self.layers = parts.patch_embed, parts.layers
        for block in (block for layer in self.layers for block in layer.blocks if any(block.shift_size)):
            # Masks are made for each size anew, but published weights carry those of the training size.
            block.register_buffer("attn_mask", block.get_attn_mask(), persistent=True)
        self.norm, self.head = spare(nn.LayerNorm(self.widths[-1])), spare_head(self.widths[-1])

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _c _h2 _w2"]]:
        """Return the maps behind the four stages."""
        x = self.patch_embed(image)
        return [(x := layer(x)).permute(0, 3, 1, 2) for layer in self.layers]
