"""Pictures inside archives, by name, without unpacking: tar, zip, and LMDB as LSUN uses it.

Nothing is ever written to disk, so what an archive calls its members cannot do harm; links and devices are no
members. A gzipped tar has no random access and is refused with the command that mends it.
"""

import lzma
import os
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from leadline.types import LeadlineError, UnreadableError

_TAR, _ZIP, _LMDB = ".tar", ".zip", "data.mdb"
_SQUEEZED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_DAMAGED = (
    *(OSError, ValueError, RuntimeError, EOFError),
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What reading a damaged archive may raise."""
_HOLES = -1
"""Where the content of a sparse member lies: in pieces."""
_PADDING = 1 << 24
"""Bytes behind the end of a tar that are looked at: writers fill up to blocks of theirs, mostly 10,240."""
_one_look = threading.Lock()


def find_archive(path: Path) -> Path | None:
    """Return `path` where it is an archive that can be read at random, else None.

    Raises:
        LeadlineError: for a compressed tar, with the command that makes it readable.
    """
    if path.name.lower().endswith(_SQUEEZED) and path.is_file():
        raise LeadlineError(
            f"{path} is a compressed tar file, from which single pictures cannot be read: decompress it once "
            f"(gunzip or xz -d {path.name}) or unpack it"
        )
    is_archive = path.suffix.lower() in (_TAR, _ZIP) or (path / _LMDB).is_file()
    return path if is_archive else None


def list_members(archive: Path) -> tuple[str, ...]:
    """List the names of the files inside, in their order there.

    Raises:
        LeadlineError: for an archive that is damaged.
    """
    return tuple(_places(archive))


def member_size(archive: Path, member: str) -> int:
    """Return the size of a member in bytes; -1 where an archive does not tell."""
    place = _places(archive)[member]
    return place[1] if isinstance(place, tuple) else place


def read_member(archive: Path, member: str) -> bytes:
    """Read one file of an archive.

    Raises:
        UnreadableError: where it is missing, cut short or damaged.
    """
    place = _places(archive).get(member)
    if place is None:
        raise UnreadableError(f"{archive} has no member {member}")
    try:
        if isinstance(place, tuple):
            if place[0] == _HOLES:
                raise ValueError("it is stored with holes: pack the archive without --sparse")
            with archive.open("rb") as stream:
                stream.seek(place[0])
                data = stream.read(place[1])
            if len(data) < place[1]:
                raise ValueError("the archive is cut short")
            return data
        if archive.suffix.lower() == _ZIP:
            return _open_zip(archive, os.getpid()).read(member)
        with _open_lmdb(archive) as view:
            return bytes(view.get(member.encode()))
    except _DAMAGED as error:
        raise UnreadableError(f"{archive}!{member} cannot be read: {error}") from error


@lru_cache(maxsize=4096)
def _places(archive: Path) -> Mapping[str, tuple[int, int] | int]:
    """Map each member of a tar to where its content lies, of the other kinds to its size.

    A tar has no list of its members, so its headers are read once, about 15 microseconds each.
    """
    try:
        if archive.suffix.lower() == _TAR:
            with tarfile.open(archive, "r:") as tar:
                places = {m.name.removeprefix("./"): _place(m) for m in tar if m.isreg()}
            _require_end(archive, tar.offset)
            return places
        if archive.suffix.lower() == _ZIP:
            listed = _open_zip(archive, os.getpid()).infolist()
            return {info.filename: info.file_size for info in listed if not info.is_dir()}
        with _open_lmdb(archive) as view:
            return {bytes(key).decode(): -1 for key in view.cursor().iternext(values=False)}
    except _DAMAGED as error:
        raise LeadlineError(f"{archive} cannot be read as an archive: {error}; fetch it again") from error


def _place(member: tarfile.TarInfo) -> tuple[int, int]:
    return (_HOLES if member.issparse() else member.offset_data), member.size


def _require_end(archive: Path, offset: int) -> None:
    """Refuse a tar whose listing ends at anything but the empty blocks that end one.

    Python's reader stops without a word at a header that is damaged or cut off, and where another archive
    was appended as it is.
    """
    with archive.open("rb") as stream:
        stream.seek(offset)
        if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise ValueError(f"it is cut short or damaged at byte {offset}")
        rest = stream.read(_PADDING).lstrip(b"\0")
    header = rest[: tarfile.BLOCKSIZE]
    with suppress(tarfile.HeaderError):
        tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        raise ValueError("more members follow its end: join archives with tar --concatenate, not with cat")


@lru_cache(maxsize=16)
def _open_zip(archive: Path, process: int) -> zipfile.ZipFile:
    """Keep an archive open: its list of members is read once, not for every picture."""
    return zipfile.ZipFile(archive)


@contextmanager
def _open_lmdb(folder: Path) -> Iterator[Any]:
    """Open a database for one look at it; what is wrong with it is an `OSError`."""
    try:
        import lmdb
    except ImportError as error:
        raise LeadlineError(
            f"{folder} is an LMDB and the package lmdb is not installed: pip install 'leadline[datasets]'"
        ) from error
    try:
        with (
            _one_look,  # a process must not open a database twice
            lmdb.open(str(folder), readonly=True, lock=False, readahead=False, max_readers=256) as base,
            base.begin() as view,
        ):
            yield view
    except lmdb.Error as error:
        raise OSError(str(error)) from error
