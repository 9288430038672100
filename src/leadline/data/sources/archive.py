"""Any tar or zip file of pictures."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from leadline.data.archives import list_members
from leadline.data.files import SUFFIXES
from leadline.data.layout import Fields, Layout
from leadline.data.sources.dataset import Dataset, DatasetSource


def open_archive(file: Path, *, name: str | None = None, licence: str = "unknown") -> DatasetSource:
    """Open the pictures of an archive, by suffix; hidden ones are left out. `name` is the file's by default.

    Raises:
        LeadlineError: where it is missing, damaged, compressed as a whole, or without pictures.
    """
    layout = Layout({"picture": "{archive}!{path:deep}"}, entries=partial(_pictures, archive=file.name))
    dataset = Dataset(
        name=name or file.stem,
        title="pictures in an archive",
        roles="",
        licence=licence,
        home=str(file),
        size="",
        rules="",
        splits={"all": (layout,)},
    )
    return DatasetSource(dataset, file.parent)


def _pictures(root: Path, *, archive: str) -> Iterator[Fields]:
    for member in list_members(root / archive):
        path = PurePosixPath(member)
        if path.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in path.parts):
            yield archive, member
