"""Sources made of other sources."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from leadline.types import Sample, Source


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

    def provenance(self) -> dict[str, str]:
        """Return the source's provenance, and how many of its samples are used."""
        return {**self.source.provenance(), "used": str(self._count)}
