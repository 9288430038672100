"""The training loop from sources to weights: what it counts, averages, refuses and says."""

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor

from leadline.data.loader import Stream
from leadline.data.perturb import Perturbation
from leadline.data.transforms import Crop
from leadline.engine import fit as engine
from leadline.engine.fit import LOG, fit
from leadline.engine.objective import Term
from leadline.engine.run import Run
from leadline.engine.run_log import read_log
from leadline.engine.step import NonFiniteError, train_step
from leadline.engine.watch import Watch
from leadline.models.checkpoints import load_network, load_tensors, save_network, save_tensors
from leadline.models.network import Network
from leadline.presets import depth_anything_v1, depth_anything_v2, midas, tiny
from leadline.stages.student import StudentConfig, train_student
from leadline.stages.teacher import TeacherConfig, train_teacher
from leadline.types import LeadlineError, Sample, UnreadableError
from miniature import ONE_THREAD, Discs, killed_at, small_run, train, write_folder

Weights = dict[str, Tensor]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[Weights]:
    """Return a list that gets the network's weights before the first step and after each."""
    seen: list[Weights] = []

    def spy(fabric: Any, model: Any, optimiser: Any, parts: Any, **options: Any) -> dict[str, Tensor]:
        network = model.module.network
        if not seen:
            seen.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        values = train_step(fabric, model, optimiser, parts, **options)
        seen.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        return values

    monkeypatch.setattr(engine, "train_step", spy)
    return seen


def weights_of(path: Path) -> Weights:
    return load_network(path)[0].state_dict()


def assert_equal(one: Weights, other: Weights) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


# What a run makes


def test_run__writes_the_weights_after_its_last_step_and_leaves_log_and_weights_alone(
    tmp_path: Path, watched: list[Weights]
) -> None:
    machine = replace(ONE_THREAD, save_every=2, log_every=2)
    path = train(small_run(steps=3, machine=machine), tmp_path / "run")
    assert path == tmp_path / "run" / "weights.safetensors"
    assert len(watched) == 4
    assert_equal(weights_of(path), watched[-1])
    assert {file.name for file in path.parent.iterdir()} == {"weights.safetensors", LOG}
    assert [line["step"] for line in read_log(path.parent / LOG)] == [2, 3]


def test_average__is_the_hand_computed_one(tmp_path: Path, watched: list[Weights]) -> None:
    path = train(small_run(steps=2, lr=1e-2, ema=0.75), tmp_path / "run")
    start, first, second = watched
    for name, found in weights_of(path).items():
        # a = 0.75 a + 0.25 w after each of two steps, from the weights at the start.
        expected = 0.5625 * start[name] + 0.1875 * first[name] + 0.25 * second[name]
        torch.testing.assert_close(found, expected.to(found.dtype), rtol=1e-5, atol=1e-7)
    assert not torch.equal(weights_of(path)["decoder.head.weight"], second["decoder.head.weight"])


def test_first_weights__follow_from_the_seed(tmp_path: Path, watched: list[Weights]) -> None:
    first = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(small_run(steps=1, seed=seed), tmp_path / name)
        first.append(watched[0]["decoder.head.weight"])
        watched.clear()
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])


@pytest.mark.parametrize("start", ["pretrained", "checkpoint"])
def test_start__is_where_training_begins(tmp_path: Path, watched: list[Weights], start: str) -> None:
    if start == "checkpoint":
        start = str(train(small_run(steps=1, seed=9), tmp_path / "before"))
        expected = weights_of(Path(start))
        watched.clear()
    else:
        expected = Network("tiny", pretrained=True).encoder.state_dict()
        expected = {f"encoder.{name}": tensor for name, tensor in expected.items()}
    train(small_run(steps=1, start=start), tmp_path / "run")
    assert [name for name in expected if not torch.equal(watched[0][name], expected[name])] == []


def test_start__from_another_network_is_refused(tmp_path: Path) -> None:
    start = train(small_run(steps=1), tmp_path / "before")
    with pytest.raises(LeadlineError, match="is a 'tiny', the run wants a 'tiny-lite1'"):
        train(small_run(start=str(start), network="tiny-lite1"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_rates__fall_along_the_schedule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = []

    def spy(fabric: Any, model: Any, optimiser: Any, parts: Any, **options: Any) -> dict[str, Tensor]:
        rates.append([group["lr"] for group in optimiser.param_groups])
        return train_step(fabric, model, optimiser, parts, **options)

    monkeypatch.setattr(engine, "train_step", spy)
    train(small_run(steps=4, lr=1e-4, decoder_ratio=3, schedule="linear", warmup=1), tmp_path / "run")
    factors = (0.5, 0.75, 0.5, 0.25)
    assert rates == [pytest.approx([1e-4 * factor, 3e-4 * factor]) for factor in factors]


def test_accumulated_run__equals_the_whole_one(tmp_path: Path) -> None:
    perturb = Perturbation(cutmix=1)
    whole, parted = (
        train(
            small_run(steps=2, accumulate=accumulate, perturb=perturb),
            tmp_path / str(accumulate),
            source=Discs(count=8),
            pseudo=True,
            batch=4,
        )
        for accumulate in (1, 2)
    )
    one, other = (read_log(path.parent / LOG) for path in (whole, parted))
    # AdamW's first step is the sign of the gradient, which turns rounding near zero into a whole step: what
    # follows it agrees less closely on some processors.
    for before, after, tolerance in zip(one, other, (1e-3, 2e-2), strict=True):
        for name in ("loss", "ssi", "gradient", "gradient_norm", "output_mean"):
            assert after[name] == pytest.approx(before[name], rel=tolerance), name


@pytest.mark.parametrize("ema", [None, 0.9])
def test_equal_runs__are_equal_bit_for_bit(tmp_path: Path, ema: float | None) -> None:
    paths = [train(small_run(steps=2, ema=ema, perturb=Perturbation(cutmix=0)), tmp_path / n) for n in "ab"]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_half_precision__trains_in_full_precision_weights(tmp_path: Path) -> None:
    path = train(small_run(steps=2, precision="bf16-mixed"), tmp_path / "run")
    assert all(t.dtype == torch.float32 for n, t in weights_of(path).items() if "num_batches" not in n)
    assert all(math.isfinite(line["loss"]) for line in read_log(path.parent / LOG))


# A folder that holds a run already


def test_finished_run__returns_at_once(tmp_path: Path, watched: list[Weights]) -> None:
    run = small_run(steps=1)
    path = train(run, tmp_path / "run")
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert train(run, tmp_path / "run") == path
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert len(watched) == 2


def test_machine__may_change_between_a_run_and_its_continuation(tmp_path: Path) -> None:
    path = train(small_run(steps=1), tmp_path / "run")
    other = replace(ONE_THREAD, workers=3, log_every=7)
    assert train(small_run(steps=1, machine=other), tmp_path / "run") == path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lr": 2e-4}, r"run\.optim\.lr: 0\.0001 -> 0\.0002"),
        ({"seed": 1}, r"run\.seed: 0 -> 1"),
        ({"crop": Crop(size=64)}, r"run\.crop\.size: 32 -> 64"),
        (
            {"objective": {"ssi": Term(loss="ssi_mae", trim=0.1)}},
            r"run\.objective\.gradient: .*ssi\.trim: 0\.0 -> 0\.1",
        ),
    ],
)
def test_another_config__in_the_same_folder_is_refused_naming_the_field(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = train(small_run(steps=1), tmp_path / "run")
    before = path.read_bytes()
    with pytest.raises(LeadlineError, match=message):
        train(small_run(**{"steps": 1, **changes}), tmp_path / "run")
    assert path.read_bytes() == before


def test_data__may_move_between_a_run_and_its_continuation(tmp_path: Path, watched: list[Weights]) -> None:
    here = write_folder(tmp_path / "here", Discs())
    config = small(tiny.teacher(depth_anything_v2.TEACHER), labelled=(here,), batch=2, out=tmp_path / "run")
    path = train_teacher(config)
    (tmp_path / "here").rename(tmp_path / "there")
    there = here.replace(str(tmp_path / "here"), str(tmp_path / "there"))
    assert train_teacher(replace(config, labelled=(there,))) == path
    assert len(watched) == 3  # the first weights, and those after two steps of the one run


def test_start__may_move_but_not_change_between_a_run_and_its_continuation(tmp_path: Path) -> None:
    start, other = (train(small_run(steps=1, seed=seed), tmp_path / str(seed)) for seed in (8, 9))
    path = train(small_run(steps=1, start=str(start)), tmp_path / "run")
    moved = start.replace(tmp_path / "moved.safetensors")
    assert train(small_run(steps=1, start=str(moved)), tmp_path / "run") == path
    other.replace(start)  # another model where the first one lay
    with pytest.raises(LeadlineError, match=r"another run: data\.start: \w+ -> \w+\. Give"):
        train(small_run(steps=1, start=str(start)), tmp_path / "run")
    with pytest.raises(LeadlineError, match=r"data\.start: \w+ -> None; run\.start"):
        train(small_run(steps=1), tmp_path / "run")


def test_start__of_a_run_of_an_earlier_version_is_told_by_its_path(tmp_path: Path) -> None:
    start = train(small_run(steps=1, seed=8), tmp_path / "8")
    path = train(small_run(steps=1, start=str(start)), tmp_path / "run")
    tensors, about = load_tensors(path)
    save_tensors(path, tensors, {**about, "data": {k: v for k, v in about["data"].items() if k != "start"}})
    assert train(small_run(steps=1, start=str(start)), tmp_path / "run") == path
    moved = start.replace(tmp_path / "moved.safetensors")
    with pytest.raises(LeadlineError, match=r"run\.start: .*weights\.safetensors -> .*moved\.safetensors"):
        train(small_run(steps=1, start=str(moved)), tmp_path / "run")


def test_other_data__in_the_same_folder_are_refused(tmp_path: Path) -> None:
    train(small_run(steps=1), tmp_path / "run")
    with pytest.raises(LeadlineError, match=r"data\.seed: 0 -> 4"):
        train(small_run(steps=1), tmp_path / "run", source=Discs(seed=4))


# What goes wrong


def test_unreadable_files__are_named_once_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = small_run(steps=6, unreadable_limit=0.5)
    train(run, tmp_path / "run", source=Discs(count=4, unreadable={2}))
    assert shown(capsys).count("discs/2 was made unreadable") == 1


def test_unreadable_files__count_each_though_they_have_one_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shard that is gone is one reason for all of its pictures."""

    def gone(self: Discs, index: int) -> Sample:
        raise UnreadableError("the disk is gone")

    monkeypatch.setattr(Discs, "__getitem__", gone)
    with pytest.raises(LeadlineError, match="files are unreadable, more than the limit of 1 "):
        train(small_run(steps=2, unreadable_limit=0.25), tmp_path / "run", source=Discs(count=4))


def test_unreadable_files__past_the_limit_stop_the_run(tmp_path: Path) -> None:
    source = Discs(count=4, unreadable={1, 2})
    with pytest.raises(
        LeadlineError, match=r"2 files are unreadable, more than the limit of 1 \(unreadable_limit\)"
    ):
        train(small_run(steps=4, unreadable_limit=0.25), tmp_path / "run", source=source)
    assert not (tmp_path / "run" / "weights.safetensors").exists()


def test_unreadable_files__count_once_also_where_the_run_was_killed_between_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Discs(
        count=4, unreadable={0, 1, 2}
    )  # three steps see two of them at least, the fourth one at most
    machine = replace(ONE_THREAD, save_every=1)

    def stop(fabric: Any, model: Any, *others: Any, **options: Any) -> dict[str, Tensor]:
        if len(list((tmp_path / "run").glob("state-000000003.*"))) == 1:
            raise KeyboardInterrupt
        return train_step(fabric, model, *others, **options)

    def run(limit: float) -> None:
        config = small_run(steps=4, unreadable_limit=limit, machine=machine)
        train(config, tmp_path / "run", source=source, batch=1)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "train_step", stop)
        with pytest.raises(KeyboardInterrupt):
            run(1.0)
    with pytest.raises(LeadlineError, match=r"files are unreadable, more than the limit of 1 "):
        run(0.25)
    run(1.0)  # what is forgiven may change when a run goes on
    said = shown(capsys)
    named = sorted(said.count(f"discs/{index} was made unreadable") for index in source.unreadable)
    assert named[:2] == [1, 1]  # those that the state remembers


def test_loss_that_is_no_number__stops_the_run_with_ids_and_saves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(fabric: Any, model: Any, optimiser: Any, parts: Any, **options: Any) -> dict[str, Tensor]:
        parts[0].target[0] = torch.nan
        parts[0].valid[0] = True
        return train_step(fabric, model, optimiser, parts, **options)

    monkeypatch.setattr(engine, "train_step", spoil)
    with pytest.raises(NonFiniteError, match="the pictures are discs/"):
        train(small_run(steps=2, machine=replace(ONE_THREAD, save_every=1)), tmp_path / "run")
    assert list((tmp_path / "run").glob("*.safetensors")) == []


def test_weights_that_are_no_numbers__are_never_handed_over(tmp_path: Path) -> None:
    """Not those of the last update either, after which no loss is computed."""
    with pytest.raises(NonFiniteError, match="the weights are not finite after step 1: lower"):
        train(small_run(steps=1, lr=1e38), tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {LOG}


@pytest.mark.parametrize(("pseudo", "on"), [(True, "labelled"), (False, "pseudo")])
def test_term__that_would_look_at_nothing_is_refused(tmp_path: Path, pseudo: bool, on: Any) -> None:
    run = small_run(objective={"ssi": Term(loss="ssi_mae"), "extra": Term(loss="ssi_mae", on=on)})
    with pytest.raises(LeadlineError, match=f"objective.extra.on {on}: this run has no such pictures"):
        train(run, tmp_path / "run", pseudo=pseudo)


def test_state__that_is_damaged_says_what_to_do_and_one_that_is_gone_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = small_run(steps=4, machine=replace(ONE_THREAD, save_every=2, log_every=1))
    with killed_at(4, engine, "train_step"):
        train(run, tmp_path / "run")
    state = tmp_path / "run" / "state-000000002.safetensors"
    os.truncate(state, 99)
    with pytest.raises(
        LeadlineError, match=r"state-000000002.* is not a readable .*; delete it to begin again"
    ):
        train(run, tmp_path / "run")
    state.unlink()
    shown(capsys)
    train(run, tmp_path / "run")
    assert "run holds no state, though its log reaches step 3: from the start" in shown(capsys)
    train(run, tmp_path / "new")
    assert "from the start" not in shown(capsys)


def test_finished_run__loses_what_a_kill_behind_its_weights_left(tmp_path: Path) -> None:
    run = small_run(machine=replace(ONE_THREAD, save_every=1))
    with killed_at(2, Path, "unlink"):  # the first removes the state of step 1
        train(run, tmp_path / "run")
    for _ in range(2):
        train(run, tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"weights.safetensors", LOG}


def test_accelerator__that_is_not_there_is_answered_plainly(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(LeadlineError, match=r"accelerator cuda, machine\.devices 1: .* not available"):
        train(small_run(machine=replace(ONE_THREAD, accelerator="cuda")), tmp_path / "run")


@pytest.mark.parametrize("kind", [ValueError, MisconfigurationException])
def test_devices__that_cannot_be_had_are_answered_plainly(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**asked: object) -> None:
        raise kind("there are two GPUs")

    monkeypatch.setattr(engine, "Fabric", refuse)
    with pytest.raises(LeadlineError, match=r"cpu, machine\.devices 3: there are two GPUs"):
        engine.launch(replace(ONE_THREAD, devices=3))


@pytest.mark.parametrize("field", ["devices", "threads", "save_every", "log_every"])
def test_machine__refuses_what_cannot_run(field: str) -> None:
    none: Any = {field: 0}
    with pytest.raises(ValueError, match=f"{field}.* at least 1"):
        replace(ONE_THREAD, **none)


# An output that drifts


@pytest.mark.parametrize(
    ("deviations", "warns"),
    [
        ([1.0, 2.0, 500.0], False),
        ([1.0, 2.0, 2000.0, 9000.0], True),
        ([1.0, 0.5, 0.0005], True),
        ([1.0, 0.0], True),
        ([0.0, 0.0], True),
    ],
)
def test_drift__is_warned_of_once(
    capsys: pytest.CaptureFixture[str], deviations: list[float], warns: bool
) -> None:
    watch = Watch(small_run(), [])
    for deviation in deviations:
        watch.drift({"output_deviation": deviation}, first={"output_deviation": deviations[0]})
    assert shown(capsys).count("the output drifts") == warns


def test_drift__is_watched_in_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dead = train(small_run(steps=1), tmp_path / "before")
    tensors, about = load_tensors(dead)
    tensors["decoder.head.bias"] = torch.tensor([-1e6])
    save_network(tmp_path / "dead", "tiny", tensors, about={})
    capsys.readouterr()
    assert about["network"] == "tiny"
    train(small_run(steps=2, start=str(tmp_path / "dead")), tmp_path / "run")
    assert shown(capsys).count("the output drifts: its mean deviation is 0") == 1


# The recipes end to end


def small(config: TeacherConfig | StudentConfig, **changes: Any) -> Any:
    optim = replace(config.optim, steps=2, warmup=0)
    return replace(config, crop=Crop(size=32), optim=optim, machine=ONE_THREAD, **changes)


@pytest.mark.parametrize("recipe", [midas, depth_anything_v1, depth_anything_v2])
def test_teacher__of_every_recipe_trains(tmp_path: Path, recipe: Any) -> None:
    spec = write_folder(tmp_path / "data", Discs())
    config = small(tiny.teacher(recipe.TEACHER), labelled=(spec,), batch=2, out=tmp_path / "run")
    path = train_teacher(config)
    _, about = load_network(path)
    assert about["stage"] == "teacher"
    assert about["data"]["0.name"] == "rgb"
    for line in read_log(path.parent / LOG):
        assert set(config.objective) < set(line)
        weighted = [term.weight * line[name] for name, term in config.objective.items()]
        assert line["loss"] == pytest.approx(sum(weighted), rel=1e-5)


@pytest.mark.parametrize("recipe", [depth_anything_v1, depth_anything_v2])
def test_student__of_every_recipe_trains(
    tmp_path: Path, recipe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pseudo = write_folder(tmp_path / "pseudo", Discs(name="pseudo"))
    labelled = write_folder(tmp_path / "labelled", Discs(seed=1))
    batches: list[Any] = []

    def spy(fabric: Any, model: Any, optimiser: Any, parts: Any, **options: Any) -> dict[str, Tensor]:
        batches.extend(parts)
        return train_step(fabric, model, optimiser, parts, **options)

    monkeypatch.setattr(engine, "train_step", spy)
    mixes = recipe.STUDENT.labelled_batch > 0
    config = small(
        tiny.student(recipe.STUDENT),
        pseudo=(f"{pseudo}&name=pseudo",),
        labelled=(f"{labelled}&name=labelled",) if mixes else (),
        batch=4,
        labelled_batch=2 if mixes else 0,
        out=tmp_path / "run",
    )
    _, about = load_network(train_student(config))
    assert about["stage"] == "student"
    assert set(about["data"]) == ({"pseudo", "labelled"} if mixes else {"pseudo"})
    for batch in batches:
        names = [name.split("/")[0] for name in batch.ids]
        assert names == ["labelled"] * config.labelled_batch + ["pseudo"] * 4
        assert batch.labelled == config.labelled_batch
        assert all(row >= batch.labelled for row in batch.cut.tolist())
    (line, _) = read_log(tmp_path / "run" / LOG)
    assert all(line[name] > 0 for name in config.objective if name != "features")


def test_student__never_perturbs_labelled_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    streams: list[Stream] = []

    def spy(run: Run, given: list[Stream], out: Path, *, origin: Any) -> Path:
        streams.extend(given)
        return out

    monkeypatch.setattr("leadline.stages.student.fit", spy)
    pseudo, labelled = (write_folder(tmp_path / name, Discs()) for name in ("pseudo", "labelled"))
    config = replace(tiny.student(depth_anything_v1.STUDENT), pseudo=(pseudo,), labelled=(labelled,))
    train_student(config)
    by_kind = {stream.pseudo: stream.perturb for stream in streams}
    assert by_kind[True] == config.perturb
    assert (by_kind[False].jitter, by_kind[False].grey, by_kind[False].blur, by_kind[False].cutmix) == (
        0,
        0,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("train_stage", "config", "flag"),
    [
        (train_teacher, depth_anything_v2.TEACHER, "--labelled"),
        (train_student, depth_anything_v2.STUDENT, "--pseudo"),
        (train_student, depth_anything_v1.STUDENT, "--pseudo"),
    ],
)
def test_stage_without_a_source__names_the_option(
    train_stage: Callable[[Any], Path], config: Any, flag: str
) -> None:
    with pytest.raises(LeadlineError, match=f"name at least one with {flag}"):
        train_stage(config)


def test_student__without_the_labelled_source_that_its_recipe_mixes_in_names_the_option(
    tmp_path: Path,
) -> None:
    pseudo = write_folder(tmp_path / "pseudo", Discs())
    with pytest.raises(LeadlineError, match="name at least one with --labelled"):
        train_student(replace(depth_anything_v1.STUDENT, pseudo=(pseudo,), out=tmp_path / "run"))


@pytest.mark.parametrize(
    ("config", "changes", "message"),
    [
        (depth_anything_v2.TEACHER, {"batch": 0}, "batch: at least 1 picture a step, got 0"),
        (
            depth_anything_v2.TEACHER,
            {"perturb": Perturbation()},
            "perturb.cutmix: .* 0 for a teacher, got 0.5",
        ),
        *(
            (depth_anything_v2.TEACHER, {"unreadable_limit": limit}, "unreadable_limit: a share is 0 to 1")
            for limit in (-0.1, 1.5, math.nan)
        ),
        *(
            (depth_anything_v2.TEACHER, {"objective": objective}, "a term that compares maps needs a weight")
            for objective in (
                {},
                {"ssi": Term(loss="ssi_mae", weight=0)},
                {"features": Term(loss="feature_alignment")},
            )
        ),
        (depth_anything_v2.TEACHER, {"seed": 2**32}, "seed: from 0 to 4294967295"),
        (depth_anything_v2.TEACHER, {"seed": -1}, "seed: from 0 to 4294967295, got -1"),
        (depth_anything_v2.STUDENT, {"labelled": ("x",)}, "this recipe mixes no labelled pictures in"),
        (depth_anything_v2.STUDENT, {"batch": 0}, "at least 1 pseudo-labelled picture a step"),
        (depth_anything_v2.STUDENT, {"seed": -1}, "seed: from 0 to 4294967295, got -1"),
    ],
)
def test_config__refuses_what_cannot_be_learnt_from(
    config: Any, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(config, **changes)


def test_frozen_encoder__is_there_where_a_term_needs_it_and_only_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen: list[Any] = []

    def spy(fabric: Any, model: Any, optimiser: Any, parts: Any, **options: Any) -> dict[str, Tensor]:
        frozen.append(model.module.frozen)
        return train_step(fabric, model, optimiser, parts, **options)

    monkeypatch.setattr(engine, "train_step", spy)
    train(small_run(steps=1), tmp_path / "without")
    with_features = {"ssi": Term(loss="ssi_mae"), "features": Term(loss="feature_alignment")}
    train(small_run(steps=1, objective=with_features, frozen="tiny-lite1"), tmp_path / "with")
    assert frozen[0] is None
    pretrained = Network("tiny-lite1", pretrained=True).encoder.state_dict()
    state = frozen[1].state_dict()
    assert [name for name in pretrained if not torch.equal(state[name], pretrained[name])] == []
    tensors, _ = load_tensors(tmp_path / "with" / "weights.safetensors")
    assert tensors.keys() == Network("tiny").state_dict().keys()


def test_batch_that_cannot_be_divided__is_refused(tmp_path: Path) -> None:
    stream = Stream(source=Discs(), batch=3, perturb=small_run().perturb, pseudo=False)
    with pytest.raises(LeadlineError, match="3 pictures of discs a step cannot be divided by 2"):
        fit(small_run(accumulate=2), [stream], tmp_path / "run", origin={"data": {}})
