"""The render stage: the number of processes and of interruptions changes no byte."""

import json
import shutil
import struct
import tarfile
import zlib
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from leadline.data.files import read_picture
from leadline.data.shards import MANIFEST, Store
from leadline.metrics import measure
from leadline.render.photographs import decode, draw_photographs, list_files
from leadline.render.source import VERSION, ProceduralSource, Shot, draw_stage
from leadline.stages import render as stage
from leadline.stages.render import PREVIEW, RenderConfig, render
from leadline.types import Camera, LeadlineError, Prediction, Size, Space, UnreadableError

SMALL = RenderConfig(
    scenes=4,
    views=2,
    size=Size(24, 32),
    seed=3,
    shard=3,
    processes=1,
    layouts=("stairs", "landscape", "square"),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered by one process, without a break."""
    return render(replace(SMALL, out=tmp_path_factory.mktemp("renders") / "renders"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_render__the_store_holds_the_generators_samples_in_order(store: Path) -> None:
    labels, source = Store(store), ProceduralSource(8, size=Size(24, 32), seed=3, recipe=SMALL.recipe())
    assert len(labels) == 8
    for index in range(8):
        found, expected = labels[index], source[index]
        assert found.label is not None
        assert expected.label is not None
        assert found.id == expected.id
        assert found.label.space is Space.DISPARITY
        step = np.ptp(expected.label.values) / 65535
        np.testing.assert_allclose(found.label.values, expected.label.values, rtol=1e-5, atol=0.51 * step)
        np.testing.assert_array_equal(found.label.values == 0, expected.label.values == 0)  # sky
        assert np.abs(found.image - expected.image.astype(float)).mean() < 12  # JPEG of 24 x 32


def decoded(data: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def test_render__the_store_holds_things_kinds_normals_and_the_camera(store: Path) -> None:
    labels, source = Store(store), ProceduralSource(8, size=Size(24, 32), seed=3, recipe=SMALL.recipe())
    for index in (0, 7):
        truth, extra = source.shoot(index).truth, labels.read_extra(index)
        np.testing.assert_array_equal(decoded(extra["things.png"]), truth.things)
        np.testing.assert_array_equal(decoded(extra["kinds.png"]), truth.kinds)
        normals = decoded(extra["normals.png"])[..., ::-1] / 127.5 - 1
        np.testing.assert_allclose(normals, truth.normals, atol=0.005)
        about = labels.describe(index)
        assert about["camera"] == {"focal": pytest.approx(truth.focal), "centre": [15.5, 11.5]}
        assert about["layout"] in SMALL.layouts


def test_render__a_sample_knows_its_camera_and_so_its_surfaces_are_measured(store: Path) -> None:
    labels, source = Store(store), ProceduralSource(8, size=Size(24, 32), seed=3, recipe=SMALL.recipe())
    for index in (0, 7):
        truth, sample = source.shoot(index).truth, labels[index]
        assert sample.camera == source[index].camera
        assert sample.camera == Camera(fx=truth.focal, fy=truth.focal, cx=15.5, cy=11.5)
        assert sample.label is not None
        perfect = Prediction(values=truth.disparity, space=Space.DISPARITY)
        found = measure(perfect, sample.label, camera=sample.camera)
        assert found["normal_angle"] < 0.1


def test_render__a_camera_that_is_damaged_is_named(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store, tmp_path / "s")
    index = tmp_path / "s" / "shard-000000.json"
    index.write_text(index.read_text(encoding="utf-8").replace('"focal"', '"vocal"'), encoding="utf-8")
    with pytest.raises(LeadlineError, match=r"shard-000000\.json is missing or damaged \(the camera of proc"):
        Store(tmp_path / "s")[0]


def test_render__a_sample_is_six_members_of_one_key(store: Path) -> None:
    with tarfile.open(store / "shard-000000.tar") as shard:
        names = shard.getnames()
    suffixes = ["jpg", "disparity.png", "things.png", "kinds.png", "normals.png", "json"]
    assert names == [f"{key:09d}.{suffix}" for key in range(6) for suffix in suffixes]


def test_render__the_manifest_says_how_to_make_it_again(store: Path) -> None:
    manifest = json.loads((store / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["complete"] is True
    assert manifest["counts"] == [6, 2]
    assert manifest["about"]["stage"] == "render"
    assert manifest["about"]["seed"] == "3"
    assert manifest["about"]["size"] == "24x32"
    assert manifest["about"]["version"] == VERSION
    assert manifest["about"]["layouts"] == "stairs,landscape,square"
    assert manifest["about"]["licence"] == "Apache-2.0 (generated)"


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
    render(replace(SMALL, processes=2, out=out))  # three scenes: both processes get some
    assert contents(out) == contents(store)
    assert (out / "shard-000001.tar").stat().st_mtime_ns == before


def test_render__a_finished_store_is_left_as_it_is(store: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in store.glob("shard-*")}
    assert render(replace(SMALL, processes=2, out=store)) == store
    assert {path.name: path.stat().st_mtime_ns for path in store.glob("shard-*")} == before


@pytest.mark.parametrize(
    "change", [{"seed": 4}, {"size": Size(24, 33)}, {"scenes": 3}, {"shard": 4}, {"lens": False}]
)
def test_render__a_store_of_other_settings_is_refused(change: dict[str, Any], store: Path) -> None:
    before = contents(store)
    with pytest.raises(LeadlineError, match="with other settings"):
        render(replace(SMALL, out=store, **change))
    assert contents(store) == before


@pytest.mark.parametrize(
    "wrong", [{"scenes": 0}, {"views": 0}, {"size": Size(0, 4)}, {"shard": 0}, {"processes": 0}]
)
def test_render_config__refuses_what_cannot_render(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="scenes, views, size, shard and processes are at least 1"):
        RenderConfig(**wrong)


def test_render_config__refuses_layouts_that_do_not_exist() -> None:
    with pytest.raises(ValueError, match="layouts: got moon; there are: living"):
        RenderConfig(layouts=("street", "moon"))


def test_render_config__refuses_a_seed_below_0() -> None:
    with pytest.raises(ValueError, match="seed: 0 or more, got -1"):
        RenderConfig(seed=-1)
    with pytest.raises(ValueError, match="seed at least 0, got count=1"):
        ProceduralSource(1, seed=-1)


def test_render__a_damaged_panorama_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "skies").mkdir()
    (tmp_path / "skies" / "a.hdr").write_bytes(b"#?RADIANCE\n")
    monkeypatch.setattr(stage, "ProcessPoolExecutor", lambda *args, **settings: InThisProcess())
    with pytest.raises(LeadlineError, match=r"a\.hdr cannot be read as an environment"):
        render(replace(SMALL, out=tmp_path / "renders", environment=tmp_path / "skies"))


@pytest.mark.parametrize("size", [b"-Y 60000 +X 60000", b"-Y 4 +X 8"])
def test_render__looks_at_all_panoramas_before_it_draws(
    size: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skies = tmp_path / "skies"
    skies.mkdir()
    for name in "abc":
        cv2.imwrite(str(skies / f"{name}.hdr"), np.ones((4, 8, 3), np.float32))
    (skies / "d.hdr").write_bytes(
        b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n" + size + b"\n" + bytes([255] * 400)
    )
    monkeypatch.setattr(stage, "ProcessPoolExecutor", lambda *args, **settings: InThisProcess())
    config = replace(SMALL, out=tmp_path / "renders", environment=skies, scenes=1)
    with pytest.raises(LeadlineError, match=r"d\.hdr cannot be read as an environment"):
        render(config)
    assert not (tmp_path / "renders").exists()
    (skies / "d.hdr").unlink()
    list_files.cache_clear()  # as another process would begin
    render(config)


def test_render__passes_over_a_photograph_whose_header_claims_too_much(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / "a.png"), rng.integers(0, 255, (40, 40, 3)))
    whole = (tmp_path / "a.png").read_bytes()
    header = b"IHDR" + struct.pack(">II", 60000, 60000) + whole[24:29]
    huge = whole[:12] + header + struct.pack(">I", zlib.crc32(header)) + whole[33:]
    (tmp_path / "b.png").write_bytes(huge)
    assert decode(huge, cv2.IMREAD_COLOR) is None
    squares = draw_photographs(list_files(tmp_path), pictures=6, textures=1, rng=rng)
    assert len(squares) == 7


def test_layout__is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="layouts: got streat; did you mean 'street'"):
        replace(SMALL, layouts=("streat",)).recipe()


def test_render__the_stored_camera_sees_along_the_rays_that_were_cast(store: Path) -> None:
    about = Store(store).describe(0)["camera"]
    camera = draw_stage(SMALL.recipe(), SMALL.seed, 0).cameras[0]
    rays = (camera.rays(SMALL.size) @ camera.rotation).reshape(*SMALL.size, 3)
    (cx, cy), focal = about["centre"], about["focal"]
    column, row = np.meshgrid(np.arange(SMALL.size.w), np.arange(SMALL.size.h))
    expected = np.stack([(column - cx) / focal, (row - cy) / focal, np.ones(SMALL.size)], 2)
    np.testing.assert_allclose(rays, expected, atol=1e-9)


def test_render__a_picture_that_failed_is_left_out_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shoot = ProceduralSource.shoot

    def sometimes(source: ProceduralSource, index: int) -> Shot:
        if index == 3:
            raise UnreadableError("the path tracer left 5 pixels of 24x32 without a finite value")
        return shoot(source, index)

    monkeypatch.setattr(ProceduralSource, "shoot", sometimes)
    monkeypatch.setattr(stage, "ProcessPoolExecutor", lambda *args, **settings: InThisProcess())
    out = render(replace(SMALL, out=tmp_path / "renders"))
    manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["count"] == len(Store(out)) == 7
    [left_out] = manifest["unreadable"]
    assert left_out["id"] == "procedural/3/000001-1"
    assert "without a finite value" in left_out["reason"]


class InThisProcess(Executor):
    map = staticmethod(map)  # type: ignore[assignment]


def test_render__a_preview_shows_pictures_and_labels_and_leaves_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "ProcessPoolExecutor", lambda *args, **settings: InThisProcess())
    out = render(replace(SMALL, preview=True, out=tmp_path / "sheet"))
    sheet = read_picture(out / PREVIEW)
    assert sheet.shape == (2 * 192, 8 * 256, 3)  # eight pictures with their labels, four in a row
    assert sheet.std() > 20
    assert not (out / MANIFEST).exists()
