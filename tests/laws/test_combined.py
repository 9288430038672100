"""Sources made of other sources: nothing is lost, doubled or reordered."""

from collections.abc import Callable

import numpy as np
import pytest

from leadline.data.source import Concatenated, Evenly, Weighted, draw_epoch, mix_of
from leadline.types import Sample, Source


class Numbers:
    """Samples named by their number."""

    def __init__(self, name: str, count: int) -> None:
        self.name, self.count = name, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return Sample(image=np.zeros((1, 1, 3), np.uint8), label=None, id=f"{self.name}/{index}")

    def provenance(self) -> dict[str, str]:
        return {"name": self.name, "count": str(self.count)}


def ids(source: Source) -> list[str]:
    return [source[index].id for index in range(len(source))]


@pytest.mark.parametrize("counts", [(2, 3), (0, 2, 0, 0, 1, 0), (4,), (), (0,)])
def test_concatenated__is_its_parts_one_after_another(counts: tuple[int, ...]) -> None:
    parts = [Numbers("abcdef"[number], count) for number, count in enumerate(counts)]
    assert ids(Concatenated(parts)) == [name for part in parts for name in ids(part)]
    assert len(Concatenated(parts)) == sum(counts)


def test_concatenated__names_all_and_keeps_every_provenance() -> None:
    joined = Concatenated([Numbers("a", 2), Numbers("a", 3)])
    assert joined.name == "a+a"
    assert joined.provenance() == {"0.name": "a", "0.count": "2", "1.name": "a", "1.count": "3"}


@pytest.mark.parametrize(
    ("limit", "kept"),
    [(1, [0]), (2, [0, 5]), (3, [0, 3, 6]), (7, [0, 1, 2, 4, 5, 7, 8]), (10, list(range(10)))],
)
def test_evenly__keeps_that_many_evenly_spaced(limit: int, kept: list[int]) -> None:
    assert ids(Evenly(Numbers("a", 10), limit)) == [f"a/{index}" for index in kept]


def test_evenly__a_source_within_the_limit_stays_whole() -> None:
    few = Evenly(Numbers("a", 3), 100)
    assert ids(few) == ["a/0", "a/1", "a/2"]
    assert few.name == "a"
    assert few.provenance() == {"name": "a", "count": "3", "used": "3"}


def test_evenly__says_how_many_are_used() -> None:
    assert Evenly(Numbers("a", 10), 4).provenance() == {"name": "a", "count": "10", "used": "4"}


def test_evenly__refuses_to_keep_nothing() -> None:
    with pytest.raises(ValueError, match="a limit is at least 1, got 0"):
        Evenly(Numbers("a", 3), 0)


@pytest.mark.parametrize(
    "made", [lambda: Concatenated([Numbers("a", 2), Numbers("b", 1)]), lambda: Evenly(Numbers("a", 10), 3)]
)
@pytest.mark.parametrize("index", [-1, 3])
def test_sources__end_where_their_samples_end(made: Callable[[], Source], index: int) -> None:
    with pytest.raises(IndexError, match=f"sample {index} of 3"):
        made()[index]


def drawn(source: Source, epoch: int, *, seed: int = 5) -> list[str]:
    indices, _ = draw_epoch(mix_of(source), seed=(seed, 0), epoch=epoch)
    return [source[int(index)].id for index in indices]


def test_draw_epoch__without_weights_is_every_sample_once_in_the_order_of_seed_and_epoch() -> None:
    """These numbers were those of the loader before there were weights."""
    source = Concatenated([Numbers("a", 3), Numbers("b", 4)])
    for epoch in range(3):
        expected = np.random.default_rng([5, 0, epoch]).permutation(7)
        assert drawn(source, epoch) == [source[int(index)].id for index in expected]
        assert not draw_epoch(mix_of(source), seed=(5, 0), epoch=epoch)[1].any()
    assert drawn(Weighted(source, 1), 2) == drawn(source, 2)


@pytest.mark.parametrize(("weight", "draws"), [(2, 6), (0.5, 2), (1.5, 4), (0.01, 1), (1, 3), (7.4, 22)])
def test_draw_epoch__holds_a_weighted_part_as_often_as_it_weighs(weight: float, draws: int) -> None:
    source = Concatenated([Numbers("b", 4), Weighted(Numbers("a", 3), weight)])
    for epoch in range(4):
        names = drawn(source, epoch)
        assert sorted(name for name in names if name[0] == "b") == ids(Numbers("b", 4))
        assert sum(name[0] == "a" for name in names) == draws


@pytest.mark.parametrize("weight", [0.2, 0.5, 0.7, 1.3, 2.6])
def test_draw_epoch__over_epochs_no_sample_is_drawn_twice_more_than_another(weight: float) -> None:
    source = Weighted(Numbers("a", 10), weight)
    counts = dict.fromkeys(ids(source), 0)
    for epoch in range(23):
        for name in drawn(source, epoch):
            counts[name] += 1
        assert max(counts.values()) - min(counts.values()) <= 1


def test_draw_epoch__is_a_function_of_seed_and_epoch() -> None:
    source = Concatenated([Weighted(Numbers("a", 9), 0.5), Weighted(Numbers("b", 5), 2)])
    assert drawn(source, 3) == drawn(source, 3)
    assert drawn(source, 3) != drawn(source, 4)
    assert drawn(source, 3) != drawn(source, 3, seed=6)
    assert drawn(source, 3) != sorted(drawn(source, 3))


def test_draw_epoch__parts_of_one_size_are_drawn_independently() -> None:
    names = drawn(Concatenated([Weighted(Numbers(part, 20), 0.5) for part in "ab"]), 0)
    first, second = ({name[2:] for name in names if name[0] == part} for part in "ab")
    assert len(first) == len(second) == 10
    assert first != second


def test_draw_epoch__says_how_often_a_sample_was_drawn_before() -> None:
    indices, turns = draw_epoch(mix_of(Weighted(Numbers("a", 4), 2.5)), seed=(0,), epoch=1)
    pairs = set(zip(indices.tolist(), turns.tolist(), strict=True))
    assert len(pairs) == len(indices) == 10  # no two draws of an epoch are alike


def test_weighted__draws_are_rounded_to_the_nearest() -> None:
    assert [Weighted(Numbers("a", count), 0.7).draws for count in (7, 5, 3, 1)] == [5, 4, 2, 1]


def test_weighted__an_empty_source_draws_nothing() -> None:
    assert mix_of(Concatenated([Weighted(Numbers("a", 0), 3), Numbers("b", 2)])) == ((0, 0), (2, 2))
    assert sorted(drawn(Concatenated([Weighted(Numbers("a", 0), 3), Numbers("b", 2)]), 0)) == ["b/0", "b/1"]


def test_weighted__is_its_source_and_says_its_weight() -> None:
    source = Weighted(Numbers("a", 3), 0.25)
    assert ids(source) == ids(Numbers("a", 3))
    assert source.provenance() == {"name": "a", "count": "3", "weight": "0.25"}


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf")])
def test_weighted__refuses_what_is_no_weight(weight: float) -> None:
    with pytest.raises(ValueError, match="a weight is positive and finite, got"):
        Weighted(Numbers("a", 3), weight)
