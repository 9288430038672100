"""Pictures of a folder, alone or with labels of the same names in another folder."""

from pathlib import Path

from leadline.data.files import list_pictures, read_picture, read_picture_and_jpeg
from leadline.data.sources.labels import Coding, fingerprint, read_label
from leadline.types import LeadlineError, Sample, Size, Space


class FolderSource:
    """All pictures below a folder, sorted by path, with ids ``name/relative/path.jpg``.

    With `labels`, the label of ``a/b.jpg`` is ``a/b.png`` below that folder: one channel of 16 (or 8) bit.
    """

    def __init__(
        self,
        root: Path,
        *,
        labels: Path | None = None,
        space: Space | None = None,
        scale: float = 1.0,
        invalid: float | None = 0,
        name: str | None = None,
        licence: str = "unknown",
    ) -> None:
        """List the pictures; nothing is read yet.

        `labels` is looked for below `root` first, else as given; what lies below it is no picture. A raw
        value times `scale` is in `space`; the raw value `invalid` is not valid (None: every pixel is, so a
        disparity of 0 counts as sky). `name` is the folder's own by default.

        Raises:
            LeadlineError: for a folder that is missing or without pictures, labels without a space or the
                reverse, a scale that is not positive, a name with a slash.
        """
        self.root = root.resolve()
        self.name = self.root.name if name is None else name
        if not self.name or "/" in self.name:
            raise LeadlineError(
                f"the name of {self.root} must be one word without a slash, got {self.name!r}"
            )
        if (labels is None) != (space is None):
            raise LeadlineError(
                f"{self.name}: labels and their space go together, got labels={labels} and space={space}; "
                f"space is one of {', '.join(Space)}"
            )
        self.licence = licence
        self.labels = None if labels is None else _label_folder(self.root, labels)
        self.coding = None if space is None else Coding(space=space, scale=scale, invalid=invalid)
        pictures = list_pictures(self.root)
        if self.labels is not None and self.labels not in self.root.parents:
            real = {folder: folder.resolve() for folder in {path.parent for path in pictures}}
            pictures = [path for path in pictures if not real[path.parent].is_relative_to(self.labels)]
        if not pictures:
            but = f" (leaving out its labels, {self.labels})" if self.labels else ""
            raise LeadlineError(f"there are no pictures below {self.root}{but}: choose another folder")
        self._paths = tuple(path.relative_to(self.root).as_posix() for path in pictures)

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._paths)

    def __getitem__(self, index: int) -> Sample:
        """Read one picture and its label.

        Raises:
            IndexError: out of range.
            UnreadableError: where picture or label cannot be read, or they differ in size.
        """
        path = self._paths[index]
        if self.labels is None or self.coding is None:
            image, jpeg = read_picture_and_jpeg(self.root / path)
            return Sample(image=image, label=None, id=f"{self.name}/{path}", jpeg=jpeg)
        image = read_picture(self.root / path)
        label = read_label(_label_file(self.labels, path), self.coding, size=Size(*image.shape[:2]))
        return Sample(image=image, label=label, id=f"{self.name}/{path}")

    def provenance(self) -> dict[str, str]:
        """Name, count and licence, the rule of the labels, and a fingerprint over all files."""
        files = [(path, self.root / path) for path in self._paths]
        if self.labels is not None:
            files += [(f"label of {path}", _label_file(self.labels, path)) for path in self._paths]
        return {
            "name": self.name,
            "count": str(len(self)),
            "licence": self.licence,
            "labels": "none" if self.coding is None else str(self.coding),
            "fingerprint": fingerprint(files),
        }


def _label_folder(root: Path, labels: Path) -> Path:
    for folder in (root / labels, labels):
        if folder.is_dir() and folder.resolve() == root:
            raise LeadlineError(
                f"{root} cannot hold pictures and labels: give the labels a folder of their own"
            )
        if folder.is_dir():
            return folder.resolve()
    raise LeadlineError(
        f"the folder of labels is neither {root / labels} nor {labels.resolve()}: create or correct it"
    )


def _label_file(labels: Path, path: str) -> Path:
    return (labels / path).with_suffix(".png")
