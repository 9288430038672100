"""Sources made of other sources: nothing is lost, doubled or reordered."""

from collections.abc import Callable

import numpy as np
import pytest

from leadline.data.source import Concatenated, Evenly
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
