"""What the README and the examples say is run, in miniature."""

import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from leadline.cli import main
from leadline.data.files import encode_jpeg, encode_map

ROOT = Path(__file__).parents[2]
SMALL = {
    "predict": "--size 32",
    "render": "--scenes 2 --size 48x64 --processes 1",
    "teacher": "--optim.steps 2 --crop.size 32 --batch 2 --machine.workers 0",
    "pseudo-label": "--short-side 32",
    "student": "--optim.steps 2 --crop.size 32 --batch 2 --machine.workers 0",
    "metric": "--optim.steps 2 --crop.size 32 --batch 2 --machine.workers 0",
    "evaluate": "--short-side 32",
    "models": "",
    "datasets": "",
    "inspect": "--samples 3",
}
"""Command -> options that make it quick."""


def commands() -> list[list[str]]:
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    return [shlex.split(line)[1:] for line in re.findall(r"^leadline [a-z].*$", text, flags=re.MULTILINE)]


def snippet() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    return str(code)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder that holds what the README's commands name."""
    rng = np.random.default_rng(0)
    pictures = tmp_path / "Pictures"
    pictures.mkdir()
    for number in range(3):
        (pictures / f"{number}.jpg").write_bytes(
            encode_jpeg(rng.integers(0, 256, (40, 56, 3), dtype=np.uint8))
        )
    (tmp_path / "photo.jpg").write_bytes((pictures / "0.jpg").read_bytes())
    (tmp_path / "depth.png").write_bytes(encode_map(rng.integers(1, 9000, (40, 56), dtype=np.uint16)))
    (tmp_path / "pairs.csv").write_text("rgb,depth,kind,scale,invalid\nphoto.jpg,depth.png,depth,0.001,0\n")
    pair = {"point1": [1, 2], "point2": [30, 40], "closer_point": "point2"}
    (tmp_path / "annotations.json").write_text(json.dumps({"photo.jpg": [pair]}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_readme__commands_and_python_run_as_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = commands()
    assert list(dict.fromkeys(arguments[0] for arguments in listed)) == list(SMALL), (
        "the README shows the commands in their order"
    )
    for arguments in listed:
        monkeypatch.setattr(sys, "argv", ["leadline", *arguments, *SMALL[arguments[0]].split()])
        assert main() == 0, arguments
    assert json.loads((home / "runs/evaluation/report.json").read_text())["models"].keys() == {
        "constant",
        "vertical ramp",
        "teacher",
        "student",
    }
    scope: dict[str, object] = {}
    exec(snippet(), scope)
    values = scope["prediction"].values  # type: ignore[attr-defined]
    assert values.shape == (40, 56)
    assert values.dtype == np.float32


def test_readme__tree_names_what_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^  ([a-z_]+(?:\.py|/)) ", text, flags=re.MULTILINE)
    assert len(named) > 10
    missing = [name for name in named if not (ROOT / "src/leadline" / name).exists()]
    assert not missing


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_example__runs(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [script, str(tmp_path)])
    runpy.run_path(str(ROOT / "examples" / script), run_name="__main__")


@pytest.mark.parametrize("script", sorted((ROOT / "examples").glob("*.py")))
def test_example__is_short(script: Path) -> None:
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 40
