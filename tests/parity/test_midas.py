"""MiDaS computes what transformers computes with the same weights, and what the small network's paper says.

transformers has no port of the small network, whose twin stands here. Its ports of the plain and the hybrid
transformer take squares alone: other pictures are taken through their parts, as the authors' code does.
"""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BeitConfig, BitConfig, DPTConfig, DPTForDepthEstimation, Swinv2Config

from leadline.models.checkpoints import load_network
from leadline.models.foreign import save_foreign
from leadline.models.layouts import import_weights
from leadline.models.midas_configs import read_dpt
from leadline.models.midas_layouts import transformers_midas
from leadline.models.network import Network
from leadline.models.variants import find_variant
from leadline.types import Space

SIDE = 64  # pixels that the tiny networks are made for
SIZES = {
    "square": (SIDE, SIDE),
    "portrait": (96, 64),
    "landscape": (64, 128),
    "smaller": (32, 32),
    "larger": (128, 160),
}
BLOCKS: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 6,
    "num_attention_heads": 2,
    "intermediate_size": 128,
    "image_size": SIDE,
}
STAGES = [f"stage{n}" for n in range(1, 5)]


def plain() -> DPTConfig:
    return DPTConfig(
        **BLOCKS, backbone_out_indices=[0, 2, 3, 5], neck_hidden_sizes=[8, 16, 24, 40], fusion_hidden_size=16
    )


def hybrid() -> DPTConfig:
    backbone = BitConfig(
        global_padding="same",
        layer_type="bottleneck",
        depths=[1, 2, 2],
        hidden_sizes=[128, 128, 256],
        embedding_size=32,
        embedding_dynamic_padding=True,
        out_features=STAGES[:3],
    )
    return DPTConfig(
        **BLOCKS,
        is_hybrid=True,
        backbone_config=backbone,
        backbone_featmap_shape=[1, 256, SIDE // 16, SIDE // 16],
        backbone_out_indices=[0, 1, 3, 5],
        neck_hidden_sizes=[128, 128, 24, 40],
        fusion_hidden_size=16,
    )


def beit() -> DPTConfig:
    backbone = BeitConfig(
        **BLOCKS,
        use_relative_position_bias=True,
        reshape_hidden_states=False,
        out_features=["stage1", "stage3", "stage4", "stage6"],
    )
    return DPTConfig(backbone_config=backbone, neck_hidden_sizes=[8, 16, 24, 40], fusion_hidden_size=16)


def swin() -> DPTConfig:
    """Windows of 4 x 4 patches: on maps of 16 x 16, 8 x 8, 4 x 4 and 2 x 2, shifted on the first two."""
    backbone = Swinv2Config(
        image_size=SIDE,
        embed_dim=8,
        depths=[2, 2, 3, 2],
        num_heads=[1, 2, 4, 8],
        window_size=4,
        out_features=STAGES,
    )
    return DPTConfig(backbone_config=backbone, neck_hidden_sizes=[8, 16, 32, 64], fusion_hidden_size=16)


CONFIGS = {"plain": plain, "hybrid": hybrid, "beit": beit, "swin": swin}


def varied(module: nn.Module, *, head: nn.Conv2d, size: tuple[int, int], seed: int = 0) -> nn.Module:
    """Draw weights that keep signals alive through every layer, and a head whose ReLU hides hardly any."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.named_parameters():
        spread = (3 / tensor[0].numel()) ** 0.5 if tensor.ndim > 1 else 0.3
        tensor.data.uniform_(-spread, spread, generator=generator)
        if (("norm" in name or ".bn" in name) and name.endswith("weight")) or "lambda" in name:
            tensor.data += 1
    for name, buffer in module.named_buffers():
        if "running" in name:
            buffer.uniform_(0.5, 1.5, generator=generator)
    seen: list[Tensor] = []
    hook = head.register_forward_hook(lambda _module, _input, output: seen.append(output))
    with torch.inference_mode():
        predict(module.eval(), picture(size))
    hook.remove()
    assert head.bias is not None
    head.bias.data += 5 * seen[0].std() - seen[0].mean()
    return module


def picture(size: tuple[int, int]) -> Tensor:
    return torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(1))


def tiny_twin(kind: str) -> DPTForDepthEstimation:
    twin = DPTForDepthEstimation(CONFIGS[kind]())
    varied(twin, head=twin.head.head[4], size=(SIDE, SIDE))
    return twin


def predict(twin: nn.Module, image: Tensor) -> Tensor:
    if not isinstance(twin, DPTForDepthEstimation):
        predicted: Tensor = twin(image)
        return predicted
    if twin.backbone is None and image.shape[-2:] != (twin.config.image_size, twin.config.image_size):
        return through_parts(twin, image)
    return whole(twin, image)


def whole(twin: nn.Module, image: Tensor) -> Tensor:
    predicted: Tensor = twin(image).predicted_depth
    return predicted[:, None]


def through_parts(twin: Any, image: Tensor) -> Tensor:
    """Run transformers' parts one by one, with the grid of patches told to those that take it for square."""
    told = {"interpolate_pos_encoding": True} if twin.config.is_hybrid else {}
    embedded = twin.dpt.embeddings(image, **told)
    x, maps = embedded.last_hidden_states, list(embedded.intermediate_activations or [])
    taps = twin.config.backbone_out_indices[len(maps) :]
    for number, layer in enumerate(twin.dpt.encoder.layer):
        x = layer(x)
        if number in taps:
            maps.append(x)
    height, width = image.shape[-2:]
    predicted: Tensor = twin.head(twin.neck(maps, height // 16, width // 16))
    return predicted[:, None]


def require_agreement(twin: nn.Module, network: nn.Module, size: tuple[int, int]) -> None:
    image = picture(size)
    with torch.inference_mode():
        expected, found = predict(twin, image), network(image)
    assert found.shape == expected.shape == (1, 1, *size)
    spread = expected.max() - expected.min()
    assert expected.std() > 0.1 * expected.mean(), "the map must vary, or any two agree"
    assert (expected > 0).float().mean() > 0.9, "the last ReLU must not hide differences"
    assert ((found - expected).abs().max() / spread).item() < 1e-5


@pytest.mark.parametrize("kind", CONFIGS)
def test_tiny_networks__agree_with_transformers_at_every_size(tmp_path: Path, kind: str) -> None:
    twin = tiny_twin(kind)
    twin.save_pretrained(tmp_path)
    network, _ = load_network(tmp_path)
    assert network.space is Space.AFFINE_DISPARITY
    for size in SIZES.values():
        require_agreement(twin, network, size)


@pytest.mark.parametrize("kind", ["plain", "hybrid"])
def test_parts_of_transformers__make_the_whole(kind: str) -> None:
    twin, image = tiny_twin(kind), picture((SIDE, SIDE))
    with torch.inference_mode():
        torch.testing.assert_close(through_parts(twin, image), whole(twin, image), atol=0, rtol=0)


def test_dpt_large__agrees_with_transformers_at_full_width() -> None:
    variant = find_variant("midas-dpt-large-384")
    config = DPTConfig(
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        intermediate_size=4096,
        backbone_out_indices=[5, 11, 17, 23],
        neck_hidden_sizes=[256, 512, 1024, 1024],
    )
    with torch.device("meta"):
        twin = DPTForDepthEstimation(config)
        network = Network("full", variant=read_dpt(config.to_dict()))
    varied(twin.to_empty(device="cpu"), head=twin.head.head[4], size=(64, 64))
    network.to_empty(device="cpu")
    weights, misfit = import_weights(twin.state_dict(), network.state_dict(), transformers_midas(variant))
    assert not misfit
    network.load_state_dict(weights, assign=True)
    for size in ((256, 160), (96, 96)):
        require_agreement(twin, network.eval(), size)


@pytest.mark.parametrize("kind", CONFIGS)
def test_exported_folder__is_read_by_transformers_with_nothing_missing(tmp_path: Path, kind: str) -> None:
    twin = tiny_twin(kind)
    twin.save_pretrained(tmp_path / "theirs")
    network, _ = load_network(tmp_path / "theirs")
    save_foreign(tmp_path / "ours", network, layout="transformers")
    again, report = DPTForDepthEstimation.from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not any(report.values()), report
    for name, tensor in twin.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    with torch.inference_mode():
        image = picture((SIDE, SIDE))
        torch.testing.assert_close(predict(again.eval(), image), predict(twin, image), atol=0, rtol=0)


# The small network, by its description: EfficientNet-Lite3 below four fusions that halve their channels.


class Same(nn.Conv2d):
    """TensorFlow's padding: as many zeros as a stride needs, the odd one behind."""

    def forward(self, x: Tensor) -> Tensor:
        (stride, kernel), size = (self.stride[0], self.kernel_size[0]), x.shape[-2:]
        over = [max((math.ceil(n / stride) - 1) * stride + kernel - n, 0) for n in reversed(size)]
        return super().forward(F.pad(x, [side for n in over for side in (n // 2, n - n // 2)]))


def norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class Separable(nn.Module):
    def __init__(self, given: int, out: int) -> None:
        super().__init__()
        self.conv_dw, self.bn1 = Same(given, given, 3, groups=given, bias=False), norm(given)
        self.conv_pw, self.bn2 = nn.Conv2d(given, out, 1, bias=False), norm(out)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.bn1(self.conv_dw(x)))
        projected: Tensor = self.bn2(self.conv_pw(x))
        return projected


class Expanding(nn.Module):
    def __init__(self, given: int, out: int, *, kernel: int, stride: int) -> None:
        super().__init__()
        inner = 6 * given
        self.conv_pw, self.bn1 = nn.Conv2d(given, inner, 1, bias=False), norm(inner)
        self.conv_dw = Same(inner, inner, kernel, stride=stride, groups=inner, bias=False)
        self.bn2 = norm(inner)
        self.conv_pwl, self.bn3 = nn.Conv2d(inner, out, 1, bias=False), norm(out)
        self.shortcut = stride == 1 and given == out

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self.bn2(self.conv_dw(F.relu6(self.bn1(self.conv_pw(x))))))
        y = self.bn3(self.conv_pwl(y))
        return torch.add(x, y) if self.shortcut else torch.as_tensor(y)


def stage(given: int, out: int, *, blocks: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        *(
            Expanding(given if n == 0 else out, out, kernel=kernel, stride=stride if n == 0 else 1)
            for n in range(blocks)
        )
    )


def encoder() -> nn.Module:
    levels = nn.Module()
    levels.layer1 = nn.Sequential(
        Same(3, 32, 3, stride=2, bias=False),
        norm(32),
        nn.ReLU6(),
        nn.Sequential(Separable(32, 24)),
        stage(24, 32, blocks=3, kernel=3, stride=2),
    )
    levels.layer2 = nn.Sequential(stage(32, 48, blocks=3, kernel=5, stride=2))
    levels.layer3 = nn.Sequential(
        stage(48, 96, blocks=5, kernel=3, stride=2), stage(96, 136, blocks=5, kernel=5, stride=1)
    )
    levels.layer4 = nn.Sequential(
        stage(136, 232, blocks=6, kernel=5, stride=2), stage(232, 384, blocks=1, kernel=3, stride=1)
    )
    return levels


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.conv2(F.relu(self.conv1(F.relu(x)))))


class Refine(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.resConfUnit1, self.resConfUnit2 = Residual(channels), Residual(channels)
        self.out_conv = nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor, skipped: Tensor | None = None) -> Tensor:
        x = x if skipped is None else x + self.resConfUnit1(skipped)
        x = F.interpolate(self.resConfUnit2(x), scale_factor=2, mode="bilinear", align_corners=True)
        return self.out_conv(x)  # type: ignore[no-any-return]


class SmallTwin(nn.Module):
    """MiDaS 2.1 small, with the authors' names of its tensors."""

    pretrained: Any
    scratch: Any

    def __init__(self) -> None:
        super().__init__()
        self.pretrained, self.scratch = encoder(), nn.Module()
        for n, given in enumerate((32, 48, 136, 384)):
            channels = 64 * 2**n
            out = channels // 2 if n else channels
            setattr(self.scratch, f"layer{n + 1}_rn", nn.Conv2d(given, channels, 3, padding=1, bias=False))
            setattr(self.scratch, f"refinenet{n + 1}", Refine(channels, out))
        self.scratch.output_conv = nn.Sequential(
            nn.Conv2d(64, 32, 3, padding=1),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 1, 1),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        levels = []
        for n in range(1, 5):
            x = getattr(self.pretrained, f"layer{n}")(x)
            levels.append(getattr(self.scratch, f"layer{n}_rn")(x))
        x = self.scratch.refinenet4(levels[3])
        for n in (3, 2, 1):
            x = getattr(self.scratch, f"refinenet{n}")(x, levels[n - 1])
        return self.scratch.output_conv(x)  # type: ignore[no-any-return]


def test_small_network__agrees_with_its_description(tmp_path: Path) -> None:
    twin = SmallTwin()
    varied(twin, head=twin.scratch.output_conv[4], size=(128, 128))
    path = tmp_path / "midas_v21_small_256.pt"
    torch.save(twin.state_dict(), path)
    network, about = load_network(path)
    assert about["network"] == "midas-small-256"
    for size in ((256, 256), (96, 128), (320, 64)):
        require_agreement(twin, network, size)
