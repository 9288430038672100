"""What a config.json of transformers' DPT says about a network of MiDaS, and the way back."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from leadline.models.settings import require, side, tapped_blocks
from leadline.models.variants import VARIANTS, Origin, Tokens, Variant, Windows

_FACTORS = [4, 2, 1, 0.5]
_DEFAULT_BIT: dict[str, Any] = {
    "model_type": "bit",
    "layer_type": "preactivation",
    "global_padding": None,
    "embedding_dynamic_padding": False,
    "hidden_sizes": [256, 512, 1024, 2048],
    "depths": [3, 4, 6, 3],
}
_HYBRID_BIT = {
    "model_type": "bit",
    "layer_type": "bottleneck",
    "global_padding": "SAME",
    "embedding_dynamic_padding": True,
    "depths": [3, 4, 9],
    "out_features": ["stage1", "stage2", "stage3"],
}
"""What DPT takes where a config.json says nothing of a hybrid's backbone."""


def read_dpt(config: Mapping[str, Any]) -> Variant:
    """Lay out the network that a config.json of type dpt describes (models/dpt, configuration_dpt.py).

    Raises:
        ValueError, KeyError, TypeError: for what cannot be built.
    """
    require(
        config,
        readout_type="project",
        head_in_index=-1,
        hidden_act="gelu",
        add_projection=False,
        use_batch_norm_in_fusion_residual=False,
        use_bias_in_fusion_residual=True,
    )
    backbone = config.get("backbone_config") or {}
    kind = "bit" if config.get("is_hybrid") else backbone.get("model_type", "dpt")
    if kind not in _BACKBONES:
        raise ValueError(f"its backbone is of type {kind!r}, known are {', '.join(_BACKBONES)}")
    encoder = _BACKBONES[kind](config)
    maps = isinstance(encoder, Windows)
    return replace(
        VARIANTS["midas-dpt-large-384"],
        encoder=encoder,
        widths=() if maps else tuple(config.get("neck_hidden_sizes", (96, 192, 384, 768))),
        features=config.get("fusion_hidden_size", 256),
        short_side=encoder.image,
        bound="exact" if maps else "minimal",
        origin=Origin(),
    )


def _plain(config: Mapping[str, Any]) -> Tokens:
    return _transformer(config, taps=tuple(config.get("backbone_out_indices", (2, 5, 8, 11))), image=384)


def _hybrid(config: Mapping[str, Any]) -> Tokens:
    backbone = _DEFAULT_BIT | (config.get("backbone_config") or _HYBRID_BIT)
    widths = backbone["hidden_sizes"]
    require(
        {**backbone, "global_padding": str(backbone["global_padding"]).lower()},
        layer_type="bottleneck",
        global_padding="same",
        embedding_dynamic_padding=True,
        embedding_size=widths[0] // 4,
        num_groups=32,
        output_stride=32,
        width_factor=1,
    )
    first, second, third = backbone["depths"]
    taps = tuple(config.get("backbone_out_indices", (2, 5, 8, 11)))[2:]
    factors = config.get("reassemble_factors", _FACTORS)  # those of the first two levels mean nothing
    plain = _transformer(
        {**config, "reassemble_factors": [*_FACTORS[:2], *factors[2:]]}, taps=taps, image=384
    )
    return replace(plain, stages=((first, widths[0]), (second, widths[1]), (third, widths[2])))


def _beit(config: Mapping[str, Any]) -> Tokens:
    """Source: transformers, models/beit, configuration_beit.py."""
    backbone = {"use_relative_position_bias": False, **config["backbone_config"]}
    require(
        backbone,
        use_relative_position_bias=True,
        use_shared_relative_position_bias=False,
        use_absolute_position_embeddings=False,
        use_mask_token=False,
    )
    factors = config.get("reassemble_factors", _FACTORS)
    taps = tuple(tapped_blocks(backbone))
    plain = _transformer({**backbone, "reassemble_factors": factors}, taps=taps, image=224)
    return replace(plain, relative=True)


def _transformer(config: Mapping[str, Any], *, taps: tuple[int, ...], image: int) -> Tokens:
    """Read what DPT and BEiT call alike; `image` is the default of the one in question."""
    width = config.get("hidden_size", 768)
    require(
        config, intermediate_size=4 * width, hidden_act="gelu", qkv_bias=True, reassemble_factors=_FACTORS
    )
    return Tokens(
        width=width,
        depth=config.get("num_hidden_layers", 12),
        heads=config.get("num_attention_heads", 12),
        taps=taps,
        patch=side(config, "patch_size", 16),
        image=side(config, "image_size", image),
        dino=False,
        readout=True,
        epsilon=config.get("layer_norm_eps", 1e-12),
    )


def _swin(config: Mapping[str, Any]) -> Windows:
    """Source: transformers, models/swinv2, configuration_swinv2.py."""
    backbone = config["backbone_config"]
    require(
        backbone,
        mlp_ratio=4,
        qkv_bias=True,
        hidden_act="gelu",
        layer_norm_eps=1e-5,
        use_absolute_embeddings=False,
        pretrained_window_sizes=[0, 0, 0, 0],
    )
    if tapped_blocks(backbone) != [0, 1, 2, 3]:
        raise ValueError("its stages are not all tapped")
    return Windows(
        width=backbone.get("embed_dim", 96),
        depths=tuple(backbone.get("depths", (2, 2, 6, 2))),
        heads=tuple(backbone.get("num_heads", (3, 6, 12, 24))),
        patch=side(backbone, "patch_size", 4),
        window=backbone.get("window_size", 7),
        image=side(backbone, "image_size", 224),
    )


_BACKBONES: dict[str, Callable[[Mapping[str, Any]], Tokens | Windows]] = {
    "dpt": _plain,
    "bit": _hybrid,
    "beit": _beit,
    "swinv2": _swin,
}
"""Type of the backbone -> what reads the encoder; DPT's own where there is none."""


def describe_dpt(variant: Variant) -> dict[str, Any]:
    """Return the config.json of a network, which `read_dpt` reads back."""
    encoder = variant.encoder
    common = {
        "architectures": ["DPTForDepthEstimation"],
        "model_type": "dpt",
        "fusion_hidden_size": variant.features,
        "readout_type": "project",
        "reassemble_factors": _FACTORS,
    }
    if isinstance(encoder, Windows):
        widths = [encoder.width << level for level in range(4)]
        return {**common, "neck_hidden_sizes": widths, "backbone_config": _describe_windows(encoder)}
    assert isinstance(encoder, Tokens)
    plain = {
        "hidden_size": encoder.width,
        "intermediate_size": 4 * encoder.width,
        "num_hidden_layers": encoder.depth,
        "num_attention_heads": encoder.heads,
        "patch_size": encoder.patch,
        "image_size": encoder.image,
        "layer_norm_eps": encoder.epsilon,
    }
    common["neck_hidden_sizes"] = list(variant.widths)
    if encoder.relative:
        indices = [tap + 1 for tap in encoder.taps]
        beit = {"model_type": "beit", "use_relative_position_bias": True, "reshape_hidden_states": False}
        return {**common, "backbone_config": {**beit, **plain, "out_indices": indices}}
    early = [0, 1] if encoder.stages else []
    config = {**common, **plain, "backbone_out_indices": [*early, *encoder.taps]}
    return {**config, **_describe_stages(encoder)} if encoder.stages else config


def _describe_stages(encoder: Tokens) -> dict[str, Any]:
    widths = [width for _, width in encoder.stages]
    backbone = {
        **_HYBRID_BIT,
        "depths": [depth for depth, _ in encoder.stages],
        "hidden_sizes": widths,
        "embedding_size": widths[0] // 4,
    }
    side = encoder.image // encoder.patch
    return {
        "is_hybrid": True,
        "backbone_config": backbone,
        "backbone_featmap_shape": [1, widths[-1], side, side],
    }


def _describe_windows(encoder: Windows) -> dict[str, Any]:
    return {
        "model_type": "swinv2",
        "embed_dim": encoder.width,
        "depths": list(encoder.depths),
        "num_heads": list(encoder.heads),
        "patch_size": encoder.patch,
        "window_size": encoder.window,
        "image_size": encoder.image,
        "out_indices": [1, 2, 3, 4],
    }
