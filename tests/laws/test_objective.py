"""Laws of objectives: what a term looks at, and how CutMix regions enter it."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import Tensor

from leadline.engine.objective import Part, Term, evaluate_terms, regions
from leadline.types import Batch, Space

MapLoss = Literal["ssi_mae", "ssi_mse", "gradient_matching"]
over_map_losses = pytest.mark.parametrize("loss", ["ssi_mae", "ssi_mse", "gradient_matching"])


def make_batch(
    target: Tensor, *, labelled: int = 0, cut: Sequence[int] = (), pasted: Tensor | None = None
) -> Batch:
    """Return a batch of valid pixels, with a `pasted` mask for each of the rows `cut`."""
    b, _, h, w = target.shape
    return Batch(
        image=torch.zeros(b, 3, h, w, dtype=torch.uint8),
        target=target,
        valid=torch.ones(b, 1, h, w, dtype=torch.bool),
        space=Space.AFFINE_DISPARITY,
        cut=torch.tensor(cut, dtype=torch.int64),
        pasted=torch.zeros(0, 1, h, w, dtype=torch.bool) if pasted is None else pasted,
        labelled=labelled,
        ids=tuple(f"test/{row}" for row in range(b)),
    )


def random_maps(b: int, *, side: int = 16, seed: int = 0) -> Tensor:
    return torch.rand(b, 1, side, side, generator=torch.Generator().manual_seed(seed))


def box(*, side: int = 16, length: int = 6) -> Tensor:
    """Return one pasted square away from the border."""
    mask = torch.zeros(1, 1, side, side, dtype=torch.bool)
    mask[..., 2 : 2 + length, 3 : 3 + length] = True
    return mask


def value(term: Term, prediction: Tensor, batch: Batch) -> float:
    return float(evaluate_terms({"term": term}, prediction, batch)["term"])


# A region is a picture of its own


@over_map_losses
def test_region__with_another_scale_and_shift_than_its_picture_costs_nothing(loss: MapLoss) -> None:
    prediction, pasted = random_maps(2), box()
    target = 2 * prediction + 1
    target[:1][pasted] = 0.3 * prediction[:1][pasted] - 4
    cut = make_batch(target, cut=[0], pasted=pasted)
    whole = make_batch(target)
    assert value(Term(loss=loss), prediction, cut) == pytest.approx(0, abs=1e-4)
    assert value(Term(loss=loss), prediction, whole) > 0.02


def test_regions__weigh_by_their_area() -> None:
    pasted = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    pasted[..., 1:3, 1:3] = True
    prediction = random_maps(2, side=4)
    target = prediction.clone()
    prediction[:1][pasted], target[:1][pasted] = torch.tensor([[0.0, 1, 2, 3], [3, 2, 1, 0]])
    # The lower median of 0..3 is 1 and its mean absolute deviation 1, so the maps are -1, 0, 1, 2 and
    # 2, 1, 0, -1, which differ by 2 on average. The region is a quarter of the first of two pictures.
    batch = make_batch(target, cut=[0], pasted=pasted)
    assert value(Term(loss="ssi_mae"), prediction, batch) == pytest.approx(2 * 0.25 / 2)


@over_map_losses
def test_regions__weigh_by_their_area_in_every_loss(loss: MapLoss) -> None:
    prediction, target, pasted = random_maps(1), random_maps(1, seed=1), box(length=8)
    rest, region = make_batch(target), make_batch(target)
    rest, region = replace(rest, valid=~pasted), replace(region, valid=pasted)
    term = Term(loss=loss)
    expected = 0.75 * value(term, prediction, rest) + 0.25 * value(term, prediction, region)
    found = value(term, prediction, make_batch(target, cut=[0], pasted=pasted))
    assert found == pytest.approx(expected, rel=1e-5)


def test_trimming__acts_in_each_region() -> None:
    pasted = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    pasted[..., 1:3, 1:3] = True
    prediction = random_maps(1, side=4)
    target = prediction.clone()
    prediction[pasted], target[pasted] = torch.tensor([[0.0, 1, 2, 3], [3, 2, 1, 0]])
    # The region's residuals are 3, 1, 1, 3; a quarter of them is one pixel. Over the whole picture a
    # quarter would be four pixels, and nothing would be left.
    batch = make_batch(target, cut=[0], pasted=pasted)
    assert value(Term(loss="ssi_mae", trim=0.25), prediction, batch) == pytest.approx(0.25 * 5 / 3)


def test_regions__cover_every_valid_pixel_once() -> None:
    target, pasted = random_maps(3), torch.cat([box(), box(length=9)])
    batch = make_batch(target, labelled=1, cut=[1, 2], pasted=pasted)
    batch = replace(batch, valid=random_maps(3, seed=1) > 0.3)
    split = regions(target, batch, "all")
    covered = split.valid[:3].int()
    covered[[1, 2]] += split.valid[3:].int()
    assert torch.equal(covered, batch.valid.int())
    assert float(split.weight.sum()) == pytest.approx(3)
    assert split.weight[3:].tolist() == pytest.approx([36 / 256, 81 / 256])
    assert torch.equal(split.prediction[3:], target[1:])


@over_map_losses
def test_cut_row__is_counted_among_all_pictures_also_where_labelled_ones_stand_first(loss: MapLoss) -> None:
    prediction, target, pasted = random_maps(4), random_maps(4, seed=1), box()
    mixed = make_batch(target, labelled=2, cut=[3], pasted=pasted)
    alone = make_batch(target[2:], cut=[1], pasted=pasted)
    term = Term(loss=loss, on="pseudo")
    assert value(term, prediction, mixed) == pytest.approx(value(term, prediction[2:], alone), rel=1e-5)


# What a term looks at


@over_map_losses
@pytest.mark.parametrize("part", ["labelled", "pseudo"])
def test_term__looks_at_its_part_alone(loss: MapLoss, part: Part) -> None:
    prediction, target = random_maps(4), random_maps(4, seed=1)
    batch = make_batch(target, labelled=2, cut=[3], pasted=box())
    own, others = (slice(0, 2), slice(2, 4)) if part == "labelled" else (slice(2, 4), slice(0, 2))
    term = Term(loss=loss, on=part)
    before = value(term, prediction, batch)
    changed = prediction.clone()
    changed[others] = random_maps(2, seed=2)
    assert value(term, changed, batch) == before
    changed = prediction.clone()
    changed[own] = random_maps(2, seed=2)
    assert value(term, changed, batch) != pytest.approx(before, rel=1e-3)


def test_term_on_all__weighs_labelled_and_pseudo_rows_alike() -> None:
    prediction, target = random_maps(3), random_maps(3, seed=1)
    batch = make_batch(target, labelled=1)
    labelled, pseudo, both = (
        value(Term(loss="ssi_mae", on=part), prediction, batch) for part in ("labelled", "pseudo", "all")
    )
    assert both == pytest.approx((labelled + 2 * pseudo) / 3)


@pytest.mark.parametrize("part", ["labelled", "pseudo"])
def test_feature_term__looks_at_its_part_alone(part: Part) -> None:
    generator = torch.Generator().manual_seed(0)
    features, frozen = torch.randn(2, 4, 8, 3, 3, generator=generator)
    batch = make_batch(random_maps(4), labelled=2)
    rows = slice(0, 2) if part == "labelled" else slice(2, 4)
    objective = {"features": Term(loss="feature_alignment", on=part)}
    terms = evaluate_terms(objective, random_maps(4), batch, (features, frozen))
    changed = features.clone()
    changed[rows] = frozen[rows]
    assert float(terms["features"]) > 0.5
    assert float(evaluate_terms(objective, random_maps(4), batch, (changed, frozen))["features"]) == 0


def test_feature_term__leaves_out_what_could_not_be_read() -> None:
    features, frozen = torch.randn(2, 3, 8, 3, 3, generator=torch.Generator().manual_seed(0))
    objective = {"f": Term(loss="feature_alignment")}
    batch = make_batch(random_maps(3))
    batch.valid[1] = False
    found = evaluate_terms(objective, random_maps(3), batch, (features, frozen))["f"]
    readable = make_batch(random_maps(2))
    alone = evaluate_terms(objective, random_maps(2), readable, (features[::2], frozen[::2]))["f"]
    torch.testing.assert_close(found, alone)


def test_feature_term__has_its_own_tolerance() -> None:
    batch = make_batch(random_maps(1))
    features = torch.tensor([1.0, 0])[None, :, None, None]
    frozen = torch.tensor([0.9, 0.19**0.5])[None, :, None, None]  # their cosine is 0.9
    found = [
        float(
            evaluate_terms(
                {"f": Term(loss="feature_alignment", tolerance=tolerance)},
                random_maps(1),
                batch,
                (features, frozen),
            )["f"]
        )
        for tolerance in (0.85, 0.95)
    ]
    assert found == pytest.approx([0, 0.1], abs=1e-6)


@over_map_losses
@pytest.mark.parametrize("part", ["labelled", "pseudo"])
def test_term_without_pictures__is_zero(loss: MapLoss, part: Part) -> None:
    prediction = random_maps(2).requires_grad_()
    batch = make_batch(random_maps(2, seed=1), labelled=2 if part == "pseudo" else 0)
    (found,) = evaluate_terms({"term": Term(loss=loss, on=part)}, prediction, batch).values()
    assert float(found.detach()) == 0


def test_terms__are_unweighted_and_each_on_its_own() -> None:
    prediction, target = random_maps(2), random_maps(2, seed=1)
    batch = make_batch(target, cut=[1], pasted=box())
    objective = {
        "data": Term(loss="ssi_mae", weight=7),
        "edges": Term(loss="gradient_matching", weight=0.1),
        "squares": Term(loss="ssi_mse", weight=3),
    }
    together = evaluate_terms(objective, prediction, batch)
    assert list(together) == list(objective)
    for name, term in objective.items():
        assert float(together[name]) == value(replace(term, weight=1), prediction, batch)


# What is refused


@pytest.mark.parametrize("loss", ["ssi_mse", "gradient_matching", "feature_alignment"])
def test_term__refuses_to_trim_what_cannot_be_trimmed(
    loss: Literal["ssi_mse", "gradient_matching", "feature_alignment"],
) -> None:
    with pytest.raises(ValueError, match=f"only ssi_mae can be trimmed, {loss} got trim=0.1"):
        Term(loss=loss, trim=0.1)


@pytest.mark.parametrize("trim", [-0.1, 1.0, 1.5])
def test_term__refuses_a_trim_that_is_no_share(trim: float) -> None:
    with pytest.raises(ValueError, match="trim is a share from 0 to below 1"):
        Term(loss="ssi_mae", trim=trim)


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_term__refuses_a_weight_that_weighs_nothing(weight: float) -> None:
    with pytest.raises(ValueError, match="a weight is 0 or more"):
        Term(loss="ssi_mae", weight=weight)


@pytest.mark.parametrize("tolerance", [-1.1, 1.1, math.nan])
def test_term__refuses_a_tolerance_that_is_no_cosine(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance is a cosine"):
        Term(loss="feature_alignment", tolerance=tolerance)


# Metres


def test_silog__sees_the_few_pixels_that_were_measured_and_each_picture_alike() -> None:
    depth = 1 + 4 * random_maps(3)
    valid = torch.zeros(3, 1, 16, 16, dtype=torch.bool)
    valid[0, 0, ::5, ::7] = True  # a few
    valid[1] = True  # all; the third picture has none
    batch = replace(
        make_batch(torch.where(valid, depth, torch.nan)), valid=valid, space=Space.DEPTH, labelled=3
    )
    prediction = (depth * torch.tensor([2.0, 1.0, 9.0])[:, None, None, None]).requires_grad_()
    loss = evaluate_terms({"term": Term(loss="silog")}, prediction, batch)["term"]
    # g = log 2 throughout the first picture, so sqrt(g**2 - g**2 / 2); 0 in the second.
    assert loss.item() == pytest.approx(0.5**0.5 * 0.6931472 / 2, rel=1e-5)
    loss.backward()  # type: ignore[no-untyped-call]
    assert prediction.grad is not None
    assert torch.isfinite(prediction.grad).all()
    assert (prediction.grad[~valid] == 0).all()
    assert (prediction.grad[0][valid[0]] != 0).all()


def test_silog__forgives_a_wrong_scale_as_far_as_it_is_told() -> None:
    depth = 1 + random_maps(2)
    batch = replace(make_batch(depth), space=Space.DEPTH)
    found = [value(Term(loss="silog", variance_focus=focus), 3 * depth, batch) for focus in (0, 0.5, 0.85, 1)]
    log3 = 1.0986123
    assert found == pytest.approx([log3, 0.5**0.5 * log3, 0.15**0.5 * log3, 0], rel=1e-4, abs=1e-3)


def test_silog__is_zoedepths_with_its_variance_focus() -> None:
    """10 * sqrt(var + 0.15 * mean ** 2), as ZoeDepth writes it, of a picture (its variance is Bessel's)."""
    depth, prediction = 1 + 4 * random_maps(1), 1 + 4 * random_maps(1, seed=1)
    logs = prediction.log() - depth.log()
    expected = 10 * (logs.var(correction=0) + 0.15 * logs.mean() ** 2).sqrt()
    batch = replace(make_batch(depth), space=Space.DEPTH)
    found = 10 * value(Term(loss="silog", variance_focus=0.85), prediction, batch)
    assert found == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("focus", [-0.1, 1.1])
def test_variance_focus__is_a_share(focus: float) -> None:
    with pytest.raises(ValueError, match="variance_focus lies from 0 to 1"):
        Term(loss="silog", variance_focus=focus)
