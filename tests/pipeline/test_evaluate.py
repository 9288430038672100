"""The evaluation: floors beside every model, every picture in the report, no source outweighs another."""

import json
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from leadline.app.evaluation import PAGE, evaluate_and_show
from leadline.data.files import encode_map
from leadline.data.source import Evenly
from leadline.data.sources.points import read_pairs
from leadline.evaluation.contest import annotated, hold, measured, ranked
from leadline.evaluation.contestants import enter
from leadline.evaluation.ledger import Ledger
from leadline.evaluation.summary import summarise
from leadline.metrics import NAMES, PAPER, measure, vertical_ramp
from leadline.models.checkpoints import load_network, save_network
from leadline.models.network import Network
from leadline.models.variants import find_variant
from leadline.predict.predictor import Predictor
from leadline.stages.evaluate import LEDGERS, REPORT, EvaluateConfig, Processor, evaluate
from leadline.stages.sources import open_source
from leadline.types import Camera, LeadlineError, PointPair, Size
from miniature import Discs

CPU = Processor(accelerator="cpu", threads=1)
FLOORS = ("constant", "vertical ramp")


def benchmark(folder: Path, count: int, *, seed: int, slope: float = 0) -> str:
    """Write pictures with disparities and return their source; `slope` brings the bottom nearer."""
    for part in ("rgb", "labels"):
        (folder / part).mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(count):
        image = rng.integers(0, 256, (20, 26, 3), dtype=np.uint8)
        values = rng.uniform(0.2, 1, (20, 26)) + slope * np.linspace(0, 1, 20)[:, None]
        Image.fromarray(image).save(folder / "rgb" / f"{number}.png")
        (folder / "labels" / f"{number}.png").write_bytes(encode_map((10_000 * values).astype(np.uint16)))
    return f"{folder / 'rgb'}?labels=../labels&space=disparity&scale=1/10000&name={folder.name}"


def annotations(folder: Path, pairs: dict[str, Any], *, size: tuple[int, int] = (50, 30)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pairs:
        Image.fromarray(np.full((*size, 3), 90, np.uint8)).save(folder / picture)
    (folder / "annotations.json").write_text(json.dumps(pairs), encoding="utf-8")
    return folder / "annotations.json"


def pair(closer: list[int], farther: list[int], *, first: bool = True) -> dict[str, Any]:
    one, two = (closer, farther) if first else (farther, closer)
    return {"point1": one, "point2": two, "closer_point": "point1" if first else "point2"}


@pytest.fixture(scope="module")
def benchmarks(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A source of one picture and one of three, which the ramp fits far better."""
    root = tmp_path_factory.mktemp("benchmarks")
    return benchmark(root / "flat", 1, seed=0), benchmark(root / "ground", 3, seed=1, slope=4)


@pytest.fixture(scope="module")
def report(benchmarks: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("evaluation")
    return evaluate(
        EvaluateConfig(models=(), benchmarks=benchmarks, out=out / "deep" / "report", machine=CPU)
    )


# ---------------------------------------------------------------- figures


def test_evaluate__floors_stand_beside_every_result(report: dict[str, Any]) -> None:
    assert tuple(report["models"]) == FLOORS
    constant, ramp = (report["models"][name] for name in FLOORS)
    assert ramp["sources"]["ground"]["abs_rel"] < 0.5 * constant["sources"]["ground"]["abs_rel"]
    assert ramp["sources"]["flat"]["abs_rel"] == pytest.approx(
        constant["sources"]["flat"]["abs_rel"], rel=0.1
    )


def test_evaluate__every_picture_is_in_the_report(
    report: dict[str, Any], benchmarks: tuple[str, str]
) -> None:
    rows = report["models"]["vertical ramp"]["pictures"]
    assert [row["id"] for row in rows] == ["flat/0.png", "ground/0.png", "ground/1.png", "ground/2.png"]
    sample = open_source(benchmarks[1])[1]
    assert sample.label is not None
    expected = measure(vertical_ramp(sample.size), sample.label)
    assert {name: rows[2][name] for name in expected} == pytest.approx(expected)


def test_evaluate__a_source_is_the_mean_of_its_pictures(report: dict[str, Any]) -> None:
    for model in report["models"].values():
        for name in NAMES:
            rows = [row[name] for row in model["pictures"] if row["source"] == "ground"]
            assert len(rows) == 3
            assert model["sources"]["ground"][name] == pytest.approx(fmean(rows))


def test_evaluate__the_mean_is_over_sources_not_over_pictures(report: dict[str, Any]) -> None:
    for model in report["models"].values():
        assert "rmse" not in model["mean"]  # its units differ from source to source
        for name, value in model["mean"].items():
            assert value == pytest.approx(
                fmean(model["sources"][source][name] for source in ("flat", "ground"))
            )
    mean = report["models"]["vertical ramp"]["mean"]["abs_rel"]
    assert mean != pytest.approx(
        fmean(r["abs_rel"] for r in report["models"]["vertical ramp"]["pictures"]), rel=0.1
    )


def test_summarise__neither_root_mean_square_is_averaged_over_sources() -> None:
    figures = {"abs_rel": 0.1, "rmse": 1.0, "raw_rmse": 2.0}
    found = summarise([{"id": "a/0", "source": "a", **figures}])
    assert set(found["mean"]) == set(found["intervals"]) == {"abs_rel"}
    assert found["sources"] == {"a": figures}


def test_measured__surfaces_are_measured_where_the_camera_is_known() -> None:
    [task], sample = measured(Discs(count=1), "strict"), Discs()[0]
    seen = replace(sample, camera=Camera(fx=50, fy=50, cx=28, cy=20))
    assert "normal_angle" in task.judge(seen)(vertical_ramp(sample.size))
    assert "normal_angle" not in task.judge(sample)(vertical_ramp(sample.size))


@pytest.mark.parametrize(
    ("size", "read"), [(Size(1030, 2060), (1024, 2048)), (Size(10, 2048), (10, 2048))], ids=str
)
def test_measured__the_longer_side_is_reduced_to_2048(size: Size, read: tuple[int, int]) -> None:
    [task] = measured(Discs(count=1, size=size), "strict")
    assert task.read().size == read


def test_evaluate__a_checkpoint_is_measured_as_the_predictor_sees(
    benchmarks: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    for name in ("teacher", "student"):
        (tmp_path / name).mkdir()
        save_network(tmp_path / name / "weights.safetensors", "tiny", Network("tiny").state_dict(), about={})
    paths = tuple(tmp_path / name / "weights.safetensors" for name in ("teacher", "student"))
    config = EvaluateConfig(
        models=tuple(map(str, paths)),
        benchmarks=(f"{benchmarks[1]}&limit=2",),
        short_side=32,
        out=tmp_path / "out",
        machine=CPU,
    )
    report = evaluate(config)
    assert json.loads((tmp_path / "out" / REPORT).read_text(encoding="utf-8")) == report
    assert tuple(report["models"]) == (*FLOORS, "teacher", "student")
    source = open_source(benchmarks[1])
    for path in paths:
        predictor = Predictor(load_network(path)[0], size=32)
        for row, index in zip(report["models"][path.parent.name]["pictures"], (0, 1), strict=True):
            sample = source[index]
            assert sample.label is not None
            expected = measure(predictor([sample.image])[0], sample.label)
            assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-4)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "teacher" in shown.err


def test_evaluate__two_checkpoints_of_one_name_are_told_apart(
    benchmarks: tuple[str, str], tmp_path: Path
) -> None:
    paths = tuple(tmp_path / place / "constant.safetensors" for place in "ab")
    for path in paths:
        path.parent.mkdir()
        save_network(path, "tiny", Network("tiny").state_dict(), about={})
    report = evaluate(
        EvaluateConfig(
            models=tuple(map(str, paths)),
            benchmarks=benchmarks[:1],
            short_side=32,
            out=tmp_path / "out",
            machine=CPU,
        )
    )
    assert tuple(report["models"]) == (*FLOORS, *map(str, paths))


# ---------------------------------------------------------------- the order of points


def test_evaluate__ordinal_by_hand(tmp_path: Path) -> None:
    """The ramp is right where the closer point is lower, and ties where both are of one height."""
    file = annotations(
        tmp_path / "pairs",
        {
            "a.png": [
                pair([49, 3], [0, 20]),  # right
                pair([20, 3], [10, 20], first=False),  # right
                pair([10, 3], [14, 20]),  # wrong, and level: 4 of 50 rows
            ],
            "b.png": [
                pair([30, 0], [30, 29]),  # tie, level
                pair([36, 0], [30, 29]),  # right, level: just 12 %
                pair([0, 0], [49, 0]),  # wrong
                pair([7, 0], [0, 0]),  # right, not level
            ],
        },
    )
    report = evaluate(EvaluateConfig(models=(), ordinal=(file,), out=tmp_path / "out", machine=CPU))
    ramp, constant = (report["models"][name] for name in ("vertical ramp", "constant"))
    assert ramp["ordinal"] == {
        "accuracy": pytest.approx(4 / 7),
        "interval": [pytest.approx(0.5), pytest.approx(2 / 3)],
        "level_accuracy": pytest.approx(1 / 3),
        "pairs": 7,
        "level_pairs": 3,
        "ties": 1,
    }
    assert constant["ordinal"] == {
        "accuracy": 0,
        "interval": [0, 0],
        "level_accuracy": 0,
        "pairs": 7,
        "level_pairs": 3,
        "ties": 7,
    }
    assert [row["id"] for row in ramp["pairs"]] == ["a.png"] * 3 + ["b.png"] * 4
    assert [row["right"] for row in ramp["pairs"]] == [True, True, False, False, True, False, True]
    assert ramp["mean"] == {}


def test_evaluate__several_files_of_pairs_count_together(tmp_path: Path) -> None:
    files = tuple(
        annotations(tmp_path / name, {"same.png": [pair([40, 0], [0, 0], first=first)]})
        for name, first in (("one", True), ("two", False))
    )
    report = evaluate(EvaluateConfig(models=(), ordinal=files, out=tmp_path / "out", machine=CPU))
    assert report["models"]["vertical ramp"]["ordinal"]["pairs"] == 2
    assert report["models"]["vertical ramp"]["ordinal"]["accuracy"] == 1


def test_evaluate__the_report_is_json_also_without_level_pairs(tmp_path: Path) -> None:
    file = annotations(tmp_path, {"a.png": [pair([49, 3], [0, 20])]})
    evaluate(EvaluateConfig(models=(), ordinal=(file,), out=tmp_path / "out", machine=CPU))

    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} is no JSON")

    text = (tmp_path / "out" / REPORT).read_text(encoding="utf-8")
    ordinal = json.loads(text, parse_constant=refuse)["models"]["constant"]["ordinal"]
    assert ordinal == {"accuracy": 0, "interval": [0, 0], "pairs": 1, "level_pairs": 0, "ties": 1}


def test_read_pairs__the_closer_point_comes_first(tmp_path: Path) -> None:
    file = annotations(tmp_path, {"a.png": [pair([1, 2], [3, 4]), pair([5, 6], [7, 8], first=False)]})
    assert read_pairs(file) == {"a.png": (PointPair((1, 2), (3, 4)), PointPair((5, 6), (7, 8)))}


def test_evaluate__da2k_is_counted_by_scenario(tmp_path: Path) -> None:
    for scenario in ("indoor", "aerial"):
        (tmp_path / "images" / scenario).mkdir(parents=True)
    pairs = {
        "./images/indoor/a.png": [pair([40, 0], [0, 0]), pair([0, 0], [40, 0])],
        "./images/indoor/b.png": [pair([40, 0], [0, 0])],
        "./images/aerial/c.png": [pair([9, 1], [9, 8])],
    }
    report = evaluate(
        EvaluateConfig(models=(), ordinal=(annotations(tmp_path, pairs),), out=tmp_path / "out", machine=CPU)
    )
    found = report["models"]["vertical ramp"]["ordinal"]
    assert found["scenarios"] == {"indoor": pytest.approx(2 / 3), "aerial": 0}
    assert found["accuracy"] == 0.5  # over pairs, not over scenarios
    assert found["ties"] == 1


def test_evaluate__a_model_of_depth_is_right_where_it_says_nearer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small depths are near: taken for nearness every pair would be wrong."""
    (tmp_path / "far_above.py").write_text(
        "import numpy as np\n"
        "def depth(image):\n"
        "    return np.linspace(9, 1, image.shape[0])[:, None].repeat(image.shape[1], axis=1)\n"
    )
    monkeypatch.chdir(tmp_path)
    file = annotations(tmp_path, {"a.png": [pair([40, 3], [10, 20]), pair([12, 3], [4, 20])]})
    report = evaluate(
        EvaluateConfig(
            models=("far_above:depth?space=depth",), ordinal=(file,), out=tmp_path / "out", machine=CPU
        )
    )
    assert report["models"]["far_above:depth"]["ordinal"]["accuracy"] == 1


class Paired(Discs):
    """A source that has pairs besides, as DA-2K's."""

    def pairs(self, index: int) -> tuple[PointPair, ...]:
        return () if index == 1 else (PointPair((39, 0), (0, 0)), PointPair((0, index), (39, index)))


def test_ranked__a_source_of_pairs_is_ranked_by_its_folders(tmp_path: Path) -> None:
    assert ranked(Discs()) == []
    tasks = ranked(Paired(count=3, name="deep/field"))
    contestants = enter((), device=torch.device("cpu"), short_side=None, batch=2, ledgers=tmp_path)
    hold(tasks, contestants, title="ranking", batch=2)
    rows = [contestants[1].ledger[task.key] for task in tasks]
    assert [(row["id"], row["scenario"]) for row in rows] == [
        ("deep/field/0", "field"),
        ("deep/field/2", "field"),
    ]
    assert [verdict["right"] for row in rows for verdict in row["pairs"]] == [True, False, True, False]


def test_ranked__a_limit_keeps_the_pairs_of_the_samples_that_stay() -> None:
    source = Paired(count=4)
    assert [task.pairs for task in ranked(Evenly(source, 2))] == [source.pairs(0), source.pairs(2)]
    assert ranked(Evenly(Discs(), 2)) == []


# ---------------------------------------------------------------- many models


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("networks")
    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        save_network(folder / f"{name}.safetensors", "tiny", Network("tiny").state_dict(), about={})
    return str(folder / "first.safetensors"), str(folder / "second.safetensors")


def test_evaluate__models_are_compared_on_the_same_pictures(
    benchmarks: tuple[str, str], networks: tuple[str, str], tmp_path: Path
) -> None:
    file = annotations(tmp_path / "pairs", {"a.png": [pair([49, 3], [0, 20])]})
    config = EvaluateConfig(
        models=networks, benchmarks=benchmarks, ordinal=(file,), short_side=32, out=tmp_path, machine=CPU
    )
    report = evaluate(config)
    lines = {line["figure"]: line for line in report["comparisons"]}
    assert {(line["first"], line["second"]) for line in lines.values()} == {("first", "second")}
    assert {"abs_rel", "abs_rel_disparity", "delta1", "order"} <= set(lines)
    means = [report["models"][name]["mean"]["abs_rel"] for name in ("first", "second")]
    assert lines["abs_rel"]["difference"] == pytest.approx(means[0] - means[1])
    assert lines["abs_rel"]["low"] <= lines["abs_rel"]["difference"] <= lines["abs_rel"]["high"]
    assert (lines["abs_rel"]["count"], lines["order"]["count"]) == (4, 1)
    for model in report["models"].values():
        assert set(model["intervals"]) == set(model["mean"])
        low, high = model["intervals"]["abs_rel"]
        assert low <= model["mean"]["abs_rel"] <= high


def test_evaluate__paper_follows_the_source_and_is_written_down(tmp_path: Path) -> None:
    specs = tuple(
        benchmark(tmp_path / name, 1, seed=seed) for seed, name in enumerate(("kitti", "elsewhere"))
    )
    report = evaluate(
        EvaluateConfig(models=(), benchmarks=specs, protocol="paper", out=tmp_path / "out", machine=CPU)
    )
    assert report["protocol"] == "paper"
    assert {source: rules["name"] for source, rules in report["protocols"].items()} == {
        "kitti": "paper/kitti",
        "elsewhere": "strict",
    }
    sample = open_source(specs[0])[0]
    assert sample.label is not None
    expected = measure(vertical_ramp(sample.size), sample.label, protocol=PAPER["kitti"])
    row = report["models"]["vertical ramp"]["pictures"][0]
    assert {name: row[name] for name in expected} == pytest.approx(expected)
    assert row["abs_rel"] != pytest.approx(measure(vertical_ramp(sample.size), sample.label)["abs_rel"])


def test_evaluate__sources_that_call_their_pictures_alike_are_told_apart(tmp_path: Path) -> None:
    specs = []
    for seed, name in enumerate(("ours", "theirs")):
        benchmark(tmp_path / name, 2, seed=seed)
        rows = [f"kitti,rgb/{n}.png,labels/{n}.png,depth,0.001,0" for n in range(2)]
        text = "\n".join(["source,rgb,depth,kind,scale,invalid", *rows])
        (tmp_path / name / "t.csv").write_text(text, encoding="utf-8")
        specs.append(f"{tmp_path / name / 't.csv'}?name={name}")
    report = evaluate(
        EvaluateConfig(
            models=(), benchmarks=tuple(specs), protocol="paper", out=tmp_path / "out", machine=CPU
        )
    )
    both = ["kitti (ours)", "kitti (theirs)"]
    assert {source: rules["name"] for source, rules in report["protocols"].items()} == dict.fromkeys(
        both, "paper/kitti"
    )
    for model in report["models"].values():
        assert list(model["sources"]) == both
        assert [row["source"] for row in model["pictures"]] == [both[0], both[0], both[1], both[1]]


def test_page__shows_tables_protocols_and_every_models_extremes(
    benchmarks: tuple[str, str], networks: tuple[str, str], tmp_path: Path
) -> None:
    config = EvaluateConfig(models=networks, benchmarks=benchmarks, short_side=32, out=tmp_path, machine=CPU)
    path = evaluate_and_show(config)
    html = path.read_text(encoding="utf-8")
    assert path == tmp_path / PAGE
    for text in ("vertical ramp", "first: best and worst", "second: best and worst", "MoGe", "sign-flip"):
        assert text in html
    assert html.count("<img") == 2 * 4 * 4  # models, pictures, and picture, label, map and error of each
    rows = json.loads((tmp_path / REPORT).read_text())["models"]["first"]["pictures"]
    best, worst = min(rows, key=lambda row: row["abs_rel"]), max(rows, key=lambda row: row["abs_rel"])
    assert f"best: {best['id']}, AbsRel {best['abs_rel']:.3f}" in html
    assert f"worst: {worst['id']}, AbsRel {worst['abs_rel']:.3f}" in html


# ---------------------------------------------------------------- going on


class Counter:
    """Counts the pictures that go through networks, and pulls the plug after some."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, stop_after: int | None = None) -> None:
        self.pictures, self.stop_after = 0, stop_after
        self.views = Predictor.views
        monkeypatch.setattr(Predictor, "views", lambda predictor, prepared: self(predictor, prepared))

    def __call__(self, predictor: Predictor, prepared: Any) -> Any:
        self.pictures += len(prepared)
        if self.stop_after is not None and self.pictures > self.stop_after:
            raise KeyboardInterrupt
        return self.views(predictor, prepared)


def test_evaluate__a_killed_one_goes_on_and_a_repeated_one_asks_no_network(
    benchmarks: tuple[str, str], networks: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = annotations(tmp_path / "pairs", {"a.png": [pair([49, 3], [0, 20])]})
    config = EvaluateConfig(
        models=networks[:1],
        benchmarks=benchmarks,
        ordinal=(file,),
        short_side=32,
        batch=1,
        out=tmp_path / "killed",
        machine=CPU,
    )
    straight = evaluate(replace(config, out=tmp_path / "straight"))
    with monkeypatch.context() as patch:
        patch.setattr("leadline.evaluation.contest._THREADS", 1)  # or all of five pictures would be under way
        Counter(patch, stop_after=3)
        with pytest.raises(KeyboardInterrupt):
            evaluate(config)
    assert not (tmp_path / "killed" / REPORT).exists()
    [ledger] = [
        path
        for path in (tmp_path / "killed" / LEDGERS).iterdir()
        if path.stem not in ("constant", "vertical-ramp")
    ]
    done = ledger.read_text().count("\n")
    assert 1 <= done <= 3
    ledger.write_text(ledger.read_text() + '{"key": "cut sho')
    with monkeypatch.context() as patch:
        counter = Counter(patch)
        assert evaluate(config) == straight
        assert counter.pictures == 5 - done
        assert evaluate(config) == straight
        assert counter.pictures == 5 - done
        evaluate(replace(config, protocol="paper"))
        assert counter.pictures == 5 - done + 4  # measured under other rules; the pairs are the same
        evaluate(replace(config, short_side=64))
        assert counter.pictures == 5 - done + 4 + 5


def test_annotated__a_picture_of_another_length_is_measured_again(tmp_path: Path) -> None:
    keys = set()
    for size in ((50, 30), (500, 300)):
        file = annotations(tmp_path, {"a.png": [pair([0, 0], [1, 1])]}, size=size)
        [task] = annotated(file, read_pairs(file))
        keys.add(task.key)
    assert len(keys) == 2


def test_ledger__remembers_whole_lines_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.jsonl"
    ledger = Ledger(path)
    ledger.add("a", {"x": 1.5})
    ledger.add("b", {"x": 2})
    path.write_text(path.read_text() + '{"key": "c", "row"')
    again = Ledger(path)
    assert ("a" in again, again["b"], "c" in again) == (True, {"x": 2}, False)
    again.add("c", {"x": 3})
    assert Ledger(path)["c"] == {"x": 3}


@pytest.mark.parametrize("junk", [b"\0\0\n", b"[]\n", b'{"key": "b"}\n', b"\xff\xfe\n", b"7\n", b"\xff"])
def test_ledger__measures_again_what_a_damaged_line_held(junk: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path).add("a", {"x": 1.5})
    path.write_bytes(path.read_bytes() + junk)
    again = Ledger(path)
    again.add("c", {"x": 3})
    assert [key in Ledger(path) for key in "abc"] == [True, False, True]


def test_ledger__without_a_file_forgets(tmp_path: Path) -> None:
    ledger = Ledger(None)
    ledger.add("a", {"x": 1})
    assert ledger["a"] == {"x": 1}
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("point", [[50, 0], [0, 30], [-1, 0], [0, -1]])
def test_evaluate__a_point_outside_the_picture_is_named(point: list[int], tmp_path: Path) -> None:
    file = annotations(tmp_path, {"a.png": [pair([0, 0], point)]})
    said = rf"annotations\.json, a\.png: the point \({point[0]}, {point[1]}\) lies outside .* is 50x30"
    with pytest.raises(LeadlineError, match=said):
        evaluate(EvaluateConfig(models=(), ordinal=(file,), out=tmp_path / "out", machine=CPU))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "entry",
    [
        {"point1": [0, 0], "point2": [1, 1]},
        {"point1": [0, 0], "closer_point": "point1"},
        {"point1": [0, 0], "point2": [1, 1], "closer_point": "left"},
        {"point1": [0, 0], "point2": [1, 1], "closer_point": None},
        {"point1": [0, 0], "point2": [1], "closer_point": "point1"},
        {"point1": [0, 0, 0], "point2": [1, 1], "closer_point": "point1"},
        {"point1": [0.5, 0], "point2": [1, 1], "closer_point": "point1"},
        {"point1": [True, False], "point2": [1, 1], "closer_point": "point1"},
        {"point1": ["0", "0"], "point2": [1, 1], "closer_point": "point1"},
        {"point1": 7, "point2": [1, 1], "closer_point": "point1"},
        ["point1", "point2"],
        "point1",
    ],
)
def test_read_pairs__a_malformed_pair_is_named_with_its_picture(entry: Any, tmp_path: Path) -> None:
    file = annotations(tmp_path, {"fine.png": [pair([0, 0], [1, 1])], "odd.png": [entry]})
    with pytest.raises(LeadlineError, match=r"annotations\.json, odd\.png: a pair needs point1 and point2"):
        read_pairs(file)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"a.png": 3}', "[" * 100_000])
def test_read_pairs__malformed_annotations_are_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "pairs.json").write_text(text, encoding="utf-8")
    with pytest.raises(LeadlineError, match=r"pairs\.json"):
        read_pairs(tmp_path / "pairs.json")


def test_read_pairs__a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"absent\.json cannot be read as annotations: .*No such file"):
        read_pairs(tmp_path / "absent.json")


def test_evaluate__nothing_to_measure_with_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="give --benchmarks or --ordinal"):
        evaluate(EvaluateConfig(models=(), out=tmp_path, machine=CPU))


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_evaluate__a_model_that_gives_no_number_is_named_with_the_picture(
    value: str, benchmarks: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"gives_{value}"
    (tmp_path / f"{name}.py").write_text(
        f"import numpy as np\ndef predict(image):\n    return np.full(image.shape[:2], np.{value})\n"
    )
    monkeypatch.chdir(tmp_path)
    config = EvaluateConfig(
        models=(f"{name}:predict?space=disparity",), benchmarks=benchmarks, out=tmp_path / "out", machine=CPU
    )
    said = rf"flat/0\.png, {name}:predict: the map of disparity is not a number in 520 of 520 pixels"
    with pytest.raises(LeadlineError, match=said):
        evaluate(config)


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"short_side": 0}])
def test_evaluate_config__sizes_start_at_one(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="batch and short_side are at least 1"):
        EvaluateConfig(**wrong)  # type: ignore[arg-type]


def test_evaluate__annotations_without_a_pair_are_refused(tmp_path: Path) -> None:
    file = annotations(tmp_path, {"a.png": []})
    with pytest.raises(LeadlineError, match=r"annotations\.json: there is no pair"):
        evaluate(EvaluateConfig(models=(), ordinal=(file,), out=tmp_path / "out", machine=CPU))


def test_evaluate__a_benchmark_without_labels_is_refused_by_its_picture(
    benchmarks: tuple[str, str], tmp_path: Path
) -> None:
    bare = benchmarks[0].partition("?")[0]
    with pytest.raises(LeadlineError, match=r"rgb/0\.png: there is no label to measure with"):
        evaluate(EvaluateConfig(models=(), benchmarks=(bare,), out=tmp_path, machine=CPU))


def test_evaluate__a_picture_that_is_too_narrow_is_named(tmp_path: Path) -> None:
    spec = benchmark(tmp_path / "thin", 1, seed=0)
    Image.fromarray(np.zeros((1, 300, 3), np.uint8)).save(tmp_path / "thin" / "rgb" / "0.png")
    (tmp_path / "thin" / "labels" / "0.png").write_bytes(encode_map(np.arange(1, 301, dtype=np.uint16)[None]))
    save_network(tmp_path / "net.safetensors", "tiny", Network("tiny").state_dict(), about={})
    config = EvaluateConfig(
        models=(str(tmp_path / "net.safetensors"),), benchmarks=(spec,), out=tmp_path / "out", machine=CPU
    )
    with pytest.raises(LeadlineError, match=r"thin/0\.png, net: a picture of 1x300 is too narrow"):
        evaluate(config)


def test_evaluate__pairs_that_were_annotated_elsewhere_are_told_by_their_new_names(tmp_path: Path) -> None:
    file = annotations(tmp_path / "pairs", {"a.png": [pair([49, 3], [0, 20])]})
    other = tmp_path / "other.json"
    content = json.loads(file.read_text())
    other.write_text(json.dumps({f"pairs/{name}": some for name, some in content.items()}))
    out = tmp_path / "out"
    evaluate(EvaluateConfig(models=(), ordinal=(file,), out=out, machine=CPU))
    report = evaluate(EvaluateConfig(models=(), ordinal=(other,), out=out, machine=CPU))
    assert "pairs/a.png" in json.dumps(report)


def test_evaluate__leaves_out_and_names_a_picture_of_whose_label_nothing_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, whole = benchmark(tmp_path / "sky", 3, seed=0), benchmark(tmp_path / "whole" / "sky", 3, seed=0)
    for part in ("labels", "rgb"):
        (tmp_path / "whole" / "sky" / part / "1.png").unlink()
    (tmp_path / "sky" / "labels" / "1.png").write_bytes(encode_map(np.zeros((20, 26), np.uint16)))
    config = EvaluateConfig(models=(), benchmarks=(spec,), out=tmp_path / "out", machine=CPU)
    page = evaluate_and_show(config).read_text()
    report, again = json.loads((tmp_path / "out" / "report.json").read_text()), evaluate(config)
    (named,) = report["uncounted"]
    assert named.startswith("sky/1.png: the label has no valid pixel")
    assert again["models"] == report["models"]
    without = evaluate(replace(config, benchmarks=(whole,), out=tmp_path / "other"))
    assert without["models"] == report["models"]
    assert without["uncounted"] == []
    assert f"left out: {named}" in " ".join(capsys.readouterr().err.split())
    assert f"Left out: {named}. " in page


def test_evaluate__nothing_that_counts_in_sources_of_one_name_is_refused(tmp_path: Path) -> None:
    specs = tuple(
        benchmark(tmp_path / part / "sky", 1, seed=0).replace("name=sky", f"name={part}") for part in "ab"
    )
    for part in "ab":
        (tmp_path / part / "sky" / "labels" / "0.png").write_bytes(encode_map(np.zeros((20, 26), np.uint16)))
    with pytest.raises(LeadlineError, match=r"no picture can be measured: a/0.*; b/0"):
        evaluate(EvaluateConfig(models=(), benchmarks=specs, out=tmp_path / "out", machine=CPU))


def test_evaluate__tells_models_apart_by_how_they_look_too(tmp_path: Path) -> None:
    spec = benchmark(tmp_path / "sky", 2, seed=0)
    weights, paths = Network("tiny").state_dict(), []
    for ceiling in (20.0, 80.0):
        variant = replace(find_variant("tiny"), ceiling=ceiling)
        paths.append(tmp_path / f"{ceiling:g}.safetensors")
        save_network(paths[-1], "tiny", weights, about={}, variant=variant)
    config = EvaluateConfig(
        models=tuple(map(str, paths)), benchmarks=(spec,), out=tmp_path / "out", machine=CPU
    )
    first, second = evaluate(config), evaluate(config)
    assert first["models"] == second["models"]
    near, far = (first["models"][path.stem]["pictures"][0] for path in paths)
    assert near["raw_abs_rel"] != far["raw_abs_rel"]


def test_evaluate__what_cannot_be_measured_is_named_by_its_picture(tmp_path: Path) -> None:
    spec = benchmark(tmp_path / "sky", 1, seed=0)
    (tmp_path / "sky" / "labels" / "0.png").write_bytes(encode_map(np.zeros((20, 26), np.uint16)))
    with pytest.raises(LeadlineError, match=r"sky/0\.png: the label has no valid pixel"):
        evaluate(EvaluateConfig(models=(), benchmarks=(spec,), out=tmp_path / "out", machine=CPU))
