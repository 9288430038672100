"""What the papers found and the study asks again, as data: questions, their arms, what is claimed of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A figure of a network."""

    title: str
    part: Literal["photographs", "renders"]
    figure: str
    """Its name in the rows of pictures; ``order`` is counted over the pairs of points."""
    better: Literal[-1, 1]
    """-1 where less is better."""


ABS_REL = Measure(title="AbsRel", part="photographs", figure="abs_rel", better=-1)
DELTA1 = Measure(title="delta1", part="photographs", figure="delta1", better=1)
ORDER = Measure(title="order of points", part="photographs", figure="order", better=1)
RECALL = Measure(title="boundary recall", part="renders", figure="boundary_recall", better=1)
EDGES = Measure(title="edge distance, px", part="renders", figure="edge_completeness", better=-1)

SEEN = (ABS_REL, ORDER)


@dataclass(frozen=True, slots=True)
class Claim:
    """That the arm `better` is better than the arm `worse`; every measure decides on its own."""

    says: str
    better: str
    worse: str
    measures: tuple[Measure, ...] = SEEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one part of the section answers."""

    key: str
    title: str
    text: str
    """What the paper found, and what is compared here; line breaks mean nothing."""
    arms: Mapping[str, str]
    """Arm -> what it is called; the figure shows the difference to the first."""
    measures: tuple[Measure, ...] = SEEN
    """Shown in the figure."""
    claims: tuple[Claim, ...]


_STORY = Question(
    key="a",
    title="V1: a teacher, and naive, perturbed and aligned students",
    text="""
    V1 (sections 3.2, 3.3, 4.5): pseudo-labels beside labels bring nothing by themselves; strong
    perturbation of the student's pictures makes them work, and aligning its features with a frozen
    encoder's adds to that. The students learn from labelled and pseudo-labelled pictures 1:2 with V1's
    losses; their teacher is that of all questions, which has V2's.
    """,
    arms={
        "teacher": "teacher",
        "v1-naive": "student, naive",
        "v1-perturbed": "+ perturbation",
        "v1-semantic": "+ semantic loss",
    },
    claims=(
        Claim("naive pseudo-labels bring no gain, the teacher stays better", "teacher", "v1-naive"),
        Claim("perturbation helps the student", "v1-perturbed", "v1-naive"),
        Claim("the perturbed student is better than its teacher", "v1-perturbed", "teacher"),
        Claim("the semantic loss adds to it", "v1-semantic", "v1-perturbed"),
    ),
)

_LABELS = Question(
    key="b",
    title="V2: labels, labels and pseudo-labels, pseudo-labels alone",
    text="""
    V2 (table 5): small networks gain much from pseudo-labelled photographs, and most without labelled
    pictures beside them. There the teacher is far larger; here it is the same small network, so what is
    asked is whether a network gains from its own labels.
    """,
    arms={"teacher": "labels", "v2-both": "labels + pseudo-labels", "student": "pseudo-labels alone"},
    claims=(
        Claim("pseudo-labels beside labels help", "v2-both", "teacher"),
        Claim("pseudo-labels alone help", "student", "teacher"),
        Claim("they help more alone", "student", "v2-both"),
    ),
)

_GRADIENT = Question(
    key="c",
    title="V2: the weight of the teacher's gradient loss",
    text="""
    V2 (appendix B.7): from 0.5 to 4 maps get steadily sharper; 2 is what they use. Without the loss, weight
    0, is ours.
    """,
    arms={
        "gradient-0": "weight 0",
        "gradient-0.5": "weight 0.5",
        "gradient-1": "weight 1",
        "teacher": "weight 2",
        "gradient-4": "weight 4",
    },
    measures=(ABS_REL, RECALL, EDGES),
    claims=(
        Claim("2 is sharper than none", "teacher", "gradient-0", (RECALL,)),
        Claim("1 is sharper than 0.5", "gradient-1", "gradient-0.5", (RECALL,)),
        Claim("2 is sharper than 1", "teacher", "gradient-1", (RECALL,)),
        Claim("4 is sharper than 2", "gradient-4", "teacher", (RECALL,)),
        Claim("2 is more accurate than 0.5, which V2 does not say", "teacher", "gradient-0.5", (ABS_REL,)),
    ),
)

_IGNORED = Question(
    key="d",
    title="V2: ignoring the pixels with the largest loss",
    text="""
    V2 (section 5.2) leaves out the tenth of a pseudo-label's pixels with the largest loss, because they
    may be the teacher's mistakes. Students on pseudo-labels alone.
    """,
    arms={"ignored-0": "0 % ignored", "student": "10 % ignored", "ignored-0.2": "20 % ignored"},
    claims=(
        Claim("10 % is better than 0 %", "student", "ignored-0"),
        Claim("10 % is better than 20 %", "student", "ignored-0.2"),
    ),
)

_SENSOR = Question(
    key="e",
    title="V2: exact labels against those of a depth camera",
    text="""
    V2 argues that sensors miss glass, mirrors and what is far, and blur edges, so that synthetic labels
    make the better teacher. Here the same renders have exact labels, or those that a depth camera would
    have measured (`studies/depth_camera.py`: holes on glass, mirrors, windows, black and sky, mixed
    edges, 0.4 to 10 m, steps of disparity). Pictures are renders in both, so what synthetic pictures
    cost is not seen.
    """,
    arms={"captured": "depth camera", "teacher": "exact"},
    measures=(ABS_REL, ORDER, RECALL),
    claims=(Claim("exact labels make the better teacher", "teacher", "captured", (ABS_REL, ORDER, RECALL)),),
)


def ask(amounts: Sequence[int]) -> tuple[Question, ...]:
    """Return all questions, the last for these numbers of photographs and all of them."""
    some = {f"photographs-{amount}": f"{amount} photographs" for amount in sorted(amounts)}
    arms = {**some, "student": "all photographs"}
    photographs = Question(
        key="f",
        title="How many photographs",
        text="""
    V1 (section 3.2) draws its strength from 62 million pictures. Students on pseudo-labels alone,
    equally long on some of the photographs and on all.
    """,
        arms=arms,
        claims=tuple(
            Claim(f"{arms[more]} are better than {arms[fewer]}", more, fewer)
            for fewer, more in pairwise(arms)
        ),
    )
    return _STORY, _LABELS, _GRADIENT, _IGNORED, _SENSOR, photographs
