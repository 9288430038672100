"""Laws of scenes and views: reproducible, resting on something, not through each other, worth showing."""

import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadline.data.files import encode_jpeg
from leadline.render import source as source_module
from leadline.render.arrange import Arrangement, hull
from leadline.render.fittings import tripod
from leadline.render.furniture import strewn
from leadline.render.materials import SIDE, plain
from leadline.render.objects import SETTINGS
from leadline.render.palette import LOOKS, Dice
from leadline.render.photographs import draw_photographs, list_files
from leadline.render.raycast import Caster, Hits, build_mesh
from leadline.render.rooms import ROOMS, draw_room
from leadline.render.scene import STRUCTURE, Camera, Kind, Scene, Thing, aim, block, thing
from leadline.render.source import ENDLESS, LAYOUTS, ProceduralSource, Recipe, draw_stage
from leadline.render.vehicles import bicycle, motorbike
from leadline.render.views import PROBE, draw_camera, thing_ids, worth_showing
from leadline.types import LeadlineError, Size, Space

SMALL = Size(24, 32)
GREY = plain((0.5, 0.5, 0.5))
QUICK = Recipe(layouts=("stairs", "landscape", "square"), views=2)
"""Layouts that are drawn in no time."""


def dice(seed: int = 0) -> Dice:
    return Dice(np.random.default_rng(seed))


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_layout__shows_several_things_from_outside_of_them(layout: str) -> None:
    stage = draw_stage(Recipe(layouts=(layout,), views=2), 1, 0)
    assert stage.scene.layout == layout
    assert len(stage.cameras) == 2
    for camera in stage.cameras:
        hits = stage.caster.cast(camera.position, camera.rays(PROBE))
        assert worth_showing(stage.scene, stage.caster, camera, hits)
        shown = {stage.scene.things[number].kind for number in thing_ids(stage.caster, hits) if number >= 0}
        assert shown - STRUCTURE


@pytest.mark.parametrize("layout", ["table", "box"])
def test_view_from_near__has_what_it_is_of_under_the_middle_of_its_targets(layout: str) -> None:
    for seed in range(20):
        scene = LAYOUTS[layout](dice(seed), layout)
        first, *others = (scene.things[number] for number in scene.vantage.about)
        low, high = first.bounds()
        np.testing.assert_allclose(np.mean(scene.vantage.targets, 0)[:2], (low + high)[:2] / 2, atol=1e-6)
        assert others
        assert scene.vantage.eyes[0][2] > high[2]


def test_portrait__shows_its_sitter_within_reach() -> None:
    seen = []
    for number in range(12):
        stage = draw_stage(Recipe(layouts=("portrait",), views=1), 4, number)
        [camera] = stage.cameras
        hits = stage.caster.cast(camera.position, camera.rays(PROBE))
        of_sitter = np.isin(thing_ids(stage.caster, hits), list(stage.scene.vantage.about)[1:])
        seen.append(of_sitter.mean() > 0.02 and hits.depth[of_sitter].min() < 4)
    assert sum(seen) >= 10


@pytest.mark.parametrize("draw", [motorbike, bicycle, tripod])
def test_thing_on_the_floor__stands_on_it(draw: Callable[[Dice], Thing]) -> None:
    for seed in range(5):
        assert draw(dice(seed)).bounds()[0, 2] == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("where", list(SETTINGS))
def test_strewn_things__rest_on_their_support_and_apart(where: str) -> None:
    support = block((-0.6, -0.4, 0.7), (0.6, 0.4, 0.75), GREY)
    for seed in range(4):
        things = strewn(dice(seed), support, 8, where=where)
        assert things
        bounds = np.stack([piece.bounds() for piece in things])
        lowest = [build_mesh(piece.bodies).corners[..., 2].min() for piece in things]
        np.testing.assert_allclose(lowest, 0.75, atol=0.008)  # a foot may be sunk by its thickness
        middles = bounds[:, :, :2].mean(1)
        assert (np.abs(middles) <= [0.6, 0.4]).all()
        for number, piece in enumerate(things):
            caster = Caster([piece])
            for other in middles[number + 1 :]:  # nothing stands in the middle of another
                down = caster.cast(np.array([*other, 5.0]), np.array([[0.0, 0, -1]]))
                flat = np.isinf(down.depth[0]) or 5 - down.depth[0] < 0.75 + 0.02
                assert flat or (bounds[number, 1] - bounds[number, 0]).max() > 0.3


def test_arrangement__refuses_what_is_taken_and_what_is_outside() -> None:
    place = Arrangement((0, 0, 0), (4, 4, 3))
    cube = thing(Kind.OBJECT, [block((-0.5, -0.5, 0), (0.5, 0.5, 1), GREY)])
    assert place.place([cube], (1, 1, 0))
    assert not place.place([cube], (1.8, 1, 0))
    assert place.place([cube], (2.0, 1, 0))  # beside it
    assert place.place([cube], (1, 1, 1))  # on top
    assert not place.place([cube], (3.8, 3, 0))
    assert len(place.things) == 3
    place.add([cube.moved((3, 3, 0))], solid=False)
    assert place.place([cube], (3, 3, 0))


def furnished(seed: int) -> list[Thing]:
    scene = draw_stage(Recipe(layouts=("living",), views=1), seed, 0).scene
    return [piece for piece in scene.things if piece.kind is Kind.FURNITURE]


def test_furniture__stands_on_the_floor_and_inside_the_walls() -> None:
    pieces = [piece for seed in range(2) for piece in furnished(seed)]
    low = np.array([piece.bounds()[0] for piece in pieces])
    assert len(pieces) > 6
    standing, radiators = np.abs(low[:, 2]) < 0.02, np.abs(low[:, 2] - 0.1) < 0.02
    assert (standing | radiators).mean() > 0.9
    assert standing.mean() > 0.5
    assert (low[:, :2] > -0.05).all()


def test_looks__are_drawn_for_every_role_within_what_nature_allows() -> None:
    for role in LOOKS:
        for seed in range(5):
            material = dice(seed).look(role)
            assert all(0 <= part <= 1 for colour in material.colours for part in colour), role
            assert material.scale > 0


def test_colours__belong_to_their_family() -> None:
    for seed in range(20):
        red, green, blue = dice(seed).colour("green")
        assert green > max(red, blue)
        red, green, blue = dice(seed).colour("brick")
        assert red > green > 0.5 * blue


def rendered(index: int) -> tuple[bytes, bytes, bytes, bytes]:
    shot = ProceduralSource(100, size=SMALL, seed=11, recipe=QUICK).shoot(index)
    truth = shot.truth
    return (
        shot.image.tobytes(), truth.disparity.tobytes(), truth.things.tobytes(), truth.normals.tobytes()
    )  # fmt: skip


def test_sample__is_a_function_of_seed_and_index_in_any_order_thread_or_process() -> None:
    alone = [rendered(index) for index in range(4)]
    assert len({image for image, *_ in alone}) == len({label for _, label, *_ in alone}) == 4
    draw_stage.cache_clear()
    assert [rendered(index) for index in (3, 0, 2, 1)] == [alone[index] for index in (3, 0, 2, 1)]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(rendered, range(4))) == alone
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as processes:
        assert list(processes.map(rendered, range(4))) == alone
    assert ProceduralSource(1, size=SMALL, seed=12, recipe=QUICK)[0].image.tobytes() != alone[0][0]


def test_views__of_a_scene_show_the_same_things_from_different_places() -> None:
    first, second = (ProceduralSource(2, size=SMALL, seed=4, recipe=QUICK).shoot(view) for view in (0, 1))
    assert first.layout == second.layout
    assert set(np.unique(first.truth.things)) & set(np.unique(second.truth.things))
    assert not np.array_equal(first.truth.disparity, second.truth.disparity)


def test_size__does_not_change_the_view() -> None:
    small, large = (ProceduralSource(3, size=Size(24 * k, 32 * k), seed=1, recipe=QUICK) for k in (1, 3))
    for index in range(3):
        coarse, fine = small.shoot(index).truth, large.shoot(index).truth
        same = np.isclose(fine.disparity[1::3, 1::3], coarse.disparity, rtol=1e-4, atol=1e-7)
        assert same.mean() > 0.98  # a ray through an edge may round to either side
        assert fine.focal == pytest.approx(3 * coarse.focal)


def test_truth__is_whole_and_agrees_with_itself() -> None:
    skies = 0
    for index in range(6):
        shot = ProceduralSource(6, size=SMALL, seed=4, recipe=QUICK).shoot(index)
        truth, label = shot.truth, shot.truth.label()
        assert label.space is Space.DISPARITY
        assert label.valid.all()
        sky = truth.disparity == 0
        np.testing.assert_array_equal(truth.things == 0, sky)
        np.testing.assert_array_equal(truth.kinds == Kind.SKY, sky)
        np.testing.assert_array_equal((truth.normals == 0).all(2), sky)
        np.testing.assert_allclose(np.linalg.norm(truth.normals[~sky], axis=1), 1, atol=1e-4)
        things = draw_stage(QUICK, 4, index // 2).scene.things
        assert all(
            (truth.kinds[truth.things == number] == things[number - 1].kind).all()
            for number in np.unique(truth.things[~sky])
        )
        assert np.isfinite(truth.disparity).all()
        skies += int(sky.any())
    assert skies > 0


def test_picture__is_neither_black_nor_burnt() -> None:
    for index in range(6):
        image = ProceduralSource(6, size=SMALL, seed=7, recipe=QUICK)[index].image
        assert 40 < image.mean() < 200
        assert image.std() > 8


def three_walls() -> tuple[Scene, Caster, Camera]:
    """Four things of 40 : 20 : 20 : 20 across the view, the first no part of the building."""
    stage = draw_stage(QUICK, 1, 0)
    edges = np.array([-1, -0.2, 0.2, 0.6, 1.0]) * 1.001
    things = [
        thing(kind, [block((1, -right, -9), (1.1, -left, 9), GREY)])
        for left, right, kind in zip(
            edges[:-1], edges[1:], (Kind.OBJECT, Kind.WALL, Kind.TREE, Kind.FURNITURE), strict=True
        )
    ]
    camera = aim((0, 0, 0), yaw=0, pitch=0, roll=0, fov=np.pi / 2)
    return replace(stage.scene, things=tuple(things)), Caster(things), camera


def judged(scene: Scene, caster: Caster, camera: Camera) -> bool:
    return worth_showing(scene, caster, camera, caster.cast(camera.position, camera.rays(PROBE)))


def test_judge__refuses_one_thing_the_sky_what_is_too_near_and_the_inside_of_things() -> None:
    scene, caster, camera = three_walls()
    assert judged(scene, caster, camera)
    nearer = replace(camera, position=np.array([0.25, 0.2, 0]))  # the object fills more than 40 %
    assert not judged(scene, caster, nearer)
    as_furniture = tuple(
        Thing(Kind.FURNITURE if n == 0 else t.kind, t.bodies) for n, t in enumerate(scene.things)
    )
    assert judged(replace(scene, things=as_furniture), Caster(as_furniture), nearer)
    as_wall = tuple(Thing(Kind.WALL if n == 0 else t.kind, t.bodies) for n, t in enumerate(scene.things))
    assert judged(replace(scene, things=as_wall), Caster(as_wall), nearer)
    far = replace(camera, position=np.array([-4.0, 0, 0]))  # sky to both sides
    assert not judged(scene, caster, far)
    assert not judged(scene, caster, replace(camera, position=np.array([0.85, 0, 0])))
    around = [*scene.things, thing(Kind.OBJECT, [block((-1, -0.05, -1), (0.5, 0.05, 1), GREY)])]
    assert not judged(replace(scene, things=tuple(around)), Caster(around), camera)


@pytest.mark.parametrize("layout", ["bedroom", "kitchen", "living", "office"])
def test_room__has_what_makes_it_one(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    room = ROOMS[layout]
    assert room.chief is not None
    chief = room.chief

    def marked(dice: Dice) -> list[Thing]:
        return [Thing(Kind.VEHICLE, piece.bodies) for piece in chief(dice)]

    monkeypatch.setitem(ROOMS, layout, replace(room, chief=marked))
    having = [
        any(piece.kind is Kind.VEHICLE for piece in draw_room(dice(seed), layout).things)
        for seed in range(1000, 1015)
    ]
    assert sum(having) >= 14


def test_camera__that_looks_down_is_tipped() -> None:
    scene = draw_room(dice(3), "living")
    caster = Caster(scene.things)

    def pitches(down: float) -> list[float]:
        carried = replace(scene, vantage=replace(scene.vantage, close=0.0, across=0.0, down=down))
        drawn = dice(5)
        cameras = [draw_camera(drawn, carried, caster) for _ in range(12)]
        return [np.degrees(np.arcsin(-camera.rotation[2, 2])) for camera in cameras if camera is not None]

    level, tipped = pitches(0.0), pitches(1.0)
    assert len(tipped) > 6
    assert all(0 < pitch < 62 for pitch in tipped)
    assert not all(0 < pitch < 62 for pitch in level), "they would pass as well"


def test_redraw__draws_afresh_and_reproducibly(monkeypatch: pytest.MonkeyPatch) -> None:
    first = draw_stage(QUICK, 2, 5)
    calls: list[Scene] = []

    def third_time_lucky(dice: Dice, scene: Scene, caster: Caster) -> Camera | None:
        calls.append(scene)
        return draw_camera(dice, scene, caster) if len(calls) > 4 else None

    monkeypatch.setattr(source_module, "draw_camera", third_time_lucky)
    draw_stage.cache_clear()
    again = draw_stage(QUICK, 2, 5)
    assert len({id(scene) for scene in calls}) == 3  # two views each
    assert not np.array_equal(first.cameras[0].position, again.cameras[0].position)
    draw_stage.cache_clear()


def test_source__names_its_samples_and_its_origin() -> None:
    source = ProceduralSource(3, size=SMALL, seed=9, recipe=QUICK)
    assert [source.identify(index) for index in range(3)] == [
        "procedural/9/000000-0", "procedural/9/000000-1", "procedural/9/000001-0"
    ]  # fmt: skip
    assert source[1].size == SMALL
    assert source[1].id == source.identify(1)
    told = source.provenance()
    assert (told["seed"], told["size"], told["views"], told["quality"]) == ("9", "24x32", "2", "fast")
    assert told["licence"] == "Apache-2.0 (generated)"
    for index in (-1, 3):
        with pytest.raises(IndexError, match="of a source of 3"):
            source[index]
    assert len(ProceduralSource()) == ENDLESS


@pytest.mark.parametrize(("count", "size"), [(0, SMALL), (1, Size(0, 8)), (1, Size(8, -1))])
def test_source__refuses_empty_sizes(count: int, size: Size) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ProceduralSource(count, size=size)


def test_source__names_the_extra_where_embree_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embreex.rtcore_scene", None)
    draw_stage.cache_clear()
    with pytest.raises(LeadlineError, match=r"pip install 'leadline\[render\]'"):
        ProceduralSource(1, size=SMALL)[0]


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Two pictures, one of them in a folder below, and one that is damaged."""
    (tmp_path / "deep").mkdir()
    striped = np.zeros((40, 60, 3), np.uint8)
    striped[:, ::2] = 255
    (tmp_path / "deep" / "b.JPG").write_bytes(encode_jpeg(striped))
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(np.full((50, 40, 3), 180, np.uint8)))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8nothing")
    return tmp_path


def test_photographs__are_found_below_and_damaged_ones_left_out(album: Path) -> None:
    files = list_files(album)
    assert [path.name for path in files] == ["a.jpg", "broken.jpg", "b.JPG"]
    drawn = draw_photographs(files, pictures=2, textures=2, rng=np.random.default_rng(0))
    assert drawn.shape == (4, SIDE, SIDE, 3)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    np.testing.assert_allclose(drawn[2:, :, 0], drawn[2:, :, -1], atol=0.05)  # textures repeat without a seam
    again = draw_photographs(files, pictures=2, textures=2, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(drawn, again)


def test_photographs__an_album_of_damaged_ones_is_named(album: Path) -> None:
    with pytest.raises(LeadlineError, match=r"broken\.jpg"):
        draw_photographs((album / "broken.jpg",), pictures=1, textures=0, rng=np.random.default_rng(0))
    with pytest.raises(LeadlineError, match=r"holds no file that ends in \.hdr"):
        list_files(album, ".hdr")


def test_photographs__change_the_pictures_and_are_told(album: Path) -> None:
    recipe = Recipe(layouts=("office",), views=1, textures=album)
    source = ProceduralSource(1, size=SMALL, seed=3, recipe=recipe)
    told = source.provenance()["textures"]
    assert told.startswith(f"{album.name}, 3 files, ")
    (album / "a.jpg").write_bytes(encode_jpeg(np.full((90, 90, 3), 180, np.uint8)))
    assert source.provenance()["textures"] != told
    assert "--textures" in source.provenance()["licence"]
    scene = draw_stage(recipe, 3, 0).scene
    assert scene.photographs is not None
    numbers = [
        b.material.pattern for t in scene.things for b in t.bodies if isinstance(b.material.pattern, int)
    ]
    assert numbers
    assert max(numbers) < len(scene.photographs)
    assert source[0].image.std() > 0


def hits_of(ids: list[int]) -> Hits:
    return Hits(np.array(ids, np.int32), np.ones(len(ids)), np.zeros((len(ids), 2), np.float32))


def test_hits__are_picked_together() -> None:
    hits = hits_of([3, -1, 5])
    assert hits[np.array([2, 0])].triangle.tolist() == [5, 3]
    assert len(hits[hits.triangle >= 0].depth) == 2


def test_shop__hangs_no_cupboards_where_no_wall_is() -> None:
    for seed in (2, 3):
        pieces = draw_room(dice(seed), "shop").things
        low = [hull([piece])[0][2] for piece in pieces if piece.kind is Kind.FURNITURE]
        assert max(low, default=0) < 1.3, seed
