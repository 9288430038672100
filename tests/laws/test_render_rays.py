"""Laws of shapes and rays: depth in closed form, normals that face the viewer, cameras that obey."""

import math

import numpy as np
import pytest
from jaxtyping import Float64

from leadline.render import shapes
from leadline.render.materials import plain
from leadline.render.raycast import Caster
from leadline.render.scene import Body, Camera, Kind, about, aim, bar, block, put, stand, thing, towards
from leadline.render.shapes import BOX, BUCKET, CONE, CYLINDER, PYRAMID, SLAB, SPHERE, Shape
from leadline.types import Size

SMALL = Size(24, 32)
GREY = plain((0.5, 0.5, 0.5))
GROUND = block((-4000, -4000, -1), (4000, 4000, 0), GREY)


def ahead(height: float = 1.5, *, pitch: float = 0.0, roll: float = 0.0) -> Camera:
    return aim((0, 0, height), yaw=0.4, pitch=pitch, roll=roll, fov=1.1)


def caster(*bodies: Body) -> Caster:
    """Each body as a thing of its own."""
    return Caster([thing(Kind.OBJECT, [body]) for body in bodies])


def cast(bodies: Caster, camera: Camera, size: Size) -> tuple[Float64[np.ndarray, " n"], np.ndarray]:
    """Depth and normals."""
    hits, normals = bodies.cast_exactly(camera.position, camera.rays(size))
    return hits.depth, normals


def test_depth__of_a_plane_is_exact_to_the_horizon() -> None:
    camera = ahead(1.5, pitch=-0.3, roll=0.05)
    rays = camera.rays(Size(96, 128))
    depth, normals = cast(caster(GROUND), camera, Size(96, 128))
    exact = -1.5 / rays[:, 2]
    seen = (exact > 0) & (np.abs(rays[:, :2] * exact[:, None]).max(1) < 4000)
    assert seen.mean() > 0.5
    np.testing.assert_array_equal(np.isfinite(depth), seen)
    np.testing.assert_allclose(depth[seen], exact[seen], rtol=1e-5)
    np.testing.assert_allclose(normals[seen], np.tile([0, 0, 1], (seen.sum(), 1)), atol=1e-6)
    assert (normals[~seen] == 0).all()


def test_depth__is_along_the_optical_axis() -> None:
    camera = aim((0, 0, 1), yaw=0, pitch=0, roll=0.2, fov=1.4)
    wall = stand(BOX, (3.5, 0, -50), size=(1, 100, 100), material=GREY)
    np.testing.assert_allclose(cast(caster(wall), camera, SMALL)[0], 3, rtol=1e-6)


def test_hits__do_not_slip_through_the_seams_of_the_ground() -> None:
    for yaw in (0.0, math.pi / 4):  # the seams run along the middle column
        camera = aim((0, 0, 1.5), yaw=yaw, pitch=-1.0, roll=0.0, fov=1.0)
        depth, _ = cast(caster(GROUND), camera, Size(301, 401))
        np.testing.assert_allclose(depth, -1.5 / camera.rays(Size(301, 401))[:, 2], rtol=1e-5)


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
    turn = about(2, 0.5) @ about(0, 0.7) @ about(1, 1.1)
    box = put(BOX, camera.position + 3 * camera.rotation[:, 2], GREY, half=(0.6, 0.3, 0.9), turn=turn)
    depth, _ = cast(caster(box), camera, Size(96, 128))
    exact = slab_depth(box, camera.position, camera.rays(Size(96, 128)))
    both = np.isfinite(depth) & np.isfinite(exact)
    assert 0.1 < both.mean() < 0.9
    assert (np.isfinite(depth) == np.isfinite(exact)).mean() > 0.999  # the outline, to a rounding error
    np.testing.assert_allclose(depth[both], exact[both], rtol=1e-5)


def test_depth__of_a_sphere_is_exact() -> None:
    camera = ahead(1.0)
    centre, radius = camera.position + 2 * camera.rotation[:, 2], 0.7
    sphere = put(SPHERE, centre, GREY, half=(radius,) * 3, turn=about(0, 0.3))
    depth, normals = cast(caster(sphere), camera, Size(96, 128))
    rays, to = camera.rays(Size(96, 128)), centre - camera.position
    a, b, c = (rays**2).sum(1), rays @ to, to @ to - radius**2
    inside = b * b - a * c
    exact = (b - np.sqrt(np.maximum(inside, 0))) / a
    seen = np.isfinite(depth)
    assert (seen & (inside <= 0)).sum() == 0
    assert (seen == (inside > 0)).mean() > 0.98  # the outline is a polygon
    np.testing.assert_allclose(depth[seen], exact[seen], rtol=1e-6)
    outwards = (rays[seen] * depth[seen, None] - to) / radius
    np.testing.assert_allclose(normals[seen], outwards, atol=1e-5)


@pytest.mark.parametrize("shape", [SPHERE, CYLINDER, CONE, BUCKET])
def test_hits__lie_on_the_surface_and_face_the_viewer(shape: Shape) -> None:
    rng = np.random.default_rng(5)
    assert shape.quadric is not None
    for _ in range(6):
        turn = about(0, rng.uniform(0, 6)) @ about(1, rng.uniform(0, 6))
        body = put(shape, (4.0, 1.5, 1.0), GREY, half=rng.uniform(0.02, 1.2, 3), turn=turn)
        camera, size = ahead(1.0), Size(48, 64)
        rays = camera.rays(size)
        depth, normals = cast(caster(body), camera, size)
        seen = np.isfinite(depth)
        local = (camera.position + rays[seen] * depth[seen, None] - body.centre) @ body.rotation / body.half
        homogeneous = np.concatenate([local, np.ones((len(local), 1))], 1)
        off_round = np.abs(np.einsum("ni,ij,nj->n", homogeneous, shape.quadric, homogeneous))
        off_lid = np.abs(np.abs(local[:, 2]) - 1)
        assert np.minimum(off_round, off_lid).max(initial=0) < 1e-5
        assert np.abs(local).max(initial=0) < 1 + 1e-5
        np.testing.assert_allclose(np.linalg.norm(normals[seen], axis=1), 1, atol=1e-5)
        assert ((normals[seen] * rays[seen]).sum(1) <= 1e-6).all()


SOLIDS = [BOX, PYRAMID, SPHERE, CYLINDER, CONE, BUCKET, SLAB, shapes.CUSHION, shapes.BAR]


@pytest.mark.parametrize("shape", SOLIDS)
def test_solids__fill_the_cube(shape: Shape) -> None:
    np.testing.assert_allclose(shape.bounds, [[-1] * 3, [1] * 3], atol=0.06)


def outside_in(shape: Shape) -> tuple[Float64[np.ndarray, "t 3"], Float64[np.ndarray, "t 3"]]:
    """Face normals by the order of corners, and centres of triangles."""
    corners = shape.vertices[shape.triangles]
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), corners.mean(1)


@pytest.mark.parametrize("shape", [*SOLIDS, shapes.rock(np.random.default_rng(0))])
def test_solids__turn_their_triangles_and_normals_outwards(shape: Shape) -> None:
    faces, centres = outside_in(shape)
    assert ((faces * centres).sum(1) > 0).all()
    assert (np.einsum("tj,tkj->tk", faces, shape.normals) > 0).all()


@pytest.mark.parametrize(
    "shape",
    [
        shapes.lathe([(0, 0), (0.5, 0), (0.3, 1), (0, 1)]),
        shapes.tube(np.array([[0, 0, 0], [0.2, 0, 1], [1, 0, 1.5]]), np.array([0.1, 0.2, 0.05])),
        shapes.prism([(-1, -1), (1, -1), (0, 1)]),
        SLAB,
        SPHERE,
    ],
)
def test_closed_shapes__enclose_a_positive_volume_without_a_gap(shape: Shape) -> None:
    faces, centres = outside_in(shape)
    assert (faces * centres).sum() / 6 > 0  # divergence theorem: negative if turned inside out
    np.testing.assert_allclose(faces.sum(0), 0, atol=1e-9 + 1e-6 * np.abs(faces).sum())


def test_normals__of_smooth_shapes_are_shared_by_neighbours() -> None:
    shape = shapes.lathe([(0.2, 0), (0.5, 0.5), (0.2, 1)])
    places = np.round(shape.vertices[shape.triangles].reshape(-1, 3), 6)
    _, same = np.unique(places, axis=0, return_inverse=True)
    normals = shape.normals.reshape(-1, 3)
    first = np.zeros((same.max() + 1, 3))
    first[same.ravel()] = normals
    np.testing.assert_allclose(first[same.ravel()], normals, atol=1e-6)


def test_exact_normals__are_those_of_the_surface_whose_depth_is_told() -> None:
    size = Size(60, 80)
    body = put(shapes.lathe([(0.2, 0), (0.5, 0.5), (0.2, 1)]), (3.0, 1.3, 1.0), GREY)
    bodies, camera = caster(body), ahead(1.5)
    rays = camera.rays(size)
    hits, normals = bodies.cast_exactly(camera.position, rays)
    seen = hits.triangle >= 0
    assert seen.sum() > 100
    a, b, c = np.moveaxis(bodies.mesh.corners[hits.triangle[seen]].astype(float), 1, 0)
    for side in (b - a, c - a):
        np.testing.assert_allclose(np.einsum("nj,nj->n", normals[seen], side), 0, atol=1e-6)
    assert (np.einsum("nj,nj->n", normals[seen], rays[seen]) < 0).all()


def test_bar__spans_its_two_ends() -> None:
    start, end = np.array([0.2, 1.0, 0.5]), np.array([-1.0, 2.0, 3.0])
    body = bar(start, end, radius=0.02, material=GREY)
    ends = body.centre + np.outer([-1, 1], body.rotation[:, 2] * body.half[2])
    np.testing.assert_allclose(ends, [start, end], atol=1e-12)
    np.testing.assert_allclose(body.rotation.T @ body.rotation, np.eye(3), atol=1e-12)
    assert np.linalg.det(body.rotation) == pytest.approx(1)
    np.testing.assert_allclose(towards((0, 0, -2)) @ [0, 0, 1], [0, 0, -1], atol=1e-12)


def test_bounds__hold_every_corner_of_a_turned_body() -> None:
    turn = about(0, 0.7) @ about(2, 1.9)
    body = put(SPHERE, (1.0, 2.0, 3.0), GREY, half=(0.5, 0.2, 1.0), turn=turn)
    vertices = SPHERE.vertices * body.half @ turn.T + body.centre
    low, high = body.bounds()
    assert (vertices >= low).all()
    assert (vertices <= high).all()
    moved = thing(Kind.OBJECT, [body]).moved((5, 0, 0), yaw=math.pi / 2)
    np.testing.assert_allclose(moved.bodies[0].centre, [3, 1, 3], atol=1e-12)


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


def test_focal_length__projects_points_to_the_pixels_whose_rays_meet_them() -> None:
    camera, size = ahead(roll=0.1, pitch=0.2), Size(30, 40)
    x, y, z = (camera.rays(size) @ camera.rotation).T
    column, row = camera.focal(size) * x / z + size.w / 2, camera.focal(size) * y / z + size.h / 2
    np.testing.assert_allclose(column.reshape(size), np.tile(np.arange(40) + 0.5, (30, 1)), atol=1e-9)
    np.testing.assert_allclose(row.reshape(size), np.tile(np.arange(30) + 0.5, (40, 1)).T, atol=1e-9)
