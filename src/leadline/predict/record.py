"""``predictions.json``: what every map of a folder is, and which are made already."""

import json
import threading
import time
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from leadline.storage import write_atomic
from leadline.types import LeadlineError

PREDICTIONS = "predictions.json"
_FORMAT = "leadline predictions 1"
_OF_THE_FILE = ("file", "size")
"""What an entry says of the picture's file: where it is another now, the picture has changed, and an entry
begins anew. Entries of earlier versions may say less, and then tell nothing."""
_EVERY = 20.0  # seconds between two writings: what a kill makes do again at most


class Record:
    """The entries of a folder of predictions, by the name of the picture's maps. Threads may share it.

    An entry is what the file is about (`about`: picture, space, unit, model, how it was made) and ``files``,
    by name, with what is needed to read each. It is written once its files are; what a kill leaves without an
    entry is made again, and so is what was made of a picture that has changed since.
    """

    def __init__(self, folder: Path) -> None:
        """Read what stands in `folder`.

        Raises:
            LeadlineError: where its record is damaged or of another program.
        """
        self.path = folder / PREDICTIONS
        self._lock = threading.Lock()
        self._written = time.monotonic()
        self._changed = set[str]()
        self.entries = self._stored()

    def begin(self) -> None:
        """Write what there is, so that the folder is known for one of predictions before its first map."""
        if not self.path.exists():
            self._write()

    def missing(self, name: str, files: Iterable[str], *, about: Mapping[str, Any]) -> set[str]:
        """Return which of a picture's `files` are still to be made.

        Raises:
            LeadlineError: where the maps of that name were made from, or in, another way than `about` says.
        """
        entry = self.entries.get(name)
        if entry is None:
            return set(files)
        differing = self._differing(entry, about)
        if other := [key for key in differing if key not in _OF_THE_FILE]:
            says = "; ".join(f"{key} is {entry.get(key)}, now {about[key]}" for key in other)
            raise LeadlineError(
                f"{self.path.parent / name}.* was made otherwise: {says}. Choose another --out, or "
                "--overwrite it"
            )
        folder, made = self.path.parent, {} if differing else entry["files"]
        return {file for file in files if file not in made or not (folder / file).exists()}

    def add(self, name: str, about: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]) -> None:
        """Enter files that were written; those of an entry that is about the same stay."""
        with self._lock:
            self.entries[name] = {**about, "files": {**self._files(name, about), **files}}
            self._changed.add(name)
            due = time.monotonic() - self._written > _EVERY
        if due:
            self.save()

    def forget(self, name: str, files: Set[str], *, about: Mapping[str, Any]) -> None:
        """Strike out files that will be replaced, and others that are made otherwise than `about` says.

        Saved before they are, it leaves none wrong after a kill.
        """
        with self._lock:
            left = {file: facts for file, facts in self._files(name, about).items() if file not in files}
            if left:
                self.entries[name] = {**self.entries[name], "files": left}
            else:
                self.entries.pop(name, None)
            self._changed.add(name)

    def save(self) -> None:
        """Write what was changed; what another process added meanwhile stays."""
        with self._lock:
            if not self._changed:
                return
            others = {name: entry for name, entry in self._stored().items() if name not in self._changed}
            own = {name: entry for name, entry in self.entries.items() if name in self._changed}
            self.entries = others | own
            self._write()
            self._written = time.monotonic()
            self._changed.clear()

    def _write(self) -> None:
        content = {"format": _FORMAT, "pictures": dict(sorted(self.entries.items()))}
        write_atomic(self.path, json.dumps(content, indent=1, ensure_ascii=False))

    def _files(self, name: str, about: Mapping[str, Any]) -> dict[str, Any]:
        """Return the files of an entry that is about the same."""
        entry = self.entries.get(name)
        return {} if entry is None or self._differing(entry, about) else dict(entry["files"])

    @staticmethod
    def _differing(entry: Mapping[str, Any], about: Mapping[str, Any]) -> list[str]:
        """Return in what an entry is about something else."""
        return [
            key for key, now in about.items() if entry.get(key, now if key in _OF_THE_FILE else None) != now
        ]

    def _stored(self) -> dict[str, dict[str, Any]]:
        if not self.path.exists():
            return {}
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            if found["format"] != _FORMAT:
                raise ValueError(f"its format is {found['format']!r}, expected {_FORMAT!r}")
            pictures = dict(found["pictures"])
            for name, entry in pictures.items():
                if not isinstance(entry, dict) or not isinstance(entry.get("files"), dict):
                    raise TypeError(f"the entry of {name} is none")
            return pictures
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise LeadlineError(
                f"{self.path} cannot be read as a record of predictions ({error!r}): remove it and "
                "--overwrite the maps of this folder, or choose another --out"
            ) from error
