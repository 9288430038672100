"""`inspect` and `datasets` as a person runs them: what is printed, what is drawn, what is returned."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import miniature_datasets as trees
from leadline.app.datasets import DatasetsConfig, show_datasets
from leadline.app.inspect import InspectConfig, inspect, join_words
from leadline.cli import main
from leadline.data.sources.registry import DATASETS
from leadline.types import LeadlineError


def ground(folder: Path, *, unit: float, broken: bool = False) -> str:
    """Write pictures of open ground with 16-bit depth in a unit, and return how to read it in millimetres."""
    (folder / "depth").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(6):
        rows = np.arange(60)[:, None] + 0.03 * np.arange(80)
        depth = (60 + 10 * number) / (rows + 4)
        image = np.clip(4 * rows[..., None] + rng.normal(0, 9, (60, 80, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(image).save(folder / f"{number}.png")
        Image.fromarray(np.minimum(depth / unit, 65535).astype(np.uint16)).save(
            folder / f"depth/{number}.png"
        )
    if broken:
        (folder / "3.png").write_bytes(b"")
    return f"{folder}?labels=depth&space=depth&scale=0.001"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["leadline", *arguments])
    try:
        return main()
    except SystemExit as stop:
        return int(stop.code or 0)


def test_inspect__finds_nothing_and_returns_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = ground(tmp_path / "good", unit=0.001)
    assert run(monkeypatch, "inspect", spec, "--out", str(tmp_path / "out")) == 0
    assert "nothing suspicious" in capsys.readouterr().err
    page = (tmp_path / "out" / "inspection.html").read_text(encoding="utf-8")
    assert page.count("<img") == 18
    assert "<rect" in page
    assert "Nothing suspicious" in page


def test_inspect__says_what_is_wrong_and_returns_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = (
        ground(tmp_path / "good", unit=0.001),
        ground(tmp_path / "bad", unit=0.00002, broken=True),
    )
    assert run(monkeypatch, "inspect", good, bad, "--out", str(tmp_path / "out")) == 1
    written = capsys.readouterr().err
    assert "unit: half of the pixels lie beyond" in written
    assert "multiply scale by" in written
    assert "unreadable: 1 of 6 samples cannot be read" in written
    assert "3.png cannot be read as a picture: it is empty" in written
    page = (tmp_path / "out" / "inspection.html").read_text(encoding="utf-8")
    assert "multiply scale by" in page


def test_inspect__numbers_are_those_of_labels_that_hold_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = ground(tmp_path / "some", unit=0.001)
    whole = run(monkeypatch, "inspect", spec, "--out", str(tmp_path / "whole"))
    before = _depth_rows(capsys.readouterr().err)
    for number in range(6):
        Image.fromarray(np.zeros((60, 80), np.uint16)).save(tmp_path / f"some/depth/{number}-empty.png")
        Image.open(tmp_path / f"some/{number}.png").rotate(7).save(tmp_path / f"some/{number}-empty.png")
    assert (whole, run(monkeypatch, "inspect", spec, "--out", str(tmp_path / "half"))) == (0, 1)
    written = capsys.readouterr().err
    assert "empty: 6 of 12 labels" in written
    assert _depth_rows(written) == before


def _depth_rows(written: str) -> list[list[str]]:
    return [line.split() for line in written.splitlines() if "depth:" in line]


def test_inspect__a_folder_that_cannot_be_made_is_told_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    spec = ground(tmp_path / "good", unit=0.001)
    monkeypatch.setattr("leadline.app.inspect.look", pytest.fail)
    with pytest.raises(FileExistsError):
        inspect(InspectConfig(sources=(spec,), out=tmp_path / "file"))


def test_inspect__depth_and_disparity_of_one_table_are_drawn_apart(tmp_path: Path) -> None:
    ground(tmp_path / "good", unit=0.001)
    rows = ["rgb,depth,kind,scale,invalid"]
    rows += [f"{n}.png,depth/{n}.png,{kind},0.001,0" for n, kind in enumerate(("depth", "disparity") * 3)]
    table = tmp_path / "good/table.csv"
    table.write_text("\n".join(rows), encoding="utf-8")
    inspect(InspectConfig(sources=(str(table),), out=tmp_path / "out"))
    page = (tmp_path / "out" / "inspection.html").read_text(encoding="utf-8")
    for axis in ("1 cm to 100 km", "from the farthest to the nearest"):
        assert f"valid pixels by distance: {axis}" in page


def test_inspect__a_data_set_and_its_folder_are_one_source(tmp_path: Path) -> None:
    trees.vkitti2(tmp_path / "vk")
    [found] = inspect(InspectConfig(sources=("vkitti2", str(tmp_path / "vk")), out=tmp_path / "out"))
    assert found.source.name == "vkitti2"
    assert len(found.facts) == 1
    assert found.facts[0].sky == pytest.approx(1 / 5)


def test_inspect__pictures_without_labels_and_several_sources_are_drawn(tmp_path: Path) -> None:
    trees.sa1b(tmp_path / "sa1b")
    found = inspect(
        InspectConfig(
            sources=("sa1b", str(tmp_path / "sa1b"), ground(tmp_path / "g", unit=0.001)),
            samples=2,
            out=tmp_path / "out",
        )
    )
    assert [len(each.facts) for each in found] == [2, 2]
    assert [finding.kind for finding in found[0].findings] == ["duplicates"]  # the tree's pictures are alike


@pytest.mark.parametrize(
    ("words", "specs"),
    [
        (["hypersim", "~/data"], ["hypersim:~/data"]),
        (["hypersim", "~/data?limit=3", "diode", "x"], ["hypersim:~/data?limit=3", "diode:x"]),
        (["hypersim", "diode"], ["hypersim", "diode"]),
        (["hypersim", "diode?limit=3"], ["hypersim", "diode?limit=3"]),
        (["hypersim", "procedural?scenes=2"], ["hypersim", "procedural?scenes=2"]),
        (["hypersim:a", "b"], ["hypersim:a", "b"]),
        (["hypersim", "diode:x"], ["hypersim", "diode:x"]),
        (["a", "b"], ["a", "b"]),
    ],
)
def test_join_words__a_bare_name_takes_the_folder_after_it(words: Sequence[str], specs: list[str]) -> None:
    assert join_words(words) == specs


def test_inspect__what_cannot_look_is_refused() -> None:
    with pytest.raises(LeadlineError, match="no source is given"):
        inspect(InspectConfig())
    with pytest.raises(ValueError, match="samples and threads are at least 1, got 0, 2"):
        InspectConfig(samples=0)


def test_datasets__shows_all_with_what_the_papers_do_with_them(capsys: pytest.CaptureFixture[str]) -> None:
    show_datasets(DatasetsConfig())
    written = capsys.readouterr().out
    for dataset in DATASETS.values():
        assert f"{dataset.name}: {dataset.title}\n  role     {dataset.roles}\n" in written
        assert dataset.licence in written
        assert dataset.home in written
    assert "LEADLINE_DATA" in written


def test_datasets__shows_one_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    show_datasets(DatasetsConfig(names=("hypersim",)))
    written = capsys.readouterr().out
    assert "splits   all, train (to train on), val, test (to measure with)" in written
    assert DATASETS["hypersim"].rules in written
    assert "depth_meters.hdf5" in written
    with pytest.raises(LeadlineError, match="did you mean 'hypersim'"):
        show_datasets(DatasetsConfig(names=("hypersym",)))
