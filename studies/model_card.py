"""The tables of a model's card, from what its making left behind.

    python studies/model_card.py --student runs/student --teachers runs/teacher --evaluation runs/evaluation \
        --labels runs/labels --ledgers photographs/manifest.csv --licences hdri="CC0 1.0"

Parts of the card between ``<!-- NAME -->`` and ``<!-- end -->`` are written anew, the rest is left as it is.
A ledger is a table of pictures with the columns file, source and licence.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from section import table

from leadline.data.shards import Store
from leadline.engine.fit import LOG, WEIGHTS
from leadline.engine.run_log import seconds_taken
from leadline.evaluation.tables import tables
from leadline.models.checkpoints import describe, digest, load_network
from leadline.models.published import BUNDLED_FILE
from leadline.stages.evaluate import REPORT
from leadline.stages.models import sides
from leadline.storage import sha256_of, write_atomic
from leadline.types import LeadlineError

CARD = BUNDLED_FILE.with_name("README.md")
WORST = 5  # places and kinds of pictures that are named as the weakest
Ledger = Mapping[str, tuple[str, str]]
"""Name of a picture -> where it comes from, and its licence."""


@dataclass(frozen=True, kw_only=True)
class CardConfig:
    """Write the generated parts of a model's card."""

    student: Path
    """Folder of the student's run."""
    teachers: tuple[Path, ...]
    """Folders of the teachers' runs."""
    evaluation: Path
    """Folder of an evaluation of the file in the package."""
    labels: tuple[Path, ...] = ()
    """Stores of pseudo-labels that the student learnt from."""
    ledgers: tuple[Path, ...] = ()
    """Tables of pictures with their origin and licence, each in the folder of the pictures."""
    licences: tuple[str, ...] = ()
    """FOLDER=LICENCE for what has no ledger, such as panoramas."""
    model: Path = BUNDLED_FILE
    """The file in the package."""
    card: Path = CARD
    """The card."""


def main(config: CardConfig) -> None:
    report = json.loads((config.evaluation / REPORT).read_text(encoding="utf-8"))
    name = name_in(report, config.model)
    parts = {
        "facts": facts(config.model),
        "data": data(config),
        "recipe": recipe([*config.teachers, config.student]),
        "figures": figures(report),
        "failures": failures(report, name),
    }
    text = config.card.read_text(encoding="utf-8")
    for part, content in parts.items():
        text = replaced(text, part, content)
    write_atomic(config.card, text)


def replaced(text: str, part: str, content: str) -> str:
    """Put `content` into the place of a part.

    Raises:
        LeadlineError: where the text has not exactly one such part.
    """
    begin = f"<!-- {part} -->\n"
    place = re.compile(rf"(?<={re.escape(begin)}).*?(?=<!-- end -->)", re.DOTALL)
    if len(place.findall(text)) != 1:
        raise LeadlineError(f"the card has not one part between {begin.strip()} and <!-- end -->")
    return place.sub(lambda _: content.strip() + "\n", text)


def name_in(report: Mapping[str, Any], model: Path) -> str:
    """Return what an evaluation calls the model.

    Raises:
        LeadlineError: where it has not measured it.
    """
    for name in report["models"]:
        if name == model.stem:
            return str(name)
    raise LeadlineError(f"{model.stem} is not among the evaluated: {', '.join(report['models'])}")


def facts(model: Path) -> str:
    """Say what the file is: its network, size, hashes and origin."""
    network, about = load_network(model)
    variant, before = network.variant, about.get("rounded", {})
    count = sum(parameter.numel() for parameter in network.parameters())
    rows = [
        ["file", f"`{model.name}`, {model.stat().st_size / 1e6:.2f} MB"],
        ["sha256", f"`{sha256_of(model)}`"],
        ["network", f"`{network.name}`, {count / 1e6:.2f} million parameters"],
        ["predicts", network.space.value.replace("_", " ")],
        ["looks at", f"a short side of {sides(variant)} pixels, sides multiples of {variant.multiple}"],
        ["stored as", before.get("to", "float32")],
        ["hash of the weights", f"`{digest(network)}`"],
        *([["the same before rounding", f"`{before['from']}`"]] if before else []),
        ["licence", about.get("licence", "not stated")],
        ["leadline", f"{about.get('leadline', 'unknown')}, commit {about.get('commit', 'not stated')}"],
    ]
    return table(["what", ""], rows)


def data(config: CardConfig) -> str:
    """Count what was learnt from by origin and licence.

    Raises:
        LeadlineError: where the stores of pseudo-labels are not those that the student learnt from.
    """
    ledgers = {ledger.parent.name: read_ledger(ledger) for ledger in config.ledgers}
    licences = dict(licence.split("=", 1) for licence in config.licences)
    learnt = describe(config.student / WEIGHTS)["data"]
    stores = [Store(folder) for folder in config.labels]
    told = {part["fingerprint"] for part in parts_of(learnt["pseudo"])}
    if told != {store.provenance()["fingerprint"] for store in stores}:
        raise LeadlineError(f"--labels are not the {len(told)} stores that {config.student} learnt from")
    rows: list[list[object]] = []
    for store in stores:
        counted = count_origins((str(store.describe(index)["id"]) for index in range(len(store))), ledgers)
        rows += [["pictures with pseudo-labels", count, *of] for of, count in counted.most_common()]
    for run in (*config.teachers, config.student):
        provenance = describe(run / WEIGHTS)["data"]
        beside = provenance.get("labelled", {}) if "pseudo" in provenance else provenance
        for part in parts_of(beside):
            rows += labelled(part, ledgers, licences)
    unique = [row for number, row in enumerate(rows) if row not in rows[:number]]
    return table(["what", "pictures", "origin", "licence"], unique)


def parts_of(provenance: Mapping[str, str]) -> list[dict[str, str]]:
    """Tell the sources apart whose provenance stands together as ``NUMBER.KEY``."""
    parts: dict[str, dict[str, str]] = {}
    for name, value in provenance.items():
        number, dot, key = name.partition(".")
        if dot:  # else it tells what training started from
            parts.setdefault(number, {})[key] = value
    return list(parts.values())


def labelled(
    part: Mapping[str, str], ledgers: Mapping[str, Ledger], licences: Mapping[str, str]
) -> list[list[object]]:
    """Return the rows of one labelled source; a rendered one has further rows for what it shows."""
    about, count = json.loads(part.get("about", "{}")), part.get("used", part["count"])
    if about.get("stage") != "render":
        return [["labelled pictures", count, part["name"], part.get("licence", "not stated")]]
    made = f"rendered: seed {about['seed']}, {about['quality']}, {about['size']}, views {about['views']}"
    rows: list[list[object]] = [["renders with exact labels", count, made, about["licence"]]]
    for key in ("textures", "environment"):
        folder = about.get(key, "").partition(",")[0]
        if folder in ledgers:
            counted = Counter(ledgers[folder].values())
            rows += [[f"... their {key}", count, *of] for of, count in counted.most_common()]
        elif folder:
            rows.append([f"... their {key}", "", about[key], licences.get(folder, "not stated")])
    return rows


def read_ledger(path: Path) -> Ledger:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["file"]: (row["source"], row["licence"]) for row in csv.DictReader(file)}


def count_origins(ids: Iterator[str], ledgers: Mapping[str, Ledger]) -> Counter[tuple[str, str]]:
    """Count pictures, named ``folder/file``, by origin and licence; what no ledger knows is said so."""
    counted: Counter[tuple[str, str]] = Counter()
    for id in ids:
        folder, _, file = id.partition("/")
        counted[ledgers.get(folder, {}).get(file, (folder, "not stated"))] += 1
    return counted


def recipe(runs: Sequence[Path]) -> str:
    """Say how each network was trained, and how long it took."""
    rows = []
    for run in runs:
        about = describe(run / WEIGHTS)
        told, optim = about["run"], about["run"]["optim"]
        smallest, largest = told["crop"].get("smallest"), told["crop"]["size"]
        sides = f"{largest}" if smallest is None else f"{smallest} to {largest}"
        beside = f" + {told['labelled_batch']}" if told.get("labelled_batch") else ""
        terms = (f"{term['weight']:g} {name}" for name, term in told["objective"].items())
        learnt = [
            f"{told['network']} from {told['start']}, seed {told['seed']}",
            f"{optim['steps']} steps of {told['batch']}{beside}, crops of {sides}",
            f"{optim['lr']:g}, x{optim['decoder_ratio']:g} in the decoder, {optim['schedule']}",
            " + ".join(terms),
            f"{seconds_taken(run / LOG) / 3600:.1f}",
        ]
        rows.append([f"{run.name} ({about['stage']}, {told['recipe']})", *learnt])
    return table(["run", "network", "length", "rate", "loss", "hours"], rows)


def figures(report: Mapping[str, Any]) -> str:
    """Set the tables of an evaluation."""
    return "\n\n".join(f"{text.title}:\n\n{table(text.header, text.rows)}" for text in tables(report))


def failures(report: Mapping[str, Any], name: str) -> str:
    """Name where the model is weakest: sources by AbsRel, kinds of pictures by the order of their points."""
    model = report["models"][name]
    weakest = sorted(model["sources"], key=lambda source: -model["sources"][source]["abs_rel"])[:WORST]
    rows = [["AbsRel", source, f"{model['sources'][source]['abs_rel']:.3f}"] for source in weakest]
    scenarios = model.get("ordinal", {}).get("scenarios", {})
    for scenario in sorted(scenarios, key=lambda kind: float(scenarios[kind]))[:WORST]:
        rows.append(["order right", scenario or "-", f"{scenarios[scenario]:.3f}"])
    pictures = sorted(model["pictures"], key=lambda row: -row["abs_rel"])[:WORST]
    rows += [["AbsRel of one picture", f"`{row['id']}`", f"{row['abs_rel']:.3f}"] for row in pictures]
    return table(["figure", "weakest on", "value"], rows)


if __name__ == "__main__":
    main(tyro.cli(CardConfig))
