"""What has been measured, a line a picture: a killed evaluation goes on, a repeated one is quick."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leadline.storage import whole_objects, write_atomic


class Ledger:
    """Rows of figures by key, kept in a file where there is one; only what it has seen whole is believed."""

    def __init__(self, path: Path | None) -> None:
        """Read what an earlier process left at `path`; None remembers nothing beyond the process."""
        self._path = path
        self._rows: dict[str, Any] = {}
        if path is None or not path.exists():
            return
        text = path.read_text(encoding="utf-8", errors="replace")
        entries = whole_objects(text)  # what is none is measured again
        whole = [entry for entry in entries if isinstance(entry.get("key"), str) and "row" in entry]
        self._rows = {entry["key"]: entry["row"] for entry in whole}
        if not text.endswith("\n"):  # a kill cut the last line short; the next one must not be glued to it
            write_atomic(path, text[: text.rfind("\n") + 1])

    def __contains__(self, key: str) -> bool:
        """Tell whether the key has a row."""
        return key in self._rows

    def __getitem__(self, key: str) -> Any:
        """Return the row of a key; raises `KeyError` where there is none."""
        return self._rows[key]

    def add(self, key: str, row: Mapping[str, Any]) -> None:
        """Remember a row, and write it down."""
        self._rows[key] = row
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"key": key, "row": row}) + "\n")
