"""The demo from photographs to the report, and again after it was stopped."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadline.app import demo as demo_module
from leadline.app.demo import DemoConfig, demo
from leadline.app.shipped import located
from leadline.data.files import encode_jpeg
from leadline.stages.sources import open_source
from leadline.types import LeadlineError


@pytest.fixture
def config(tmp_path: Path) -> DemoConfig:
    photos = tmp_path / "my photos & more"
    photos.mkdir()
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 256, (40, 48, 3), dtype=np.uint8)
        (photos / f"{number}.jpg").write_bytes(encode_jpeg(noise))
    return DemoConfig(
        photos=photos, out=tmp_path / "demo", renders=2, held_out=2, steps=2, crop=32, short_side=32
    )


def made_of(config: DemoConfig) -> Path:
    """Return the one folder of what was learnt from photographs."""
    [folder] = config.out.glob("learnt-from-*")
    return folder


def test_demo__stopped_anywhere_goes_on_and_ends_in_one_self_contained_page(
    config: DemoConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(demo_module, "pseudo_label", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            demo(config)
    made = config.out / "teacher" / "weights.safetensors"
    before = made.stat().st_mtime_ns
    report = demo(config)
    assert made.stat().st_mtime_ns == before, "what was finished is not made again"

    text = report.read_text(encoding="utf-8")
    pictures = re.findall(r'src="([^"]*)"', text)
    assert len(pictures) == 3 * 3 + 2 * 4  # photo, teacher, student; picture, label, teacher, student
    assert all(picture.startswith("data:image/jpeg;base64,") for picture in pictures)
    assert "http" not in re.sub(r"base64,[^\"]*", "", text)
    for expected in ("2.jpg", "vertical ramp", "teacher", "student", "abs_rel", "<svg"):
        assert expected in text
    figures = json.loads((made_of(config) / "evaluation" / "report.json").read_text())["models"]["student"]
    assert set(figures["sources"]) == {"procedural", "measured"}


def test_demo__unreadable_photographs_are_left_out_not_fatal(config: DemoConfig) -> None:
    assert config.photos is not None
    for number in range(3, 12):
        (config.photos / f"{number}.jpg").write_bytes((config.photos / "0.jpg").read_bytes())
    (config.photos / "empty.jpg").touch()
    demo(config)
    manifest = json.loads((made_of(config) / "labels" / "manifest.json").read_text())
    assert manifest["count"] == 12
    [left_out] = manifest["unreadable"]
    assert "empty.jpg" in left_out["reason"]


def test_demo__a_folder_without_photographs_is_named(config: DemoConfig, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(LeadlineError, match="empty"):
        demo(replace(config, photos=empty))
    assert not (config.out / "renders").exists(), "it is noticed before an hour of work"


def test_demo__other_photographs_keep_the_teacher_and_get_a_student_of_their_own(config: DemoConfig) -> None:
    demo(config)
    assert config.photos is not None
    teacher = config.out / "teacher" / "weights.safetensors"
    before = teacher.stat().st_mtime_ns
    (config.photos / "0.jpg").unlink()
    demo(config)
    assert teacher.stat().st_mtime_ns == before
    assert len(list(config.out.glob("learnt-from-*/student/weights.safetensors"))) == 2


def test_demo__another_number_of_photographs_gets_a_student_of_its_own(config: DemoConfig) -> None:
    demo(config)
    demo(replace(config, max_photos=2))
    assert len(list(config.out.glob("learnt-from-*/student/weights.safetensors"))) == 2


@pytest.mark.parametrize("name", ["max_photos", "renders", "held_out", "steps", "crop", "short_side"])
def test_demo__numbers_that_would_stop_it_half_way_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        replace(DemoConfig(), **{name: 0})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="crop: a multiple of 32, got 100"):
        DemoConfig(crop=100)


def test_demo__a_folder_may_have_the_name_of_a_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nyuv2").mkdir()
    Path("nyuv2/a.jpg").write_bytes(encode_jpeg(np.zeros((8, 8, 3), np.uint8)))
    assert len(open_source(demo_module._photos(DemoConfig(photos=Path("nyuv2"))))) == 1


def test_demo__among_its_photographs_is_refused(config: DemoConfig) -> None:
    assert config.photos is not None
    with pytest.raises(LeadlineError, match="would be taken for pictures"):
        demo(replace(config, out=config.photos / "demo"))
    assert not (config.photos / "demo").exists()


def test_demo__shipped_photographs_are_found(tmp_path: Path) -> None:
    source = demo_module._photos(DemoConfig(out=tmp_path))
    assert source.startswith(str(tmp_path / "photos"))
    assert len(list((tmp_path / "photos").iterdir())) == 7


@pytest.mark.parametrize("place", ["no_such_package/data/cat.png", "numpy/data/cat.png"])
def test_located__what_no_installed_package_has_is_answered_with_its_install_line(place: str) -> None:
    with pytest.raises(LeadlineError, match=rf"{place} is missing: pip install 'leadline\[demo\]'"):
        located(place)


def test_demo__without_photographs_of_packages_asks_for_a_folder(
    config: DemoConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadline.app.demo.PHOTOGRAPHS", {"no_such_package/cat.png": "cat, nobody, CC0"})
    with pytest.raises(LeadlineError, match=r"leadline\[demo\]', or give --photos FOLDER"):
        demo(replace(config, photos=None))
