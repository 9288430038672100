"""Batches are a pure function of the step: workers, processes, parts and resumes change nothing."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from leadline.data.loader import Batches, Stream, load
from leadline.data.perturb import NONE, Perturbation
from leadline.data.source import Concatenated, Weighted
from leadline.data.transforms import Crop, metres
from leadline.types import Batch, Label, LeadlineError, Sample, Space, UnreadableError

SIDE = 16
STRONG = Perturbation(jitter=1, grey=0.5, blur=0.5, cutmix=0.7)
PASTED = Perturbation(jitter=0, grey=0, blur=0, cutmix=1)


class Pictures:
    """Pictures that say their index in red, and row and column in green and blue."""

    def __init__(
        self, name: str, count: int, *, broken: Sequence[int] = (), labelled: bool = True, side: int = 24
    ) -> None:
        self.name, self.count, self.broken, self.labelled, self.side = name, count, broken, labelled, side

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < self.count:
            raise IndexError(index)
        if index in self.broken:
            raise UnreadableError(f"{self.name}/{index}.jpg is cut short")
        rows, columns = np.mgrid[: self.side, : self.side + 6]
        image = np.stack([np.full_like(rows, 10 * index), 5 * rows, 5 * columns], axis=-1).astype(np.uint8)
        values = (rows * (index + 1) + columns).astype(np.float32)
        label = Label(values=values, valid=(rows + columns) % (index + 2) > 0, space=Space.DISPARITY)
        return Sample(image=image, label=label if self.labelled else None, id=f"{self.name}/{index:03d}")

    def provenance(self) -> dict[str, str]:
        return {"name": self.name}


def stream(
    count: int, batch: int, perturb: Perturbation = NONE, *, pseudo: bool = True, broken: Sequence[int] = ()
) -> Stream:
    source = Pictures("pseudo" if pseudo else "real", count, broken=broken)
    return Stream(source=source, batch=batch, perturb=perturb, pseudo=pseudo)


def batches(*streams: Stream, parts: int = 1, seed: int = 3, smallest: int | None = None) -> Batches:
    crop = Crop(size=SIDE, smallest=smallest, min_scale=0.8)
    return Batches(streams, crop=crop, interpolation="area", seed=seed, parts=parts, multiple=4)


def mixed(parts: int = 1, *, smallest: int | None = None) -> Batches:
    """V1's mix of labelled and pseudo-labelled pictures, 1 : 2, given in the wrong order."""
    return batches(stream(7, 8, STRONG), stream(5, 4, pseudo=False), parts=parts, smallest=smallest)


def assert_same(one: Batch, other: Batch) -> None:
    for name in ("image", "target", "valid", "cut", "pasted"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name
    for name in ("space", "labelled", "ids", "unreadable"):
        assert getattr(one, name) == getattr(other, name), name


def ids(made: Batches, steps: range) -> list[str]:
    return [name for step in steps for name in made[step].ids]


# ---------------------------------------------------------------- the order


def test_batches__every_epoch_holds_every_sample_once() -> None:
    seen = ids(batches(stream(5, 3)), range(10))
    epochs = [seen[start : start + 5] for start in range(0, 30, 5)]
    assert all(sorted(epoch) == [f"pseudo/{index:03d}" for index in range(5)] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 3  # each in an order of its own


def test_batches__order_follows_from_the_seed() -> None:
    orders = [tuple(ids(batches(stream(9, 3), seed=seed), range(3))) for seed in (0, 0, 1)]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]


def test_batches__two_streams_of_one_source_go_their_own_ways() -> None:
    made = batches(stream(9, 9), stream(9, 9))
    names = made[0].ids
    assert sorted(names[:9]) == sorted(names[9:])
    assert names[:9] != names[9:]


def test_batches__two_streams_of_one_picture_cut_it_differently() -> None:
    made = batches(stream(1, 1), stream(1, 1))
    assert not all(torch.equal(*made[step].image) for step in range(8))


def test_batches__what_happens_to_a_picture_follows_from_the_seed() -> None:
    crops = {batches(stream(1, 1), seed=seed)[0].image.numpy().tobytes() for seed in range(8)}
    assert len(crops) > 4


def test_batches__a_sample_looks_otherwise_in_every_epoch() -> None:
    made = batches(stream(1, 1))
    crops = {made[step].image.numpy().tobytes() for step in range(8)}
    assert len(crops) > 4


def test_batches__two_pictures_of_an_epoch_draw_independently() -> None:
    made = batches(stream(12, 12, Perturbation(jitter=0, grey=0.5, blur=0, cutmix=0)))
    grey = [bool((image[0] == image[1]).all()) for image in made[0].image]
    assert 0 < sum(grey) < 12


def test_batches__a_batch_may_be_larger_than_its_source() -> None:
    assert sorted(batches(stream(2, 6))[0].ids) == ["pseudo/000"] * 3 + ["pseudo/001"] * 3


def test_batches__a_weighted_source_is_drawn_as_often_as_it_weighs_and_never_looks_alike_twice() -> None:
    source = Concatenated([Weighted(Pictures("a", 2), 3), Pictures("b", 3)])
    made = batches(Stream(source=source, batch=9, perturb=NONE, pseudo=True))
    for step in range(3):  # a step is an epoch
        batch = made[step]
        assert sorted(batch.ids) == ["a/000"] * 3 + ["a/001"] * 3 + ["b/000", "b/001", "b/002"]
        looks = [picture.numpy().tobytes() for picture in batch.image]
        assert len(set(looks)) > 6


# ---------------------------------------------------------------- sizes


def test_batches__crops_of_every_size_and_shape_come_one_to_a_step() -> None:
    made = mixed(smallest=7)
    shapes = [tuple(made[step].image.shape[2:]) for step in range(60)]
    assert set(shapes) == {(h, w) for h in (8, 12, 16) for w in (8, 12, 16)}
    assert shapes == [tuple(made[step].target.shape[2:]) for step in range(60)]
    other = batches(stream(7, 8), seed=4, smallest=7)
    assert shapes != [tuple(other[step].image.shape[2:]) for step in range(60)]


def test_batches__without_a_smallest_size__crops_are_squares() -> None:
    made = mixed()
    assert {tuple(made[step].image.shape[2:]) for step in range(20)} == {(SIDE, SIDE)}


def test_batches__what_cannot_be_read_has_the_size_of_its_step() -> None:
    made = batches(stream(3, 3, broken=[1]), smallest=7)
    for step in range(8):
        assert not made[step].valid[made[step].ids.index("pseudo/1")].any()


# ---------------------------------------------------------------- the mix


def test_batches__labelled_pictures_come_first() -> None:
    batch = mixed()[0]
    assert batch.labelled == 4
    assert [name.split("/")[0] for name in batch.ids] == ["real"] * 4 + ["pseudo"] * 8
    assert batch.space is Space.AFFINE_DISPARITY
    assert batch.image.shape == (12, 3, SIDE, SIDE)
    assert batch.target.shape == batch.valid.shape == (12, 1, SIDE, SIDE)
    assert (batch.cut >= 4).all()


def test_batches__a_stream_without_pictures_changes_nothing() -> None:
    with_it, without = batches(stream(5, 2), stream(5, 0, pseudo=False)), batches(stream(5, 2))
    assert_same(with_it[0], without[0])


def test_batches__targets_are_finite_and_from_0_to_1() -> None:
    batch = mixed()[1]
    assert batch.target.isfinite().all()
    assert batch.target.amin() == 0
    assert batch.target.amax() == 1
    for target, valid in zip(batch.target[:4], batch.valid[:4], strict=True):
        assert target[valid].min() == 0
        assert target[valid].max() == 1


def test_batches__the_picture_is_the_one_of_its_id() -> None:
    batch = batches(stream(7, 7))[0]
    assert [int(image[0, 0, 0]) for image in batch.image] == [10 * int(name[-3:]) for name in batch.ids]


def test_batches__picture_and_target_are_of_the_same_window() -> None:
    batch = batches(stream(7, 7))[0]
    for image, target, name in zip(batch.image.double(), batch.target, batch.ids, strict=True):
        expected = image[1] / 5 * (int(name[-3:]) + 1) + image[2] / 5  # the label is this of row and column
        inside = batch.valid[batch.ids.index(name), 0]
        expected = (expected - expected[inside].min()) / (expected[inside].max() - expected[inside].min())
        assert (target[0] - expected)[inside].abs().max() < 0.1


# ---------------------------------------------------------------- perturbations


def test_batches__targets_stay_those_of_the_clean_picture() -> None:
    strong = replace(STRONG, cutmix=0)
    clean, hard = (batches(stream(7, 6, perturb))[2] for perturb in (NONE, strong))
    assert torch.equal(clean.target, hard.target)
    assert torch.equal(clean.valid, hard.valid)
    assert all(not torch.equal(a, b) for a, b in zip(clean.image, hard.image, strict=True))


def test_batches__labelled_pictures_are_never_pasted_into() -> None:
    clean = batches(stream(5, 4, pseudo=False))[0]
    beside = batches(stream(5, 4, pseudo=False), stream(7, 8, PASTED))[0]
    assert torch.equal(clean.image, beside.image[:4])
    assert torch.equal(clean.target, beside.target[:4])


@pytest.mark.parametrize("share", [0.5, 1.0])
@pytest.mark.parametrize("offset", [0, 2])
def test_cutmix__pastes_picture_target_and_mask_of_the_neighbour(share: float, offset: int) -> None:
    real = [stream(5, offset, pseudo=False)]
    clean = batches(*real, stream(9, 6))
    cut = batches(*real, stream(9, 6, replace(PASTED, cutmix=share)))
    rows = []
    for step in range(4):
        before, after = clean[step], cut[step]
        expected = {name: getattr(before, name).clone() for name in ("image", "target", "valid")}
        for row, box in zip(after.cut.tolist(), after.pasted, strict=True):
            neighbour = offset + ((row - offset) ^ 1)
            for name, tensor in expected.items():
                tensor[row] = torch.where(box, getattr(before, name)[neighbour], getattr(before, name)[row])
        for name, tensor in expected.items():
            assert torch.equal(getattr(after, name), tensor), name
        assert after.cut.tolist() == sorted(set(after.cut.tolist()))
        rows += after.cut.tolist()
    assert (len(rows) == 24) is (share == 1)
    assert 4 < len(rows) <= 24


def test_cutmix__pasted_is_one_rectangle_of_2_to_40_percent() -> None:
    batch = batches(stream(9, 8, PASTED))[0]
    assert batch.pasted.shape == (8, 1, SIDE, SIDE)
    for (mask,) in batch.pasted:
        rows, columns = mask.any(dim=1), mask.any(dim=0)
        assert torch.equal(mask, rows[:, None] & columns[None])
        assert mask.sum() <= 0.4 * SIDE**2
        assert (rows.sum() + 1) * (columns.sum() + 1) >= 0.02 * SIDE**2
    assert len({mask.numpy().tobytes() for mask in batch.pasted}) > 4


def test_cutmix__without_any_there_are_no_rows() -> None:
    batch = batches(stream(9, 4))[0]
    assert batch.cut.shape == (0,)
    assert batch.pasted.shape == (0, 1, SIDE, SIDE)


@pytest.mark.parametrize(("count", "cut"), [(1, []), (2, [0, 1]), (5, [0, 1, 2, 3])])
def test_cutmix__the_odd_one_out_has_no_neighbour(count: int, cut: list[int]) -> None:
    assert batches(stream(9, count, PASTED))[0].cut.tolist() == cut


# ---------------------------------------------------------------- parts, processes, workers, resume


def joined(pieces: Sequence[Batch]) -> Batch:
    """Put the parts of a step together: the labelled pictures of all, then the others."""
    order = [(part, row) for part, piece in enumerate(pieces) for row in range(piece.labelled)]
    order += [
        (part, row) for part, piece in enumerate(pieces) for row in range(piece.labelled, len(piece.ids))
    ]
    cut = {
        (part, row): box
        for part, p in enumerate(pieces)
        for row, box in zip(p.cut.tolist(), p.pasted, strict=True)
    }
    boxes = [(number, cut[place]) for number, place in enumerate(order) if place in cut]
    return Batch(
        **{
            name: torch.stack([getattr(pieces[part], name)[row] for part, row in order])
            for name in ("image", "target", "valid")
        },
        space=pieces[0].space,
        cut=torch.tensor([number for number, _ in boxes], dtype=torch.int64),
        pasted=torch.stack([box for _, box in boxes]),
        labelled=sum(piece.labelled for piece in pieces),
        ids=tuple(pieces[part].ids[row] for part, row in order),
        unreadable=tuple(each for piece in pieces for each in piece.unreadable),
    )


@pytest.mark.parametrize("smallest", [None, 7])
@pytest.mark.parametrize("parts", [2, 4])
def test_batches__parts_joined_equal_the_whole_step(parts: int, smallest: int | None) -> None:
    whole, divided = mixed(smallest=smallest), mixed(parts, smallest=smallest)
    for step in range(3):
        assert_same(joined([divided[step * parts + part] for part in range(parts)]), whole[step])


def test_batches__cutmix_partners_lie_across_the_borders_of_parts() -> None:
    """With 3 pictures a part, the third's neighbour is in the next part."""
    made = stream(9, 6, PASTED, broken=[4])
    whole, divided = batches(made), batches(made, parts=2)
    for step in range(3):
        assert_same(joined([divided[2 * step], divided[2 * step + 1]]), whole[step])
    assert divided[0].cut.tolist() == [0, 1, 2]
    assert divided[1].cut.tolist() != []


@pytest.mark.parametrize(("parts", "processes"), [(4, 2), (4, 4), (4, 1), (2, 2)])
def test_load__processes_and_accumulation_share_the_parts_of_a_step(parts: int, processes: int) -> None:
    made = mixed(parts)
    shares = [
        list(load(made, steps=range(2, 4), workers=0, rank=rank, processes=processes))
        for rank in range(processes)
    ]
    for number, step in enumerate(range(2, 4)):
        assert all(len(share[number]) == parts // processes for share in shares)
        # One micro-step after another, the processes take neighbouring parts.
        pieces = [share[number][micro] for micro in range(parts // processes) for share in shares]
        for part, piece in enumerate(pieces):
            assert_same(piece, made[step * parts + part])


def test_load__workers_change_nothing() -> None:
    made = mixed(2)
    straight = list(load(made, steps=range(1, 4), workers=0))
    assert len(straight) == 3
    for workers in (1, 2):
        for parts, expected in zip(load(made, steps=range(1, 4), workers=workers), straight, strict=True):
            for one, other in zip(parts, expected, strict=True):
                assert_same(one, other)


def test_load__a_resumed_run_goes_on_with_the_same_batches() -> None:
    straight = list(load(mixed(), steps=range(5), workers=0))
    resumed = list(load(mixed(), steps=range(3, 5), workers=0))
    for (one,), (other,) in zip(resumed, straight[3:], strict=True):
        assert_same(one, other)


def test_batches__reading_one_twice_gives_the_same() -> None:
    made = mixed()
    first = made[1]
    _ = made[2], made[40]
    assert_same(made[1], first)


def test_batches__leave_the_source_alone() -> None:
    class Kept(Pictures):
        """Hands out the same arrays every time."""

        def __init__(self) -> None:
            super().__init__("kept", 4, side=SIDE)
            self.samples = [Pictures.__getitem__(self, index) for index in range(4)]

        def __getitem__(self, index: int) -> Sample:
            return self.samples[index]

    kept, untouched = Kept(), Kept()
    made = batches(Stream(source=kept, batch=4, perturb=replace(STRONG, cutmix=1), pseudo=True))
    _ = made[0], made[1]
    for one, other in zip(kept.samples, untouched.samples, strict=True):
        assert one.label is not None
        assert other.label is not None
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.label.values, other.label.values)
        np.testing.assert_array_equal(one.label.valid, other.label.valid)


# ---------------------------------------------------------------- what cannot be read


def test_batches__an_unreadable_sample_leaves_an_empty_row_and_its_reason() -> None:
    batch = batches(stream(6, 6, PASTED, broken=[2]))[0]
    row = batch.ids.index("pseudo/2")
    assert batch.unreadable == (("0/2", "pseudo/2.jpg is cut short"),)
    assert not batch.valid[row].any()
    assert (batch.target[row] == 0).all()
    assert sum(bool(valid.any()) for valid in batch.valid) == 5


def test_cutmix__never_pastes_from_or_into_what_could_not_be_read() -> None:
    for step in range(4):
        batch = batches(stream(6, 6, PASTED, broken=[2]))[step]
        row = batch.ids.index("pseudo/2")
        assert batch.cut.tolist() == [other for other in range(6) if other not in (row, row ^ 1)]


def test_batches__the_others_do_not_notice_an_unreadable_one() -> None:
    whole, broken = (batches(stream(6, 6, broken=b))[1] for b in ([], [2]))
    for row, name in enumerate(broken.ids):
        if name != "pseudo/2":
            assert torch.equal(whole.image[row], broken.image[row])
            assert torch.equal(whole.target[row], broken.target[row])


# ---------------------------------------------------------------- errors


def test_batches__a_batch_that_cannot_be_divided_is_refused() -> None:
    with pytest.raises(LeadlineError, match=r"6 pictures of pseudo a step cannot be divided by 4"):
        batches(stream(9, 6), parts=4)


def test_batches__an_empty_source_is_refused() -> None:
    with pytest.raises(LeadlineError, match="the source pseudo is empty"):
        batches(stream(0, 2))


def test_batches__cutmix_on_labels_of_a_source_is_refused() -> None:
    with pytest.raises(ValueError, match="CutMix is for pictures with pseudo-labels"):
        batches(stream(5, 2, PASTED, pseudo=False))


def test_batches__a_picture_without_a_label_is_refused_by_its_name() -> None:
    source = Pictures("bare", 1, labelled=False)
    made = batches(Stream(source=source, batch=1, perturb=NONE, pseudo=False))
    with pytest.raises(LeadlineError, match="bare/000 has no label"):
        made[0]


# ---------------------------------------------------------------- metres


METRES = partial(metres, nearest=0.02, farthest=0.5)


def test_batches__of_metres_say_so_and_hold_metres() -> None:
    plain = stream(4, 4, pseudo=False)
    unit, measured = batches(plain)[0], batches(replace(plain, target=METRES))[0]
    assert (unit.space, measured.space) == (Space.AFFINE_DISPARITY, Space.DEPTH)
    assert torch.equal(unit.image, measured.image)
    seen = measured.target[measured.valid]
    assert 0.02 <= seen.min() < seen.max() <= 0.5
    assert (measured.target[~measured.valid] == 0).all()
    assert (measured.valid <= unit.valid).all()


def test_batches__of_metres_survive_what_cannot_be_read() -> None:
    made = batches(replace(stream(3, 3, pseudo=False, broken=[0, 1, 2]), target=METRES))[0]
    assert made.space is Space.DEPTH
    assert not made.valid.any()
    assert len(made.unreadable) == 3


def test_batches__have_one_space() -> None:
    with pytest.raises(ValueError, match="a batch has one space"):
        batches(stream(3, 2), replace(stream(3, 2, pseudo=False), target=METRES))


def test_batches__of_metres_go_through_workers() -> None:
    made = batches(replace(stream(4, 2, pseudo=False), target=METRES))
    straight = [parts[0] for parts in load(made, steps=range(3), workers=0)]
    for one, other in zip(straight, load(made, steps=range(3), workers=1), strict=True):
        assert_same(one, other[0])
