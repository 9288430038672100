"""The papers in miniature, in miniature: nothing is made twice, and the section follows from files alone."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import papers
import pytest
from depth_camera import BLACK, FAR, NEAR, NOISE, REACH, STEP, UNSEEN, capture, write_captured
from dots import Dot, Panel, draw
from findings import Difference, Run, Verdict, by_seed, difference
from papers import MEASURED, Study, main
from questions import ABS_REL, ORDER, ask
from section import replace_section

from leadline.data.files import encode_jpeg
from leadline.metrics import Comparison
from leadline.render.scene import Kind
from leadline.stages.render import RenderConfig, render
from leadline.stages.sources import open_source
from leadline.types import LeadlineError, Size
from miniature import Discs, Killed, killed_at, write_folder

# ---------------------------------------------------------------- the depth camera


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return disparity, picture and kinds: a slope, a near block with glass, and bad corners."""
    size = Size(48, 64)
    disparity = np.tile(np.linspace(0.2, 0.5, size.h, dtype=np.float32)[:, None], (1, size.w))
    disparity[14:34, 20:44] = 1.5
    image = np.full((*size, 3), 120, np.uint8)
    kinds = np.full(size, Kind.WALL, np.uint8)
    kinds[20:28, 24:32] = Kind.GLASS
    image[:12, :12] = BLACK - 1
    disparity[:10, -12:], kinds[:10, -12:] = 0, Kind.SKY
    disparity[-10:, :12] = 1 / (2 * FAR)
    disparity[-10:, -12:] = 2 / NEAR
    return disparity, image, kinds


def around(disparity: np.ndarray, what: str) -> np.ndarray:
    """Return the least or the greatest of every pixel's neighbourhood."""
    padded = np.pad(disparity, REACH, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * REACH + 1, 2 * REACH + 1))
    found: np.ndarray = getattr(windows, what)(axis=(2, 3))
    return found


def test_capture__holes_are_where_it_says_and_nowhere_else() -> None:
    disparity, image, kinds = scene()
    depth = capture(disparity, image, kinds, rng=np.random.default_rng(0))
    blind = np.isin(kinds, UNSEEN) | (image.max(axis=2) < BLACK) | (disparity == 0)
    assert (depth[blind] == 0).all()
    slack = STEP * (1 + 5 * NOISE)
    out_of_range = (around(disparity, "min") < 1 / FAR + slack) | (
        around(disparity, "max") > 1 / NEAR - slack
    )
    assert (depth[~blind & ~out_of_range] > 0).all()
    farther = around(disparity, "max") < 1 / FAR - slack
    nearer = around(disparity, "min") > 1 / NEAR + slack
    assert farther.any()
    assert nearer.any()
    assert (depth[farther | nearer] == 0).all()
    seen = depth[depth > 0]
    assert seen.min() >= NEAR
    assert seen.max() <= FAR
    assert np.abs(seen * np.rint(1 / seen / STEP) * STEP - 1).max() < 1e-5, "disparity comes in steps"


def test_capture__what_is_measured_lies_between_its_neighbours_and_edges_are_mixed() -> None:
    disparity, image, kinds = scene()
    depth = capture(disparity, image, kinds, rng=np.random.default_rng(0)).astype(np.float64)
    slack, seen = STEP * (0.5 + 5 * NOISE), depth > 0
    measured = 1 / depth[seen]
    assert (measured >= around(disparity, "min")[seen] - slack).all()
    assert (measured <= around(disparity, "max")[seen] + slack).all()
    flying = (measured > 0.7) & (measured < 1.3)  # of no surface: between the slope and the block
    assert flying.sum() > 50
    flat = around(disparity, "max") - around(disparity, "min") < 0.1
    assert np.abs(1 / depth[seen & flat] - disparity[seen & flat]).max() < 0.02 + slack


def test_capture__is_a_function_of_its_seed() -> None:
    first, again, other = (capture(*scene(), rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


# ---------------------------------------------------------------- what is claimed


def compared(difference: float, low: float, high: float, *seeds: float) -> Difference:
    return Difference(pooled=Comparison(difference, low, high, 0.01), by_seed=seeds)


@pytest.mark.parametrize(
    ("found", "less", "more"),
    [
        (compared(-2, -3, -1, -1, -3), Verdict.HOLDS, Verdict.OPPOSITE),
        (compared(2, 1, 3, 1, 3), Verdict.OPPOSITE, Verdict.HOLDS),
        (compared(-2, -3, 0.1, -1, -3), Verdict.UNCLEAR, Verdict.UNCLEAR),
        (compared(-2, -3, -1, 0.1, -4), Verdict.UNCLEAR, Verdict.UNCLEAR),  # one seed disagrees
        (compared(2, 1, 3, -0.1, 4), Verdict.UNCLEAR, Verdict.UNCLEAR),
        (compared(0, 0, 0, 0, 0), Verdict.UNCLEAR, Verdict.UNCLEAR),
    ],
)
def test_verdict__needs_the_interval_and_every_seed(found: Difference, less: Verdict, more: Verdict) -> None:
    assert (found.verdict(-1), found.verdict(1)) == (less, more)


def run(arm: str, seed: int, values: Sequence[float], right: Sequence[bool] = (True, False, True)) -> Run:
    """Return a run of which two sources were measured, the second with a single picture, and two ranked."""
    pictures = [
        {"id": f"s{number}", "source": "b" if number == len(values) - 1 else "a", "abs_rel": value}
        for number, value in enumerate(values)
    ]
    pairs = [{"id": f"p{number // 2}", "right": one} for number, one in enumerate(right)]
    measured = {"photographs": {"pictures": pictures, "pairs": pairs}}
    return Run(arm=arm, seed=seed, seconds=1, measured=measured)


def test_difference__is_paired_and_pools_seeds_and_averages_sources() -> None:
    runs = [
        run("x", 0, [0.1, 0.2, 0.5]),
        run("x", 1, [0.3, 0.2, 0.7]),
        run("y", 0, [0.2, 0.3, 0.6]),
        run("y", 1, [0.3, 0.2, 0.7], right=[True, True, True]),
    ]
    found = difference(runs, "x", "y", ABS_REL)
    assert found.by_seed == pytest.approx((-0.1, 0))
    assert found.pooled.difference == pytest.approx(-0.05)
    assert (found.pooled.low, found.pooled.high) == pytest.approx((-0.05, -0.05)), "every picture agrees"
    assert by_seed(runs, "x", ABS_REL) == pytest.approx([(0.15 + 0.5) / 2, (0.25 + 0.7) / 2])
    assert by_seed(runs, "y", ORDER) == pytest.approx([2 / 3, 1])
    with pytest.raises(ValueError, match="different pictures"):
        difference([*runs[:2], run("y", 0, [0.2, 0.6]), run("y", 1, [0.2, 0.6])], "x", "y", ABS_REL)


def test_ask__every_arm_of_a_claim_is_one_of_its_question() -> None:
    for question in ask((10, 5)):
        for claim in question.claims:
            assert {claim.better, claim.worse} <= question.arms.keys()
    assert list(question.arms) == ["photographs-5", "photographs-10", "student"]


def test_draw__places_dots_in_order_and_is_well_formed() -> None:
    dots = [None, Dot(value=0.5, low=-1, high=2, singles=[0.25]), Dot(value=-0.5, low=-1, high=0, singles=[])]
    image = ElementTree.fromstring(draw(["a", "b <", "c"], [Panel(title="x & y", dots=dots)], label="l"))
    circles = [c for c in image if c.tag.endswith("circle")]
    zero, plus, single, minus = (float(c.attrib["cx"]) for c in circles)
    assert minus < zero < single < plus
    assert plus - zero == pytest.approx(zero - minus, abs=0.2)
    assert len({c.attrib["cy"] for c in circles}) == 3


def test_replace_section__touches_that_section_alone(tmp_path: Path) -> None:
    document = tmp_path / "d.md"
    document.write_text("# D\n\n## One\n\nold\n\n### part\n\nold\n\n## Two\n\ntext\n")
    replace_section(document, "## One\n\nnew\n")
    assert document.read_text() == "# D\n\n## One\n\nnew\n\n## Two\n\ntext\n"
    replace_section(document, "## Three\n\nmore")
    assert document.read_text() == "# D\n\n## One\n\nnew\n\n## Two\n\ntext\n\n## Three\n\nmore\n"


# ---------------------------------------------------------------- the whole study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    root = tmp_path_factory.mktemp("papers")
    for name, seed in (("renders", 0), ("held", 1)):
        render(RenderConfig(scenes=2, views=1, size=Size(48, 64), seed=seed, processes=1, out=root / name))
    (root / "photos").mkdir()
    for number in range(3):
        picture = Discs()[number].image
        (root / "photos" / f"{number}.jpg").write_bytes(encode_jpeg(picture))
    pair = {"point1": [30, 5], "point2": [3, 5], "closer_point": "point1"}
    (root / "pairs.json").write_text(json.dumps({"photos/0.jpg": [pair], "photos/1.jpg": [pair]}))
    return Study(
        labelled=str(root / "renders"),
        held_out=str(root / "held"),
        pictures=str(root / "photos"),
        benchmarks=(write_folder(root / "measured", Discs(count=2, seed=5)),),
        ordinal=(root / "pairs.json",),
        seeds=(0,),
        amounts=(2,),
        threads=1,
        quick=True,
        out=root / "out",
    )


def test_papers__stopped_goes_on_makes_nothing_twice_and_writes_the_same_from_files(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LeadlineError, match="without --only-write"):
        main(replace(study, only_write=True))
    with killed_at(2, papers, "measure"):
        main(study)
    with pytest.raises(LeadlineError, match=r"no seed .* is finished"):
        main(replace(study, only_write=True))
    made = {path: path.stat().st_mtime_ns for path in study.out.glob("*/weights.safetensors")}
    assert len(made) == 2
    main(study)
    results = ("weights.safetensors", MEASURED, "shard-000000.tar")
    files = {path: path.stat().st_mtime_ns for name in results for path in study.out.glob(f"*/{name}")}
    assert len(files) == 2 * 14 + 1
    assert made.items() <= files.items()
    document = study.out / "papers.md"
    text, figures = document.read_bytes(), sorted((study.out / "papers").iterdir())
    drawn = [path.read_bytes() for path in figures]
    assert [path.name for path in figures] == [f"papers-{key}.svg" for key in "abcdef"]

    def forbidden(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(papers, "evaluate", forbidden)
        main(study)
        assert files == {path: path.stat().st_mtime_ns for path in files}
        for name in ("train_teacher", "train_student", "pseudo_label", "write_captured"):
            patch.setattr(papers, name, forbidden)
        document.unlink()
        main(Study(only_write=True, out=study.out))
    assert document.read_bytes() == text
    assert [path.read_bytes() for path in figures] == drawn
    check_section(text.decode(), study.out)


def check_section(text: str, out: Path) -> None:
    """See that the section has every question with its figure and sentence, and no path of the machine."""
    assert text.count("\n### (") == text.count("At this size: ") == 6
    assert str(out.parent) not in text
    for figure in re.findall(r"\]\((.*?\.svg)\)", text):
        ElementTree.parse(out / figure)
    rows = json.loads((out / "teacher-seed0" / MEASURED).read_text())["photographs"]["pictures"]
    mean = np.mean([row["abs_rel"] for row in rows])
    assert f"| teacher | {mean:.3f} " in text


def test_captured__a_source_that_training_reads(study: Study, tmp_path: Path) -> None:
    source = open_source(write_captured(f"{study.labelled}?limit=1", tmp_path / "captured"))
    assert len(source) == 1
    clean, captured = open_source(study.labelled)[0], source[0]
    np.testing.assert_array_equal(captured.image, clean.image)
    assert captured.label is not None
    assert 0 < captured.label.valid.mean() < 1
    with pytest.raises(LeadlineError, match="other renders"):
        write_captured(study.labelled, tmp_path / "captured")
    with pytest.raises(LeadlineError, match="store of renders"):
        write_captured(study.pictures, tmp_path / "elsewhere")
