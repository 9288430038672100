"""How MiDaS and transformers name the tensors of its networks (see `leadline.models.layouts`)."""

from leadline.models.layouts import (
    Copies,
    Layout,
    official_scratch,
    transformers_neck,
    transformers_qkv,
    under,
)
from leadline.models.variants import Pyramid, Tokens, Variant, Windows

Names = dict[str, str | tuple[str, ...]]

_LITE = {
    "conv_stem.": "layer1.0.",
    "bn1.": "layer1.1.",
    "blocks.0.": "layer1.3.",
    "blocks.1.": "layer1.4.",
    "blocks.2.": "layer2.0.",
    "blocks.3.": "layer3.0.",
    "blocks.4.": "layer3.1.",
    "blocks.5.": "layer4.0.",
    "blocks.6.": "layer4.1.",
}
"""Parts of EfficientNet-Lite -> where MiDaS sorts them by level (midas/blocks.py)."""


def official_midas(variant: Variant) -> Layout:
    """Names of the released .pt files: MiDaS around timm 0.6.12, which its encoders are of."""
    encoder, model = variant.encoder, "pretrained.model."
    layout: Names = {**official_scratch("scratch."), **_heads("scratch.output_conv.")}
    if isinstance(encoder, Pyramid):
        return layout | under(("encoder.", "pretrained."), *_LITE.items())
    layout["encoder."] = model
    if isinstance(encoder, Windows):
        return layout | _downsamplers(model)
    for n in range(4):
        step = f"pretrained.act_postprocess{n + 1}."
        layout |= under(
            (f"decoder.reassemble.{n}.", step),
            ("readout.", "0.project.0."),
            ("project.", "3."),
            ("resize.", "4."),
        )
    if encoder.relative:
        attention = [f"{model}blocks.{n}.attn.relative_position_" for n in range(encoder.depth)]
        layout["encoder.index"] = Copies(f"{name}index" for name in attention)
        layout["encoder.norm."] = f"{model}fc_norm."
        layout |= {f"encoder.distances.{n}": f"{name}bias_table" for n, name in enumerate(attention)}
    return layout


def transformers_midas(variant: Variant) -> Layout:
    """Names of the transformers package, as its files have them (models/dpt, bit, beit and swinv2)."""
    encoder = variant.encoder
    layout: Names = {**transformers_neck(), **_heads("head.head."), "encoder.head.": ()}
    if isinstance(encoder, Windows):
        return layout | _transformers_windows(encoder)
    assert isinstance(encoder, Tokens)
    for n in range(4):
        layout[f"decoder.reassemble.{n}.readout."] = f"neck.reassemble_stage.readout_projects.{n}.0."
    model = "backbone." if encoder.relative else "dpt."
    layout |= under(
        ("encoder.", f"{model}embeddings."),
        ("cls_token", "cls_token"),
        ("pos_embed", "position_embeddings"),
        ("patch_embed.proj.", "projection." if encoder.stages else "patch_embeddings.projection."),
    )
    bit = ("encoder.patch_embed.backbone.", f"{model}embeddings.backbone.bit.")
    layout |= under(bit, ("stem.conv.", "embedder.convolution."), ("stem.norm.", "embedder.norm."))
    for n in range(len(encoder.stages)):
        layout |= under(bit, (f"stages.{n}.blocks.", f"encoder.stages.{n}.layers."))
    for n in range(encoder.depth):
        layer = f"{model}encoder.layer.{n}."
        layout |= _transformers_block(f"encoder.blocks.{n}.", layer, attention="attention.attention.")
        layout[f"encoder.distances.{n}"] = (
            f"{layer}attention.attention.relative_position_bias.relative_position_bias_table"
        )
    layout |= {"encoder.index": (), "encoder.norm.": () if encoder.relative else f"{model}layernorm."}
    return layout


def _transformers_windows(encoder: Windows) -> Names:
    layout: Names = {**_downsamplers("backbone.encoder."), "encoder.norm.": ()}
    layout |= under(
        ("encoder.patch_embed.", "backbone.embeddings."),
        ("proj.", "patch_embeddings.projection."),
        ("norm.", "norm."),
    )
    for stage, depth in enumerate(encoder.depths):
        for n in range(depth):
            block = f"layers.{stage}.blocks.{n}."
            own, their = f"encoder.{block}", f"backbone.encoder.{block}"
            layout |= _transformers_block(own, their, attention="attention.self.")
            layout |= under(
                (f"{own}attn.", f"{their}attention.self."),
                ("logit_scale", "logit_scale"),
                ("cpb_mlp.", "continuous_position_bias_mlp."),
            )
            layout[f"{own}attn_mask"] = ()
    return layout


def _transformers_block(own: str, their: str, *, attention: str) -> Names:
    return {
        f"{own}attn.qkv.": transformers_qkv(f"{their}{attention}"),
        **under(
            (own, their),
            ("norm1.", "layernorm_before."),
            ("attn.q_bias", f"{attention}query.bias"),
            ("attn.v_bias", f"{attention}value.bias"),
            ("attn.proj.", "attention.output.dense."),
            ("gamma_1", "lambda_1"),
            ("norm2.", "layernorm_after."),
            ("mlp.fc1.", "intermediate.dense."),
            ("mlp.fc2.", "output.dense."),
            ("gamma_2", "lambda_2"),
        ),
    }


def _downsamplers(model: str) -> dict[str, str]:
    """Place what makes a map coarser, before a stage in timm today, behind the one before elsewhere."""
    return {f"encoder.layers.{n}.downsample.": f"{model}layers.{n - 1}.downsample." for n in range(1, 4)}


def _heads(head: str) -> dict[str, str]:
    return under(("decoder.", head), ("shrink.", "0."), ("hidden.", "2."), ("head.", "4."))
