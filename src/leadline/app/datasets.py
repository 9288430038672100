"""What is known about the data sets of the papers, for people."""

import sys
from dataclasses import dataclass

from tyro.conf import Positional

from leadline.data.sources.dataset import Dataset
from leadline.data.sources.registry import DATASETS, find_dataset


@dataclass(frozen=True, kw_only=True)
class DatasetsConfig:
    """Show what is supported, and where it comes from."""

    names: Positional[tuple[str, ...]] = ()
    """Data sets to show in full; the main facts about every one where not given."""


def show_datasets(config: DatasetsConfig) -> None:
    """Write the main facts about all, or everything about the named ones, to standard output.

    Raises:
        LeadlineError: for a name that is none, with the nearest.
    """
    chosen = [find_dataset(name) for name in config.names] or DATASETS.values()
    text = "\n\n".join(describe(dataset, full=bool(config.names)) for dataset in chosen)
    if not config.names:
        text += (
            "\n\nA source is written NAME:FOLDER?split=SPLIT, or NAME where LEADLINE_DATA is the folder "
            "above it.\nleadline datasets NAME shows splits, all files and how they are read."
        )
    sys.stdout.write(f"{text}\n")


def describe(dataset: Dataset, *, full: bool) -> str:
    """Return what is known about a data set; in `full` with splits, rules and all of its files."""
    use = {dataset.train: " (to train on)", dataset.test: " (to measure with)"}
    layouts = [layout for layouts in dataset.splits.values() for layout in layouts]
    pictures = dict.fromkeys(layout.files["picture"] for layout in layouts)
    files = dict.fromkeys(file for layout in layouts for file in layout.files.values())
    about = [
        ("role", dataset.roles),
        ("size", dataset.size),
        ("licence", dataset.licence),
        ("from", dataset.home),
    ]
    if full:
        about += [("splits", ", ".join(f"{split}{use.get(split, '')}" for split in dataset.splits))]
        about += [("rules", dataset.rules), *(("expects", file) for file in files)]
    else:
        about += [("expects", next(iter(pictures)))]
    return "\n".join([f"{dataset.name}: {dataset.title}", *(f"  {name:9}{text}" for name, text in about)])
