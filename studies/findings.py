"""What a study claims, what its runs say of it, and when that is enough.

Two arms are compared picture by picture, each with the mean of its seeds, by the paired bootstrap of
`leadline.metrics.intervals`. That interval knows nothing of seeds, so each one's difference is looked at too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from questions import Measure

from leadline.metrics import Comparison, compare


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training and what was measured of it."""

    arm: str
    seed: int
    seconds: float
    """Of the training."""
    measured: Mapping[str, Any]
    """`photographs` and `renders`, each with `pictures` and `pairs`, the rows of an evaluation's report."""


class Verdict(StrEnum):
    """Whether a claim is true of these runs."""

    HOLDS = "holds"
    OPPOSITE = "the opposite holds"
    UNCLEAR = "cannot be told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One arm minus another."""

    pooled: Comparison
    """Of the means over seeds."""
    by_seed: tuple[float, ...]

    def verdict(self, better: Literal[-1, 1]) -> Verdict:
        """Decide: only where both ends of the interval and every single seed lie on the same side of zero."""
        gains = [better * end for end in (self.pooled.low, self.pooled.high, *self.by_seed)]
        if min(gains) > 0:
            return Verdict.HOLDS
        return Verdict.OPPOSITE if max(gains) < 0 else Verdict.UNCLEAR


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """What every picture contributes to a figure."""

    ids: tuple[str, ...]
    sources: tuple[str, ...]
    totals: Float[np.ndarray, "seeds n"]
    counts: Float[np.ndarray, "n"]


def difference(runs: Sequence[Run], first: str, second: str, measure: Measure) -> Difference:
    """Compare two arms on the same pictures, `first` minus `second`.

    Raises:
        ValueError: where they were not measured on the same pictures.
    """
    one, other = (_rows([run for run in runs if run.arm == arm], measure) for arm in (first, second))
    if one.ids != other.ids or not np.array_equal(one.counts, other.counts):
        raise ValueError(f"{first} and {second} were measured on different pictures")
    by_seed = [_compare(a, b, one).difference for a, b in zip(one.totals, other.totals, strict=True)]
    pooled = _compare(one.totals.mean(axis=0), other.totals.mean(axis=0), one)
    return Difference(pooled=pooled, by_seed=tuple(by_seed))


def by_seed(runs: Sequence[Run], arm: str, measure: Measure) -> list[float]:
    """Return an arm's figure for every seed: the mean over sources of the means over their pictures."""
    rows = _rows([run for run in runs if run.arm == arm], measure)
    return [_compare(total, np.zeros_like(total), rows).difference for total in rows.totals]


def _compare(first: np.ndarray, second: np.ndarray, rows: _Rows) -> Comparison:
    return compare(first, second, rows.counts, rows.sources)


def _rows(runs: Sequence[Run], measure: Measure) -> _Rows:
    """Stack what the seeds of an arm say."""
    each = [_contributions(run.measured[measure.part], measure.figure) for run in runs]
    ids, sources, _, counts = zip(*each[0], strict=True)
    if any([row[:2] for row in some] != [row[:2] for row in each[0]] for some in each):
        raise ValueError(f"the seeds of {runs[0].arm} were measured on different pictures")
    totals = np.array([[row[2] for row in some] for some in each], np.float64)
    return _Rows(ids, sources, totals, np.array(counts, np.float64))


def _contributions(part: Mapping[str, Any], figure: str) -> list[tuple[str, str, float, float]]:
    """Return id, source, total and count of each picture that has the figure."""
    if figure != "order":
        return [(row["id"], row["source"], row[figure], 1) for row in part["pictures"] if figure in row]
    right: dict[str, list[bool]] = {}
    for pair in part["pairs"]:
        right.setdefault(pair["id"], []).append(pair["right"])
    return [(id, "all", sum(some), len(some)) for id, some in right.items()]
