"""Laws of the learner: what training may change, and what it may not."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from leadline.engine.learner import Learner
from leadline.engine.optim import Optim, build_optimiser
from leadline.losses import feature_alignment
from leadline.models.encoders import build_encoder
from leadline.models.network import Network
from leadline.models.variants import find_variant


class Frozen(nn.Module):
    """An encoder of another width than the network's, with statistics that training would change."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.widths = [8, width]
        self.convolution = nn.Conv2d(3, width, 32, stride=32)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, image: Tensor) -> list[Tensor]:
        return [image, self.norm(self.convolution(image))]


def make_learner(frozen: nn.Module | None = None) -> Learner:
    torch.manual_seed(0)
    return Learner(Network("tiny"), frozen=frozen).train()


def pictures(b: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (b, 3, 64, 64), dtype=torch.uint8, generator=generator)


def train_once(learner: Learner) -> None:
    """Update everything that an optimiser holds, by a large step."""
    others = nn.ModuleList([learner.network.decoder, learner.projection])
    optimiser = build_optimiser(learner.network.encoder, others, Optim(steps=1, lr=0.1))
    prediction, features = learner(pictures())
    loss = prediction.square().mean()
    if features is not None:
        loss = loss + feature_alignment(*features)
    loss.backward()
    optimiser.step()


def copies(module: nn.Module, wanted: Callable[[str], bool] = lambda name: True) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items() if wanted(name)}


def is_statistic(name: str) -> bool:
    return "running" in name or "num_batches" in name


# The projection


def test_projection__is_none_where_widths_are_equal() -> None:
    frozen = build_encoder(Network("tiny").variant.encoder, pretrained=False)
    learner = make_learner(frozen)
    assert isinstance(learner.projection, nn.Identity)
    assert list(learner.projection.parameters()) == []


@pytest.mark.parametrize("width", [16, 1024])
def test_projection__bridges_widths_that_differ(width: int) -> None:
    learner = make_learner(Frozen(width))
    prediction, features = learner(pictures())
    assert features is not None
    assert features[0].shape == features[1].shape == (2, width, 2, 2)
    assert prediction.shape == (2, 1, 64, 64)


def test_projection__learns() -> None:
    learner = make_learner(Frozen(16))
    before = copies(learner.projection)
    train_once(learner)
    assert before
    for name, tensor in learner.projection.state_dict().items():
        assert not torch.equal(tensor, before[name]), name


def test_features__are_brought_to_the_frozen_encoders_positions_smoothly() -> None:
    variant = find_variant("timm/test_vit")
    frozen = build_encoder(variant.encoder, pretrained=False)
    learner = Learner(Network("tiny"), frozen=frozen, colours=variant.colours)
    image = pictures()
    with torch.no_grad():
        _, features = learner(image)
        _, own = learner.network.with_features(learner.network.normalise(image))
        expected = F.interpolate(learner.projection(own), size=(4, 4), mode="bilinear")
    assert features is not None
    torch.testing.assert_close(features[0], expected)


# The frozen encoder


def test_frozen_encoder__sees_what_the_network_sees() -> None:
    learner = make_learner(build_encoder(Network("tiny").variant.encoder, pretrained=False))
    assert learner.frozen is not None
    learner.frozen.load_state_dict(learner.network.encoder.state_dict())
    _, features = learner(pictures())
    assert features is not None
    torch.testing.assert_close(features[0], features[1])


def test_frozen_encoder__sees_the_colours_it_expects_at_its_own_strides() -> None:
    variant = find_variant("timm/test_vit")
    frozen = build_encoder(variant.encoder, pretrained=False).eval()
    learner = Learner(Network("tiny"), frozen=frozen, colours=variant.colours)
    image = pictures()
    _, features = learner(image)
    assert features is not None
    assert features[0].shape == features[1].shape == (2, 64, 4, 4)
    with torch.no_grad():
        expected = frozen(Network("timm/test_vit").normalise(image))[-1]
    assert torch.equal(features[1], expected)
    assert feature_alignment(*features).requires_grad


def test_frozen_encoder__never_changes() -> None:
    frozen = Frozen(16)
    learner, before = make_learner(frozen), copies(frozen)
    learner.train()
    train_once(learner)
    for name, tensor in frozen.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert all(p.grad is None and not p.requires_grad for p in frozen.parameters())


@pytest.mark.parametrize("mode", [True, False])
def test_frozen_encoder__stays_in_inference(mode: bool) -> None:
    learner = make_learner(Frozen(16)).train(mode)
    assert learner.frozen is not None
    assert not any(module.training for module in learner.frozen.modules())
    assert learner.network.decoder.training is mode


def test_frozen_encoder__has_no_part_in_the_gradient() -> None:
    _, features = make_learner(Frozen(16))(pictures())
    assert features is not None
    assert features[0].requires_grad
    assert not features[1].requires_grad


def test_optimiser__holds_every_trainable_parameter_once_and_no_frozen_one() -> None:
    learner = make_learner(Frozen(16))
    others = nn.ModuleList([learner.network.decoder, learner.projection])
    groups = build_optimiser(learner.network.encoder, others, Optim(steps=1, lr=1)).param_groups
    held = sorted(id(p) for group in groups for p in group["params"])
    assert held == sorted(id(p) for p in learner.parameters() if p.requires_grad)
    assert len(held) < len(list(learner.parameters()))


# The network in training


def test_statistics__of_the_network_stay_in_training() -> None:
    learner = make_learner()
    before = copies(learner.network, is_statistic)
    learner.train()
    train_once(learner)
    after = copies(learner.network, is_statistic)
    assert before
    for name in before:
        assert torch.equal(before[name], after[name]), name


def test_training__reaches_every_parameter_of_the_network() -> None:
    learner = make_learner()
    train_once(learner)
    gradients = {name: p.grad for name, p in learner.network.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is None or not gradient.any()] == []


def test_prediction__depends_on_its_own_picture_alone_also_in_training() -> None:
    learner, images = make_learner(), pictures(3)
    together, _ = learner(images)
    alone, _ = learner(images[1:2])
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-5)


def test_trained_state__leaves_the_frozen_encoder_out_and_nothing_else() -> None:
    learner = make_learner(Frozen(16))
    named = set(learner.trained_state())
    assert {name.split(".")[0] for name in named} == {"network", "projection"}
    assert named == {name for name in learner.state_dict() if not name.startswith("frozen.")}
    assert {f"network.{name}" for name in learner.network.state_dict()} < named
