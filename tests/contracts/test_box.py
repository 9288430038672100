"""The model in the box: what the package brings along, and that every command finds it."""

import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from shutil import copytree, ignore_patterns

import numpy as np
import pytest

import leadline
from leadline.data.files import encode_jpeg
from leadline.models.checkpoints import describe, load_tensors
from leadline.models.published import BUNDLED_FILE
from leadline.storage import sha256_of

ROOT = Path(__file__).parents[2]
CARD = BUNDLED_FILE.with_name("README.md")
LIMIT = 12_000_000  # bytes

BUILD = """
import setuptools.build_meta as backend, sys
out = sys.argv[1]  # the back end changes argv
backend.build_sdist(out)
backend.build_wheel(out)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both kinds of package from a copy of the checkout, and return their folder."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("built")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (copy / name).write_bytes((ROOT / name).read_bytes())
    copytree(ROOT / "src", copy / "src", ignore=ignore_patterns("__pycache__", "*.egg-info"))
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(out)], cwd=copy, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return out


def test_packages__bring_weights_card_and_licence(built: Path) -> None:
    names = (f"weights/{BUNDLED_FILE.name}", "weights/README.md", "LICENSE")
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        in_wheel = wheel.namelist()
        assert wheel.read(f"leadline/weights/{BUNDLED_FILE.name}") == BUNDLED_FILE.read_bytes()
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        in_sdist = sdist.getnames()
    for name in names:
        assert any(found.endswith(name) for found in in_wheel), (name, in_wheel)
        assert any(found.endswith(name) for found in in_sdist), (name, in_sdist)


def test_bundled_file__is_small_and_free() -> None:
    assert BUNDLED_FILE.stat().st_size <= LIMIT
    assert describe(BUNDLED_FILE)["licence"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_bundled_file__says_how_it_was_made_and_nothing_of_where() -> None:
    about = describe(BUNDLED_FILE)
    assert {"network", "space", "run", "data", "leadline", "commit", "rounded"} <= about.keys()
    told = json.dumps(about)
    assert all(folder not in told for folder in ("/home/", "/root/", "/tmp/", "/Users/", str(ROOT.parent)))


def test_bundled_file__holds_finite_numbers_in_half_the_bytes() -> None:
    tensors, _ = load_tensors(BUNDLED_FILE)
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    count = sum(tensor.numel() for tensor in tensors.values())
    assert sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) < 2.2 * count


def test_card__is_of_this_file() -> None:
    card = CARD.read_text(encoding="utf-8")
    assert "Not generated yet" not in card
    assert sha256_of(BUNDLED_FILE) in card


def test_bundled_model__is_loaded_without_a_name_and_tells_near_from_far() -> None:
    """Ground below, sky above: whatever it learnt, it must have learnt that."""
    predictor = leadline.load()
    rng = np.random.default_rng(0)
    picture = np.empty((240, 320, 3), np.uint8)
    picture[:120] = np.linspace((90, 140, 220), (190, 210, 240), 120)[:, None]
    ground = rng.normal(110, 25, (120, 320, 1)) * np.array([1.0, 0.95, 0.8])
    picture[120:] = np.clip(ground, 0, 255).astype(np.uint8)
    prediction = predictor(picture)
    assert prediction.space is leadline.Space.AFFINE_DISPARITY
    values = prediction.values
    assert np.isfinite(values).all()
    assert values[-30:].mean() > values[:90].mean()


def test_command__predicts_offline_without_a_model(tmp_path: Path) -> None:
    """In a process of its own, in which every connection is refused."""
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    (tmp_path / "photo.jpg").write_bytes(encode_jpeg(picture))
    code = """
import socket, sys
def refuse(*_): raise AssertionError("asked the network")
socket.socket.connect = refuse
from leadline.cli import main
sys.exit(main())
"""
    command = [sys.executable, "-c", code, "predict", "photo.jpg", "--size", "64"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "predictions" / "predictions.json").read_text())
    assert len(record["pictures"]) == 1
