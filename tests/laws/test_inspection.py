"""Every mistake that people make with data is found, and none is found where there is none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import pytest

from leadline.data.findings import Finding, find
from leadline.data.inspection import Facts, inspect_sample, jumps
from leadline.types import Camera, Label, Sample, Size, Space

SIZE = Size(144, 192)
CAMERA = Camera(fx=160, fy=160, cx=95.5, cy=40.5)


def room(seed: int, *, open_air: bool = False, camera: Camera = CAMERA) -> Sample:
    """Look into a room, or at open ground, with boxes in it: exact depth, and a picture of flat colours."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: SIZE.h, : SIZE.w]
    x, y = (columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy
    with np.errstate(divide="ignore"):
        planes = [np.where(y > 0, rng.uniform(1, 2) / y, np.inf)]
        if not open_air:
            side, turn = rng.uniform(1.5, 3), rng.uniform(-0.5, 0.5)
            planes += [np.where(y < 0, -rng.uniform(1, 1.5) / y, np.inf)]
            planes += [np.where(1 + turn * x > 0, rng.uniform(4, 6) / (1 + turn * x), np.inf)]
            planes += [np.where(x > 0, side / x, np.inf), np.where(x < 0, -side / x, np.inf)]
    depth, surface = np.min(planes, axis=0), np.argmin(planes, axis=0)
    for number in range(4):
        near = rng.uniform(1.2, 3)
        top, left = rng.integers(40, 100), rng.integers(0, SIZE.w - 40)
        box = (slice(top, top + 40), slice(left, left + 36))
        front = near * (1 + rng.uniform(-0.3, 0.3) * x[box] + rng.uniform(-0.2, 0.2) * y[box])
        closer = front < depth[box]
        depth[box] = np.where(closer, front, depth[box])
        surface[box] = np.where(closer, 10 + number, surface[box])
    sky = ~np.isfinite(depth)
    surface = np.where(sky, 20, surface)
    colours = rng.integers(40, 215, (21, 3))
    image = np.clip(colours[surface] + rng.normal(0, 3, (*SIZE, 3)), 0, 255).astype(np.uint8)
    label = Label(values=depth.astype(np.float32), valid=np.ones(SIZE, bool), space=Space.DEPTH)
    return Sample(image=image, label=label, id=f"rooms/{seed}", camera=camera)


@pytest.fixture(scope="module")
def rooms() -> list[Sample]:
    return [room(seed, open_air=seed % 3 == 2) for seed in range(6)]


def label_of(sample: Sample) -> Label:
    assert sample.label is not None
    return sample.label


def with_values(
    change: Callable[[np.ndarray], np.ndarray], *, space: Space | None = None
) -> Callable[[Sample], Sample]:
    """Read the label otherwise; sky is left out, which most mistakes have no number for."""

    def changed(sample: Sample) -> Sample:
        label = label_of(sample)
        finite = np.isfinite(label.values) & label.valid
        values = change(np.where(finite, label.values, 1).astype(np.float64)).astype(np.float32)
        wrong = Label(values=values, valid=finite, space=space or label.space)
        return replace(sample, label=wrong)

    return changed


def disparity(sample: Sample) -> Sample:
    label = label_of(sample)
    values = (1 / label.values).astype(np.float32)
    return replace(sample, label=Label(values=values, valid=label.valid, space=Space.DISPARITY))


def slant(camera: Camera = CAMERA) -> Any:
    rows, columns = np.mgrid[: SIZE.h, : SIZE.w]
    x, y = (columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy
    return np.sqrt(1 + x * x + y * y)


def moved(sample: Sample) -> Sample:
    label = label_of(sample)
    return replace(sample, label=replace(label, values=np.roll(label.values, (3, -6), (0, 1))))


def masked(sample: Sample, *, by: int) -> Sample:
    """Mask the boxes and the sky, but with the mask beside them."""
    label = label_of(sample)
    mask = label.values > 3.2
    return replace(sample, label=replace(label, valid=np.roll(mask, (0, by), (0, 1))))


def marker(number: float) -> Callable[[Sample], Sample]:
    def changed(sample: Sample) -> Sample:
        label = label_of(sample)
        return replace(
            sample, label=replace(label, values=np.where(label.values > 5, np.float32(number), label.values))
        )

    return changed


def grey(values: np.ndarray) -> Any:
    return np.round(255 * (values - values.min()) / np.ptp(values))


def look(samples: Sequence[Sample], unreadable: Sequence[str] = ()) -> list[Finding]:
    return find([inspect_sample(sample) for sample in samples], unreadable)


def kinds(samples: Sequence[Sample]) -> list[str]:
    return [finding.kind for finding in look(samples)]


@dataclass(frozen=True)
class Mistake:
    change: Callable[[Sample], Sample]
    says: str
    mends: str


AFFINE, DISPARITY = Space.AFFINE_DISPARITY, Space.DISPARITY
MISTAKES: dict[tuple[str, str], Mistake] = {
    ("unit", "mm"): Mistake(
        with_values(lambda v: 1000 * v), "millimetres read as metres", "multiply scale by 0.001"
    ),
    ("unit", "cm"): Mistake(
        with_values(lambda v: 100 * v), "centimetres read as metres", "multiply scale by 0.01"
    ),
    ("unit", "m / 1000"): Mistake(
        with_values(lambda v: v / 1000), "metres read as millimetres", "multiply scale by 1000"
    ),
    ("unit", "m / 100"): Mistake(
        with_values(lambda v: v / 100), "metres read as centimetres", "multiply scale by 100"
    ),
    ("unit", "1 / mm"): Mistake(
        with_values(lambda v: 0.001 / v, space=DISPARITY),
        "millimetres read as metres",
        "multiply scale by 1000",
    ),
    ("space", "disparity as depth"): Mistake(
        with_values(lambda v: 1 / v), "it says depth", "read it with space=disparity"
    ),
    ("space", "depth as disparity"): Mistake(
        with_values(lambda v: v, space=DISPARITY), "it says disparity", "read it with space=depth"
    ),
    ("space", "depth as affine"): Mistake(
        with_values(lambda v: v, space=AFFINE), "it says affine_disparity", "read it with space=depth"
    ),
    ("inverted", "depth"): Mistake(
        with_values(lambda v: 1 / (1.2 / v.min() - 1 / v)),
        "what is lower in the picture is farther",
        "read it as disparity",
    ),
    ("inverted", "disparity"): Mistake(
        with_values(lambda v: 1.2 / v.min() - 1 / v, space=DISPARITY), "what is lower", "read it as depth"
    ),
    ("inverted", "affine"): Mistake(
        with_values(lambda v: -1 / v, space=AFFINE), "what is lower", "read it as depth"
    ),
    ("negated", "depth"): Mistake(
        with_values(lambda v: 1.2 / v.min() - 1 / v), "turned over", "undo the turning over"
    ),
    ("distance", "depth"): Mistake(
        with_values(lambda v: v * slant()), "distance along the ray", "divide it by"
    ),
    ("distance", "disparity"): Mistake(
        with_values(lambda v: 1 / (v * slant()), space=DISPARITY), "distance along the ray", "divide it by"
    ),
    ("twice", "depth"): Mistake(
        with_values(lambda v: v / slant()), "converted from distance all the same", "leave the conversion"
    ),
    ("8-bit", "depth"): Mistake(
        with_values(lambda v: grey(np.minimum(v, 10)) * 10 / 255 + 0.1),
        "at most 256 different numbers",
        "16 bit",
    ),
    ("8-bit", "affine"): Mistake(with_values(lambda v: grey(1 / v), space=AFFINE), "at most 256", "16 bit"),
    ("plateau", "sky"): Mistake(marker(655.35), "their largest number, 655.35", "as invalid"),
    ("plateau", "negative marker"): Mistake(
        with_values(lambda v: np.where(v > 5, -255, -5 * v), space=AFFINE),
        "their smallest number, -255:",
        "as sky",
    ),
    ("plateau", "zero"): Mistake(
        lambda sample: with_values(lambda v: 1 / v + 1, space=AFFINE)(marker(1e9)(sample)),
        "their smallest number, 1:",
        "or as sky",
    ),
    ("shifted", "label"): Mistake(moved, "moved by about -3 rows and 6 columns", "pair them again"),
    ("shifted-mask", "mask"): Mistake(
        lambda sample: masked(sample, by=5), "edges of the mask fit", "the mask was cropped"
    ),
    ("empty", "nothing valid"): Mistake(
        lambda sample: replace(sample, label=replace(label_of(sample), valid=np.zeros(SIZE, bool))),
        "6 of 6 labels have no valid pixel",
        "invalid=",
    ),
    ("empty", "constant"): Mistake(with_values(np.ones_like), "or one number throughout", "invalid="),
    ("impossible", "nan"): Mistake(
        lambda s: replace(
            s,
            label=replace(
                label_of(s), values=np.where(np.eye(*SIZE) > 0, np.float32(np.nan), label_of(s).values)
            ),
        ),
        "144 pixels of rooms/0",
        "mark them invalid",
    ),
    ("impossible", "negative"): Mistake(
        with_values(lambda v: np.where(np.eye(*SIZE) > 0, -1, 1 / v), space=DISPARITY),
        "below 0",
        "mark them invalid",
    ),
}


@pytest.mark.parametrize(("kind", "case"), MISTAKES, ids=lambda part: str(part).replace(" ", "-"))
def test_find__names_a_mistake_with_a_sentence_and_the_mending(
    rooms: list[Sample], kind: str, case: str
) -> None:
    mistake = MISTAKES[kind, case]
    found = {finding.kind: finding for finding in look([mistake.change(sample) for sample in rooms])}
    assert kind in found, list(found)
    assert mistake.says in found[kind].what
    assert mistake.mends in found[kind].fix


@pytest.mark.parametrize(
    "reading",
    [
        lambda sample: sample,
        lambda sample: replace(sample, camera=None),
        disparity,
        with_values(lambda v: 3 / v + 7, space=AFFINE),
        lambda sample: masked(sample, by=0),
        with_values(lambda v: v * np.random.default_rng(0).normal(1, 0.01, v.shape)),  # a noisy sensor
        with_values(lambda v: np.round(v, 3)),  # 16 bit of millimetres
        lambda sample: replace(sample, label=None),
    ],
    ids=["depth", "no camera", "disparity", "affine", "masked", "noise", "millimetres", "no label"],
)
def test_find__is_silent_where_nothing_is_wrong(
    rooms: list[Sample], reading: Callable[[Sample], Sample]
) -> None:
    assert kinds([reading(sample) for sample in rooms]) == []


@pytest.mark.parametrize("share", [0.1, 0.02])
def test_find__is_silent_about_sparse_labels(rooms: list[Sample], share: float) -> None:
    rng = np.random.default_rng(0)
    sparse = [
        replace(sample, label=replace(label_of(sample), valid=rng.random(SIZE) < share)) for sample in rooms
    ]
    assert kinds(sparse) == []


def test_find__one_strange_picture_is_no_finding(rooms: list[Sample]) -> None:
    upside_down = replace(
        rooms[0],
        image=rooms[0].image[::-1].copy(),
        label=replace(label_of(rooms[0]), values=label_of(rooms[0]).values[::-1].copy()),
    )
    assert kinds([upside_down, *rooms[1:]]) == []


def test_find__distance_is_told_with_the_lens_of_the_picture() -> None:
    wide = Camera(fx=60, fy=60, cx=95.5, cy=40.5)
    change = with_values(lambda v: v * slant(wide))
    distances = [change(room(seed, camera=wide)) for seed in range(6)]
    assert "distance" in kinds(distances)
    blind = [sample.bends for sample in map(inspect_sample, (replace(s, camera=None) for s in distances))]
    known = [sample.bends for sample in map(inspect_sample, distances)]
    assert np.sum(known, axis=0)[1] > 2 * np.sum(blind, axis=0)[1]


def test_find__copies_are_named(rooms: list[Sample]) -> None:
    [finding] = look([*rooms, replace(rooms[3], id="rooms/copy")])
    assert finding.kind == "duplicates"
    assert "2 of 7 pictures" in finding.what
    assert "rooms/3 and rooms/copy" in finding.what


def test_find__one_label_for_two_pictures_is_named(rooms: list[Sample]) -> None:
    wrong = replace(rooms[0], label=rooms[1].label)
    [finding] = [each for each in look([wrong, *rooms[1:]]) if each.kind == "shared-labels"]
    assert "rooms/0 and rooms/1" in finding.what


def test_find__a_copy_does_not_hide_that_labels_are_those_of_others(rooms: list[Sample]) -> None:
    wrong = replace(rooms[0], label=rooms[1].label)
    found = kinds([wrong, *rooms[1:], replace(rooms[3], id="rooms/copy")])
    assert "duplicates" in found
    assert "shared-labels" in found


def test_find__one_place_in_sun_and_in_fog_may_share_its_label(rooms: list[Sample]) -> None:
    fog = [
        replace(sample, image=(sample.image // 2 + 110).astype(np.uint8), id=f"{sample.id}/fog")
        for sample in rooms
    ]
    assert kinds([*rooms, *fog]) == []


def test_inspect__rows_that_are_alike_are_neither_nearer_nor_farther() -> None:
    """A flat wall whose top row alone is nearer; a street upside down, two thirds of it sky."""
    wall = np.ones((60, 80), np.float32)
    wall[0] = 2
    street = np.zeros((60, 80), np.float32)
    street[:20] = np.linspace(1, 0.05, 20, dtype=np.float32)[:, None]
    image = np.zeros((60, 80, 3), np.uint8)
    for values, low, high in ((wall, -0.4, 0), (street, -1, -0.8)):
        label = Label(values=values, valid=np.ones(values.shape, bool), space=Space.DISPARITY)
        assert low <= inspect_sample(Sample(image=image, label=label, id="a")).lower_is_nearer <= high


def test_find__sky_as_one_number_is_found_where_only_some_pictures_have_sky() -> None:
    indoors = [room(seed) for seed in range(20)]
    outdoors = [marker(65.535)(room(seed, open_air=True)) for seed in range(20, 23)]
    assert kinds(indoors) == []
    assert kinds([*indoors, *outdoors]) == ["plateau"]


def test_find__what_cannot_be_read_is_named(rooms: list[Sample]) -> None:
    [finding] = look(rooms, ["a.png is empty", "b.png is empty"])
    assert finding.kind == "unreadable"
    assert finding.what == "2 of 8 samples cannot be read, such as: a.png is empty"


def test_find__nothing_at_all_finds_nothing() -> None:
    assert find([]) == []


# ---------------------------------------------------------------- facts


def facts(values: list[list[float]], valid: list[list[bool]], space: Space) -> Facts:
    image = np.zeros((2, 3, 3), np.uint8)
    label = Label(values=np.array(values, np.float32), valid=np.array(valid), space=space)
    return inspect_sample(Sample(image=image, label=label, id="a"))


def test_facts__count_valid_sky_and_levels() -> None:
    inf, nan = float("inf"), float("nan")
    found = facts([[1, 2, inf], [2, nan, -4]], [[True, True, True], [True, False, False]], Space.DEPTH)
    assert found.valid == pytest.approx(4 / 6)
    assert found.sky == 0.25
    assert found.levels == 2
    assert found.impossible == 0
    assert found.smallest is not None
    assert found.smallest.value == 1
    assert found.smallest.share == pytest.approx(1 / 3)
    found = facts([[0, 2, 3], [nan, -1, 8]], [[True] * 3, [True] * 3], Space.DISPARITY)
    assert found.sky == pytest.approx(1 / 6)
    assert found.impossible == 2
    found = facts([[0, 2, 3], [4, -1, 8]], [[True] * 3, [True] * 3], Space.AFFINE_DISPARITY)
    assert (found.sky, found.impossible) == (0, 0)
    assert found.smallest is not None
    assert found.largest is not None
    assert (found.smallest.value, found.largest.value) == (-1, 8)


def test_facts__of_a_picture_alone_say_so() -> None:
    found = inspect_sample(Sample(image=np.zeros((2, 3, 3), np.uint8), label=None, id="a"))
    assert found.space is None
    assert found.size == Size(2, 3)


@pytest.mark.parametrize("size", [(1, 1), (1, 60), (7, 5), (40, 30), (700, 20)])
def test_facts__of_odd_sizes_are_measured_without_complaint(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    label = Label(
        values=rng.uniform(1, 2, size).astype(np.float32), valid=rng.random(size) > 0.5, space=Space.DEPTH
    )
    sample = Sample(image=rng.integers(0, 256, (*size, 3), dtype=np.uint8), label=label, id="a")
    assert inspect_sample(sample).size == size


def test_facts__hardly_depend_on_the_resolution(rooms: list[Sample]) -> None:
    large = []
    for sample in rooms:
        label = label_of(sample)
        size = (3 * SIZE.w, 3 * SIZE.h)
        values = cv2.resize(label.values, size, interpolation=cv2.INTER_NEAREST)
        image = cv2.resize(sample.image, size, interpolation=cv2.INTER_LINEAR)
        large.append(
            Sample(
                image=image,
                label=Label(values=values, valid=np.ones(size[::-1], bool), space=Space.DEPTH),
                id=sample.id,
            )
        )
    assert kinds(large) == []


def test_jumps__are_where_disparity_steps_and_not_at_the_rim() -> None:
    nearness = np.fromfunction(lambda row, column: 1 + 0.001 * (row + column), (20, 30))
    nearness[:, 12:] += 1
    marks = jumps(nearness, np.ones((20, 30), bool))
    assert np.argwhere(marks).tolist() == [[row, 11] for row in range(20)]
    known = np.ones((20, 30), bool)
    known[5, 12] = False
    assert not jumps(nearness, known)[5].any()
    assert not jumps(nearness, np.zeros((20, 30), bool)).any()


def test_find__labels_of_other_pictures_and_turned_ones_are_unrelated(rooms: list[Sample]) -> None:
    others = [*rooms[3:], *rooms[:3]]
    exchanged = [replace(one, label=other.label) for one, other in zip(rooms, others, strict=True)]
    turned = [
        replace(one, label=replace(label_of(one), values=label_of(one).values[::-1, ::-1].copy()))
        for one in rooms
    ]
    for wrong in (exchanged, turned):
        [finding] = [finding for finding in look(wrong) if finding.kind in ("unrelated", "shifted")]
        assert "belong to other pictures, or be mirrored" in finding.what
        assert "pair pictures and labels again" in finding.fix
    assert "unrelated" not in kinds(rooms[:4])  # too few to tell


def test_find__disparity_that_is_mostly_sky_is_in_its_unit() -> None:
    def below_the_clouds(sample: Sample) -> Sample:
        label = label_of(sample)
        values = label.values.copy()
        values[: SIZE.h * 5 // 8] = np.inf
        return replace(sample, label=replace(label, values=values))

    for space in (below_the_clouds, lambda sample: disparity(below_the_clouds(sample))):
        samples = [space(room(seed, open_air=True)) for seed in range(6)]
        assert np.median([inspect_sample(sample).sky for sample in samples]) > 0.5
        assert "unit" not in kinds(samples)
