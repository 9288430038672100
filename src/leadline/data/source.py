"""Sources made of other sources, and the order in which an epoch goes through them."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from jaxtyping import Int64

from leadline.types import PointPair, Sample, Source

Mix = tuple[tuple[int, int], ...]
"""Of every part of a source, how many samples it has and how many of them an epoch draws."""


class Concatenated:
    """Sources one after another, as Depth Anything mixes its datasets: no balancing."""

    def __init__(self, sources: Sequence[Source]) -> None:
        """Join `sources`."""
        self.sources = sources
        self.name = "+".join(source.name for source in sources)
        self._ends = list(accumulate(len(source) for source in sources))

    def __len__(self) -> int:
        """Return the number of samples of all sources."""
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int) -> Sample:
        """Read a sample of the source it lies in; raises `IndexError` out of range."""
        if not 0 <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        number = bisect_right(self._ends, index)
        return self.sources[number][index - (self._ends[number - 1] if number else 0)]

    def provenance(self) -> dict[str, str]:
        """Return every source's provenance under its number."""
        return {
            f"{number}.{key}": value
            for number, source in enumerate(self.sources)
            for key, value in source.provenance().items()
        }


class Evenly:
    """At most `limit` samples of a source, evenly spaced."""

    def __init__(self, source: Source, limit: int) -> None:
        """Thin `source` out; raises `ValueError` where `limit` is below 1."""
        if limit < 1:
            raise ValueError(f"a limit is at least 1, got {limit}")
        self.source, self.name = source, source.name
        self._count = min(limit, len(source))

    def __len__(self) -> int:
        """Return the number of samples that stay."""
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """Read one of the samples that stay; raises `IndexError` out of range."""
        if not 0 <= index < self._count:
            raise IndexError(f"sample {index} of {self._count}")
        return self.source[index * len(self.source) // self._count]

    def pairs(self, index: int) -> Sequence[PointPair]:
        """Return the point pairs of one of the samples that stay; none where the source has none."""
        pairs = getattr(self.source, "pairs", None)
        found: Sequence[PointPair] = () if pairs is None else pairs(index * len(self.source) // self._count)
        return found

    def provenance(self) -> dict[str, str]:
        """Return the source's provenance, and how many of its samples are used."""
        return {**self.source.provenance(), "used": str(self._count)}


class Weighted:
    """A source of which an epoch holds every sample `weight` times on average.

    Draws go round: half of a source with weight 0.5 in one epoch, the other half in the next; none is drawn
    twice before all have been drawn once.
    """

    def __init__(self, source: Source, weight: float) -> None:
        """Weigh `source`; raises `ValueError` where `weight` is not positive and finite."""
        if not (math.isfinite(weight) and weight > 0):
            raise ValueError(f"a weight is positive and finite, got {weight:g}")
        self.source, self.name, self.weight = source, source.name, weight

    @property
    def draws(self) -> int:
        """How many samples an epoch draws: at least one, where there are any."""
        return min(len(self.source), 1) and max(1, round(self.weight * len(self.source)))

    def __len__(self) -> int:
        """Return the number of different samples."""
        return len(self.source)

    def __getitem__(self, index: int) -> Sample:
        """Read a sample of the source."""
        return self.source[index]

    def provenance(self) -> dict[str, str]:
        """Return the source's provenance, and its weight."""
        return {**self.source.provenance(), "weight": f"{self.weight:g}"}


def mix_of(source: Source) -> Mix:
    """Return what an epoch draws from each part of a source."""
    parts = source.sources if isinstance(source, Concatenated) else (source,)
    return tuple((len(part), part.draws if isinstance(part, Weighted) else len(part)) for part in parts)


def draw_epoch(
    mix: Mix, *, seed: Sequence[int], epoch: int
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    """Return the samples of an epoch in their order, and for each how often the epoch drew it before.

    A function of its arguments alone. Parts that are drawn once, as many as they have, are drawn whole.
    """
    indices, turns, start = [], [], 0
    for number, (count, draws) in enumerate(mix):
        passes, places = np.divmod(np.arange(epoch * draws, (epoch + 1) * draws), count)
        if draws != count:
            for turn in np.unique(passes):
                shuffled = np.random.default_rng([*seed, number, int(turn)]).permutation(count)
                places[passes == turn] = shuffled[places[passes == turn]]
        indices.append(start + places)
        turns.append(passes - passes[:1])
        start += count
    order = np.random.default_rng([*seed, epoch]).permutation(sum(draws for _, draws in mix))
    return np.concatenate(indices)[order], np.concatenate(turns)[order]
