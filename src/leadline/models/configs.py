"""What a config.json of the transformers package says about a network, as a variant of ours."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from leadline.models.midas_configs import read_dpt
from leadline.models.settings import require, side, tapped_blocks
from leadline.models.soundness import require_sound
from leadline.models.variants import VARIANTS, Origin, Tokens, Variant
from leadline.types import LeadlineError

CONFIG = "config.json"


_DEFAULT_BACKBONE: dict[str, Any] = {
    "hidden_size": 384,
    "num_attention_heads": 6,
    "image_size": 518,
    "out_indices": [9, 10, 11, 12],
}


def read_config(path: Path) -> Variant:
    """Lay out the network that a config.json describes; what it leaves out has transformers' default.

    Raises:
        LeadlineError: for another kind of model, or a setting that no published network has.
    """
    config = read_json(path)
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in _READERS:
        raise LeadlineError(f"{path} describes a model of type {kind!r}; known are {', '.join(_READERS)}")
    try:
        found = _READERS[kind](config)
        require_sound(found)
        return found
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise LeadlineError(f"{path} describes no network that can be built: {error}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises:
        LeadlineError: where it does not.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise LeadlineError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise LeadlineError(f"{path}: expected an object, got {type(found).__name__}")
    return found


def name_of_variant(variant: Variant) -> str | None:
    """Return what the table calls a network, wherever its weights come from; None where it is in no table."""
    return next((name for name, known in VARIANTS.items() if is_same(known, variant)), None)


def is_same(one: Variant, other: Variant) -> bool:
    """Whether two networks are one, whatever sizes they look at and wherever their weights come from."""
    return _built(one) == _built(other)


def _built(variant: Variant) -> Variant:
    """Leave out where weights come from, sizes, and in what ports of the same network differ by a hair."""
    encoder = variant.encoder
    if isinstance(encoder, Tokens):
        encoder = replace(encoder, weights="", position_offset=0.0, epsilon=1e-6)
    return replace(variant, encoder=encoder, origin=Origin(), short_side=0, looks=())


def _depth_anything(config: Mapping[str, Any]) -> Variant:
    """Source: transformers, models/depth_anything and dinov2, configuration_*.py."""
    backbone = config.get("backbone_config") or _DEFAULT_BACKBONE
    require(config, reassemble_factors=[4, 2, 1, 0.5], head_in_index=-1)
    require(
        backbone, model_type="dinov2", apply_layernorm=True, mlp_ratio=4, hidden_act="gelu", qkv_bias=True
    )
    first, second, third, fourth = tapped_blocks(backbone)
    encoder = Tokens(
        width=backbone.get("hidden_size", 768),
        depth=backbone.get("num_hidden_layers", 12),
        heads=backbone.get("num_attention_heads", 12),
        taps=(first, second, third, fourth),
        patch=side(backbone, "patch_size", 14),
        image=side(backbone, "image_size", 224),
        dino=True,
        gated=backbone.get("use_swiglu_ffn", False),
        epsilon=backbone.get("layer_norm_eps", 1e-6),
    )
    metric = config.get("depth_estimation_type", "relative") == "metric"
    return replace(
        VARIANTS["depth-anything-v2-small"],
        origin=Origin(),
        encoder=encoder,
        widths=tuple(config.get("neck_hidden_sizes", (48, 96, 192, 384))),
        features=config.get("fusion_hidden_size", 64),
        hidden=config.get("head_hidden_size", 32),
        ceiling=float(config["max_depth"]) if metric else None,
        multiple=encoder.patch,
    )


def describe_depth_anything(variant: Variant) -> dict[str, Any]:
    """Return the config.json of a network, which `read_config` reads back."""
    encoder = variant.encoder
    assert isinstance(encoder, Tokens)
    return {
        "architectures": ["DepthAnythingForDepthEstimation"],
        "model_type": "depth_anything",
        "backbone_config": {
            "model_type": "dinov2",
            "hidden_size": encoder.width,
            "num_hidden_layers": encoder.depth,
            "num_attention_heads": encoder.heads,
            "image_size": encoder.image,
            "patch_size": encoder.patch,
            "layer_norm_eps": encoder.epsilon,
            "use_swiglu_ffn": encoder.gated,
            "out_indices": [tap + 1 for tap in encoder.taps],
            "reshape_hidden_states": False,
        },
        "patch_size": encoder.patch,
        "reassemble_hidden_size": encoder.width,
        "neck_hidden_sizes": list(variant.widths),
        "fusion_hidden_size": variant.features,
        "head_hidden_size": variant.hidden,
        "depth_estimation_type": "relative" if variant.ceiling is None else "metric",
        "max_depth": _whole(variant.ceiling or 1.0),
    }


def _whole(value: float) -> float:
    """Return a whole number as such: transformers 5 takes no other maximal depth."""
    return int(value) if value == int(value) else value


def describe_preprocessing(variant: Variant) -> dict[str, Any]:
    """Return the preprocessor_config.json of a network; Pillow's cubic kernel is not OpenCV's."""
    mean, deviation = variant.colours
    return {
        "image_processor_type": "DPTImageProcessor",
        "do_resize": True,
        "size": {"height": variant.short_side, "width": variant.short_side},
        "keep_aspect_ratio": variant.bound == "lower",  # transformers' DPT takes squares alone
        "ensure_multiple_of": variant.multiple,
        "resample": 3,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(mean),
        "image_std": list(deviation),
        "do_pad": False,
    }


_READERS = {"depth_anything": _depth_anything, "dpt": read_dpt}
"""model_type -> what reads it."""
