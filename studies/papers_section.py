"""The section of a document that the study of the papers writes: words, tables and figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from dots import Dot, Panel, draw
from findings import Difference, Run, by_seed, difference
from questions import ABS_REL, DELTA1, EDGES, ORDER, RECALL, Measure, Question, ask
from section import replace_section, table, wrapped

from leadline.storage import write_atomic

HEADING = "## The papers in miniature"
COLUMNS = (ABS_REL, DELTA1, ORDER, RECALL, EDGES)


def write_papers(document: Path, about: Mapping[str, Any], runs: Sequence[Run]) -> None:
    """Write the section into `document`, and its figures into the folder of the document's name beside it."""
    figures = document.parent / document.stem
    figures.mkdir(parents=True, exist_ok=True)
    parts = [f"{HEADING}\n\n{_opening(about, runs)}"]
    for question in ask(about["amounts"]):
        name = f"papers-{question.key}.svg"
        write_atomic(figures / name, draw_question(question, runs))
        parts.append(_answer(question, runs, f"{figures.name}/{name}"))
    parts.append(_times(about, runs))
    if not document.exists():
        write_atomic(document, "")
    replace_section(document, "\n\n".join(parts))


def draw_question(question: Question, runs: Sequence[Run]) -> str:
    """Draw how far every arm is better than the first."""
    first, *others = question.arms
    panels = []
    for measure in question.measures:
        dots = [_gain(difference(runs, arm, first, measure), measure) for arm in others]
        panels.append(Panel(title=f"{measure.title}: better →", dots=[None, *dots]))
    return draw(list(question.arms.values()), panels, label=question.title)


def _gain(found: Difference, measure: Measure) -> Dot:
    low, high = sorted(measure.better * end for end in (found.pooled.low, found.pooled.high))
    return Dot(
        value=measure.better * found.pooled.difference,
        low=low,
        high=high,
        singles=[measure.better * value for value in found.by_seed],
    )


def _opening(about: Mapping[str, Any], runs: Sequence[Run]) -> str:
    counts, seeds = about["counts"], len({run.seed for run in runs})
    made = f"""
        Written by `python studies/papers.py`. Every network is `tiny` (3.5 million parameters), starts from
        ImageNet weights and learns for {about["steps"]} steps of {about["batch"]} pictures at
        {about["crop"]} pixels, from {counts["labelled"]} renders or the teacher's labels for
        {counts["pictures"]} photographs. It is measured at {about["short_side"]} pixels: AbsRel, delta1 (mean
        over the sources) and the order of point pairs on photographs, edges on {counts["held_out"]} renders
        of another seed. Tables show the mean over {seeds} seeds and their range; a seed changes the teacher,
        hence its labels and all students.
    """
    decided = f"""
        Differences are paired by picture, seeds pooled, with their 95 % bootstrap interval over pictures. A
        claim *holds*, or *the opposite holds*, only where both ends of that interval and every single seed
        agree; otherwise it *cannot be told*. {seeds} seeds are few: the interval says how far pictures agree,
        not how far another seed would lie off, and of many claims one may pass by chance. In the figures
        right is better than the arm with the grey dot, the line is the interval, circles are single seeds.
    """
    return f"{wrapped(made)}\n\n{wrapped(decided)}"


def _answer(question: Question, runs: Sequence[Run], figure: str) -> str:
    rows, verdicts = [], []
    for claim in question.claims:
        by_measure = []
        for measure in claim.measures:
            found = difference(runs, claim.better, claim.worse, measure)
            verdict = found.verdict(measure.better)
            by_measure.append(f"{verdict} by {measure.title}")
            names = f"{question.arms[claim.better]} − {question.arms[claim.worse]}"
            spread = ", ".join(f"{value:+.4f}" for value in found.by_seed)
            pooled = found.pooled
            interval = f"{pooled.difference:+.4f} ({pooled.low:+.4f} to {pooled.high:+.4f})"
            rows.append([names, measure.title, interval, spread, str(verdict)])
        verdicts.append(f"{claim.says}: {', '.join(by_measure)}")
    arms = [
        [title, *(_cell(by_seed(runs, arm, measure)) for measure in COLUMNS)]
        for arm, title in question.arms.items()
    ]
    return "\n\n".join(
        [
            f"### ({question.key}) {question.title}",
            wrapped(question.text),
            f"![{question.title}]({figure})",
            table(["", *(measure.title for measure in COLUMNS)], arms),
            table(["difference", "of", "pooled, 95 %", "each seed", "the claim"], rows),
            wrapped(f"At this size: {'; '.join(verdicts)}."),
        ]
    )


def _cell(values: Sequence[float]) -> str:
    return f"{fmean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _times(about: Mapping[str, Any], runs: Sequence[Run]) -> str:
    seeds = sorted({run.seed for run in runs})
    seconds = {(run.arm, run.seed): run.seconds for run in runs}
    rows = [
        [arm, *(f"{seconds[arm, seed]:.0f} s" for seed in seeds)] for arm in sorted({run.arm for run in runs})
    ]
    total = sum(seconds.values()) / 60
    return "\n\n".join(
        [
            f"Wall time of the {len(runs)} trainings from their logs, {total:.0f} minutes in all:",
            table(["run", *(f"seed {seed}" for seed in seeds)], rows),
        ]
    )
