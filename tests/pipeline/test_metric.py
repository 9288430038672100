"""Metric fine-tuning: metres in, metres out, and a source without any is refused before it is trained on."""

import json
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from leadline.cli import main
from leadline.data.loader import Stream
from leadline.data.transforms import Crop, metres
from leadline.engine import best as keeper
from leadline.engine import checkpoint
from leadline.engine import fit as engine
from leadline.engine.best import BEST
from leadline.engine.fit import LOG, WEIGHTS, fit
from leadline.engine.objective import Term
from leadline.engine.run_log import read_log
from leadline.engine.step import train_step
from leadline.metrics import Protocol, measure
from leadline.models.checkpoints import digest, load_network, load_tensors, save_network
from leadline.models.network import Network
from leadline.predict.formats import read_prediction
from leadline.predict.predictor import Predictor, View
from leadline.presets import depth_anything_v1, depth_anything_v2, tiny
from leadline.stages.metric import MetricConfig, begin_metric, measure_constant, measure_metres, train_metric
from leadline.types import Label, LeadlineError, Sample, Size, Space
from miniature import ONE_THREAD, killed_at, small_run, varied_network

STEPS = 6
WALL = 4.0  # metres, about


class Rooms:
    """Floors that run towards a wall, brighter where nearer; `kept` is the share that was measured."""

    def __init__(
        self, count: int = 6, *, seed: int = 0, kept: float = 1.0, change: Callable[[Any], Any] = lambda d: d
    ) -> None:
        self.name, self.count, self.seed, self.kept, self.change = "rooms", count, seed, kept, change

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([self.seed, index])
        size = Size(48, 64)
        height, tilt = rng.uniform(1, 2), rng.uniform(-0.3, 0.3)
        rows, columns = np.mgrid[: size.h, : size.w]
        wall = (1 + 0.1 * tilt * columns / 64) / WALL
        near = np.maximum((rows - 15 + tilt * (columns - 32)) / (40 * height), wall)
        depth = 1 / near
        grey = 60 / depth + 40 + rng.normal(0, 2, size)
        image = np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
        valid = rng.random(size) < self.kept
        values = np.where(valid, self.change(depth), np.nan).astype(np.float32)
        return Sample(
            image=image, label=Label(values=values, valid=valid, space=Space.DEPTH), id=f"rooms/{index}"
        )

    def provenance(self) -> dict[str, str]:
        return {"name": self.name, "seed": str(self.seed), "licence": "none"}


def write_rooms(root: Path, source: Rooms, *, scale: float = 1000) -> str:
    """Write a folder of pictures and 16-bit depths, and return it as the command line names it."""
    for folder in ("rgb", "depth"):
        (root / folder).mkdir(parents=True)
    for index in range(len(source)):
        sample = source[index]
        assert sample.label is not None
        stored = np.where(sample.label.valid, sample.label.values * scale, 0).astype(np.uint16)
        Image.fromarray(sample.image).save(root / "rgb" / f"{index}.png")
        Image.fromarray(stored).save(root / "depth" / f"{index}.png")
    return f"{root / 'rgb'}?labels=../depth&space=depth&scale=1/{scale:g}"


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("student") / WEIGHTS
    save_network(path, "tiny", varied_network().state_dict(), about={"stage": "student"})
    return path


def small(student: Path | str, **changes: Any) -> MetricConfig:
    """Return a run of a few steps on the tiny network."""
    optim = {"steps": STEPS, "warmup": 0, **changes.pop("optim", {})}
    config = tiny.metric(depth_anything_v2.METRIC_INDOOR)
    return replace(
        config,
        start=str(student),
        optim=replace(config.optim, **optim),
        crop=Crop(size=32),
        batch=2,
        machine=replace(ONE_THREAD, save_every=3),
        max_depth=10,
        validate_every=2,
        **changes,
    )


def within(nearest: float = 0.001, farthest: float = 10) -> Callable[[Label], Label]:
    return partial(metres, nearest=nearest, farthest=farthest)


def train(config: MetricConfig, out: Path, *, source: Any = None, validation: Any = None) -> Path:
    """Run the stage's loop on sources in memory."""
    source = source or Rooms()
    target = within(config.min_depth, config.max_depth)
    stream = Stream(source=source, batch=config.batch, perturb=config.perturb, pseudo=False, target=target)
    return fit(
        replace(config, out=out),
        [stream],
        out,
        origin={"stage": "metric", "data": source.provenance()},
        begin=partial(begin_metric, config),
        validation=validation,
    )


# What is taken over


@pytest.mark.parametrize("keep", [False, True])
def test_start__gives_the_encoder_and_the_decoder_where_it_is_kept_but_never_the_last_layer(
    student: Path, keep: bool
) -> None:
    given, _ = load_network(student)
    torch.manual_seed(1)
    begun = begin_metric(small(student, keep_decoder=keep), given).state_dict()
    for name, tensor in given.state_dict().items():
        taken = name.startswith("encoder.") or (keep and not name.startswith("decoder.head."))
        if taken:
            assert torch.equal(begun[name], tensor), name
        elif name.endswith("weight") and name.startswith("decoder."):
            assert not torch.equal(begun[name], tensor), name


def test_start__in_metres_gives_its_last_layer_too(student: Path) -> None:
    config = small(student, keep_decoder=True)
    metric = begin_metric(config, load_network(student)[0])
    assert digest(begin_metric(config, metric)) == digest(metric)
    with torch.no_grad():
        metric.state_dict()["decoder.head.bias"].sub_(4)  # what is near
    farther, picture = begin_metric(replace(config, max_depth=80), metric), torch.rand(1, 3, 32, 32)
    assert farther.variant.ceiling == 80
    with torch.no_grad():
        torch.testing.assert_close(farther.eval()(picture), metric.eval()(picture), rtol=0.05, atol=0)


@pytest.mark.parametrize("name", ["midas-small-256", "midas-dpt-swin2-tiny-256", "tiny"])
def test_network__looks_as_it_learnt_and_says_nothing_that_it_cannot(student: Path, name: str) -> None:
    network = begin_metric(replace(small(student, network=name), start="random"), None)
    variant = network.variant
    assert (variant.short_side, variant.bound) == (32, "lower")
    assert variant.enlargement != "bicubic"
    predictor = Predictor(network, device="cpu")
    step = torch.full((1, 1, 32, 64), 0.2)
    step[..., 32:] = 9.9
    restored = predictor.restore(View(straight=step), Size(150, 300)).values
    assert 0.2 <= restored.min() < restored.max() <= 9.9


def test_start__from_another_encoder_is_refused_with_the_option_that_mends_it(student: Path) -> None:
    given, _ = load_network(student)
    with pytest.raises(LeadlineError, match=r"is a 'tiny', .* give --network tiny"):
        begin_metric(small(student, network="tiny-lite1"), given)


def test_network_with_metres__is_no_start_for_affine_disparity(tmp_path: Path, student: Path) -> None:
    metric = train(small(student, optim={"steps": 1}), tmp_path / "metric")
    stream = Stream(source=Rooms(), batch=2, perturb=small_run().perturb, pseudo=False)
    with pytest.raises(LeadlineError, match="predicts depth and the targets are affine_disparity"):
        fit(small_run(start=str(metric)), [stream], tmp_path / "run", origin={"data": {}})


def test_crops_of_several_sizes__are_refused_since_their_metres_would_differ(student: Path) -> None:
    for crop in (Crop(size=64, smallest=32), Crop(size=64, min_scale=0.5)):
        with pytest.raises(ValueError, match=r"crop.smallest and crop.min_scale: .* need crops of one size"):
            replace(small(student), crop=crop)


def test_silog__on_affine_disparity_is_refused(tmp_path: Path) -> None:
    stream = Stream(source=Rooms(), batch=2, perturb=small_run().perturb, pseudo=False)
    run = small_run(objective={"silog": Term(loss="silog")})
    with pytest.raises(LeadlineError, match="silog compares metres"):
        fit(run, [stream], tmp_path / "run", origin={"data": {}})


# What comes out


def test_result__loads_as_a_network_of_metres_below_its_ceiling(tmp_path: Path, student: Path) -> None:
    path = train(small(student), tmp_path / "run")
    network, about = load_network(path)
    assert network.space is Space.DEPTH
    assert (network.name, network.variant.ceiling, about["space"]) == ("tiny", 10, "depth")
    predictor = Predictor(network, device="cpu")
    assert predictor.sides == (32,)  # as it was trained
    prediction = predictor(Rooms()[0].image)
    assert prediction.space is Space.DEPTH
    assert 0 < prediction.values.min() <= prediction.values.max() < 10


@pytest.mark.parametrize("kept", [1.0, 0.05])
def test_metres__are_learnt_from_dense_and_from_sparse_labels(
    tmp_path: Path, student: Path, kept: float
) -> None:
    config = small(student, optim={"steps": 40, "lr": 2e-3, "decoder_ratio": 1, "ema": None})
    path = train(config, tmp_path / "run", source=Rooms(8, kept=kept))
    held_out = Rooms(4, seed=5)
    score = partial(measure_metres, source=held_out, target=within())
    before = score(begin_metric(config, load_network(student)[0]))
    after = score(load_network(path)[0])
    assert after["abs_rel"] < 0.5 * before["abs_rel"]
    assert after["abs_rel"] < 0.3  # the walls are at 4 m, the floors from about 1 m on


def test_pictures_without_a_measured_pixel__are_left_out(tmp_path: Path, student: Path) -> None:
    path = train(small(student), tmp_path / "run", source=Rooms(kept=0.0))
    assert [line["loss"] for line in read_log(path.parent / LOG)] == [0] * STEPS


def test_label_farther_than_the_ceiling__is_not_learnt(
    tmp_path: Path, student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[Any] = []

    def spy(fabric: Any, model: Any, optimiser: Any, parts: Any, **options: Any) -> Any:
        batches.extend(parts)
        return train_step(fabric, model, optimiser, parts, **options)

    monkeypatch.setattr(engine, "train_step", spy)
    train(replace(small(student), max_depth=3.0), tmp_path / "run")
    for batch in batches:
        assert batch.space is Space.DEPTH
        assert torch.isfinite(batch.target).all()
        assert 0 < batch.valid.float().mean() < 1  # the walls are at 4 m
        seen = batch.target[batch.valid]
        assert 0.001 <= seen.min() <= seen.max() <= 3


# Validation


def test_validation__is_the_mean_of_the_raw_figures_of_pictures_with_ten_pixels(student: Path) -> None:
    network = begin_metric(small(student), load_network(student)[0]).eval()
    source = Rooms(5)

    class Mixed(Rooms):
        def __getitem__(self, index: int) -> Sample:
            sample = super().__getitem__(index)
            assert sample.label is not None
            if index:
                return sample
            valid = np.zeros_like(sample.label.valid)
            valid[0, :9] = True
            return replace(sample, label=replace(sample.label, valid=valid))

    found = measure_metres(network, source=Mixed(5), target=within())
    protocol = Protocol(name="test", caps=(0.001, 10), origin="test")
    predictor = Predictor(network, device="cpu")
    rows = []
    for index in range(1, 5):
        sample = source[index]
        assert sample.label is not None
        rows.append(measure(predictor(sample.image), sample.label, protocol=protocol))
    for name in ("abs_rel", "delta1", "rmse", "silog"):
        assert found[name] == pytest.approx(np.mean([row[f"raw_{name}"] for row in rows]), rel=1e-5)


def test_validation__without_a_measured_picture_is_refused(student: Path) -> None:
    network = begin_metric(small(student), load_network(student)[0]).eval()
    with pytest.raises(LeadlineError, match="rooms: no label has 10 pixels within"):
        measure_metres(network, source=Rooms(2), target=within(5))


def test_constant__is_measured_without_alignment() -> None:
    labels = [sample.label.values for index in range(3) if (sample := Rooms()[index]).label is not None]
    found = measure_constant(3, source=Rooms(3), target=within())
    assert found["abs_rel"] == pytest.approx(np.mean([np.abs(3 / v - 1).mean() for v in labels]), rel=1e-5)
    hits = [np.mean(np.maximum(3 / v, v / 3) < 1.25) for v in labels]
    assert found["delta1"] == pytest.approx(np.mean(hits), rel=1e-5)


def by_digest(network: Network) -> dict[str, float]:
    """Judge weights by chance, but the same weights alike: the slightest difference shows."""
    return {"abs_rel": int(digest(network)[:8], 16) / 16**8}


VALIDATION = keeper.Validation(measure=by_digest, every=2, decisive="abs_rel")


@pytest.fixture(scope="module")
def straight(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("straight") / "run"
    train(small(student), out, validation=VALIDATION)
    return out


def test_validation__keeps_the_best_weights_beside_the_last(straight: Path, student: Path) -> None:
    assert {file.name for file in straight.iterdir()} == {WEIGHTS, BEST, LOG}
    lines = {line["step"]: line for line in read_log(straight / LOG)}
    judged = {
        step: line["validation_abs_rel"] for step, line in lines.items() if "validation_abs_rel" in line
    }
    assert list(judged) == [2, 4, 6]
    best, about = load_network(straight / BEST)
    assert by_digest(best) == about["validation"]
    assert best.space is Space.DEPTH
    if about["step"]:  # the weights at the start are judged too, and not in the log
        assert about["validation"]["abs_rel"] == judged[about["step"]]
    assert about["validation"]["abs_rel"] <= min(judged.values())
    assert by_digest(load_network(straight / WEIGHTS)[0])["abs_rel"] == judged[6]


def test_validation__keeps_the_earlier_of_equals(tmp_path: Path, student: Path) -> None:
    validation = replace(VALIDATION, measure=lambda network: {"abs_rel": 1.0})
    train(small(student), tmp_path / "run", validation=validation)
    assert load_tensors(tmp_path / "run" / BEST)[1]["step"] == 0


def test_validation__changes_nothing_of_the_training(tmp_path: Path, straight: Path, student: Path) -> None:
    path = train(small(student), tmp_path / "run")
    assert path.read_bytes() == (straight / WEIGHTS).read_bytes()
    assert not (tmp_path / "run" / BEST).exists()


@pytest.mark.parametrize(
    ("call", "where", "name"),
    [
        (1, engine, "train_step"),
        (3, engine, "train_step"),  # after the validation of step 2
        (5, engine, "train_step"),
        (1, keeper, "save_network"),  # before the first best weights
        (2, keeper.Best, "measure"),  # before a validation
        (1, checkpoint, "save_tensors"),  # after a validation, before the state that knows of it
        (3, checkpoint, "save_tensors"),
        (1, engine, "save_network"),
    ],
)
def test_run_killed_anywhere__ends_with_the_same_last_and_best_weights(
    tmp_path: Path, straight: Path, student: Path, call: int, where: Any, name: str
) -> None:
    with killed_at(call, where, name):
        train(small(student), tmp_path / "run", validation=VALIDATION)
    assert not (tmp_path / "run" / WEIGHTS).exists()
    train(small(student), tmp_path / "run", validation=VALIDATION)
    for file in (WEIGHTS, BEST):
        assert (tmp_path / "run" / file).read_bytes() == (straight / file).read_bytes(), file
    steps = [[line["step"] for line in read_log(run / LOG)] for run in (tmp_path / "run", straight)]
    assert steps[0] == steps[1] == list(range(1, STEPS + 1))


def test_resume__remembers_what_was_best(tmp_path: Path, student: Path) -> None:
    figures = iter((0.0, 1.0, 0.5, 0.5))  # at the start, after step 2; resumed, after 4 and 6
    validation = replace(VALIDATION, measure=lambda network: {"abs_rel": next(figures)})
    with killed_at(3, engine, "train_step"):
        train(small(student), tmp_path / "run", validation=validation)
    train(small(student), tmp_path / "run", validation=validation)
    assert next(figures, None) is None
    assert load_tensors(tmp_path / "run" / BEST)[1]["step"] == 0


def test_best_weights__that_are_gone_stop_the_run(tmp_path: Path, student: Path) -> None:
    with killed_at(1, engine, "save_network"):
        train(small(student), tmp_path / "run", validation=VALIDATION)
    best = tmp_path / "run" / BEST
    os.truncate(best, 100)
    for _ in range(2):
        with pytest.raises(LeadlineError, match=r"best.safetensors is gone or damaged, .* put it back"):
            train(small(student), tmp_path / "run", validation=VALIDATION)
        best.unlink(missing_ok=True)


# The command, from files to files


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["leadline", *arguments])
    return main()


SMALL = (
    *("--optim.steps", "2", "--crop.size", "32", "--batch", "2", "--validate-every", "1"),
    *("--machine.accelerator", "cpu", "--machine.threads", "1"),
)


def test_command__makes_a_network_that_predict_writes_metres_of(
    tmp_path: Path, student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled = write_rooms(tmp_path / "train", Rooms())
    held_out = write_rooms(tmp_path / "held", Rooms(3, seed=7))
    options = ("--labelled", labelled, "--validation", held_out, "--start", str(student))
    out = tmp_path / "run"
    recipe = ("metric", "depth-anything-v2-indoor", *options, *SMALL, "--out", str(out))
    assert command(monkeypatch, *recipe) == 0
    for name in (WEIGHTS, BEST):
        network, about = load_network(out / name)
        assert (network.space, network.variant.ceiling) == (Space.DEPTH, 20)
        assert about["stage"] == "metric"
        assert about["start"]["stage"] == "student"
        assert set(about["data"]) == {"labelled", "start", "validation"}
    picture = tmp_path / "held" / "rgb" / "0.png"
    maps = tmp_path / "maps"
    predict = ("predict", str(picture), "--model", str(out / BEST), "--out", str(maps), "--unit", "metres")
    assert command(monkeypatch, *predict, "--format", "npz", "--size", "32", "--device", "cpu") == 0
    [written] = maps.rglob("*.npz")
    prediction = read_prediction(written)
    assert prediction.space is Space.DEPTH
    assert 0 < prediction.values.min() <= prediction.values.max() < 20
    assert json.loads((maps / "predictions.json").read_text())


@pytest.mark.parametrize("recipe", [depth_anything_v1, depth_anything_v2])
@pytest.mark.parametrize("place", ["INDOOR", "OUTDOOR"])
def test_every_recipe__trains(tmp_path: Path, student: Path, recipe: Any, place: str) -> None:
    labelled = write_rooms(tmp_path / "train", Rooms())
    config = tiny.metric(getattr(recipe, f"METRIC_{place}"))
    config = replace(config, crop=Crop(size=32), batch=2, machine=ONE_THREAD, start=str(student))
    optim = replace(config.optim, steps=2, warmup=0)
    path = train_metric(replace(config, optim=optim, labelled=(labelled,), out=tmp_path / "run"))
    assert load_network(path)[0].variant.ceiling == config.max_depth
    for line in read_log(path.parent / LOG):
        term = config.objective["silog"]
        assert line["loss"] == pytest.approx(term.weight * line["silog"], rel=1e-5)
        assert line["silog"] > 0


WRONG = {
    "millimetres": (Rooms(), "space=depth&scale=1", "unit: ", "multiply scale by 0.001", "--trust unit"),
    "disparity as depth": (
        Rooms(change=lambda depth: 10 / depth),
        "space=depth&scale=0.001",
        "planes are straight in the label's number, as in disparity, but it says depth",
        "read it with space=disparity",
        "--trust space",
    ),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_source_that_looks_wrong__is_refused_before_training_and_trained_on_where_it_is_trusted(
    tmp_path: Path, student: Path, mistake: str
) -> None:
    source, options, what, fix, way_out = WRONG[mistake]
    spec = write_rooms(tmp_path / "train", source).partition("&")[0] + f"&{options}"
    config = small(student, labelled=(spec,), out=tmp_path / "run", optim={"steps": 1})
    with pytest.raises(LeadlineError) as refused:
        train_metric(config)
    message = str(refused.value)
    for part in (spec, "nothing was trained", what, fix, way_out):
        assert part in message
    assert not (tmp_path / "run").exists()
    kinds = way_out.removeprefix("--trust ").split()
    found = re.findall(r"^  ([\w-]+): ", message, re.M)
    with suppress(LeadlineError):  # millimetres lie beyond any ceiling
        train_metric(replace(config, trust=tuple(found), max_depth=1e5))
    assert set(kinds) <= set(found)
    assert (tmp_path / "run" / WEIGHTS).exists()


def test_validation_source__is_inspected_too(tmp_path: Path, student: Path) -> None:
    labelled = write_rooms(tmp_path / "train", Rooms())
    wrong = write_rooms(tmp_path / "held", Rooms(seed=1)).replace("1/1000", "1")
    with pytest.raises(LeadlineError, match=r"held/rgb.*inspected, and nothing was trained:\n  unit: "):
        train_metric(small(student, labelled=(labelled,), validation=(wrong,), out=tmp_path / "run"))


def test_affine_disparity__is_refused_with_the_reason(tmp_path: Path, student: Path) -> None:
    spec = write_rooms(tmp_path / "train", Rooms()).replace("space=depth", "space=affine_disparity")
    config = small(student, labelled=(spec,), out=tmp_path / "run", trust=("unit", "space", "inverted"))
    with pytest.raises(LeadlineError, match="affine disparity, 1 / metres up to an unknown scale and shift"):
        train_metric(config)


def test_source_beyond_the_ceiling__is_refused(tmp_path: Path, student: Path) -> None:
    spec = write_rooms(tmp_path / "train", Rooms())
    config = replace(small(student, labelled=(spec,), out=tmp_path / "run"), max_depth=0.2)
    with pytest.raises(LeadlineError, match=r"beyond max_depth 0\.2: there is nothing to learn"):
        train_metric(config)


def test_labels_without_a_pixel__are_refused_as_such(tmp_path: Path, student: Path) -> None:
    spec = write_rooms(tmp_path / "train", Rooms(kept=0))
    config = small(student, labelled=(spec,), out=tmp_path / "run", trust=("empty",))
    with pytest.raises(LeadlineError, match="no label that was looked at has a valid pixel to learn from"):
        train_metric(config)


def test_floor__is_the_median_of_what_counts(
    tmp_path: Path, student: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, held = write_rooms(tmp_path / "train", Rooms()), write_rooms(tmp_path / "held", Rooms(seed=1))
    config = small(student, labelled=(train,), validation=(held,), out=tmp_path / "run", optim={"steps": 1})
    train_metric(replace(config, max_depth=3))
    depths = [sample.label.values for i in range(6) if (sample := Rooms()[i]).label is not None]
    typical = np.median([np.median(values[values <= 3]) for values in depths])
    assert f"{typical:.3g} m everywhere" in capsys.readouterr().err


def test_labels_nearer_than_the_nearest__are_refused(tmp_path: Path, student: Path) -> None:
    train, held = write_rooms(tmp_path / "train", Rooms()), write_rooms(tmp_path / "held", Rooms(seed=1))
    config = small(student, labelled=(train,), validation=(held,), out=tmp_path / "run", min_depth=9.0)
    with pytest.raises(LeadlineError, match="no label has a pixel within min_depth and max_depth"):
        train_metric(config)


def test_pictures_without_labels__are_refused(tmp_path: Path, student: Path) -> None:
    spec = write_rooms(tmp_path / "train", Rooms()).partition("?")[0]
    with pytest.raises(LeadlineError, match="none of its samples can be read and has a label"):
        train_metric(small(student, labelled=(spec,), out=tmp_path / "run"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 0}, "batch and validate_every are at least 1, got 0"),
        ({"validate_every": 0}, "at least 1, got 32 and 0"),
        ({"min_depth": 0.0}, "min_depth and max_depth: metres"),
        ({"max_depth": float("inf")}, "min_depth and max_depth: metres"),
        ({"min_depth": 30.0}, "the second larger, got 30.0 and 20"),
        ({"labelled": ("x",), "seed": -1}, "seed: from 0 to"),
    ],
)
def test_config__refuses_what_cannot_be_learnt_from(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(depth_anything_v2.METRIC_INDOOR, **changes)
