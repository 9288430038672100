"""What a config.json of the transformers package says about a network, as a variant of ours."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from leadline.models.variants import VARIANTS, Tokens, Variant
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
    if kind not in _READERS:
        raise LeadlineError(f"{path} describes a model of type {kind!r}; known are {', '.join(_READERS)}")
    try:
        return _READERS[kind](config)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise LeadlineError(f"{path} describes no network that can be built: {error}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises:
        LeadlineError: where it does not.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LeadlineError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise LeadlineError(f"{path}: expected an object, got {type(found).__name__}")
    return found


def _depth_anything(config: Mapping[str, Any]) -> Variant:
    """Source: transformers, models/depth_anything and dinov2, configuration_*.py."""
    backbone = config.get("backbone_config") or _DEFAULT_BACKBONE
    _require(config, reassemble_factors=[4, 2, 1, 0.5], head_in_index=-1)
    _require(
        backbone, model_type="dinov2", apply_layernorm=True, mlp_ratio=4, hidden_act="gelu", qkv_bias=True
    )
    first, second, third, fourth = _taps(backbone)
    encoder = Tokens(
        width=backbone.get("hidden_size", 768),
        depth=backbone.get("num_hidden_layers", 12),
        heads=backbone.get("num_attention_heads", 12),
        taps=(first, second, third, fourth),
        patch=backbone.get("patch_size", 14),
        image=backbone.get("image_size", 224),
        dino=True,
        gated=backbone.get("use_swiglu_ffn", False),
        epsilon=backbone.get("layer_norm_eps", 1e-6),
    )
    metric = config.get("depth_estimation_type", "relative") == "metric"
    return replace(
        VARIANTS["depth-anything-v2-small"],
        encoder=encoder,
        widths=tuple(config.get("neck_hidden_sizes", (48, 96, 192, 384))),
        features=config.get("fusion_hidden_size", 64),
        hidden=config.get("head_hidden_size", 32),
        ceiling=float(config["max_depth"]) if metric else None,
        multiple=encoder.patch,
    )


def _taps(backbone: Mapping[str, Any]) -> list[int]:
    """Return the tapped blocks, counted from 0; transformers counts stages, of which 0 is the stem."""
    stages = backbone.get("out_indices")
    if stages is None:
        stages = [int(name.removeprefix("stage")) for name in backbone["out_features"]]
    return [stage - 1 for stage in stages]


def _require(config: Mapping[str, Any], **settings: Any) -> None:
    """Refuse what would be built otherwise than described."""
    for name, expected in settings.items():
        found = config.get(name, expected)
        if (list(found) if isinstance(found, tuple) else found) != expected:
            raise ValueError(f"{name} is {found}, supported is {expected}")


_READERS = {"depth_anything": _depth_anything}
"""model_type -> what reads it."""
