"""The record of a folder knows what is made, of what, and loses nothing."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from leadline.predict.record import PREDICTIONS, Record
from leadline.types import LeadlineError

ABOUT = {"source": "/p/a.jpg", "space": "depth"}


def made(folder: Path, name: str = "a", *files: str) -> Record:
    record = Record(folder)
    for file in files:
        (folder / file).touch()
    record.add(name, ABOUT, {file: {"format": "png"} for file in files})
    return record


def content(folder: Path) -> Any:
    return json.loads((folder / PREDICTIONS).read_text(encoding="utf-8"))


def test_record__tells_what_is_missing_of_what_was_asked_for(tmp_path: Path) -> None:
    made(tmp_path, "a", "a.depth.png").save()
    record = Record(tmp_path)
    assert record.missing("a", ["a.depth.png"], about=ABOUT) == set()
    assert record.missing("a", ["a.depth.png", "a.depth.exr"], about=ABOUT) == {"a.depth.exr"}
    assert record.missing("b", ["b.depth.png"], about=ABOUT) == {"b.depth.png"}


def test_record__a_file_that_was_removed_is_missing(tmp_path: Path) -> None:
    record = made(tmp_path, "a", "a.depth.png")
    (tmp_path / "a.depth.png").unlink()
    assert record.missing("a", ["a.depth.png"], about=ABOUT) == {"a.depth.png"}


def test_record__a_file_without_an_entry_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a.depth.png").touch()
    assert Record(tmp_path).missing("a", ["a.depth.png"], about=ABOUT) == {"a.depth.png"}


def test_record__maps_made_otherwise_are_refused_with_the_difference(tmp_path: Path) -> None:
    record = made(tmp_path, "a", "a.depth.png")
    other = {**ABOUT, "source": "/q/a.png"}
    with pytest.raises(LeadlineError, match=r"a\.\* was made otherwise: source is /p/a.jpg, now /q/a.png"):
        record.missing("a", ["a.depth.png"], about=other)


def test_record__later_formats_join_and_another_making_replaces(tmp_path: Path) -> None:
    record = made(tmp_path, "a", "a.depth.png")
    record.add("a", ABOUT, {"a.depth.exr": {"format": "exr"}})
    assert set(record.entries["a"]["files"]) == {"a.depth.png", "a.depth.exr"}
    record.add("a", {**ABOUT, "space": "disparity"}, {"a.disparity.png": {"format": "png"}})
    assert set(record.entries["a"]["files"]) == {"a.disparity.png"}


def test_record__keeps_the_entries_of_earlier_runs(tmp_path: Path) -> None:
    made(tmp_path, "a", "a.depth.png").save()
    made(tmp_path, "b/ü", "ü.depth.png").save()
    assert list(content(tmp_path)["pictures"]) == ["a", "b/ü"]


def test_record__two_runs_at_once_lose_nothing_of_each_other(tmp_path: Path) -> None:
    made(tmp_path, "old", "old.depth.png").save()
    one, two = made(tmp_path, "a", "a.depth.png"), made(tmp_path, "b", "b.depth.png")
    one.save()
    two.save()
    one.add("c", ABOUT, {})
    one.save()
    assert list(content(tmp_path)["pictures"]) == ["a", "b", "c", "old"]


def test_record__what_is_struck_out_is_missing_until_it_is_made(tmp_path: Path) -> None:
    made(tmp_path, "a", "a.depth.png").save()
    record = made(tmp_path, "b", "b.depth.png")
    for name in ("a", "never"):
        record.forget(name, {"a.depth.png"}, about=ABOUT)
    record.save()
    assert list(content(tmp_path)["pictures"]) == ["b"]
    assert Record(tmp_path).missing("a", ["a.depth.png"], about=ABOUT) == {"a.depth.png"}
    record.add("a", ABOUT, {})
    record.save()
    assert list(content(tmp_path)["pictures"]) == ["a", "b"]


def test_record__only_what_is_replaced_is_struck_out(tmp_path: Path) -> None:
    made(tmp_path, "a", "a.depth.png", "a.depth.exr").save()
    record = Record(tmp_path)
    record.forget("a", {"a.depth.png"}, about=ABOUT)
    record.save()
    assert list(content(tmp_path)["pictures"]["a"]["files"]) == ["a.depth.exr"]
    record.forget("a", {"a.depth.png"}, about={**ABOUT, "source": "other"})
    record.save()
    assert content(tmp_path)["pictures"] == {}


def test_record__what_another_run_made_later_stays(tmp_path: Path) -> None:
    one = made(tmp_path, "x", "x.depth.png")
    one.save()
    two = Record(tmp_path)
    two.add("x", {**ABOUT, "source": "later"}, {})
    two.save()
    one.add("y", ABOUT, {})
    one.save()
    assert content(tmp_path)["pictures"]["x"]["source"] == "later"


def test_record__is_not_written_where_nothing_was_added(tmp_path: Path) -> None:
    Record(tmp_path).save()
    assert list(tmp_path.iterdir()) == []


def test_record__is_written_now_and_then_without_being_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    record = made(tmp_path, "a", "a.depth.png")
    assert not (tmp_path / PREDICTIONS).exists()
    now = 1000.0
    record.add("b", ABOUT, {})
    assert list(content(tmp_path)["pictures"]) == ["a", "b"]


def test_record__formats_that_two_runs_made_of_one_picture_both_stay(tmp_path: Path) -> None:
    one, other = Record(tmp_path), Record(tmp_path)
    for record, file in ((one, "a.depth.png"), (other, "a.depth.npz")):
        (tmp_path / file).touch()
        record.add("a", ABOUT, {file: {"format": "x"}})
        record.save()
    assert set(content(tmp_path)["pictures"]["a"]["files"]) == {"a.depth.png", "a.depth.npz"}
    other.forget("a", {"a.depth.png"}, about=ABOUT)
    other.save()
    assert set(content(tmp_path)["pictures"]["a"]["files"]) == {"a.depth.npz"}


def test_record__what_was_begun_is_ours_and_what_no_record_names_is_not(tmp_path: Path) -> None:
    for file in ("a.depth.png", "a.depth.npz", "b.depth.png"):
        (tmp_path / file).touch()
    killed = Record(tmp_path)
    killed.begin(["a.depth.png"])
    record = Record(tmp_path)
    assert record.strange("a", ["a.depth.png", "a.depth.exr"]) == []
    assert record.strange("a", ["a.depth.png", "a.depth.npz"]) == [tmp_path / "a.depth.npz"]
    assert record.strange("b", ["b.depth.png", "b.depth.npz"]) == [tmp_path / "b.depth.png"]
    record.begin(["c.depth.png", "d.depth.exr"])
    (tmp_path / "d.depth.exr").touch()
    record.add("c", ABOUT, {"c.depth.png": {}})
    record.end()
    assert content(tmp_path)["unfinished"] == [
        "a.depth.png",
        "d.depth.exr",
    ]  # another's, and one that is there
    assert Record(tmp_path).strange("c", ["c.depth.png"]) == []


def test_record__what_falls_out_of_an_entry_stays_ours(tmp_path: Path) -> None:
    record = made(tmp_path, "a", "a.depth.png", "a.depth.npz", "a.depth.exr")
    other = {**ABOUT, "model": "another"}
    record.forget("a", {"a.depth.png"}, about=other)
    record.add("a", other, {"a.depth.png": {}})
    record.save()
    again = Record(tmp_path)
    files = ["a.depth.png", "a.depth.npz", "a.depth.exr"]
    assert again.strange("a", files) == []
    assert again.missing("a", files, about=other) == {"a.depth.npz", "a.depth.exr"}


def test_record__is_not_written_where_nothing_is_made(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.begin([])
    record.end()
    assert list(tmp_path.iterdir()) == []


def test_record__files_are_of_the_picture_as_it_was(tmp_path: Path) -> None:
    old, new = {"bytes": 1, "modified_ns": 5}, {"bytes": 1, "modified_ns": 6}
    for file in ("a.depth.png", "a.depth.npz", "a.depth.exr"):
        (tmp_path / file).touch()
    record = Record(tmp_path)
    record.add("a", {**ABOUT, "size": [2, 3]}, {"a.depth.exr": {}})  # as earlier versions did
    record.add("a", {**ABOUT, "size": [2, 3]}, {"a.depth.png": {}, "a.depth.npz": {}}, of=old)
    assert record.missing("a", ["a.depth.png", "a.depth.exr"], about=ABOUT, of=old) == set()
    assert record.missing("a", ["a.depth.png", "a.depth.exr"], about=ABOUT, of=new) == {"a.depth.png"}
    assert record.missing("a", ["a.depth.png"], about=ABOUT) == set()  # the picture is gone
    record.add("a", {**ABOUT, "size": [9, 9]}, {"a.depth.png": {}}, of=new)
    assert record.entries["a"]["size"] == [9, 9]
    assert record.missing("a", ["a.depth.png", "a.depth.npz"], about=ABOUT, of=new) == {"a.depth.npz"}
    assert record.missing("a", ["a.depth.exr"], about=ABOUT, of=new) == {"a.depth.exr"}


def test_record__earlier_versions_say_less_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "a.depth.png").touch()
    model = {"network": "tiny", "weights": "1", "manner": "2"}
    now, before = {**ABOUT, "model": model}, {**ABOUT, "model": {"network": "tiny", "weights": "1"}}
    record = Record(tmp_path)
    record.add("a", before, {"a.depth.png": {}})
    assert record.missing("a", ["a.depth.png"], about=now) == set()
    for other in ({**model, "weights": "3"}, {**model, "network": "small"}):
        with pytest.raises(LeadlineError, match="was made otherwise: model is"):
            record.missing("a", ["a.depth.png"], about={**ABOUT, "model": other})
    record.add("a", now, {"a.depth.png": {}})
    with pytest.raises(LeadlineError, match="was made otherwise: model is"):
        record.missing("a", ["a.depth.png"], about={**ABOUT, "model": {**model, "manner": "4"}})


def test_record__threads_lose_nothing(tmp_path: Path) -> None:
    record = Record(tmp_path)

    def add(first: int) -> None:
        for number in range(first, first + 200):
            record.add(str(number), ABOUT, {})
            if number % 50 == 0:
                record.save()

    threads = [threading.Thread(target=add, args=(first,)) for first in range(0, 800, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    record.save()
    assert len(content(tmp_path)["pictures"]) == 800


ENTRY = '{"format": "leadline predictions 1", "pictures": {"a": %s}}'


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "{}", '{"format": "x", "pictures": {}}', '{"format": 1}', "[" * 100_000),
        *(ENTRY % entry for entry in ("3", "null", "[]", "{}", '{"files": ["a.png"]}')),
    ],
)
def test_record__one_that_is_damaged_is_left_alone_and_named(text: str, tmp_path: Path) -> None:
    (tmp_path / PREDICTIONS).write_text(text)
    with pytest.raises(LeadlineError, match=r"predictions\.json cannot be read .*remove it and --overwrite"):
        Record(tmp_path)
    assert (tmp_path / PREDICTIONS).read_text() == text
