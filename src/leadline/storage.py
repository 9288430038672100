"""Files that are whole or absent."""

import os
from contextlib import suppress
from pathlib import Path

from leadline.types import LeadlineError


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file so that at any moment, a crash included, `path` holds the old content or all of the new.

    Text is written as UTF-8. The folder must exist. Where writing fails, the temporary file is removed.

    Raises:
        LeadlineError: where the system refuses, with its reason (a full disk, a missing folder).
    """
    temporary = path.with_name(f".{path.name}.tmp")  # what a kill leaves is overwritten by the next try
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
