"""Laws of the path shading: it agrees with the fast one, and says what is missing before anything dies."""

import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import cv2
import numpy as np
import pytest

from leadline.render import path
from leadline.render.labels import label_view
from leadline.render.materials import Finish, Material, Pattern, plain
from leadline.render.picture import take_picture
from leadline.render.raycast import Caster
from leadline.render.scene import Kind, Lamp, Scene, Sky, Vantage, aim, block, put, thing
from leadline.render.shapes import BOX, SPHERE
from leadline.render.source import ProceduralSource, Recipe, draw_stage
from leadline.stages.render import RenderConfig, render
from leadline.types import LeadlineError, Size, UnreadableError

SIZE = Size(36, 48)


def works() -> bool:
    """Whether this machine can trace paths at all."""
    try:
        path.require_path_tracer()
    except LeadlineError:
        return False
    return True


needs_mitsuba = pytest.mark.skipif(not works(), reason="Mitsuba, OIDN or LLVM is missing")
CAMERA = aim((0, 0, 1.5), yaw=0.2, pitch=-0.15, roll=0.05, fov=1.0)


def scene() -> tuple[Scene, Caster]:
    """A ball, a turned box and a window pane on patterned ground, under sun and sky."""
    checks = Material(
        pattern=Pattern.CHECKS, colours=((0.7, 0.6, 0.5), (0.2, 0.2, 0.3)), scale=1.0, grain=0.2
    )
    bodies = [
        block((-90, -90, -1), (90, 90, 0), checks),
        put(SPHERE, (5, 0, 0.8), plain((0.7, 0.2, 0.1)), half=(0.8, 0.8, 0.8)),
        put(BOX, (6, 2.5, 0.6), plain((0.1, 0.5, 0.2), grain=0.0), half=(0.6, 0.6, 0.6)),
        block((3, 0.6, 0.3), (3.01, 1.6, 1.8), plain((0.6, 0.6, 0.6), finish=Finish.PANE, grain=0.0)),
    ]
    things = tuple(thing(Kind.OBJECT, [body]) for body in bodies)
    slope = 0.5**0.5
    sky = Sky(
        sun=(-slope, 0.0, slope),
        sunlight=(2.0, 1.9, 1.7),
        sun_radius=0.005,
        horizon=(0.9, 0.9, 1.0),
        zenith=(0.3, 0.5, 0.9),
        cloudiness=0.3,
        cloud_seed=3.0,
    )
    view = Vantage(eyes=((0, 0, 0), (0, 0, 0)), targets=((0, 0, 0), (0, 0, 0)), close=0)
    return Scene(layout="test", things=things, sky=sky, vantage=view), Caster(things)


@needs_mitsuba
def test_path__shows_what_the_fast_shading_shows() -> None:
    """The same camera, colours, patterns, sun, sky and pane: only the light between things may differ."""
    made = scene()
    size = Size(72, 96)
    fast, traced = (
        take(*made, CAMERA, size=size, rng=np.random.default_rng(0))
        for take in (take_picture, path.take_picture)
    )
    ratio = np.log((traced + 0.02) / (fast + 0.02))
    assert np.abs(np.median(ratio)) < 0.25  # the traced light is handed on more often
    assert np.quantile(np.abs(ratio), 0.8) < 0.5
    things = label_view(*made, CAMERA, size=size).things
    for number in np.unique(things):
        inside = things == number
        means = np.log(fast[inside].mean(0)), np.log(traced[inside].mean(0))
        np.testing.assert_allclose(means[0], means[1], atol=0.5, err_msg=f"thing {number}")
    flipped = np.abs(np.log((traced[:, ::-1] + 0.02) / (fast + 0.02)))
    assert np.abs(ratio).mean() < 0.6 * flipped.mean()


@needs_mitsuba
def test_path__lamps_give_as_much_light_as_the_fast_ones() -> None:
    room = [
        (Kind.FLOOR, block((-2, -2, -0.1), (2, 2, 0), plain((0.5, 0.5, 0.5), grain=0.0))),
        (Kind.LAMP, put(SPHERE, (0, 0, 2.0), plain((2.0, 2.0, 2.0), finish=Finish.LIGHT), half=(0.15,) * 3)),
    ]
    things = tuple(thing(kind, [body]) for kind, body in room)
    dark = (0.0, 0.0, 0.0)
    night = Sky(
        sun=(0.0, 0.0, 1.0),
        sunlight=dark,
        sun_radius=0.01,
        horizon=dark,
        zenith=dark,
        cloudiness=1.0,
        cloud_seed=0.0,
    )
    lamp = Lamp(at=(0.0, 0.0, 2.0), half=(0.15, 0.15, 0.15), colour=(1.0, 1.0, 1.0))
    view = Vantage(eyes=((0, 0, 0), (0, 0, 0)), targets=((0, 0, 0), (0, 0, 0)), close=0)
    made = Scene(
        layout="test", things=things, sky=night, lamps=(lamp,), vantage=view, fill=(1e-6, 1e-6, 1e-6)
    )
    camera = aim((0, 0, 1.7), yaw=0, pitch=-np.pi / 2, roll=0, fov=1.0)
    levels = [
        take(made, Caster(things), camera, size=SIZE, rng=np.random.default_rng(0)).mean()
        for take in (take_picture, path.take_picture)
    ]
    assert levels[1] == pytest.approx(levels[0], rel=0.2)


@needs_mitsuba
def test_path__sky_and_lamps_are_seen_as_the_fast_shading_shows_them() -> None:
    """A small sun in a panorama lights the scene; neither it nor the denoiser shows in the sky."""
    lamp = Material(pattern=Pattern.PLAIN, colours=((3.0, 2.0, 1.0), (3.0, 2.0, 1.0)), scale=1.0, grain=0.0)
    bodies = [
        block((-90, -90, -1), (90, 90, 0), plain((0.5, 0.5, 0.5), grain=0.0)),
        block((5, -2, 1.5), (5.1, -1, 2.5), replace(lamp, finish=Finish.LIGHT)),
        block((3, 0, 1.5), (3.01, 2.5, 3.5), plain((1.0, 1.0, 1.0), finish=Finish.PANE, grain=0.0)),
    ]
    around = np.full((64, 128, 3), 0.2, np.float32)
    around[10:14] = 12
    made, _ = scene()
    things = tuple(thing(Kind.OBJECT, [body]) for body in bodies)
    lit = Lamp(at=(5, -1.5, 2), half=(0.05, 0.5, 0.5), colour=(0.1, 0.1, 0.1))
    sky = replace(made.sky, panorama=around, cloudiness=0.0)
    made = replace(made, things=things, sky=sky, lamps=(lit,), haze=1e9)
    caster, camera = Caster(things), aim((0, 0, 1.5), yaw=0, pitch=0.2, roll=0, fov=1.2)
    fast, traced = (
        take(made, caster, camera, size=SIZE, rng=np.random.default_rng(0))
        for take in (take_picture, path.take_picture)
    )
    seen = label_view(made, caster, camera, size=SIZE).things
    for name, number, tolerance in (("sky", 0, 0.02), ("lamp", 2, 0.02), ("pane", 3, 0.1)):
        where = cv2.erode((seen == number).astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=0) == 1
        assert where.sum() > 8
        np.testing.assert_allclose(traced[where], fast[where], atol=tolerance, err_msg=name)


@needs_mitsuba
def test_path__scenes_share_their_kernel() -> None:
    """A kernel takes a second and more to compile."""
    if path._release("mitsuba") < (3, 8):
        pytest.skip("Mitsuba 3.7 compiles a kernel for nearly every scene")
    import drjit as dr

    recipe = Recipe(layouts=("landscape", "forest"), views=1, quality="path")
    source = ProceduralSource(6, size=SIZE, seed=5, recipe=recipe)
    with dr.scoped_set_flag(dr.JitFlag.KernelHistory, True):
        dr.kernel_history_clear()
        for index in range(6):
            source.shoot(index)
        compiled = [kernel for kernel in dr.kernel_history() if not kernel.get("cache_hit", 1)]
    assert sum(kernel["operation_count"] > 1000 for kernel in compiled) <= 2


@needs_mitsuba
def test_path__is_reproducible_whatever_the_number_of_threads() -> None:
    recipe = Recipe(layouts=("table",), views=1, quality="path")
    images = []
    for threads in (1, 2):
        path.limit_threads(threads)
        draw_stage.cache_clear()
        path._build.cache_clear()
        images.append(ProceduralSource(1, size=SIZE, seed=1, recipe=recipe)[0].image)
    np.testing.assert_array_equal(images[0], images[1])
    assert images[0].std() > 8


@needs_mitsuba
def test_path__a_picture_that_is_not_finite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = scene()

    def broken(*args: object, **settings: object) -> np.ndarray:
        light = np.ones((*SIZE, 3), np.float32)
        light[3, 4, 1] = np.nan
        return light

    monkeypatch.setattr(path._mitsuba(), "render", broken)
    with pytest.raises(UnreadableError, match="left 1 pixels of 36x48 without a finite value"):
        path.take_picture(*made, CAMERA, size=SIZE, rng=np.random.default_rng(0))


def test_path__names_the_extra_where_mitsuba_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    with pytest.raises(LeadlineError, match=r"pip install 'leadline\[render-path\]'"):
        path.require_path_tracer()


@pytest.mark.parametrize("installed", ["2.3.0", None])
def test_path__names_what_is_too_old_or_was_never_installed(
    installed: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def version(name: str) -> str:
        if name == "pyoidn" and installed is None:
            raise PackageNotFoundError(name)
        return str(installed) if name == "pyoidn" else "99.0"

    monkeypatch.setattr(path, "version", version)
    monkeypatch.setattr(path, "find_spec", lambda name: name)
    with pytest.raises(LeadlineError, match=r"needs pyoidn 2\.5 or later, not installed: pip install"):
        render(RenderConfig(quality="path", out=tmp_path / "renders"))
    assert not (tmp_path / "renders").exists()


def test_path__a_store_tells_what_traced_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path, "version", lambda name: {"mitsuba": "3.9.1", "pyoidn": "2.5.1"}[name])
    monkeypatch.setattr(path, "find_spec", lambda name: name)
    traced, fast = (
        ProceduralSource(2, size=SIZE, seed=0, recipe=Recipe(quality=quality)).provenance()
        for quality in ("path", "fast")
    )
    assert (traced["mitsuba"], traced["pyoidn"]) == ("3.9.1", "2.5.1")
    assert "mitsuba" not in fast


def test_path__asks_for_llvm_by_name_where_another_process_dies_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("mitsuba")
    pytest.importorskip("pyoidn")
    monkeypatch.setattr(path, "_PROBE", "import os; os.abort()")
    with pytest.raises(LeadlineError, match=r"apt-get install libllvm19"):
        path.require_path_tracer()
    monkeypatch.setattr(path, "_PROBE", "")
    path.require_path_tracer()


def test_render__without_llvm_says_so_before_it_begins_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mitsuba")
    pytest.importorskip("pyoidn")
    monkeypatch.setattr(path, "_PROBE", "raise SystemExit(1)")
    with pytest.raises(LeadlineError, match="or render with --quality fast"):
        render(RenderConfig(quality="path", out=tmp_path / "renders"))
    assert not (tmp_path / "renders").exists()
