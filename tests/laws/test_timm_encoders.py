"""Our decoder on encoders of timm: pyramids, transformers of one stride, windows, and what cannot be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from leadline.models.checkpoints import load_network, save_network
from leadline.models.encoders import build_encoder
from leadline.models.network import Network
from leadline.models.timm_encoders import tap
from leadline.models.variants import Colour, Pyramid, find_variant
from leadline.predict.predictor import Predictor
from leadline.presets.depth_anything_v2 import TEACHER
from leadline.presets.recipes import fitted
from leadline.stages.convert import ConvertConfig, convert
from leadline.types import LeadlineError

FAST = {
    "test_vit": (16, (16, 16, 16, 16)),  # position embeddings of a fixed grid
    "swin_tiny_patch4_window7_224": (32, (4, 8, 16, 32)),  # windows, channels last
    "mobilenetv4_conv_small_035": (32, (4, 8, 16, 32)),  # its first stride, 2, is left out
    "efficientvit_m0": (64, (16, 32, 64)),  # three stages
}
"""Name -> what sides are multiples of, and the strides of its maps."""


def coarse_picture(h: int, w: int, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.interpolate(torch.rand(1, 3, 8, 8, generator=generator), size=(h, w)) * 255


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("landscape", [False, True])
def test_encoder__gives_a_map_that_varies_and_learns(name: str, landscape: bool) -> None:
    torch.manual_seed(0)
    network = Network(f"timm/{name}")
    multiple = network.variant.multiple
    h = -(-128 // multiple) * multiple
    image = network.normalise(coarse_picture(h, h + landscape * multiple))
    found = network(image)
    assert found.shape == (1, 1, *image.shape[-2:])
    assert found.std() > 1e-4
    assert not torch.allclose(network(image.flip(2)), found, atol=1e-4)
    found.mean().backward()
    first = next(network.encoder.parameters())
    assert first.grad is not None
    assert first.grad.abs().sum() > 0


@pytest.mark.parametrize("name", FAST)
def test_encoder__strides_and_multiple_are_found_out(name: str) -> None:
    tapped = tap(name)
    assert (tapped.multiple, tapped.strides) == FAST[name]
    variant = find_variant(f"timm/{name}")
    assert variant.multiple == tapped.multiple
    assert bool(variant.widths) == (len(set(tapped.strides)) == 1)
    maps = Network(f"timm/{name}").encoder(torch.zeros(1, 3, 128, 192))
    assert [one.shape[-1] for one in maps] == [192 // stride for stride in tapped.strides]
    assert [one.shape[1] for one in maps] == list(tapped.widths)


def test_windows_that_must_fill_a_map__make_the_multiple() -> None:
    assert find_variant("timm/maxvit_tiny_rw_224").multiple == 7 * 32


def test_tokens__are_tapped_and_widened_as_depth_anythings() -> None:
    ours, published = find_variant("timm/vit_small_patch14_dinov2"), find_variant("depth-anything-v2-small")
    assert ours.encoder.maps == published.encoder.taps  # type: ignore[union-attr]
    assert (ours.multiple, ours.widths) == (published.multiple, published.widths)


def test_tokens__are_those_of_depth_anything_bit_for_bit() -> None:
    torch.manual_seed(0)
    network = Network("timm/vit_small_patch14_dinov2")
    ours = network.encoder.eval()
    theirs = build_encoder(find_variant("depth-anything-v2-small").encoder, pretrained=False).eval()
    weights = {name.removeprefix("model."): tensor for name, tensor in ours.state_dict().items()}
    missing, left_over = theirs.load_state_dict(weights, strict=False)
    assert (missing, left_over) == (["mask_token"], [])
    image = network.normalise(coarse_picture(518, 518))
    with torch.inference_mode():
        for found, expected in zip(ours(image), theirs(image), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_tokens__of_an_older_checkpoint_stay_as_they_were_learnt(tmp_path: Path) -> None:
    torch.manual_seed(0)
    new = find_variant("timm/test_vit")
    assert isinstance(new.encoder, Pyramid)
    before = replace(new, encoder=replace(new.encoder, normalised=False))
    network = Network("timm/test_vit", variant=before)
    save_network(tmp_path / "a.safetensors", network.name, network.state_dict(), about={}, variant=before)
    loaded, _ = load_network(tmp_path / "a.safetensors")
    assert loaded.variant == before
    assert not any("model.norm." in name for name in loaded.state_dict())


@pytest.mark.parametrize(
    ("name", "mean", "deviation"),
    [
        ("tf_efficientnet_lite0", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ("resnet18", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("mobilevit_xxs", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        ("vit_tiny_patch16_224.augreg_in21k", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    ],
)
def test_colours__are_those_of_the_encoders_weights(name: str, mean: Colour, deviation: Colour) -> None:
    assert find_variant(f"timm/{name}").colours == (mean, deviation)


def test_encoder__leaves_nothing_out_at_random_while_it_learns() -> None:
    torch.manual_seed(0)
    network = Network("timm/swin_tiny_patch4_window7_224").train()
    image = network.normalise(coarse_picture(64, 64))
    assert torch.equal(network.encoder(image)[-1], network.encoder(image)[-1])


def test_recipe__cuts_pictures_as_the_encoder_needs_them() -> None:
    recipe = fitted(TEACHER, "timm/maxvit_pico_rw_256")
    assert recipe.crop.size == 256
    with pytest.raises(ValueError, match="needs a multiple of 256, such as 256, got 224"):
        replace(recipe, crop=replace(recipe.crop, size=224))


@pytest.mark.parametrize("name", ["test_vit", "efficientvit_m0"])
def test_checkpoint__saves_loads_converts_and_predicts(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Network(f"timm/{name}").eval()
    save_network(tmp_path / "a.safetensors", network.name, network.state_dict(), about={})
    tap.cache_clear()
    with pytest.MonkeyPatch.context() as patch:  # the file says all that is to be known
        patch.setattr("leadline.models.timm_encoders._try", None)
        loaded, about = load_network(tmp_path / "a.safetensors")
    assert loaded.variant == network.variant
    assert about["network"] == f"timm/{name}"
    picture = coarse_picture(96, 160)[0].permute(1, 2, 0).numpy().astype(np.uint8)
    expected, found = (Predictor(one, device="cpu", size=64)(picture).values for one in (network, loaded))
    assert found.shape == (96, 160)
    assert np.ptp(found) > 1e-3
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(LeadlineError, match="official layout has no place for"):
        convert(ConvertConfig(model=tmp_path / "a.safetensors", out=tmp_path / "b.pth", to="official"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("levit_128s", "one size alone"),
        ("visformer_tiny", "one size alone"),
        ("resnet1", "did you mean 'resnet18'"),
        ("inception_v3x", "timm has no encoder"),
    ],
)
def test_encoder_that_cannot_be__is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(LeadlineError, match=reason):
        Network(f"timm/{name}")
