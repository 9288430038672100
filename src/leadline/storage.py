"""Files that are whole or absent."""

import hashlib
import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from leadline.types import LeadlineError

_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.(\d+)\.tmp")


def sweep(folder: Path) -> None:
    """Remove what `write_atomic` left unfinished in `folder` when its process was killed."""
    for path in folder.glob(".*.tmp"):
        match = _TEMPORARY.fullmatch(path.name)
        if match and not _is_another(int(match[1])):
            with suppress(OSError):
                path.unlink()


def _is_another(process: int) -> bool:
    """Whether another process of that number is alive, where the system tells."""
    if os.name != "posix" or process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def whole_objects(text: str) -> list[dict[str, Any]]:
    """Return the JSON objects of a text of one a line, without what a kill or a power cut left of some."""
    found = []
    for line in text.split("\n")[:-1]:
        with suppress(ValueError):
            found.append(json.loads(line))
    return [entry for entry in found if isinstance(entry, dict)]


def sha256_of(path: Path) -> str:
    """Return the digest of a file's content, which tells weights apart whatever they are called."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file so that at any moment, a crash included, `path` holds the old content or all of the new.

    Text is written as UTF-8; what is none, in the name of a file, becomes an escape as JSON has them. The
    folder must exist. Where writing fails, the temporary file is removed.

    Raises:
        LeadlineError: where the system refuses, with its reason (a full disk, a missing folder).
    """
    # Not the name itself: the longest that a system takes could not be longer.
    mark = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    temporary = path.with_name(f".{mark}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise LeadlineError(f"cannot write {path}: {reason}; what stood there before is unchanged") from error
    finally:
        with suppress(OSError):  # gone already where all went well
            temporary.unlink()
