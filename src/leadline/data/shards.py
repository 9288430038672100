"""Labelled pictures in shards of tar files: what `render` and `pseudo-label` write and training reads.

A sample is ``key.jpg``, ``key.disparity.png`` and ``key.json``, in files that any WebDataset reader reads.
The map is 16 bit, ``value = offset + scale * stored``, quantised over its own range; the JSON names space,
scale, offset and the sample's id. Every pixel is valid; disparity 0 is sky. Beside each ``shard-*.tar``
stands a ``shard-*.json`` with the place of every member, so samples are read at random without unpacking
anything, and with what could not be read. A shard exists once it is whole; ``manifest.json`` says what the
store is.
"""

import hashlib
import json
import math
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from leadline.data.files import read_map, read_picture
from leadline.data.records import Shard, Unreadable
from leadline.storage import write_atomic
from leadline.types import Camera, Label, LeadlineError, Sample, Space, UnreadableError

MANIFEST = "manifest.json"
_FORMAT = "leadline labels 1"


def write_store(
    out: Path,
    counts: Sequence[int],
    make: Callable[[int], Shard],
    *,
    about: Mapping[str, Any],
    done: Callable[[int, int], None],
    numbers: Iterable[int] | None = None,
) -> None:
    """Write the shards of a store that are missing; `counts` says how many samples each one has.

    `make` produces a shard by number, `done` hears of each shard and how many samples it left out, those
    finished by an earlier process included, and may raise to stop. `numbers` are the shards of this process.

    Raises:
        LeadlineError: where `out` holds a store made otherwise than `about` says.
    """
    open_store(out, counts, about=about)
    for number in range(len(counts)) if numbers is None else numbers:
        index = _index(out, number)
        if not _finished(index):
            _write_shard(index, make(number), key=sum(counts[:number]))
        done(number, len(_read(index)["unreadable"]))


def open_store(out: Path, counts: Sequence[int], *, about: Mapping[str, Any]) -> None:
    """Begin a store, or see that the one in `out` was begun the same way.

    Raises:
        LeadlineError: where it was not.
    """
    out.mkdir(parents=True, exist_ok=True)
    manifest = out / MANIFEST
    opening = {"format": _FORMAT, "complete": False, "about": _plain(about), "counts": list(counts)}
    if manifest.exists():
        before = _manifest(manifest)
        if any(before[key] != opening[key] for key in ("about", "counts")):
            told, now = before["about"], opening["about"]
            others = [key for key in sorted({*told, *now}) if told.get(key) != now.get(key)]
            raise LeadlineError(
                f"{out} holds labels made from other pictures or with other settings "
                f"({', '.join(others) or 'another number of samples'}): give another --out, or delete that "
                "folder"
            )
    else:
        write_atomic(manifest, json.dumps(opening, indent=1))


def finished_shards(out: Path, numbers: Iterable[int]) -> list[int]:
    """Return those of the shards `numbers` that an earlier process has finished."""
    return [number for number in numbers if _finished(_index(out, number))]


def finish_store(out: Path) -> dict[str, Any]:
    """Close a store whose shards are all written: count, list what was unreadable, return the manifest."""
    manifest = _read(out / MANIFEST)
    indices = [_index(out, number) for number, _ in enumerate(manifest["counts"])]
    digest, unreadable, count = hashlib.sha256(), [], 0
    for path in indices:
        text = path.read_text(encoding="utf-8")
        digest.update(text.encode())
        index = json.loads(text)
        count += len(index["samples"])
        unreadable += index["unreadable"]
    manifest |= {
        "complete": True,
        "count": count,
        "unreadable": unreadable,
        "shards": [path.with_suffix(".tar").name for path in indices],
        "fingerprint": digest.hexdigest(),
    }
    write_atomic(out / MANIFEST, json.dumps(manifest, indent=1))
    return manifest


class Store:
    """A finished store as a source of labelled pictures."""

    def __init__(self, root: Path, *, name: str | None = None) -> None:
        """Open the store at `root`, called as its folder where no name is given.

        Raises:
            LeadlineError: where there is none, it is unfinished or empty, or one of its lists is missing or
                damaged.
        """
        manifest = root / MANIFEST
        if not manifest.exists():
            raise LeadlineError(f"{root} holds no {MANIFEST}, so it is no store of labels")
        self.manifest = _manifest(manifest)
        if not self.manifest.get("complete"):
            raise LeadlineError(f"{root} is unfinished: run the command that writes it again, it goes on")
        _require(manifest, self.manifest, "count", "fingerprint")
        self.root = root
        self.name = name or root.name
        self._samples: list[tuple[Path, dict[str, Any]]] = []
        for number, _ in enumerate(self.manifest["counts"]):
            index = _index(root, number)
            if not index.with_suffix(".tar").exists():
                raise _damaged(index.with_suffix(".tar"), "its list is there")
            self._samples += [(index.with_suffix(".tar"), sample) for sample in _samples(index)]
        if not self._samples:
            raise LeadlineError(
                f"{root} holds no labels: all its pictures were left out, {manifest} says why"
            )
        if len(self) != self.manifest["count"]:
            raise _damaged(manifest, f"it counts {self.manifest['count']} labels, its shards {len(self)}")

    def __len__(self) -> int:
        """Return the number of labelled pictures."""
        return len(self._samples)

    def __getitem__(self, index: int) -> Sample:
        """Read one labelled picture from its shard.

        Raises:
            IndexError: out of range.
            UnreadableError: where the shard is missing, cut short or damaged.
        """
        shard, entry = self._samples[index]
        where = f"{shard}:{entry['id']}"
        jpeg, png = _members(shard, entry["members"], name=entry["id"])
        stored = read_map(png, name=where)
        values = (stored * np.float32(entry["scale"]) + np.float32(entry["offset"])).astype(np.float32)
        label = Label(values=values, valid=np.ones_like(values, np.bool_), space=Space(entry["space"]))
        image = read_picture(jpeg, name=where)
        return Sample(image=image, label=label, id=entry["id"], camera=_camera(entry, shard))

    def read_extra(self, index: int) -> dict[str, bytes]:
        """Read what a sample has beside its picture and its label: ``objects.png`` and the like.

        Raises:
            IndexError: out of range.
            UnreadableError: where the shard is missing or cut short.
        """
        shard, entry = self._samples[index]
        places = entry.get("extra", {})
        return dict(zip(places, _members(shard, places.values(), name=entry["id"]), strict=True))

    def describe(self, index: int) -> Mapping[str, Any]:
        """Return the sample's JSON: its id, space and figures, and its camera where that is known."""
        return self._samples[index][1]

    @property
    def quality(self) -> list[Mapping[str, float]]:
        """Figures about every label, in the order of the samples."""
        return [entry["quality"] for _, entry in self._samples]

    def provenance(self) -> dict[str, str]:
        """Say which store this is, and what it was made from."""
        return {
            "name": self.name,
            "count": str(len(self)),
            "fingerprint": self.manifest["fingerprint"],
            "about": json.dumps(self.manifest["about"], sort_keys=True),
        }


def _index(out: Path, number: int) -> Path:
    return out / f"shard-{number:06d}.json"


def _finished(index: Path) -> bool:
    """Return whether a shard is there in full, which it may no longer be."""
    tar = index.with_suffix(".tar")
    if not (index.exists() and tar.exists()):
        return False
    try:
        samples = _samples(index)
    except LeadlineError:
        return False
    places = [place for each in samples for place in (*each["members"], *each.get("extra", {}).values())]
    return tar.stat().st_size >= max((start + size for start, size in places), default=0)


def _write_shard(index: Path, shard: Shard, *, key: int) -> None:
    """Write a shard's tar file, then its index; only with both does the shard count."""
    stream = BytesIO()
    samples = []
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for number, record in enumerate(shard, start=key):
            if isinstance(record, Unreadable):
                continue
            entry = {
                "id": record.id,
                "space": record.space,
                "scale": record.scale,
                "offset": record.offset,
                "quality": dict(record.quality),
                **record.about,
            }
            members = {"jpg": record.jpeg, "disparity.png": record.png, **record.extra}
            members["json"] = json.dumps(entry).encode()
            places = {suffix: _add(tar, f"{number:09d}.{suffix}", data) for suffix, data in members.items()}
            extra = {"extra": {suffix: places[suffix] for suffix in record.extra}} if record.extra else {}
            samples.append({**entry, "members": [places["jpg"], places["disparity.png"]], **extra})
    unreadable = [{"id": r.id, "reason": r.reason} for r in shard if isinstance(r, Unreadable)]
    write_atomic(index.with_suffix(".tar"), stream.getvalue())
    write_atomic(index, json.dumps({"samples": samples, "unreadable": unreadable}))


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> tuple[int, int]:
    """Add a member, the same bytes whenever it is written, and return where its content lies."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, BytesIO(data))
    start = tar.offset - -(-len(data) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    return start, len(data)


def _members(shard: Path, places: Iterable[Sequence[int]], *, name: str) -> list[bytes]:
    """Read members of a shard by their start and size."""
    places = list(places)
    try:
        with shard.open("rb") as file:
            members = [_read_at(file, start, size) for start, size in places]
    except OSError as error:
        raise UnreadableError(f"{shard}:{name} cannot be read: {error.strerror}") from error
    if any(len(data) < size for data, (_, size) in zip(members, places, strict=True)):
        raise UnreadableError(
            f"{shard}:{name} cannot be read: the shard is cut short; the command that wrote it mends it"
        )
    return members


def _read_at(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


def _read(path: Path) -> dict[str, Any]:
    """Read one of a store's own lists."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(found, dict):
        raise _damaged(path, f"expected an object, got {type(found).__name__}")
    return found


def _manifest(path: Path) -> dict[str, Any]:
    """Read what a store is, finished or not."""
    found = _read(path)
    if found.get("format") != _FORMAT:
        raise LeadlineError(
            f"{path} has format {found.get('format')}, expected {_FORMAT}: another version of leadline wrote "
            "it, or another program"
        )
    _require(path, found, "about", "counts")
    if not isinstance(found["about"], dict) or not isinstance(found["counts"], list):
        raise _damaged(path, "it does not say what it is about")
    return found


def _samples(index: Path) -> list[dict[str, Any]]:
    """Read what a shard's list says of each of its samples."""
    found = _read(index)
    _require(index, found, "samples", "unreadable")
    samples: list[dict[str, Any]] = found["samples"]
    try:
        for sample in samples:
            _require(index, sample, "id", "space", "scale", "offset", "quality", "members")
            _require_sense(sample)
    except (TypeError, ValueError, AttributeError) as error:
        raise _damaged(index, str(error)) from error
    return samples


def _require_sense(sample: Mapping[str, Any]) -> None:
    """Refuse an entry whose values cannot be what `_write_shard` wrote."""
    Space(sample["space"])
    scale, offset = float(sample["scale"]), float(sample["offset"])
    if not (math.isfinite(scale) and math.isfinite(offset) and scale > 0):
        raise ValueError(f"the scale of {sample['id']} is {scale}, its offset {offset}")
    jpeg, png = sample["members"]
    for place in (jpeg, png, *sample.get("extra", {}).values()):
        start, size = place
        if not (type(start) is type(size) is int and start >= 0 and size >= 0):
            raise ValueError(f"{sample['id']} lies at {place}")


def _require(path: Path, found: Mapping[str, Any], *keys: str) -> None:
    if missing := [key for key in keys if key not in found]:
        raise _damaged(path, f"it lacks {', '.join(missing)}")


def _damaged(path: Path, what: str) -> LeadlineError:
    remedy = "give the command that wrote it again, or delete its folder first"
    if path.name == MANIFEST:  # without it that command would not go on
        remedy = f"delete {path.parent}, and give the command that wrote it again"
    return LeadlineError(f"{path} is missing or damaged ({what}): {remedy}")


def _camera(entry: Mapping[str, Any], shard: Path) -> Camera | None:
    if "camera" not in entry:
        return None
    try:
        focal, (cx, cy) = entry["camera"]["focal"], entry["camera"]["centre"]
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(shard.with_suffix(".json"), f"the camera of {entry['id']}: {error}") from error
    return Camera(fx=focal, fy=focal, cx=cx, cy=cy)


def _plain(about: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(about, default=str))
