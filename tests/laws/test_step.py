"""Laws of the training step: one update from all parts, or none where anything is not a number."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from leadline.engine.objective import Term
from leadline.engine.step import NonFiniteError, train_step
from leadline.types import Batch, Space

OBJECTIVE = {"ssi": Term(loss="ssi_mae"), "gradient": Term(loss="gradient_matching", weight=2)}


class Blur(nn.Module):
    """The smallest network there is: what it predicts, and a place for what goes wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 1, 3, padding=1)

    def forward(self, image: Tensor) -> tuple[Tensor, None]:
        return self.convolution(image / 255), None


class Brightness(Blur):
    """Divides by the brightness of the picture, so a black one is infinite."""

    def forward(self, image: Tensor) -> tuple[Tensor, None]:
        prediction, _ = super().forward(image)
        return prediction / image.float().mean(dim=(1, 2, 3), keepdim=True), None


class Root(Blur):
    """Takes a root at zero, whose value is finite and whose gradient is not."""

    def forward(self, image: Tensor) -> tuple[Tensor, None]:
        prediction, _ = super().forward(image)
        return prediction + (0 * prediction).sqrt(), None


def make_batch(b: int = 4, *, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return Batch(
        image=torch.randint(256, (b, 3, 12, 12), dtype=torch.uint8, generator=generator),
        target=torch.rand(b, 1, 12, 12, generator=generator),
        valid=torch.rand(b, 1, 12, 12, generator=generator) > 0.2,
        space=Space.AFFINE_DISPARITY,
        cut=torch.tensor([], dtype=torch.int64),
        pasted=torch.zeros(0, 1, 12, 12, dtype=torch.bool),
        labelled=0,
        ids=tuple(f"test/{seed}/{row}" for row in range(b)),
    )


def rows(batch: Batch, which: slice) -> Batch:
    return replace(
        batch,
        image=batch.image[which],
        target=batch.target[which],
        valid=batch.valid[which],
        ids=batch.ids[which],
    )


class Lesson:
    """A model with plain gradient descent of rate 1, so that an update is the negative gradient."""

    def __init__(self, kind: type[Blur] = Blur) -> None:
        torch.manual_seed(0)
        self.fabric = Fabric(accelerator="cpu", devices=1)
        self.raw = kind()
        self.before = self.weights()
        self.optimiser = torch.optim.SGD(self.raw.parameters(), lr=1.0)
        self.model, self.shared = self.fabric.setup(self.raw, self.optimiser)

    def weights(self) -> Tensor:
        return nn.utils.parameters_to_vector(self.raw.parameters()).detach().clone()

    def step(self, parts: Sequence[Batch], *, clip: float | None = None) -> dict[str, float]:
        values = train_step(self.fabric, self.model, self.shared, parts, objective=OBJECTIVE, clip=clip)
        return {name: float(value) for name, value in values.items()}

    def update(self) -> Tensor:
        return self.weights() - self.before


def test_accumulated_parts__update_as_the_whole_batch_does() -> None:
    whole, parted, batch = Lesson(), Lesson(), make_batch()
    logged_whole = whole.step([batch])
    logged_parted = parted.step([rows(batch, slice(0, 2)), rows(batch, slice(2, 4))])
    torch.testing.assert_close(parted.update(), whole.update(), rtol=1e-5, atol=1e-6)
    assert whole.update().norm() > 0.01
    for name in ("loss", "ssi", "gradient", "output_mean", "gradient_norm"):
        assert logged_parted[name] == pytest.approx(logged_whole[name], rel=1e-5), name


def test_step__starts_from_no_gradient_of_the_step_before() -> None:
    lesson, batch = Lesson(), make_batch()
    lesson.step([make_batch(seed=1)])
    assert all(parameter.grad is None for parameter in lesson.raw.parameters())
    with torch.no_grad():
        nn.utils.vector_to_parameters(lesson.before, lesson.raw.parameters())
    lesson.step([batch])
    fresh = Lesson()
    fresh.step([batch])
    assert torch.equal(lesson.weights(), fresh.weights())


# What is not a number


@pytest.mark.parametrize("where", ["first", "last"])
def test_nan_in_a_target__stops_with_the_ids_and_leaves_the_weights(where: str) -> None:
    lesson, good, bad = Lesson(), make_batch(2), make_batch(2, seed=7)
    bad.target[1, 0, 3, 3], bad.valid[1, 0, 3, 3] = torch.nan, True
    parts = [bad, good] if where == "first" else [good, bad]
    with pytest.raises(NonFiniteError, match=r"the loss is nan; the pictures are test/7/0, test/7/1\."):
        lesson.step(parts)
    assert torch.equal(lesson.weights(), lesson.before)


def test_nan_in_the_weights__stops_and_leaves_them() -> None:
    lesson = Lesson()
    with torch.no_grad():
        next(iter(lesson.raw.parameters())).view(-1)[0] = torch.nan
    before = lesson.weights()
    with pytest.raises(NonFiniteError, match="test/0/0, test/0/1"):
        lesson.step([make_batch(2)])
    assert torch.equal(lesson.weights().view(torch.int32), before.view(torch.int32))


def test_infinite_output__names_its_picture_alone() -> None:
    lesson, batch = Lesson(Brightness), make_batch(3)
    batch.image[1] = 0
    with pytest.raises(NonFiniteError, match=r"the pictures are test/0/1\."):
        lesson.step([batch])


def test_infinite_gradient__stops_with_the_ids_of_all_parts_and_leaves_the_weights() -> None:
    lesson = Lesson(Root)
    with pytest.raises(
        NonFiniteError, match=r"the gradient is nan; .* test/0/0, test/0/1, test/1/0, test/1/1\."
    ):
        lesson.step([make_batch(2), make_batch(2, seed=1)])
    assert torch.equal(lesson.weights(), lesson.before)


def test_infinite_loss__stops_though_its_gradient_is_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    def infinite(objective: object, prediction: Tensor, batch: object, features: object) -> dict[str, Tensor]:
        return {"ssi": prediction.mean() + torch.inf}

    monkeypatch.setattr("leadline.engine.step.evaluate_terms", infinite)
    lesson = Lesson()
    with pytest.raises(NonFiniteError, match=r"the loss is inf; the pictures are test/0/0, test/0/1\."):
        lesson.step([make_batch(2)])
    assert torch.equal(lesson.weights(), lesson.before)


def test_infinite_gradient__of_several_processes_may_come_from_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Fabric, "world_size", 3)
    with pytest.raises(NonFiniteError, match=r"test/0/0, test/0/1, those of 2 other processes\."):
        Lesson(Root).step([make_batch(2)])


# Clipping


def test_clip__shortens_the_gradient_and_keeps_its_direction() -> None:
    free, clipped = Lesson(), Lesson()
    free_values, clipped_values = free.step([make_batch()]), clipped.step([make_batch()], clip=0.01)
    assert float(free.update().norm()) == pytest.approx(free_values["gradient_norm"], rel=1e-5)
    assert free_values["gradient_norm"] > 0.1
    assert float(clipped.update().norm()) == pytest.approx(0.01, rel=1e-3)
    assert clipped_values["gradient_norm"] == pytest.approx(free_values["gradient_norm"])
    assert float(torch.cosine_similarity(free.update(), clipped.update(), dim=0)) == pytest.approx(1)


def test_clip__leaves_a_short_gradient_alone() -> None:
    free, clipped = Lesson(), Lesson()
    free.step([make_batch()])
    clipped.step([make_batch()], clip=1e6)
    assert torch.equal(free.update(), clipped.update())


# What is logged


def test_log__holds_terms_unweighted_and_the_weighted_total() -> None:
    values = Lesson().step([make_batch()])
    assert values["loss"] == pytest.approx(values["ssi"] + 2 * values["gradient"])
    assert values["ssi"] > 0
    assert values["gradient"] > 0


def test_log__holds_the_size_of_the_output() -> None:
    lesson, batch = Lesson(), make_batch(2)
    with torch.no_grad():
        prediction = lesson.raw(batch.image)[0]
    values = lesson.step([batch])
    assert values["output_mean"] == pytest.approx(float(prediction.mean()), rel=1e-5)
    assert values["output_deviation"] == pytest.approx(
        float((prediction - prediction.mean()).abs().mean()), rel=1e-5
    )
    assert values["output_zeros"] == pytest.approx(float((prediction <= 0).float().mean()))
    assert 0 < values["output_zeros"] < 1


def test_log__an_output_of_zeros_is_all_zeros() -> None:
    lesson = Lesson()
    with torch.no_grad():
        nn.utils.vector_to_parameters(0 * lesson.before, lesson.raw.parameters())
    assert lesson.step([make_batch(2)])["output_zeros"] == 1
