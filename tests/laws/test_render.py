"""Laws of the procedural source: exact depth, pictures that show what labels say, and reproducibility."""

import math
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import Float64

from leadline.render import source as source_module
from leadline.render.materials import Material, Pattern, albedo
from leadline.render.raycast import Caster, Hits
from leadline.render.scene import Body, Camera, Light, Scene, Sky, about, aim, bar, stand
from leadline.render.shading import radiance, take_picture
from leadline.render.shapes import BOX, BUCKET, CONE, CYLINDER, PYRAMID, SPHERE, Shape
from leadline.render.source import ProceduralSource, draw_view, worth_showing
from leadline.types import LeadlineError, Size, Space

SMALL = Size(24, 32)
GREY = Material(pattern=Pattern.PLAIN, colours=((0.5, 0.5, 0.5), (0.0, 0.0, 0.0)), scale=1.0, grain=0.0)
CLEAR = Sky(horizon=(1.0, 1.0, 1.0), zenith=(0.2, 0.4, 0.9), cloudiness=0.0, cloud_seed=0.0)


def ahead(height: float = 1.5, *, pitch: float = 0.0, roll: float = 0.0) -> Camera:
    return aim((0, 0, height), yaw=0.4, pitch=pitch, roll=roll, fov=1.1)


def flat(colour: tuple[float, float, float]) -> Material:
    return replace(GREY, colours=(colour, colour))


def lit(scene_bodies: list[Body], *, camera: Camera, lights: tuple[Light, ...] = ()) -> Scene:
    """A scene whose ambient light shows colours as they are."""
    return Scene(
        bodies=tuple(scene_bodies),
        lights=lights,
        sky=CLEAR,
        ambient=((1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
        haze=math.inf,
        camera=camera,
        brightness=0.5,
    )


def test_depth__of_a_plane_is_exact_to_the_horizon() -> None:
    camera = ahead(1.5, pitch=-0.3, roll=0.05)
    ground = stand(BOX, (0, 0, -1), size=(8000, 8000, 1), material=GREY)
    rays = camera.rays(Size(96, 128))
    hits = Caster([ground]).cast(camera.position, rays)
    exact = -1.5 / rays[:, 2]
    seen = (exact > 0) & (np.abs(rays[:, :2] * exact[:, None]).max(1) < 4000)
    assert seen.mean() > 0.5
    np.testing.assert_array_equal(hits.body >= 0, seen)
    np.testing.assert_allclose(hits.depth[seen], exact[seen], rtol=1e-5)
    assert np.isinf(hits.depth[~seen]).all()


def test_depth__is_along_the_optical_axis() -> None:
    camera = aim((0, 0, 1), yaw=0, pitch=0, roll=0.2, fov=1.4)
    wall = stand(BOX, (3.5, 0, -50), size=(1, 100, 100), material=GREY)
    hits = Caster([wall]).cast(camera.position, camera.rays(SMALL))
    np.testing.assert_allclose(hits.depth, 3, rtol=1e-6)


def test_hits__do_not_slip_through_the_seams_of_the_ground() -> None:
    ground = stand(BOX, (0, 0, -1), size=(8000, 8000, 1), material=GREY)
    caster = Caster([ground])
    for yaw in (0.0, math.pi / 4):  # the seams run along the middle column
        camera = aim((0, 0, 1.5), yaw=yaw, pitch=-1.0, roll=0.0, fov=1.0)
        rays = camera.rays(Size(301, 401))
        np.testing.assert_allclose(caster.cast(camera.position, rays).depth, -1.5 / rays[:, 2], rtol=1e-5)


def slab_depth(
    box: Body, origin: Float64[np.ndarray, "3"], directions: Float64[np.ndarray, "n 3"]
) -> Float64[np.ndarray, " n"]:
    """Where rays enter a box: the last of the three slabs they enter, if before the first they leave."""
    start, along = (origin - box.centre) @ box.rotation, directions @ box.rotation
    sides = np.stack([(-box.half - start) / along, (box.half - start) / along])
    enter, leave = sides.min(0).max(1), sides.max(0).min(1)
    return np.where(enter < leave, enter, np.inf)


def test_depth__of_a_turned_box_is_exact() -> None:
    camera = ahead(1.0)
    forward = camera.rotation[:, 2]
    turn = about(2, 0.5) @ about(0, 0.7) @ about(1, 1.1)
    box = Body(BOX, camera.position + 3 * forward, turn, np.array([0.6, 0.3, 0.9]), GREY)
    rays = camera.rays(Size(96, 128))
    depth = Caster([box]).cast(camera.position, rays).depth
    exact = slab_depth(box, camera.position, rays)
    both = np.isfinite(depth) & np.isfinite(exact)
    assert 0.1 < both.mean() < 0.9
    assert (np.isfinite(depth) == np.isfinite(exact)).mean() > 0.999  # the outline, to a rounding error
    np.testing.assert_allclose(depth[both], exact[both], rtol=1e-5)


def test_depth__of_a_sphere_is_exact() -> None:
    camera = ahead(1.0)
    centre, radius = camera.position + 2 * camera.rotation[:, 2], 0.7
    ball = Body(SPHERE, centre, about(0, 0.3), np.full(3, radius), GREY)
    rays = camera.rays(Size(96, 128))
    depth = Caster([ball]).cast(camera.position, rays).depth
    to = centre - camera.position
    a, b, c = (rays**2).sum(1), rays @ to, to @ to - radius**2
    inside = b * b - a * c
    exact = (b - np.sqrt(np.maximum(inside, 0))) / a
    seen = np.isfinite(depth)
    assert (seen & (inside <= 0)).sum() == 0
    assert (seen == (inside > 0)).mean() > 0.98  # the outline is a polygon
    np.testing.assert_allclose(depth[seen], exact[seen], rtol=1e-6)


@pytest.mark.parametrize("shape", [BOX, PYRAMID, SPHERE, CYLINDER, CONE, BUCKET])
def test_hits__lie_on_the_surface_and_face_the_viewer(shape: Shape) -> None:
    rng = np.random.default_rng(5)
    for _ in range(6):
        turn = about(0, rng.uniform(0, 6)) @ about(1, rng.uniform(0, 6))
        body = Body(shape, np.array([4.0, 1.5, 1.0]), turn, rng.uniform(0.02, 1.2, 3), GREY)
        camera = ahead(1.0)
        rays = camera.rays(Size(48, 64))
        hits = Caster([body]).cast(camera.position, rays)
        seen = hits.body == 0
        points = camera.position + rays[seen] * hits.depth[seen, None]
        local = (points - body.centre) @ body.rotation / body.half
        homogeneous = np.concatenate([local, np.ones((len(local), 1))], 1)
        round_off = np.abs(np.einsum("ni,ij,nj->n", homogeneous, shape.quadric, homogeneous))
        flat_off = np.abs(homogeneous @ shape.planes[~shape.smooth].T)
        off = np.concatenate([flat_off, round_off[:, None]], 1) if shape.smooth.any() else flat_off
        assert off.min(1, initial=np.inf).max(initial=0) < 1e-5
        assert np.abs(local).max(initial=0) < 1 + 1e-5
        np.testing.assert_allclose(np.linalg.norm(hits.normal[seen], axis=1), 1, atol=1e-5)
        assert ((hits.normal[seen] * rays[seen]).sum(1) <= 1e-6).all()


def test_shapes__fill_the_cube_and_their_triangles_point_outwards() -> None:
    for shape in (BOX, PYRAMID, SPHERE, CYLINDER, CONE, BUCKET):
        np.testing.assert_allclose(shape.vertices.max(0), 1, atol=0.02)
        np.testing.assert_allclose(shape.vertices.min(0), -1, atol=0.02)
        assert (shape.planes[:, 3] < 0).all()  # the origin is inside


def test_bar__spans_its_two_ends() -> None:
    start, end = np.array([0.2, 1.0, 0.5]), np.array([-1.0, 2.0, 3.0])
    body = bar(start, end, radius=0.02, material=GREY)
    ends = body.centre + np.outer([-1, 1], body.rotation[:, 2] * body.half[2])
    np.testing.assert_allclose(ends, [start, end], atol=1e-12)
    np.testing.assert_allclose(body.rotation.T @ body.rotation, np.eye(3), atol=1e-12)
    assert np.linalg.det(body.rotation) == pytest.approx(1)


def test_camera__turns_left_looks_up_and_keeps_its_horizon() -> None:
    right, down, forward = aim((0, 0, 1), yaw=0.3, pitch=0.2, roll=0, fov=1).rotation.T
    assert forward[1] > 0
    assert forward[2] == pytest.approx(math.sin(0.2))
    assert right[2] == pytest.approx(0)
    np.testing.assert_allclose(np.cross(right, down), forward, atol=1e-12)


def test_camera__spans_its_field_of_view_over_the_longer_side() -> None:
    camera = ahead()
    for size in (Size(30, 300), Size(300, 30)):
        rays = camera.rays(size)
        first, last = rays[0] / np.linalg.norm(rays[0]), rays[-1] / np.linalg.norm(rays[-1])
        assert math.acos(first @ last) == pytest.approx(camera.fov, rel=0.02)
        np.testing.assert_allclose(rays @ camera.rotation[:, 2], 1)


def test_shade__shows_the_edges_of_the_label() -> None:
    scene, _ = draw_view((3, 0))
    colours = np.random.default_rng(0).random((len(scene.bodies), 3)).astype(np.float32)
    painted = [
        replace(body, material=flat((float(r), float(g), float(b))))
        for body, (r, g, b) in zip(scene.bodies, colours, strict=True)
    ]
    bare = lit(painted, camera=scene.camera)
    caster, rays = Caster(painted), scene.camera.rays(Size(48, 64))
    hits = caster.cast(scene.camera.position, rays)
    light = radiance(
        bare, caster, hits=hits, directions=rays, sample_width=0.02, rng=np.random.default_rng(0)
    )
    seen = hits.body >= 0
    assert len(np.unique(hits.body[seen])) > 3
    np.testing.assert_allclose(light[seen], colours[hits.body[seen]], atol=1e-6)


def test_picture__agrees_with_the_label_away_from_edges() -> None:
    camera, size = ahead(1.0, pitch=-0.1), Size(48, 64)
    forward, aside = camera.position + 3 * camera.rotation[:, 2], np.array([0.0, 0.75, 0.0])
    bodies = [
        stand(BOX, (0, 0, -1), size=(8000, 8000, 1), material=flat((0.8, 0.2, 0.2))),
        Body(BOX, forward + aside, about(2, 0.8), np.full(3, 0.5), flat((0.2, 0.8, 0.2))),
        Body(SPHERE, forward - aside, np.eye(3), np.full(3, 0.6), flat((0.1, 0.2, 0.9))),
    ]
    caster, scene = Caster(bodies), lit(bodies, camera=camera)
    ids = caster.cast(camera.position, camera.rays(size)).body.reshape(size)
    picture = take_picture(scene, caster, size=size, rng=np.random.default_rng(0)).astype(int)
    shifts = [np.roll(ids, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    inner = (np.ptp(np.stack(shifts), axis=0) == 0) & (ids >= 0)
    inner[[0, -1]] = inner[:, [0, -1]] = False
    shown = [np.unique(picture[inner & (ids == body)], axis=0) for body in range(3)]
    assert [len(colours) for colours in shown] == [1, 1, 1]
    assert [int(colours[0].argmax()) for colours in shown] == [0, 1, 2]


def test_sun__throws_a_shadow_opposite_to_itself() -> None:
    camera = aim((0, 0, 6), yaw=0, pitch=-math.pi / 2, roll=0, fov=1.5)
    bodies = [
        stand(BOX, (0, 0, -1), size=(100, 100, 1), material=GREY),
        stand(BOX, (0, 0, 0), size=(1, 1, 2), material=GREY),
    ]
    slope = math.sqrt(0.5)
    sun = Light(at=(slope, 0.0, slope), is_sun=True, colour=(3.0, 3.0, 3.0), radius=0.0)
    caster, rays = Caster(bodies), camera.rays(Size(81, 81))
    hits = caster.cast(camera.position, rays)
    scene = lit(bodies, camera=camera, lights=(sun,))
    light = radiance(
        scene, caster, hits=hits, directions=rays, sample_width=0.02, rng=np.random.default_rng(0)
    )[:, 0]
    points = camera.position + rays * hits.depth[:, None]
    ground = hits.body == 0
    shadow = ground & (np.abs(points[:, 1]) < 0.45) & (points[:, 0] > -2.4) & (points[:, 0] < -0.6)
    bright = ground & ((np.abs(points[:, 1]) > 0.6) | (points[:, 0] > 0.6) | (points[:, 0] < -2.7))
    assert shadow.sum() > 50
    np.testing.assert_allclose(light[shadow], 0.5, atol=1e-5)  # ambient light alone
    np.testing.assert_allclose(light[bright], 0.5 + 0.5 * 3 * slope, atol=1e-4)


def test_lamp__falls_off_with_distance_and_is_not_behind_itself() -> None:
    camera = aim((0, 0, 2.5), yaw=0, pitch=-math.pi / 2, roll=0, fov=1.0)
    floor = stand(BOX, (0, 0, -1), size=(100, 100, 1), material=GREY)
    roof = stand(BOX, (0, 0, 4), size=(100, 100, 1), material=GREY)  # beyond the lamp: shades nothing
    caster, rays = Caster([floor, roof]), camera.rays(Size(3, 3))
    hits = caster.cast(camera.position, rays)
    shown = []
    for height in (1.0, 3.0):
        lamp = Light(at=(0.0, 0.0, height), is_sun=False, colour=(1.0, 1.0, 1.0), radius=0.0)
        scene = lit([floor, roof], camera=camera, lights=(lamp,))
        rng = np.random.default_rng(0)
        shown.append(radiance(scene, caster, hits=hits, directions=rays, sample_width=0.3, rng=rng)[4, 0])
    assert shown[0] - 0.5 == pytest.approx(0.5 / 1.1, rel=0.01)
    assert shown[1] - 0.5 == pytest.approx(0.5 / 9.1, rel=0.01)


@pytest.mark.parametrize("pattern", list(Pattern))
def test_pattern__fades_to_its_mean_where_it_is_finer_than_a_sample(pattern: Pattern) -> None:
    material = Material(
        pattern=pattern, colours=((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), scale=0.5, grain=0.5, angle=0.3
    )
    u, v = np.random.default_rng(0).uniform(0, 100, (2, 20_000)).astype(np.float32)
    near = albedo(material, u, v=v, footprint=np.zeros_like(u))
    far = albedo(material, u, v=v, footprint=np.full_like(u, 5))
    assert np.ptp(far) == 0
    assert far.mean() == pytest.approx(near.mean(), abs=0.06)
    assert near.std() > 0.1 or pattern is Pattern.PLAIN


def test_label__is_finite_and_sky_is_zero_and_valid() -> None:
    skies = 0
    source = ProceduralSource(6, size=SMALL, seed=4)
    for index in range(len(source)):
        sample = source[index]
        assert sample.label is not None
        assert sample.label.space is Space.DISPARITY
        assert sample.label.valid.all()
        assert np.isfinite(sample.label.values).all()
        assert (sample.label.values >= 0).all()
        scene, caster = draw_view((4, index))
        sky = caster.cast(scene.camera.position, scene.camera.rays(SMALL)).body < 0
        np.testing.assert_array_equal(sample.label.values.ravel() == 0, sky)
        skies += int(sky.any())
    assert 0 < skies < 6


def test_picture__is_neither_black_nor_burnt() -> None:
    source = ProceduralSource(8, size=SMALL, seed=7)
    for index in range(8):
        image = source[index].image
        assert 60 < image.mean() < 180
        assert image.std() > 8


def rendered(index: int) -> tuple[bytes, bytes]:
    sample = ProceduralSource(100, size=SMALL, seed=11)[index]
    assert sample.label is not None
    return sample.image.tobytes(), sample.label.values.tobytes()


def test_sample__is_a_function_of_seed_and_index_in_any_thread_or_process() -> None:
    alone = [rendered(index) for index in range(4)]
    assert len({image for image, _ in alone}) == len({label for _, label in alone}) == 4
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(rendered, range(4))) == alone
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as processes:
        assert list(processes.map(rendered, range(4))) == alone
    assert ProceduralSource(1, size=SMALL, seed=12)[0].image.tobytes() != alone[0][0]


def test_size__does_not_change_the_view() -> None:
    small, large = (ProceduralSource(3, size=Size(24 * k, 32 * k), seed=1) for k in (1, 3))
    for index in range(3):
        coarse, fine = small[index].label, large[index].label
        assert coarse is not None
        assert fine is not None
        same = np.isclose(fine.values[1::3, 1::3], coarse.values, rtol=1e-4, atol=1e-7)
        assert same.mean() > 0.995  # a ray through an edge may round to either side


def seen(body: list[int], *, nearest: float = 1.0) -> Hits:
    ids = np.array(body, np.int32)
    depth = np.where(ids < 0, np.inf, nearest)
    return Hits(body=ids, depth=depth, normal=np.zeros((len(ids), 3), np.float32))


def test_redraw__refuses_views_of_one_thing_of_sky_and_from_too_near() -> None:
    assert worth_showing(seen([0] * 60 + [1] * 40))
    assert not worth_showing(seen([0] * 61 + [1] * 39))
    assert worth_showing(seen([-1] * 85 + [1] * 15))
    assert not worth_showing(seen([-1] * 86 + [1] * 14))
    assert not worth_showing(seen([0, 1, 2, 3], nearest=0.14))


def test_redraw__draws_afresh_and_reproducibly(monkeypatch: pytest.MonkeyPatch) -> None:
    first = draw_view((2, 5))[0].camera.position
    refused: list[Hits] = []

    def third_time_lucky(hits: Hits) -> bool:
        refused.append(hits)
        return len(refused) % 3 == 0

    monkeypatch.setattr(source_module, "worth_showing", third_time_lucky)
    again = [draw_view((2, 5))[0].camera.position for _ in range(2)]
    np.testing.assert_array_equal(again[0], again[1])
    assert len(refused) == 6
    assert not np.array_equal(refused[0].depth, refused[1].depth)
    assert not np.array_equal(first, again[0])


def test_source__names_its_samples_and_its_origin() -> None:
    source = ProceduralSource(3, size=SMALL, seed=9)
    assert [source[index].id for index in range(3)] == [f"procedural/9/{index:06d}" for index in range(3)]
    assert source[1].size == SMALL
    assert source.provenance()["seed"] == "9"
    assert source.provenance()["size"] == "24x32"
    assert source.provenance()["licence"] == "Apache-2.0 (generated)"
    for index in (-1, 3):
        with pytest.raises(IndexError, match="of a source of 3"):
            source[index]


@pytest.mark.parametrize(("count", "size"), [(0, SMALL), (1, Size(0, 8)), (1, Size(8, -1))])
def test_source__refuses_empty_sizes(count: int, size: Size) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ProceduralSource(count, size=size)


def test_source__names_the_extra_where_embree_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embreex.rtcore_scene", None)
    with pytest.raises(LeadlineError, match=r"pip install 'leadline\[render\]'"):
        ProceduralSource(1, size=SMALL)[0]
