"""Laws of the fast shading: shadows, lamps, mirrors, glass, textures, and pictures that agree with labels."""

import math
from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import Float32

from leadline.render.labels import label_view
from leadline.render.light import directions_around, lit_by, look_around, panorama, read_panorama, sky_light
from leadline.render.materials import (
    PATTERNS,
    SIDE,
    Colour,
    Finish,
    Material,
    Pattern,
    look_up,
    pattern_maps,
    plain,
    pyramid,
)
from leadline.render.picture import _alike, take_picture
from leadline.render.raycast import Caster
from leadline.render.scene import Body, Camera, Kind, Lamp, Scene, Sky, Vantage, aim, block, put, thing
from leadline.render.shading import Shader, Surface, _fresnel
from leadline.render.shapes import BOX, SPHERE
from leadline.types import LeadlineError, Size

DARK = Sky(
    sun=(0.0, 0.0, 1.0),
    sunlight=(0.0, 0.0, 0.0),
    sun_radius=0.001,
    horizon=(0.0, 0.0, 0.0),
    zenith=(0.0, 0.0, 0.0),
    cloudiness=1.0,
    cloud_seed=0.0,
)
WHITE_OUT = np.ones((96, 192, 3), np.float32)
"""The same light from everywhere: what is open to it looks as bright as it is white."""


def matte(*colour: float) -> Material:
    return plain(colour, grain=0.0)  # type: ignore[arg-type]


def scene(
    *bodies: Body, sky: Sky = DARK, lamps: tuple[Lamp, ...] = (), **more: object
) -> tuple[Scene, Caster]:
    """A scene in which every body is a thing of its own, and nothing hands on light."""
    things = tuple(thing(Kind.OBJECT, [body]) for body in bodies)
    view = Vantage(eyes=((0, 0, 0), (0, 0, 0)), targets=((0, 0, 0), (0, 0, 0)), close=0)
    made = Scene(
        layout="test",
        things=things,
        sky=sky,
        lamps=lamps,
        vantage=view,
        fill=(1e-9, 1e-9, 1e-9),
        **more,  # type: ignore[arg-type]
    )
    return made, Caster(things)


def photograph(made: tuple[Scene, Caster], camera: Camera, size: Size) -> Float32[np.ndarray, "h w 3"]:
    return take_picture(*made, camera, size=size, rng=np.random.default_rng(0))


DOWN = aim((0, 0, 6), yaw=0, pitch=-math.pi / 2, roll=0, fov=1.5)
FLOOR = block((-50, -50, -1), (50, 50, 0), matte(0.5, 0.5, 0.5))


def test_sun__throws_a_shadow_opposite_to_itself() -> None:
    slope = math.sqrt(0.5)
    sky = replace(DARK, sun=(slope, 0.0, slope), sunlight=(3.0, 3.0, 3.0), sun_radius=0.0)
    made = scene(FLOOR, block((-0.5, -0.5, 0), (0.5, 0.5, 2), matte(0.5, 0.5, 0.5)), sky=sky)
    size = Size(81, 81)
    light = photograph(made, DOWN, size)[..., 0].ravel()
    truth = label_view(*made, DOWN, size=size)
    points = DOWN.position + DOWN.rays(size) / truth.disparity.reshape(-1, 1)
    ground = truth.things.ravel() == 1
    shadow = ground & (np.abs(points[:, 1]) < 0.3) & (points[:, 0] > -2.2) & (points[:, 0] < -0.8)
    bright = ground & ((np.abs(points[:, 1]) > 0.8) | (points[:, 0] > 0.8) | (points[:, 0] < -2.9))
    assert shadow.sum() > 40
    np.testing.assert_allclose(light[shadow], 0, atol=1e-5)
    np.testing.assert_allclose(light[bright], 0.5 * 3 * slope, rtol=1e-3)


def test_lamp__falls_off_with_distance_and_shines_through_glass_alone() -> None:
    shown = {}
    for height in (1.0, 3.0):
        lamp = Lamp(at=(0.0, 0.0, height), half=(1e-4, 1e-4, 1e-4), colour=(1.0, 1.0, 1.0))
        for roof in (None, Finish.PANE, Finish.MATTE):
            cover = (
                [block((-9, -9, 0.5), (9, 9, 0.51), replace(matte(1, 1, 1), finish=roof))]
                if roof is not None
                else []
            )
            made = scene(FLOOR, *cover, lamps=(lamp,))
            shader = Shader(*made)
            below = np.array([[0, 0, 0.4]], np.float32)
            hits = made[1].cast(below, np.array([[0, 0, -1]], np.float32))
            surface = shader.surface(
                hits, below, np.array([[0, 0, -1]], np.float32), spread=np.full(1, 0.01, np.float32)
            )
            shown[height, roof] = float(shader.lamplight(surface, rng=np.random.default_rng(0))[0, 0])
    assert shown[1.0, None] == pytest.approx(1 / 1.05, rel=1e-3)
    assert shown[3.0, None] == pytest.approx(1 / 9.05, rel=1e-3)
    assert shown[1.0, Finish.PANE] == pytest.approx(shown[1.0, None], rel=1e-3)
    assert shown[1.0, Finish.MATTE] == 0


def test_panel__shines_downwards_only() -> None:
    lamp = Lamp(at=(0.0, 0.0, 1.0), half=(0.1, 0.1, 0.0), colour=(1.0, 1.0, 1.0), panel=True)
    made = scene(FLOOR, block((-5, -5, 3), (5, 5, 4), matte(0.5, 0.5, 0.5)), lamps=(lamp,))
    floor = photograph(made, aim((0, 0, 0.9), yaw=0, pitch=-math.pi / 2, roll=0, fov=1.0), Size(8, 8))
    ceiling = photograph(made, aim((0, 0, 1.1), yaw=0, pitch=math.pi / 2, roll=0, fov=1.0), Size(8, 8))
    assert floor.mean() > 0.3
    assert ceiling.max() < 1e-6


def test_light_from_around__is_full_in_the_open_and_half_beside_a_wall() -> None:
    sky = replace(DARK, panorama=WHITE_OUT)
    wall = block((0, -500, 0), (1, 500, 500), matte(1e-6, 1e-6, 1e-6))
    camera = aim((-0.02, 0, 5), yaw=0, pitch=-math.pi / 2, roll=0, fov=0.001)
    beside, open_air = (
        photograph(scene(*bodies, sky=sky), camera, Size(48, 48)).mean()
        for bodies in ((FLOOR, wall), (FLOOR,))
    )
    assert open_air == pytest.approx(0.5, rel=1e-3)
    assert beside == pytest.approx(0.25, rel=0.05)


def mirror_scene(finish: Finish, tint: Colour = (1.0, 1.0, 1.0)) -> Float32[np.ndarray, "h w 3"]:
    """Look straight at a sheet; behind the camera is a red wall, behind the sheet a green one."""
    glow = {"finish": Finish.LIGHT, "grain": 0.0}
    made = scene(
        block((2, -50, -50), (2.01, 50, 50), plain(tint, finish=finish, grain=0.0, roughness=0.0)),
        block((-9, -50, -50), (-8, 50, 50), plain((1.0, 0.0, 0.0), **glow)),
        block((8, -50, -50), (9, 50, 50), plain((0.0, 1.0, 0.0), **glow)),
    )
    return photograph(made, aim((0, 0, 0), yaw=0, pitch=0, roll=0, fov=0.3), Size(6, 8))


def test_mirror__shows_what_is_behind_the_camera() -> None:
    np.testing.assert_allclose(
        mirror_scene(Finish.MIRROR, (0.9, 0.9, 0.9)).mean((0, 1)), [0.9, 0, 0], atol=1e-3
    )
    np.testing.assert_allclose(
        mirror_scene(Finish.METAL, (0.5, 0.9, 0.9)).mean((0, 1)), [0.5, 0, 0], atol=1e-3
    )


def test_pane__shows_what_is_behind_it_and_mirrors_a_little() -> None:
    red, green, blue = mirror_scene(Finish.PANE, (0.8, 0.8, 0.8)).mean((0, 1))
    assert green == pytest.approx(0.8**2 * 0.96**2, rel=0.05)  # a sheet has two sides
    assert 0.03 < red < 0.08
    assert blue == pytest.approx(0, abs=1e-6)


def test_fresnel__is_schlicks() -> None:
    found = _fresnel(np.array([1, 0.5, 0], np.float32))
    np.testing.assert_allclose(found, [0.04, 0.04 + 0.96 / 32, 1], rtol=1e-6)


def test_haze__hides_two_thirds_at_its_distance() -> None:
    sky = replace(DARK, horizon=(1.0, 1.0, 1.0))
    wall = block((10, -50, -50), (11, 50, 50), matte(0, 0, 0))
    camera = aim((0, 0, 0), yaw=0, pitch=0, roll=0, fov=0.2)
    light = photograph(scene(wall, sky=sky, haze=10.0), camera, Size(6, 8))
    np.testing.assert_allclose(light, 1 - math.exp(-1), rtol=1e-3)


def test_picture__shows_the_edges_of_the_label() -> None:
    """Every body shines in a colour of its own, so the picture must be the label's map of things."""
    colours = np.random.default_rng(3).random((7, 3)).astype(np.float32) * 0.9 + 0.05
    glow = [plain(tuple(c.tolist()), finish=Finish.LIGHT, grain=0.0) for c in colours]
    bodies = [block((-90, -90, -1), (90, 90, 0), glow[0])]
    bodies += [
        put((BOX, SPHERE)[i % 2], (4 + i, i - 3.0, 0.9), glow[i], half=(0.5, 0.4, 0.9)) for i in range(1, 6)
    ]
    bodies.append(block((5, -4, 1.4), (5.02, 4, 1.48), glow[6]))  # thin as a wire
    made, camera, size = scene(*bodies), aim((0, 0, 1.5), yaw=0, pitch=-0.1, roll=0, fov=1.2), Size(96, 128)
    things = label_view(*made, camera, size=size).things
    assert len(np.unique(things)) == 8
    padded = np.pad(things, 1, mode="edge")
    shifts = [padded[1 + y : 97 + y, 1 + x : 129 + x] for y in (-1, 0, 1) for x in (-1, 0, 1)]
    inner = (np.ptp(np.stack(shifts), axis=0) == 0) & (things > 0)
    light = photograph(made, camera, size)
    assert inner.mean() > 0.4
    np.testing.assert_allclose(light[inner], colours[things[inner] - 1], atol=1e-5)


def test_alike__are_points_of_one_body_on_about_one_side() -> None:
    normals = np.array([[0, 0, 1], [0, 0.3, 0.954], [0, 1, 0], [0, 0, 1], [0, 0, 1]], np.float32)
    nothing = np.zeros_like(normals)
    surface = Surface(
        points=nothing,
        beyond=nothing,
        normals=normals,
        to_eye=nothing,
        colour=nothing,
        finish=np.zeros(5, np.int8),
        roughness=np.zeros(5, np.float32),
        body=np.array([0, 0, 0, 1, 0], np.int32),
    )
    here, there = np.zeros(5, np.int32), np.array([0, 1, 2, 3, -1], np.int32)
    assert _alike(surface, here, surface, there)[:, 0].tolist() == [True, True, False, False, False]


def test_wire__thinner_than_a_pixel_leaves_a_trace() -> None:
    wire = block((5, -4, 1.498), (5.004, 4, 1.502), plain((1.0, 1.0, 1.0), finish=Finish.LIGHT, grain=0.0))
    light = photograph(scene(wire), aim((0, 0, 1.48), yaw=0, pitch=0, roll=0, fov=1.0), Size(96, 128))
    assert (light.max((0, 2)) > 0).mean() > 0.2


@pytest.mark.parametrize("pattern", list(Pattern))
def test_pattern__fades_to_its_mean_where_it_is_finer_than_a_sample(pattern: Pattern) -> None:
    u, v = np.random.default_rng(0).uniform(0, 100, (2, 20_000)).astype(np.float32)
    index = np.full(len(u), PATTERNS.index(pattern), np.int32)
    maps = pattern_maps()
    joined = pyramid(maps)

    def read(blur: float) -> Float32[np.ndarray, " n"]:
        return look_up(joined, len(maps), index=index, u=u, v=v, blur=np.full_like(u, blur))

    near, far = read(0.0), read(5.0)
    assert np.ptp(far) == pytest.approx(0, abs=1e-6)
    assert far.mean() == pytest.approx(near.mean(), abs=0.02)
    assert near.std() > 0.05 or pattern is Pattern.PLAIN


def test_look_up__finds_texels_and_repeats() -> None:
    maps = np.random.default_rng(0).random((3, SIDE, SIDE, 3)).astype(np.float32)
    row, column = np.array([0, 17, 255]), np.array([255, 3, 128])
    u, v = ((column + 0.5) / SIDE + 7).astype(np.float32), ((row + 0.5) / SIDE - 2).astype(np.float32)
    index = np.array([2, 0, 1], np.int32)
    found = look_up(pyramid(maps), 3, index=index, u=u, v=v, blur=np.zeros(3, np.float32))
    np.testing.assert_allclose(found, maps[index, row, column], atol=2e-3)
    between = u + np.float32(0.5 / SIDE), v + np.float32(0.5 / SIDE)
    found = look_up(pyramid(maps), 3, index=index, u=between[0], v=between[1], blur=np.zeros(3, np.float32))
    corners = [maps[index, (row + y) % SIDE, (column + x) % SIDE] for y in (0, 1) for x in (0, 1)]
    np.testing.assert_allclose(found, np.mean(corners, axis=0), atol=2e-3)


def test_photograph__hangs_upright_and_not_mirrored() -> None:
    picture = np.zeros((1, SIDE, SIDE, 3), np.float32)
    picture[0, : SIDE // 2, : SIDE // 2] = [1, 0, 0]  # red is at the upper left
    look = Material(pattern=0, colours=((1, 1, 1), (1, 1, 1)), scale=2.0, grain=0.0)
    # Seen along +y, as everything hung on a wall is: left is -x.
    made = scene(
        block((-1, 3, -1), (1, 3.1, 1), look), sky=replace(DARK, panorama=WHITE_OUT), photographs=picture
    )
    light = photograph(made, aim((0, 0, 0), yaw=math.pi / 2, pitch=0, roll=0, fov=0.6), Size(32, 32))
    means = [float(part[..., 0].mean()) for half in np.split(light, 2) for part in np.split(half, 2, axis=1)]
    assert means[0] > 0.5
    assert max(means[1:]) < 0.1


def test_panorama__is_read_where_it_lies() -> None:
    around = directions_around().reshape(96, 192, 3) + 2
    ways = np.random.default_rng(0).normal(size=(200, 3))
    unit = ways / np.linalg.norm(ways, axis=1, keepdims=True)
    np.testing.assert_allclose(look_around(around, ways) - 2, unit, atol=0.03)
    assert around[0, 0, 2] > 2.9  # its upper edge is the zenith


def test_sky__drawn_and_as_a_panorama_agree_above_the_horizon() -> None:
    sky = replace(DARK, horizon=(1.0, 0.9, 0.8), zenith=(0.1, 0.2, 0.5), cloudiness=0.5)
    ways = directions_around()[: 40 * 192]
    np.testing.assert_allclose(look_around(panorama(sky), ways), sky_light(sky, ways), atol=1e-5)


def test_lit_by__turns_the_brightest_spot_into_the_sun() -> None:
    measured = np.full((96, 192, 3), 0.5, np.float32)
    measured[20:22, 100:102] = 4000
    sky = lit_by(DARK, measured, turn=0.0)
    expected = directions_around().reshape(96, 192, 3)[21, 101]
    assert np.asarray(sky.sun) @ expected > 0.999
    assert min(sky.sunlight) > 0.5
    assert sky.panorama is not None
    assert sky.panorama.max() <= 12


def test_read_panorama__refuses_what_is_no_radiance_picture(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "sky.hdr"
    for content in (b"", b"#?RADIANCE\nnonsense", b"\x89PNG"):
        path.write_bytes(content)
        with pytest.raises(LeadlineError, match=r"sky.hdr cannot be read as an environment"):
            read_panorama(path)
