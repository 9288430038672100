"""The render stage: the number of processes and of interruptions changes no byte."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline.data.shards import MANIFEST, Store
from leadline.render.source import ProceduralSource
from leadline.stages.render import RenderConfig, render
from leadline.types import LeadlineError, Size, Space

SMALL = RenderConfig(count=7, size=Size(24, 32), seed=3, shard=5, processes=1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered by one process, without a break."""
    return render(replace(SMALL, out=tmp_path_factory.mktemp("renders") / "renders"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_render__the_store_holds_the_generators_samples_in_order(store: Path) -> None:
    labels, source = Store(store), ProceduralSource(7, size=Size(24, 32), seed=3)
    assert len(labels) == 7
    for index in range(7):
        found, expected = labels[index], source[index]
        assert found.label is not None
        assert expected.label is not None
        assert found.id == expected.id
        assert found.label.space is Space.DISPARITY
        step = np.ptp(expected.label.values) / 65535
        np.testing.assert_allclose(found.label.values, expected.label.values, rtol=1e-5, atol=0.51 * step)
        np.testing.assert_array_equal(found.label.values == 0, expected.label.values == 0)  # sky
        assert np.abs(found.image - expected.image.astype(float)).mean() < 12  # JPEG of 24 x 32


def test_render__the_manifest_says_how_to_make_it_again(store: Path) -> None:
    manifest = json.loads((store / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["complete"] is True
    assert manifest["counts"] == [5, 2]
    assert manifest["about"]["stage"] == "render"
    assert manifest["about"]["seed"] == "3"
    assert manifest["about"]["size"] == "24x32"
    assert "version" in manifest["about"]


def test_render__a_killed_one_goes_on_with_more_processes_to_the_same_bytes(
    store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "renders"
    out.mkdir()
    for name in ("shard-000001.tar", "shard-000001.json"):
        shutil.copy2(store / name, out / name)
    manifest = json.loads((store / MANIFEST).read_text(encoding="utf-8"))
    manifest["complete"] = False
    opening = {key: manifest[key] for key in ("format", "complete", "about", "counts")}
    (out / MANIFEST).write_text(json.dumps(opening), encoding="utf-8")
    before = (out / "shard-000001.tar").stat().st_mtime_ns
    render(replace(SMALL, processes=2, out=out))  # five pictures: both processes get some
    assert contents(out) == contents(store)
    assert (out / "shard-000001.tar").stat().st_mtime_ns == before


def test_render__a_finished_store_is_left_as_it_is(store: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in store.glob("shard-*")}
    assert render(replace(SMALL, processes=2, out=store)) == store
    assert {path.name: path.stat().st_mtime_ns for path in store.glob("shard-*")} == before


@pytest.mark.parametrize("change", [{"seed": 4}, {"size": Size(24, 33)}, {"count": 6}, {"shard": 4}])
def test_render__a_store_of_other_settings_is_refused(change: dict[str, Any], store: Path) -> None:
    before = contents(store)
    with pytest.raises(LeadlineError, match="with other settings"):
        render(replace(SMALL, out=store, **change))
    assert contents(store) == before


@pytest.mark.parametrize("wrong", [{"count": 0}, {"size": Size(0, 4)}, {"shard": 0}, {"processes": 0}])
def test_render_config__refuses_what_cannot_render(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="count, size, shard and processes are at least 1"):
        RenderConfig(**wrong)
