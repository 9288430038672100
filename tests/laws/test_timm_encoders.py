"""Our decoder on encoders of timm: pyramids, transformers of one stride, windows, and what cannot be."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from leadline.models.checkpoints import load_network, save_network
from leadline.models.network import Network
from leadline.models.timm_encoders import tap
from leadline.models.variants import find_variant
from leadline.predict.predictor import Predictor
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
