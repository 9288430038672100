"""Files of MiDaS: names as released, every tensor in its place, and settings that are read back."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from leadline.geometry import fit_size
from leadline.models import published
from leadline.models.checkpoints import load_network, save_network
from leadline.models.configs import read_config
from leadline.models.foreign import FAMILIES, Family, save_foreign
from leadline.models.layouts import export_weights, import_weights
from leadline.models.midas_configs import describe_dpt, read_dpt
from leadline.models.network import Network
from leadline.models.published import find_weights
from leadline.models.variants import VARIANTS, Origin, Tokens, Variant, Windows, find_variant
from leadline.types import LeadlineError, Size

OFFICIAL, TRANSFORMERS = FAMILIES[2:]
MIDAS = [name for name in VARIANTS if name.startswith("midas-")]
DPT = [name for name in MIDAS if "dpt" in name]

RELEASED = {
    "midas-dpt-large-384": (
        368,
        {
            "pretrained.model.pos_embed": (1, 577, 1024),
            "pretrained.model.blocks.23.attn.qkv.bias": (3072,),
            "pretrained.model.norm.weight": (1024,),
            "pretrained.model.head.weight": (1000, 1024),
            "pretrained.act_postprocess1.0.project.0.weight": (1024, 2048),
            "pretrained.act_postprocess1.3.weight": (256, 1024, 1, 1),
            "pretrained.act_postprocess1.4.weight": (256, 256, 4, 4),
            "pretrained.act_postprocess4.4.weight": (1024, 1024, 3, 3),
            "scratch.layer2_rn.weight": (256, 512, 3, 3),
            "scratch.refinenet4.resConfUnit1.conv1.weight": (256, 256, 3, 3),
            "scratch.refinenet1.out_conv.bias": (256,),
            "scratch.output_conv.0.weight": (128, 256, 3, 3),
            "scratch.output_conv.2.weight": (32, 128, 3, 3),
            "scratch.output_conv.4.weight": (1, 32, 1, 1),
        },
    ),
    "midas-dpt-hybrid-384": (
        368,
        {
            "pretrained.model.patch_embed.backbone.stem.conv.weight": (64, 3, 7, 7),
            "pretrained.model.patch_embed.backbone.stages.0.blocks.0.downsample.norm.bias": (256,),
            "pretrained.model.patch_embed.backbone.stages.2.blocks.8.conv3.weight": (1024, 256, 1, 1),
            "pretrained.model.patch_embed.proj.weight": (768, 1024, 1, 1),
            "pretrained.act_postprocess3.3.weight": (768, 768, 1, 1),
            "pretrained.act_postprocess4.4.bias": (768,),
            "scratch.layer1_rn.weight": (256, 256, 3, 3),
        },
    ),
    "midas-dpt-beit-large-512": (
        487,
        {
            "pretrained.model.blocks.0.gamma_1": (1024,),
            "pretrained.model.blocks.0.attn.q_bias": (1024,),
            "pretrained.model.blocks.0.attn.qkv.weight": (3072, 1024),
            "pretrained.model.blocks.23.attn.relative_position_bias_table": (3972, 16),
            "pretrained.model.blocks.23.attn.relative_position_index": (1025, 1025),
            "pretrained.model.fc_norm.weight": (1024,),
            "pretrained.model.head.bias": (1000,),
            "pretrained.act_postprocess2.4.weight": (512, 512, 2, 2),
        },
    ),
    "midas-dpt-swin2-tiny-256": (
        273,
        {
            "pretrained.model.patch_embed.norm.weight": (96,),
            "pretrained.model.layers.0.blocks.1.attn_mask": (16, 256, 256),
            "pretrained.model.layers.1.blocks.1.attn_mask": (4, 256, 256),
            "pretrained.model.layers.0.downsample.reduction.weight": (192, 384),
            "pretrained.model.layers.2.blocks.5.attn.cpb_mlp.2.weight": (12, 512),
            "pretrained.model.layers.3.blocks.1.attn.logit_scale": (24, 1, 1),
            "pretrained.model.norm.weight": (768,),
            "scratch.layer4_rn.weight": (256, 768, 3, 3),
        },
    ),
    "midas-small-256": (
        482,
        {
            "pretrained.layer1.0.weight": (32, 3, 3, 3),
            "pretrained.layer1.1.num_batches_tracked": (),
            "pretrained.layer1.3.0.conv_dw.weight": (32, 1, 3, 3),
            "pretrained.layer1.4.2.conv_pwl.weight": (32, 192, 1, 1),
            "pretrained.layer2.0.0.conv_dw.weight": (192, 1, 5, 5),
            "pretrained.layer3.1.4.bn3.running_var": (136,),
            "pretrained.layer4.1.0.conv_pwl.weight": (384, 1392, 1, 1),
            "scratch.layer4_rn.weight": (512, 384, 3, 3),
            "scratch.refinenet4.out_conv.weight": (256, 512, 1, 1),
            "scratch.refinenet1.out_conv.weight": (64, 64, 1, 1),
            "scratch.output_conv.0.weight": (32, 64, 3, 3),
        },
    ),
}
"""How many tensors a released file holds, and some of them: MiDaS around timm 0.6.12 and geffnet 1.0.2."""


def tiny(name: str) -> Variant:
    """Return a variant of few channels with all the parts of a published one."""
    variant = find_variant(name)
    encoder = variant.encoder
    if isinstance(encoder, Windows):
        small = replace(encoder, width=8, heads=(1, 2, 4, 8), depths=(2, 2, 2, 2), window=4, image=64)
        return replace(variant, encoder=small, features=16, short_side=64, origin=Origin())
    assert isinstance(encoder, Tokens)
    stages = ((1, 128), (2, 128), (1, 256)) if encoder.stages else ()
    taps = (2, 3) if encoder.stages else (0, 1, 2, 3)
    few = replace(encoder, width=32, depth=4, heads=2, taps=taps, image=64, stages=stages)
    widths = (128, 128, 24, 40) if encoder.stages else (8, 16, 24, 40)
    return replace(variant, encoder=few, widths=widths, features=16, short_side=64, origin=Origin())


def scrambled(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return other weights of the same shapes; integers follow from the network, and stay."""
    generator = torch.Generator().manual_seed(1)
    return {
        name: torch.randn(tensor.shape, generator=generator) if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
    }


def tiny_network(name: str) -> Network:
    if name == "midas-small-256":
        return Network(name).eval()
    return Network("tiny midas", variant=tiny(name)).eval()


# Names


@pytest.mark.parametrize("name", MIDAS)
def test_official_names__are_those_of_the_released_files(name: str) -> None:
    with torch.device("meta"):
        own = Network(name).state_dict()
    theirs = export_weights(own, OFFICIAL.layout(VARIANTS[name]))
    count, some = RELEASED[name]
    assert len(theirs) == count
    assert {key: tuple(theirs[key].shape) for key in some} == some


@pytest.mark.parametrize("name", MIDAS)
@pytest.mark.parametrize("family", [OFFICIAL, TRANSFORMERS], ids=["official", "transformers"])
def test_layout__is_a_bijection_that_loses_no_bit(name: str, family: Family) -> None:
    network = tiny_network(name)
    if not family.holds(network.variant):
        assert (name, family.title) == ("midas-small-256", TRANSFORMERS.title)
        return
    layout, own = family.layout(network.variant), network.state_dict()
    theirs = export_weights(scrambled(own), layout)
    found, misfit = import_weights(theirs, own, layout)
    assert not misfit
    again = export_weights(found, layout)
    assert again.keys() == theirs.keys()
    assert all(torch.equal(again[key], tensor) for key, tensor in theirs.items())
    for key in theirs:  # each of theirs is needed, and none beside them
        assert import_weights({k: t for k, t in theirs.items() if k != key}, own, layout)[1].missing == (key,)
    assert import_weights({**theirs, "stray": torch.zeros(1)}, own, layout)[1].left_over == ("stray",)


@pytest.mark.parametrize("name", DPT)
def test_transformers_files__lack_only_what_takes_no_part(name: str) -> None:
    network = tiny_network(name)
    layout, own = TRANSFORMERS.layout(network.variant), network.state_dict()
    changed = scrambled(own)
    found, _ = import_weights(export_weights(changed, layout), own, layout)
    lost = {key for key, tensor in changed.items() if not torch.equal(found[key], tensor)}
    assert lost <= {key for key in own if key.startswith(("encoder.head.", "encoder.norm."))} | {
        key for key in own if key.endswith("attn_mask")
    }
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    maps = []
    for weights in (changed, found):
        network.load_state_dict(weights)
        with torch.inference_mode():
            maps.append(network.with_features(image)[1])
    assert maps[0].std() > 0
    assert torch.equal(*maps)


def test_index_of_distances__is_refused_where_it_is_not_the_networks() -> None:
    network = tiny_network("midas-dpt-beit-large-512")
    layout, own = OFFICIAL.layout(network.variant), network.state_dict()
    theirs = export_weights(own, layout)
    altered = "pretrained.model.blocks.2.attn.relative_position_index"
    theirs[altered] = theirs[altered].flip(0)
    assert import_weights(theirs, own, layout)[1].unlike == (altered,)


def test_released_file__is_known_by_its_shapes(tmp_path: Path) -> None:
    network = tiny_network("midas-small-256")
    save_foreign(tmp_path / "model-small-70d6b9c8.pt", network, layout="official")
    again, about = load_network(tmp_path / "model-small-70d6b9c8.pt")
    assert about["network"] == "midas-small-256"
    assert all(torch.equal(again.state_dict()[key], tensor) for key, tensor in network.state_dict().items())


@pytest.mark.parametrize("name", DPT)
def test_network_of_no_table__comes_back_from_our_own_file(tmp_path: Path, name: str) -> None:
    network = tiny_network(name)
    path = tmp_path / "weights.safetensors"
    save_network(path, network.name, network.state_dict(), about={}, variant=network.variant)
    assert load_network(path)[0].variant == network.variant


# Settings


@pytest.mark.parametrize("name", DPT)
@pytest.mark.parametrize("size", ["tiny", "published"])
def test_settings__are_read_back(name: str, size: str) -> None:
    variant = tiny(name) if size == "tiny" else replace(find_variant(name), origin=Origin())
    assert read_dpt(describe_dpt(variant)) == variant


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("midas-dpt-large-384", {"readout_type": "add"}, "readout_type is add"),
        ("midas-dpt-large-384", {"reassemble_factors": [4, 2, 1, 1]}, "reassemble_factors"),
        ("midas-dpt-large-384", {"use_batch_norm_in_fusion_residual": True}, "use_batch_norm"),
        ("midas-dpt-large-384", {"qkv_bias": False}, "qkv_bias is False"),
        ("midas-dpt-large-384", {"intermediate_size": 1024}, "intermediate_size is 1024"),
        ("midas-dpt-large-384", {"backbone_config": {"model_type": "dinov2"}}, "'dinov2'"),
        ("midas-dpt-hybrid-384", {"backbone_config": {"layer_type": "preactivation"}}, "layer_type"),
        ("midas-dpt-hybrid-384", {"backbone_config": {"global_padding": None}}, "global_padding"),
        ("midas-dpt-beit-large-512", {"backbone_config": {"use_relative_position_bias": False}}, "relative"),
        ("midas-dpt-beit-large-512", {"backbone_config": {"hidden_act": "relu"}}, "hidden_act is relu"),
        ("midas-dpt-swin2-tiny-256", {"backbone_config": {"pretrained_window_sizes": [6] * 4}}, "pretrained"),
        ("midas-dpt-swin2-tiny-256", {"backbone_config": {"out_indices": [0, 1, 2, 3]}}, "tapped"),
    ],
)
def test_settings__that_no_network_of_ours_has_are_refused(
    tmp_path: Path, name: str, changes: dict[str, Any], said: str
) -> None:
    config = describe_dpt(find_variant(name))
    for key, value in changes.items():
        config[key] = {**config[key], **value} if isinstance(config.get(key), dict) else value
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    with pytest.raises(LeadlineError, match="describes no network that can be built") as raised:
        read_config(path)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("name", "picture", "expected"),
    [
        ("midas-dpt-large-384", (480, 640), (384, 512)),
        ("midas-dpt-hybrid-384", (1080, 1920), (384, 672)),
        ("midas-dpt-beit-large-512", (480, 640), (512, 672)),
        ("midas-dpt-swin2-tiny-256", (480, 640), (256, 256)),
        ("midas-small-256", (480, 640), (192, 256)),
    ],
)
def test_pictures__are_brought_to_the_authors_size(
    name: str, picture: tuple[int, int], expected: tuple[int, int]
) -> None:
    variant = find_variant(name)
    target = Size(variant.short_side, variant.short_side)
    found = fit_size(Size(*picture), target, multiple=variant.multiple, bound=variant.bound)
    assert found == Size(*expected)


# By name


def test_name__leads_to_transformers_copy_on_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(repository: str, file: str) -> Path:
        asked.append((repository, file))
        return Path("cache") / file

    monkeypatch.setattr(published, "fetch", fetch)
    assert find_weights("midas-dpt-large-384") == (Path("cache"), "midas-dpt-large-384")
    assert asked == [("Intel/dpt-large", "config.json"), ("Intel/dpt-large", "model.safetensors")]


def test_name__of_weights_that_no_hub_has_says_what_to_fetch() -> None:
    with pytest.raises(LeadlineError, match=r"fetch https://github\.com/.*/v2_1/midas_v21_small_256\.pt"):
        find_weights("midas-small-256")
