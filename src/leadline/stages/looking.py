"""Samples of a source, measured and judged: for `leadline inspect`, and before a stage trusts metres."""

from dataclasses import dataclass

from leadline.console import progress
from leadline.data.findings import Finding, find
from leadline.data.inspection import Facts, inspect_sample
from leadline.data.source import Evenly
from leadline.predict.overlap import overlapped
from leadline.types import Source, UnreadableError


@dataclass(frozen=True, slots=True)
class Inspection:
    """What came out about one source."""

    spec: str
    source: Source
    facts: list[Facts]
    unreadable: list[str]
    findings: list[Finding]


def look(spec: str, source: Source, *, samples: int, threads: int) -> Inspection:
    """Measure up to `samples` of a source, evenly spaced, and say what is wrong with them."""
    some = Evenly(source, samples)
    facts: list[Facts] = []
    unreadable: list[str] = []

    def measured(index: int) -> Facts | str:
        try:
            return inspect_sample(some[index])
        except UnreadableError as error:
            return str(error)

    with progress(f"inspecting {source.name}", total=len(some)) as tick:
        for result in overlapped(measured, range(len(some)), ahead=max(8, threads), threads=threads):
            if isinstance(result, str):
                unreadable.append(result)
            else:
                facts.append(result)
            tick("")
    return Inspection(spec, source, facts, unreadable, find(facts, unreadable))
