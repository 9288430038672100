"""What the facts about a source's samples say against it, each with the sentence and the mending.

A rule speaks where several samples agree, since each of its tests fails on some picture: a ceiling is nearer
than what stands below it, and a curved wall is no plane.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from leadline.data.inspection import REACH, Extreme, Facts
from leadline.types import Space

_MISTAKES = {
    0.001: "millimetres read as metres",
    0.01: "centimetres read as metres",
    100.0: "metres read as centimetres",
    1000.0: "metres read as millimetres",
}
"""What mends it -> what was done."""
_OPPOSITE = {Space.DEPTH: "disparity", Space.DISPARITY: "depth", Space.AFFINE_DISPARITY: "depth"}
_CONTRAST = 1.3  # of a picture under the edges of its own label, over that under any


FindingKind = Literal[
    "unreadable",
    "duplicates",
    "shared-labels",
    "empty",
    "impossible",
    "unit",
    "negated",
    "space",
    "inverted",
    "distance",
    "twice",
    "8-bit",
    "plateau",
    "unrelated",
    "shifted",
    "shifted-mask",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is probably wrong."""

    kind: FindingKind
    """One word, for programs."""
    what: str
    """A sentence with the figures."""
    fix: str
    """A sentence on what to do."""


def find(facts: Sequence[Facts], unreadable: Sequence[str] = ()) -> list[Finding]:
    """Apply every rule to the facts about a source, and to what could not be read."""
    labelled = [fact for fact in facts if fact.space is not None]
    found = [_unreadable(len(facts), unreadable), _duplicates(facts), _shared_labels(facts)]
    if labelled:
        found += [_empty(labelled), _impossible(labelled)]
    for space in Space:  # a table may hold labels of several
        some = [fact for fact in labelled if fact.levels > 1 and fact.space is space]
        if some:
            found += [rule(some) for rule in _RULES]
    return [finding for finding in found if finding is not None]


def straight_in(facts: Sequence[Facts]) -> str | None:
    """Say whether planes are straight in the ``number`` or its ``inverse``; None where it is not clear."""
    own, other = np.sum([fact.straight for fact in facts], axis=0)
    agree = [np.sign(fact.straight[0] - fact.straight[1]) for fact in facts if any(fact.straight)]
    if max(own, other) < 12 or len(agree) < min(3, len(facts)):
        return None
    if own > 4 * other and np.mean(agree) > 0.5:
        return "number"
    return "inverse" if other > 4 * own and np.mean(agree) < -0.5 else None


def _unreadable(count: int, unreadable: Sequence[str]) -> Finding | None:
    if not unreadable:
        return None
    return Finding(
        kind="unreadable",
        what=f"{len(unreadable)} of {count + len(unreadable)} samples cannot be read, such as: "
        f"{unreadable[0]}",
        fix="mend what it says, fetch or unpack those files again, or take them out of the data set",
    )


def _duplicates(facts: Sequence[Facts]) -> Finding | None:
    pictures = Counter(fact.picture for fact in facts)
    doubled = [fact.id for fact in facts if pictures[fact.picture] > 1]
    if not doubled:
        return None
    return Finding(
        kind="duplicates",
        what=f"{len(doubled)} of {len(facts)} pictures are copies of each other, such as "
        f"{' and '.join(doubled[:2])}",
        fix="keep one of each: copies count double and may stand on both sides of a split",
    )


def _shared_labels(facts: Sequence[Facts]) -> Finding | None:
    """Find pictures of other things under one label; the same street in sun and rain may well share it."""
    pictures: dict[str, dict[str, Facts]] = {}
    for fact in facts:
        if fact.levels > 16:
            pictures.setdefault(fact.label, {})[fact.picture] = fact
    shared = [fact for group in pictures.values() if len(group) > 1 for fact in group.values()]
    if 4 * sum(not _fits(fact) for fact in shared) <= len(shared):
        return None
    return Finding(
        kind="shared-labels",
        what=f"{len(shared)} different pictures have the very same label, such as "
        f"{' and '.join(fact.id for fact in shared[:2])}",
        fix="pair pictures and labels again: names or numbers are off",
    )


def _fits(fact: Facts) -> bool:
    """Whether the label's edges are those of its own picture, as far as one picture can tell."""
    if fact.edges is None:
        return False
    near = fact.edges[REACH - 1 : REACH + 2, REACH - 1 : REACH + 2].max()
    return bool(near == fact.edges.max() and near > _CONTRAST * fact.edges.mean())


def _empty(facts: Sequence[Facts]) -> Finding | None:
    empty = [fact.id for fact in facts if fact.levels <= 1]
    if not empty:
        return None
    return Finding(
        kind="empty",
        what=f"{len(empty)} of {len(facts)} labels have no valid pixel, or one number throughout, such as "
        f"{empty[0]}",
        fix="check what stands for 'not measured' (invalid=) and the masks; losses leave such labels out",
    )


def _impossible(facts: Sequence[Facts]) -> Finding | None:
    wrong = [fact for fact in facts if fact.impossible]
    if not wrong:
        return None
    return Finding(
        kind="impossible",
        what=f"{len(wrong)} of {len(facts)} labels count numbers as valid that cannot be (not finite, below "
        f"0), such as {wrong[0].impossible} pixels of {wrong[0].id}",
        fix="mark them invalid where the label is read; sky is infinite depth or disparity 0",
    )


def _unit(facts: Sequence[Facts]) -> Finding | None:
    """Compare with the metres of a picture that people take: something near, and most of it not too far."""
    space = facts[0].space
    if space is Space.AFFINE_DISPARITY:
        return None
    near, middle, far = np.median([_metres(fact) for fact in facts], axis=0)
    if near <= 30 and 0.1 <= middle <= 200 and far >= 0.2:
        return None
    # Of the usual mistakes the one after whose mending the middle is nearest to that of rooms and streets.
    factor = min(_MISTAKES, key=lambda mistake: abs(np.log(middle * mistake / 5)))
    return Finding(
        kind="unit",
        what=f"half of the pixels lie beyond {middle:.3g} m and the nearest at {near:.3g} m: that looks like "
        f"{_MISTAKES[factor]}{' (unless it was taken from the air)' if middle > 1 else ''}",
        fix=f"multiply scale by {factor if space is Space.DEPTH else 1 / factor:g}",
    )


def _metres(fact: Facts) -> tuple[float, float, float]:
    low, middle, high = fact.quantiles
    if fact.space is Space.DEPTH:
        return low, middle, high
    return 1 / max(high, 1e-12), 1 / max(middle, 1e-12), 1 / max(low, 1e-12)


def _meaning(facts: Sequence[Facts]) -> Finding | None:
    """Tell depth, disparity and their reverse by what planes are straight in and whether lower is nearer."""
    space = facts[0].space
    assert space is not None
    order = np.array([fact.lower_is_nearer for fact in facts if fact.lower_is_nearer])
    inverted = len(order) >= 5 and np.median(order) < -0.5 and np.mean(order < 0) >= 0.8
    upright = len(order) >= 5 and np.median(order) > 0.3
    straight = straight_in(facts)
    expected = "inverse" if space is Space.DEPTH else "number"
    if straight not in (None, expected):
        what = f"planes are straight in the label's {straight}, as in {_OPPOSITE[space]}, but it says {space}"
        if upright:
            return Finding(
                kind="negated",
                what=f"{what}; yet larger is {'farther' if space is Space.DEPTH else 'nearer'}, as it should "
                f"be: it is {_OPPOSITE[space]} turned over, such as its maximum less the number",
                fix=f"undo the turning over, then read it as {_OPPOSITE[space]}",
            )
        return Finding(kind="space", what=what, fix=f"read it with space={_OPPOSITE[space]}")
    if inverted:
        return Finding(
            kind="inverted",
            what=f"what is lower in the picture is farther in {np.mean(order < 0):.0%} of the labels: near "
            "and far are exchanged, or the pictures stand on their heads",
            fix=f"read it as {_OPPOSITE[space]} if it is that, or turn numbers or pictures over",
        )
    return None


def _distance(facts: Sequence[Facts]) -> Finding | None:
    """Tell depth from distance along the ray by what planes are straight in."""
    votes = np.array([fact.bends for fact in facts])
    winner = int(votes.sum(axis=0).argmax())
    count, total = int(votes[:, winner].sum()), int(votes.sum())
    samples = int((votes[:, winner] > votes.sum(axis=1) / 2).sum())
    if winner == 0 or count < 10 or count < 0.75 * total or samples < min(3, len(facts)):
        return None
    if winner == 1:
        return Finding(
            kind="distance",
            what=f"{count} of {total} planes bend away from the camera at their edges: the label is the "
            "distance along the ray, no depth",
            fix="divide it by the length of each pixel's ray ((x - cx) / f, (y - cy) / f, 1)",
        )
    return Finding(
        kind="twice",
        what=f"{count} of {total} planes bend towards the camera at their edges: the label was depth and has "
        "been converted from distance all the same",
        fix="leave the conversion from distance to depth away",
    )


def _coarse(facts: Sequence[Facts]) -> Finding | None:
    coarse = [fact for fact in facts if _is_coarse(fact)]
    if len(coarse) <= len(facts) / 2:
        return None
    fact = coarse[0]
    return Finding(
        kind="8-bit",
        what=f"{len(coarse)} of {len(facts)} labels have at most 256 different numbers, in steps of "
        f"{fact.step:.3g}: they went through 8 bit",
        fix="fetch the original labels of 16 bit or more, or expect stairs where there are slopes",
    )


def _is_coarse(fact: Facts) -> bool:
    low, middle, high = fact.quantiles
    pixels = fact.valid * fact.size.h * fact.size.w
    few = fact.levels <= 256 and pixels > 40 * fact.levels and high > low
    fine = fact.space is not Space.AFFINE_DISPARITY and fact.step < 0.003 * abs(middle)
    return few and not fine


def _plateau(facts: Sequence[Facts]) -> Finding | None:
    """Find one number that fills an end of the range in many labels: an unmasked marker, sky, a limit."""
    for name in ("largest", "smallest"):
        ends: list[Extreme] = [getattr(fact, name) for fact in facts]
        heavy = [end for end in ends if end.share > 0.02 and end.value != 0]
        same = Counter(round(end.value, 6) for end in heavy)
        value, count = same.most_common(1)[0] if same else (0.0, 0)
        large = [end for end in heavy if end.share > 0.1 and round(end.value, 6) == value]
        repeated = count >= max(3, 0.3 * len(facts)) or len(large) >= max(3, 0.1 * len(facts))
        apart = [end for end in heavy if end.gap > 0.2]
        if repeated or len(apart) >= max(2, 0.3 * len(facts)):
            shown = value if repeated else apart[0].value
            share = float(np.mean([end.share for end in (heavy if repeated else apart)]))
            return Finding(
                kind="plateau",
                what=f"{share:.0%} of the valid pixels of many labels hold exactly their {name} number, "
                f"{shown:g}: a marker, sky or a limit, and no measurement",
                fix="read that number as invalid (invalid= is compared before scaling) or as sky",
            )
    return None


def _unrelated(facts: Sequence[Facts]) -> Finding | None:
    """Find labels whose edges are nowhere those of their pictures.

    At the best of all shifts sound labels have 1.5 to 2 times the contrast of the mean shift under their
    edges, labels of other pictures and mirrored ones at most 1.2 times, once there are a few.
    """
    surfaces = [fact.edges for fact in facts if fact.edges is not None]
    if len(surfaces) < 5:
        return None
    mean = np.mean(surfaces, axis=0)
    if mean.max() > _CONTRAST * mean.mean():
        return None
    return Finding(
        kind="unrelated",
        what="the edges of labels are not where those of their pictures are, nor anywhere near: they may "
        "belong to other pictures, or be mirrored or turned",
        fix="pair pictures and labels again, by name, and look at some beside each other",
    )


def _shifted(facts: Sequence[Facts], *, what: str = "edges") -> Finding | None:
    surfaces = [surface for fact in facts if (surface := getattr(fact, what)) is not None]
    if len(surfaces) < 3:
        return None
    mean = np.mean(surfaces, axis=0)
    peak = np.unravel_index(mean.argmax(), mean.shape)
    down, right = (int(place) - REACH for place in peak)
    better = [surface[peak] > surface[REACH, REACH] for surface in surfaces]
    clear = mean[peak] > 1.2 * mean[REACH, REACH] and np.mean(better) >= 0.8
    if max(abs(down), abs(right)) < 2 or not clear:
        return None
    h, w = facts[0].size
    scale = max(1.0, min(h, w) / 240)
    subject = "label" if what == "edges" else "mask"
    return Finding(
        kind="shifted" if what == "edges" else "shifted-mask",
        what=f"the edges of the {subject} fit those of the picture best when it is moved by about "
        f"{down * scale:.0f} rows and {right * scale:.0f} columns",
        fix=f"the {subject} was cropped, padded or resized otherwise than the picture, or is of another "
        "frame or camera: pair them again",
    )


def _misplaced(facts: Sequence[Facts]) -> Finding | None:
    return _unrelated(facts) or _shifted(facts)


def _shifted_mask(facts: Sequence[Facts]) -> Finding | None:
    return _shifted(facts, what="mask_edges")


_RULES: tuple[Callable[[Sequence[Facts]], Finding | None], ...] = (
    _unit,
    _meaning,
    _distance,
    _coarse,
    _plateau,
    _misplaced,
    _shifted_mask,
)
