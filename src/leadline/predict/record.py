"""``predictions.json``: what every map of a folder is, and which are made already."""

import json
import os
import threading
import time
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from leadline.storage import write_atomic
from leadline.types import LeadlineError

PREDICTIONS = "predictions.json"
_FORMAT = "leadline predictions 1"
_EVERY = 20.0  # seconds between two writings: what a kill makes do again at most
_OF = "of"

Entry = dict[str, Any]
State = Mapping[str, int]
"""What tells a picture's file from one that took its place: ``bytes`` and ``modified_ns``."""


class Record:
    """The entries of a folder of predictions, by the name of the picture's maps. Threads may share it.

    An entry is what the maps are about (`about`: picture, its size, space, unit, model, how they were made)
    and ``files``, by name, with what is needed to read each and the state of the picture's file that it was
    made `of`. It is written once its files are. Files that are ours and that no entry names are
    ``unfinished``: they are written down before the first of them is made, so that what a kill leaves is
    known, and made again.
    """

    def __init__(self, folder: Path) -> None:
        """Read what stands in `folder`.

        Raises:
            LeadlineError: where its record is damaged or of another program.
        """
        self.path = folder / PREDICTIONS
        self._lock = threading.Lock()
        self._written = time.monotonic()
        self._changed, self._struck = set[str](), set[str]()
        self._begun, self._unfinished = set[str](), set[str]()
        self.entries, self._known = self._stored()

    def begin(self, files: Iterable[str]) -> None:
        """Say which files are made from now on."""
        self._leave(files)
        if self._begun:
            self._write()

    def end(self) -> None:
        """Say that no more are made; what stands there without an entry is left unfinished."""
        self._unfinished = {file for file in self._unfinished if os.path.lexists(self.path.parent / file)}
        if self._begun:
            self._write()

    def missing(
        self, name: str, files: Iterable[str], *, about: Mapping[str, Any], of: State | None = None
    ) -> set[str]:
        """Return which of a picture's `files` are still to be made, those made of another state included.

        Files of earlier versions, which do not say what they are made of, count.

        Raises:
            LeadlineError: where the maps of that name were made from, or in, another way than `about` says.
        """
        entry = self.entries.get(name)
        if entry is None:
            return set(files)
        if other := _differing(entry, about):
            says = "; ".join(f"{key} is {entry.get(key)}, now {about[key]}" for key in other)
            raise LeadlineError(
                f"{self.path.parent / name}.* was made otherwise: {says}. Choose another --out, or "
                "--overwrite it"
            )
        made = {
            file
            for file, facts in _files(entry, about).items()
            if (of is None or facts.get(_OF, of) == of) and (self.path.parent / file).exists()
        }
        return set(files) - made

    def strange(self, name: str, files: Iterable[str]) -> list[Path]:
        """Return which of a picture's `files` exist and are somebody else's, as far as is known."""
        known = self._known | self.entries.get(name, {}).get("files", {}).keys()
        paths = (self.path.parent / file for file in files if file not in known)
        return [path for path in paths if os.path.lexists(path)]

    def add(
        self,
        name: str,
        about: Mapping[str, Any],
        files: Mapping[str, Mapping[str, Any]],
        *,
        of: State | None = None,
    ) -> None:
        """Enter files that were written; those of an entry that is about the same stay."""
        made = {file: {**facts, **({} if of is None else {_OF: of})} for file, facts in files.items()}
        with self._lock:
            kept = self._keep(name, about)
            self.entries[name] = {**about, "files": {**kept, **made}}
            self._changed.add(name)
            self._struck -= made.keys()
            self._unfinished -= made.keys()
            due = time.monotonic() - self._written > _EVERY
        if due:
            self.save()

    def forget(self, name: str, files: Set[str], *, about: Mapping[str, Any]) -> None:
        """Strike out files that will be replaced, and others that are made otherwise than `about` says.

        Saved before they are, it leaves none wrong after a kill.
        """
        with self._lock:
            kept = self._keep(name, about)
            self._leave(files & kept.keys())
            if left := {file: facts for file, facts in kept.items() if file not in files}:
                self.entries[name] = {**self.entries[name], "files": left}
            else:
                self.entries.pop(name, None)
            self._changed.add(name)
            self._struck |= files

    def save(self) -> None:
        """Write what was changed."""
        if self._changed:
            self._write()

    def _write(self) -> None:
        """Write the record; what another process entered meanwhile stays."""
        with self._lock:
            stored, unfinished = self._stored()
            for name in self._changed:
                theirs, own = stored.pop(name, None), self.entries.get(name)
                if own is not None:
                    also = _files(theirs, {key: value for key, value in own.items() if key != "files"})
                    also = {file: facts for file, facts in also.items() if file not in self._struck}
                    stored[name] = {**own, "files": {**also, **own["files"]}}
            self.entries, self._known = stored, (unfinished - self._begun) | self._unfinished
            content = {"format": _FORMAT, "pictures": dict(sorted(self.entries.items()))}
            if self._known:
                content["unfinished"] = sorted(self._known)
            write_atomic(self.path, json.dumps(content, indent=1, ensure_ascii=False))
            self._written = time.monotonic()
            self._changed.clear()

    def _leave(self, files: Iterable[str]) -> None:
        """Remember files that are ours without an entry."""
        files = set(files)
        self._begun |= files
        self._unfinished |= files

    def _keep(self, name: str, about: Mapping[str, Any]) -> dict[str, Any]:
        """Return the files of an entry that is about the same; the others are left unfinished."""
        entry = self.entries.get(name)
        kept = _files(entry, about)
        self._leave([] if entry is None else entry["files"].keys() - kept.keys())
        return kept

    def _stored(self) -> tuple[dict[str, Entry], set[str]]:
        if not self.path.exists():
            return {}, set()
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            if found["format"] != _FORMAT:
                raise ValueError(f"its format is {found['format']!r}, expected {_FORMAT!r}")
            pictures = dict(found["pictures"])
            for name, entry in pictures.items():
                if not all(isinstance(facts, dict) for facts in (entry, *entry["files"].values())):
                    raise TypeError(f"the entry of {name} is none")
            return pictures, set(found.get("unfinished", ()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise LeadlineError(
                f"{self.path} cannot be read as a record of predictions ({error!r}): remove it and "
                "--overwrite the maps of this folder, or choose another --out"
            ) from error


def _differing(entry: Entry, about: Mapping[str, Any]) -> list[str]:
    """Return in what maps are about something else; the picture's size follows from its file.

    Of the model, files of earlier versions say less.
    """
    told, model = dict(about), entry.get("model")
    if isinstance(model, dict) and model:
        told["model"] = {key: about.get("model", {}).get(key) for key in model}
    return [key for key in about if key != "size" and entry.get(key) != told[key]]


def _files(entry: Entry | None, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry's files where it is about the same.

    Where the picture was of another size, only those are returned that say what they are made of.
    """
    if entry is None or _differing(entry, about):
        return {}
    same = "size" not in about or entry.get("size") == about["size"]
    return {file: facts for file, facts in entry["files"].items() if same or _OF in facts}
