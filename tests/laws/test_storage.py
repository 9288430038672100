"""Files are whole or absent."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from leadline.storage import sweep, write_atomic
from leadline.types import LeadlineError


@pytest.mark.parametrize(("data", "stored"), [(b"\x00\xff", b"\x00\xff"), ("é\n", b"\xc3\xa9\n"), ("", b"")])
def test_write_atomic__writes_bytes_as_they_are_and_text_as_utf_8(
    data: bytes | str, stored: bytes, tmp_path: Path
) -> None:
    write_atomic(tmp_path / "file", data)
    assert (tmp_path / "file").read_bytes() == stored
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_write_atomic__replaces_what_stood_there(tmp_path: Path) -> None:
    write_atomic(tmp_path / "file", "long old content")
    write_atomic(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "new"


def test_write_atomic__the_old_content_stands_until_the_new_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomic(tmp_path / "file", "old")
    seen = []

    def fsync(number: int) -> None:
        (temporary,) = (path for path in tmp_path.iterdir() if path.name != "file")
        seen.append(((tmp_path / "file").read_text(), temporary.read_text(), temporary.name[0]))

    monkeypatch.setattr("os.fsync", fsync)
    write_atomic(tmp_path / "file", "new")
    assert seen == [("old", "new", ".")]  # hidden, so that no listing of pictures finds it


def test_write_atomic__a_refusal_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomic(tmp_path / "file", "old")

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(LeadlineError, match=r"cannot write .*file: No space left on device; .* unchanged"):
        write_atomic(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_write_atomic__an_interrupt_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(number: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "file", "new")
    assert list(tmp_path.iterdir()) == []


def test_write_atomic__a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"cannot write .*absent/file: No such file or directory"):
        write_atomic(tmp_path / "absent" / "file", "new")


def test_write_atomic__a_refused_rename_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomic(tmp_path / "file", "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(LeadlineError, match="No space left on device"):
        write_atomic(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_write_atomic__is_on_disk_before_it_takes_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(number: int) -> None:
        order.append("fsync")
        fsync(number)

    def noted_replace(source: Path, target: Path) -> None:
        order.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    write_atomic(tmp_path / "file", "new")
    assert order == ["fsync", "replace"]


def test_write_atomic__takes_the_longest_name_that_the_system_takes(tmp_path: Path) -> None:
    name = 251 * "x" + ".png"
    write_atomic(tmp_path / name, b"x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_write_atomic__a_name_that_is_no_text_is_escaped_as_json_does(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    write_atomic(tmp_path / "file", json.dumps({name: "é"}, ensure_ascii=False))
    assert json.loads((tmp_path / "file").read_text(encoding="utf-8")) == {name: "é"}


def test_sweep__removes_what_a_killed_process_left_and_nothing_else(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = f".{16 * '0'}.{dead.pid}.tmp"
    others = [".notes.tmp", f".{16 * '1'}.{os.getppid()}.tmp", "x.tmp"]
    for name in (left, *others):
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(others)
