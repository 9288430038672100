"""Stores: what is written is what is read, and a killed writer ends where a straight one does."""

import gc
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webdataset

from leadline.data.files import encode_jpeg, read_map, read_picture
from leadline.data.records import Record, Shard, Unreadable, encode_record, quantise
from leadline.data.shards import MANIFEST, Store, finish_store, write_store
from leadline.types import Label, LeadlineError, Sample, Space, UnreadableError

ABOUT = {"stage": "test", "teacher": Path("teacher.safetensors"), "pictures": {"count": 10}}
COUNTS = [3, 3, 3, 1]
LOST = {4: "4.jpg is cut short", 9: "9.jpg is empty"}


def sample(number: int) -> Sample:
    rng = np.random.default_rng(number)
    size = (8 + number, 12)
    image = np.repeat(np.repeat(rng.integers(0, 256, (1, 1, 3), dtype=np.uint8), size[0], 0), size[1], 1)
    values = (rng.random(size) * 10 ** (number % 5 - 2)).astype(np.float32)
    space = Space.DISPARITY if number % 2 else Space.AFFINE_DISPARITY
    return Sample(
        image=image,
        label=Label(values=values, valid=np.ones(size, np.bool_), space=space),
        id=f"test/{number}",
    )


def record(number: int) -> Record | Unreadable:
    if number in LOST:
        return Unreadable(id=f"test/{number}", reason=LOST[number])
    made = sample(number)
    assert made.label is not None
    return encode_record(made.id, encode_jpeg(made.image), made.label, quality={"zeros": number / 10})


def make(number: int) -> Shard:
    first = sum(COUNTS[:number])
    return [record(index) for index in range(first, first + COUNTS[number])]


def write(
    out: Path,
    *,
    made: Callable[[int], Shard] = make,
    about: Mapping[str, Any] = ABOUT,
    counts: Sequence[int] = COUNTS,
    numbers: Iterable[int] | None = None,
) -> list[tuple[int, int]]:
    heard: list[tuple[int, int]] = []
    write_store(
        out, counts, made, about=about, done=lambda *news: heard.append((news[0], news[1])), numbers=numbers
    )
    return heard


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store written without a break."""
    out = tmp_path_factory.mktemp("stores") / "straight"
    assert write(out) == [(0, 0), (1, 1), (2, 0), (3, 1)]
    finish_store(out)
    return out


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize("low", [0.0, 1e-3, 5.0])
@pytest.mark.parametrize("spread", [1e-3, 1.0, 80.0])
def test_quantise__error_is_at_most_half_a_step(low: float, spread: float) -> None:
    values = (low + spread * np.random.default_rng(0).random((40, 50))).astype(np.float32)
    stored, scale, offset = quantise(values)
    assert scale == pytest.approx((values.max() - values.min()) / 65535, rel=1e-3)
    assert stored.min() == 0
    assert stored.max() == 65535
    error = np.abs(stored.astype(np.float64) * scale + offset - values.astype(np.float64)).max()
    assert error <= 0.5 * scale + np.spacing(values.max())


@pytest.mark.parametrize("value", [0.0, 0.7, 3e4])
def test_quantise__constant_map_comes_back_exactly(value: float) -> None:
    stored, scale, offset = quantise(np.full((3, 4), value, np.float32))
    assert (stored == 0).all()
    assert scale > 0
    assert np.float32(offset) == np.float32(value)


def test_encode_record__the_map_is_in_the_png() -> None:
    made = sample(5)
    assert made.label is not None
    encoded = encode_record("test/5", b"picture", made.label)
    values = read_map(encoded.png) * encoded.scale + encoded.offset
    np.testing.assert_allclose(values, made.label.values, atol=0.51 * encoded.scale)
    assert (encoded.id, encoded.jpeg, encoded.space, encoded.quality) == (
        "test/5",
        b"picture",
        Space.DISPARITY,
        {},
    )


@pytest.mark.parametrize("wrong", ["depth", "hole", "infinite", "nan"])
def test_encode_record__refuses_what_a_store_does_not_hold(wrong: str) -> None:
    values, valid = np.ones((2, 3), np.float32), np.ones((2, 3), np.bool_)
    if wrong == "hole":
        valid[0, 0] = False
    if wrong in ("infinite", "nan"):
        values[0, 0] = np.inf if wrong == "infinite" else np.nan
    space = Space.DEPTH if wrong == "depth" else Space.DISPARITY
    with pytest.raises(ValueError, match="test/1: a store holds finite disparity that is valid everywhere"):
        encode_record("test/1", b"", Label(values=values, valid=valid, space=space))


# ---------------------------------------------------------------- reading


def test_store__gives_back_what_was_written_in_any_order(straight: Path) -> None:
    store = Store(straight)
    kept = [number for number in range(10) if number not in LOST]
    assert len(store) == len(kept) == 8
    for index in (7, 0, 3, 4, 7, 1, 2, 5, 6):
        found, expected = store[index], sample(kept[index])
        assert found.label is not None
        assert expected.label is not None
        assert found.id == expected.id
        assert found.label.space is expected.label.space
        assert found.label.valid.all()
        step = np.ptp(expected.label.values) / 65535
        np.testing.assert_allclose(found.label.values, expected.label.values, rtol=1e-6, atol=0.51 * step)
        assert np.abs(found.image.astype(int) - expected.image).max() <= 4  # JPEG of one colour
    with pytest.raises(IndexError):
        store[8]


def test_store__sky_is_exactly_0(tmp_path: Path) -> None:
    values = np.array([[0, 0.1, 0.3, 7.77]], np.float32)
    label = Label(values=values, valid=np.ones((1, 4), np.bool_), space=Space.DISPARITY)
    jpeg = encode_jpeg(np.zeros((1, 4, 3), np.uint8))
    write(tmp_path / "s", made=lambda number: [encode_record("sky", jpeg, label)], counts=[1])
    finish_store(tmp_path / "s")
    found = Store(tmp_path / "s")[0].label
    assert found is not None
    assert found.values[0, 0] == 0
    assert (found.values[0, 1:] > 0).all()


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_store__any_webdataset_reader_reads_it(straight: Path) -> None:
    shards = [str(straight / name) for name in Store(straight).manifest["shards"]]
    found = list(webdataset.WebDataset(shards, shardshuffle=False))
    gc.collect()  # it leaves closing its files to this
    store = Store(straight)
    assert [entry["__key__"] for entry in found] == [f"{n:09d}" for n in range(10) if n not in LOST]
    for index, entry in enumerate(found):
        about, expected = json.loads(entry["json"]), store[index]
        assert expected.label is not None
        assert (about["id"], about["space"]) == (expected.id, expected.label.space)
        values = read_map(entry["disparity.png"]) * about["scale"] + about["offset"]
        np.testing.assert_allclose(values, expected.label.values, rtol=1e-6)
        np.testing.assert_array_equal(read_picture(entry["jpg"]), expected.image)


def test_store__is_called_as_its_folder_or_as_one_likes(straight: Path) -> None:
    assert Store(straight).name == straight.name
    named = Store(straight, name="held")
    assert (named.name, named.provenance()["name"]) == ("held", "held")


def test_store__says_what_it_was_made_from(straight: Path) -> None:
    manifest = json.loads((straight / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["complete"] is True
    assert manifest["count"] == 8
    assert manifest["counts"] == COUNTS
    assert manifest["about"] == {"stage": "test", "teacher": "teacher.safetensors", "pictures": {"count": 10}}
    assert manifest["unreadable"] == [
        {"id": f"test/{number}", "reason": reason} for number, reason in LOST.items()
    ]
    provenance = Store(straight).provenance()
    assert provenance["name"] == Store(straight).name == "straight"
    assert provenance["count"] == "8"
    assert json.loads(provenance["about"]) == manifest["about"]
    assert provenance["fingerprint"] == manifest["fingerprint"]


def test_store__quality_is_in_the_order_of_the_samples(straight: Path) -> None:
    assert [q["zeros"] for q in Store(straight).quality] == [n / 10 for n in range(10) if n not in LOST]


def test_store__fingerprint_tells_stores_apart(straight: Path, tmp_path: Path) -> None:
    def other(number: int) -> Shard:
        return [r for r in make(number) if r.id != "test/7"]

    write(tmp_path / "other", made=other)
    assert finish_store(tmp_path / "other")["fingerprint"] != Store(straight).manifest["fingerprint"]


# ---------------------------------------------------------------- writing, and going on


class KilledError(Exception):
    """Stands for whatever ends a process."""


def test_write_store__a_killed_writer_goes_on_to_the_same_bytes(straight: Path, tmp_path: Path) -> None:
    out, made = tmp_path / "store", []

    def counted(number: int) -> Shard:
        made.append(number)
        if made == [0, 1, 2]:
            raise KilledError
        return make(number)

    with pytest.raises(KilledError):
        write(out, made=counted)
    (out / "shard-000002.tar").write_bytes(b"half a shard")  # killed between a shard and its index
    before = (out / "shard-000001.tar").stat().st_mtime_ns
    assert write(out, made=counted) == [(0, 0), (1, 1), (2, 0), (3, 1)]
    finish_store(out)
    assert made == [0, 1, 2, 2, 3]
    assert (out / "shard-000001.tar").stat().st_mtime_ns == before
    assert contents(out) == contents(straight)


def test_write_store__an_index_without_its_shard_counts_for_nothing(straight: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    write(out)
    (out / "shard-000001.tar").unlink()
    write(out)
    finish_store(out)
    assert contents(out) == contents(straight)


@pytest.mark.parametrize("damaged", ["shard-000001.tar", "shard-000001.json"])
@pytest.mark.parametrize("size", [0, 600])
def test_write_store__a_damaged_shard_is_written_again(
    damaged: str, size: int, straight: Path, tmp_path: Path
) -> None:
    out = tmp_path / "store"
    write(out)
    finish_store(out)
    os.truncate(out / damaged, size)
    write(out)
    finish_store(out)
    assert contents(out) == contents(straight)


def test_write_store__a_finished_store_is_left_as_it_is(straight: Path) -> None:
    def never(number: int) -> Shard:
        raise AssertionError(number)

    before = contents(straight)
    write(straight, made=never)
    finish_store(straight)
    assert contents(straight) == before


def test_write_store__what_done_raises_stops_it(tmp_path: Path) -> None:
    def done(number: int, left_out: int) -> None:
        if left_out:
            raise LeadlineError("enough")

    with pytest.raises(LeadlineError, match="enough"):
        write_store(tmp_path / "s", COUNTS, make, about=ABOUT, done=done)
    assert {path.name for path in (tmp_path / "s").glob("*.tar")} == {"shard-000000.tar", "shard-000001.tar"}


def test_write_store__two_processes_together_give_the_same_store(straight: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    assert write(out, numbers=(1, 3)) == [(1, 1), (3, 1)]
    assert write(out, numbers=(0, 2)) == [(0, 0), (2, 0)]
    finish_store(out)
    assert contents(out) == contents(straight)


@pytest.mark.parametrize(
    ("change", "what"),
    [({"about": {**ABOUT, "stage": "other"}}, "stage"), ({"counts": [5, 5]}, "another number of samples")],
)
def test_write_store__other_settings_are_refused(change: dict[str, Any], what: str, straight: Path) -> None:
    before = contents(straight)
    with pytest.raises(
        LeadlineError, match=rf"with other settings \({what}\): give another --out, or delete"
    ):
        write(straight, **change)
    assert contents(straight) == before


# ---------------------------------------------------------------- what is wrong is said


def test_store__an_unfinished_one_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "s")
    with pytest.raises(LeadlineError, match="s is unfinished: run the command that writes it again"):
        Store(tmp_path / "s")


def test_store__a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"holds no manifest\.json, so it is no store"):
        Store(tmp_path)


@pytest.mark.parametrize("manifest", ['{"format": "another 7"}', "{}"])
def test_store__another_format_is_refused(manifest: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(manifest, encoding="utf-8")
    with pytest.raises(LeadlineError, match=r"has format (another 7|None), expected leadline labels 1"):
        Store(tmp_path)
    with pytest.raises(LeadlineError, match=r"has format (another 7|None), expected leadline labels 1"):
        write(tmp_path)


BEGUN = '{"format": "leadline labels 1", "complete": true, "about": %s, "counts": %s}'


@pytest.mark.parametrize("text", ["", "{", "[1]", BEGUN % ("[]", "[2]"), BEGUN % ("{}", "2")])
def test_store__a_damaged_manifest_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(LeadlineError, match=r"manifest\.json"):
        Store(tmp_path)
    with pytest.raises(LeadlineError, match=r"manifest\.json"):
        write(tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "lacks"),
    [
        (MANIFEST, '{"format": "leadline labels 1", "complete": true}', "about, counts"),
        (MANIFEST, BEGUN % ("{}", "[]"), "count, fingerprint"),
        ("shard-000002.json", "{}", "samples, unreadable"),
        (
            "shard-000002.json",
            '{"samples": [{"id": "a"}], "unreadable": []}',
            "space, scale, offset, quality",
        ),
    ],
)
def test_store__a_list_that_lacks_something_is_refused_by_name(
    file: str, text: str, lacks: str, tmp_path: Path
) -> None:
    write(tmp_path)
    finish_store(tmp_path)
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(LeadlineError, match=rf"{file} is missing or damaged \(it lacks {lacks}"):
        Store(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("space", "inches"), ("space", 3)),
        *(("scale", 0), ("scale", -1.0), ("scale", math.nan), ("scale", None), ("offset", math.inf)),
        *(("members", None), ("members", [[0, 5]]), ("members", [[0, 5], [-1, 5]])),
        *(("members", [[0, 5], [1.5, 5]]), ("members", [[0, 5], ["1", 5]]), ("members", [[0], [1]])),
        *(("extra", []), ("extra", {"objects.png": 3})),
    ],
)
def test_store__a_list_whose_values_mean_nothing_is_refused_and_mended(
    key: str, value: object, straight: Path, tmp_path: Path
) -> None:
    write(tmp_path)
    finish_store(tmp_path)
    index = tmp_path / "shard-000001.json"
    found = json.loads(index.read_text(encoding="utf-8"))
    found["samples"][-1][key] = value
    index.write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(LeadlineError, match=r"shard-000001\.json is missing or damaged"):
        Store(tmp_path)
    write(tmp_path)
    finish_store(tmp_path)
    assert contents(tmp_path) == contents(straight)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"samples": [3], "unreadable": []}'])
def test_store__a_list_of_something_else_is_refused(text: str, tmp_path: Path) -> None:
    write(tmp_path)
    finish_store(tmp_path)
    (tmp_path / "shard-000001.json").write_text(text, encoding="utf-8")
    with pytest.raises(LeadlineError, match=r"shard-000001\.json is missing or damaged"):
        Store(tmp_path)


def test_store__a_list_that_lost_a_sample_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    finish_store(tmp_path)
    index = tmp_path / "shard-000001.json"
    found = json.loads(index.read_text(encoding="utf-8"))
    found["samples"].pop()
    index.write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(LeadlineError, match=r"manifest\.json is missing or damaged \(it counts"):
        Store(tmp_path)


def test_store__without_a_label_is_refused(tmp_path: Path) -> None:
    def nothing(number: int) -> Shard:
        return [Unreadable(id=f"{number}/{each}", reason="lost") for each in range(COUNTS[number])]

    write(tmp_path, made=nothing)
    finish_store(tmp_path)
    with pytest.raises(LeadlineError, match=r"holds no labels: all its pictures were left out"):
        Store(tmp_path)


def test_store__a_missing_index_is_named(tmp_path: Path) -> None:
    write(tmp_path / "s")
    finish_store(tmp_path / "s")
    (tmp_path / "s" / "shard-000002.json").unlink()
    with pytest.raises(LeadlineError, match=r"shard-000002\.json"):
        Store(tmp_path / "s")


def test_store__a_truncated_or_missing_shard_is_unreadable_by_name(tmp_path: Path) -> None:
    write(tmp_path / "s")
    finish_store(tmp_path / "s")
    store, shard = Store(tmp_path / "s"), tmp_path / "s" / "shard-000000.tar"
    whole, entries = shard.read_bytes(), json.loads(shard.with_suffix(".json").read_text("utf-8"))["samples"]
    for index in range(3):
        (jpeg, _), (png, length) = entries[index]["members"]
        for end in (jpeg, jpeg + 100, png, png + length - 20):
            os.truncate(shard, end)
            with pytest.raises(UnreadableError, match=rf"shard-000000\.tar:test/{index} cannot be read"):
                store[index]
            shard.write_bytes(whole)
    assert store[2].id == "test/2"
    shard.unlink()
    with pytest.raises(UnreadableError, match=r"shard-000000\.tar:test/0 cannot be read: No such file"):
        store[0]
    assert store[3].id == "test/3"  # the other shards are whole
    with pytest.raises(LeadlineError, match=r"shard-000000\.tar is missing or damaged .*wrote it again"):
        Store(tmp_path / "s")
