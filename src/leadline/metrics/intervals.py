"""How much of a figure is chance: bootstrap intervals over pictures, and paired comparison of two models.

Pictures are drawn anew within each source, a source is averaged over its pictures, and sources are averaged
last, as in the report. What a picture contributes is a total and a count, so that one with several point
pairs is drawn as a whole. A source of a single picture has no spread to contribute, and pictures of one place
are taken for independent: where they are not, intervals are too narrow.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

ROUNDS = 2000
LEVEL = 0.95
_SEED = 0


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the bounds that 95 % of its bootstrap samples lie within."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference of two models on the same pictures, first minus second."""

    difference: float
    low: float
    high: float
    p: float
    """Two-sided, of a sign-flip test: how often exchanging the models at random for each picture gives a
    difference as large as this one."""


def intervals(
    totals: Float[np.ndarray, "n k"],
    counts: Float[np.ndarray, "n k"],
    sources: Sequence[str],
    *,
    rounds: int = ROUNDS,
) -> list[Interval]:
    """Return the interval of each of `k` figures over `n` pictures; count 0 says "not measured here".

    A figure is left out of the mean over sources where no picture of a source has it.

    Raises:
        ValueError: where no picture has the figure.
    """
    _require_counts(counts)
    values = _mean_over_sources(totals, counts, _ones(sources))[0]
    samples = _mean_over_sources(totals, counts, _redrawn(sources, rounds))
    low, high = _bounds(samples)
    return [Interval(*map(float, bounds)) for bounds in zip(values, low, high, strict=True)]


def compare(
    first: Float[np.ndarray, "n"],
    second: Float[np.ndarray, "n"],
    counts: Float[np.ndarray, "n"],
    sources: Sequence[str],
    *,
    rounds: int = ROUNDS,
) -> Comparison:
    """Compare the totals of two models, over the same `counts` of the same pictures.

    Raises:
        ValueError: where no picture has the figure.
    """
    _require_counts(counts[:, None])
    differences, counts = (first - second)[:, None], counts[:, None]
    observed = float(_mean_over_sources(differences, counts, _ones(sources))[0, 0])
    low, high = _bounds(_mean_over_sources(differences, counts, _redrawn(sources, rounds)))
    signs = [
        (rows, np.random.default_rng([_SEED, number, 1]).choice((-1.0, 1.0), (rounds, len(rows))))
        for number, rows in enumerate(_by_source(sources))
    ]
    flipped = _mean_over_sources(differences, counts, signs)
    as_large = np.count_nonzero(np.abs(flipped) >= abs(observed) * (1 - 1e-12))
    return Comparison(observed, float(low[0]), float(high[0]), (1 + as_large) / (1 + rounds))


def _mean_over_sources(
    totals: Float[np.ndarray, "n k"],
    counts: Float[np.ndarray, "n k"],
    weights: Sequence[tuple[np.ndarray, np.ndarray]],
) -> Float[np.ndarray, "rounds k"]:
    """Weigh the pictures of each source by each round's `weights`, and average over sources.

    Negative weights flip what a picture contributes; it counts as one all the same. A round that draws none
    of the pictures of a source that have the figure takes the source's own mean.
    """
    means = []
    for rows, weight in weights:
        total, count = weight @ totals[rows], np.abs(weight) @ counts[rows]
        everything = counts[rows].sum(axis=0)
        own = np.where(everything > 0, totals[rows].sum(axis=0) / np.maximum(everything, 1), np.nan)
        means.append(np.divide(total, count, out=np.tile(own, (len(total), 1)), where=count > 0))
    stacked = np.stack(means)
    measured = np.isfinite(stacked)
    summed = np.where(measured, stacked, 0).sum(axis=0)
    number = measured.sum(axis=0)
    mean: Float[np.ndarray, "rounds k"] = np.divide(
        summed, number, out=np.full_like(summed, np.nan), where=number > 0
    )
    return mean


def _ones(sources: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(rows, np.ones((1, len(rows)))) for rows in _by_source(sources)]


def _redrawn(sources: Sequence[str], rounds: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return, by source, how often each of its pictures is drawn in each round; the same for every model."""
    drawn = []
    for number, rows in enumerate(_by_source(sources)):
        rng = np.random.default_rng([_SEED, number])
        drawn.append((rows, rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), rounds) * 1.0))
    return drawn


def _by_source(sources: Sequence[str]) -> Iterator[np.ndarray]:
    names = np.asarray(sources)
    for source in dict.fromkeys(sources):
        yield np.flatnonzero(names == source)


def _bounds(
    samples: Float[np.ndarray, "rounds k"],
) -> tuple[Float[np.ndarray, "k"], Float[np.ndarray, "k"]]:
    low, high = np.nanquantile(samples, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0)
    return low, high


def _require_counts(counts: Float[np.ndarray, "n k"]) -> None:
    if not counts.any(axis=0).all():
        raise ValueError("a figure that no picture has no interval")
