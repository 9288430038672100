"""Files that are whole or absent."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from leadline.types import LeadlineError


def sweep(folder: Path) -> None:
    """Remove what `write_atomic` left unfinished in `folder` when its process was killed."""
    for temporary in folder.glob(".*.tmp"):
        temporary.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Return the digest of a file's content, which tells weights apart whatever they are called."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file so that at any moment, a crash included, `path` holds the old content or all of the new.

    Text is written as UTF-8. The folder must exist. Where writing fails, the temporary file is removed.

    Raises:
        LeadlineError: where the system refuses, with its reason (a full disk, a missing folder).
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(data.encode() if isinstance(data, str) else data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise LeadlineError(f"cannot write {path}: {reason}; what stood there before is unchanged") from error
    finally:
        with suppress(OSError):  # gone already where all went well
            temporary.unlink()
