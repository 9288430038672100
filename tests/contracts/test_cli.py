"""The command line: generated from the configs, and plain about what is wrong."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from tyro.conf import Positional

from leadline import cli
from leadline.app.datasets import DatasetsConfig
from leadline.app.demo import DemoConfig
from leadline.app.inspect import InspectConfig
from leadline.models.published import network_of
from leadline.presets.recipes import METRICS, STUDENTS, TEACHERS, fitted
from leadline.stages.convert import ConvertConfig
from leadline.stages.evaluate import EvaluateConfig
from leadline.stages.metric import MetricConfig
from leadline.stages.models import ModelsConfig
from leadline.stages.predict import PredictConfig
from leadline.stages.pseudo_label import PseudoLabelConfig
from leadline.stages.render import RenderConfig
from leadline.types import LeadlineError, Size

PLACES = {
    "datasets": "leadline.app.datasets.show_datasets",
    "inspect": "leadline.app.inspect.inspect",
    "render": "leadline.stages.render.render",
    "teacher": "leadline.stages.teacher.train_teacher",
    "pseudo-label": "leadline.stages.pseudo_label.pseudo_label",
    "student": "leadline.stages.student.train_student",
    "metric": "leadline.stages.metric.train_metric",
    "evaluate": "leadline.app.evaluation.evaluate_and_show",
    "predict": "leadline.stages.predict.predict",
    "models": "leadline.stages.models.list_models",
    "convert": "leadline.stages.convert.convert",
    "demo": "leadline.app.demo.demo",
}
"""Command -> the function that it calls with its config."""

CONFIGS: dict[tuple[str, ...], Any] = {
    ("datasets",): DatasetsConfig(),
    ("inspect",): InspectConfig(),
    ("render",): RenderConfig(),
    ("pseudo-label",): PseudoLabelConfig(),
    ("evaluate",): EvaluateConfig(),
    ("predict",): PredictConfig(),
    ("demo",): DemoConfig(),
    ("models",): ModelsConfig(),
    ("convert",): ConvertConfig(),
    **{("teacher", name): fitted(config, "tiny") for name, (_, config) in TEACHERS.items()},
    **{("student", name): fitted(config, "tiny") for name, (_, config) in STUDENTS.items()},
    **{
        ("metric", name): fitted(config, network_of(config.start) or "tiny")
        for name, (_, config) in METRICS.items()
    },
}
over_commands = pytest.mark.parametrize("command", CONFIGS, ids=" ".join)

Runner = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runner:
    """Return a function that runs a command in this process and returns exit code, output and errors."""
    monkeypatch.setenv("COLUMNS", "220")

    def runner(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["leadline", *arguments])
        try:
            code = cli.main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0
        written = capsys.readouterr()
        return code, written.out, written.err

    return runner


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list that gets the configs that the stages are called with; nothing runs."""
    configs: list[Any] = []
    for place in PLACES.values():
        monkeypatch.setattr(place, configs.append)
    return configs


def leaves(config: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield every field of a config as the command line names it, with its type and value."""
    types = get_type_hints(type(config))
    for field in fields(config):
        name, value = prefix + field.name, getattr(config, field.name)
        if is_dataclass(value):
            yield from leaves(value, f"{name}.")
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                yield from leaves(inner, f"{name}.{key}.")
        else:
            yield name, types[field.name], value


_MARK = get_args(Positional[int])[1]


def is_positional(config: Any, name: str) -> bool:
    """Whether a field is given by its place instead of its name."""
    hint = get_type_hints(type(config), include_extras=True).get(name)
    return _MARK in getattr(hint, "__metadata__", ())


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


# Help


def test_every_command__is_tried_here() -> None:
    assert {command[0] for command in CONFIGS} == set(cli.COMMANDS) == set(PLACES)


def test_version__is_that_of_the_package(run: Runner) -> None:
    assert run("--version") == (0, f"leadline {version('leadline')}\n", "")


def test_module__is_the_command_line() -> None:
    done = subprocess.run([sys.executable, "-m", "leadline", "--version"], capture_output=True, text=True)
    assert done.stdout == f"leadline {version('leadline')}\n", done.stderr


def test_help__names_every_command_with_what_it_does(run: Runner) -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    for name, command in cli.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape((command.__doc__ or '').splitlines()[0])}$", out, re.M)
    assert run() == run("-h") == (0, out, "")


@pytest.mark.parametrize(
    ("command", "recipes"), [("teacher", TEACHERS), ("student", STUDENTS), ("metric", METRICS)]
)
def test_help__names_every_recipe_with_what_it_is(
    run: Runner, command: str, recipes: Mapping[str, tuple[str, Any]]
) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    for name, (text, _) in recipes.items():
        assert re.search(rf"^  {name} +{re.escape(text)}$", out, re.M)
    assert run(command) == (0, out, "")


@over_commands
def test_help__shows_every_field_of_the_config(run: Runner, command: tuple[str, ...]) -> None:
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert f"usage: leadline {' '.join(command)}" in out
    shown = set(re.findall(r"--[\w.-]+", out))
    config = CONFIGS[command]
    named = [name for name, _, _ in leaves(config) if not is_positional(config, name)]
    assert [name for name in named if flag(name) not in shown] == []


# Overriding


OTHER_TEXTS: dict[str, tuple[list[str], Any]] = {
    "network": (["tiny-lite1"], "tiny-lite1"),
    "frozen": (["tiny-lite1"], "tiny-lite1"),
    "crop": (["96"], 96),
    "crop.size": (["448"], 448),
    "size": (["5x7"], Size(5, 7)),
    "layouts": (["street", "table"], ("street", "table")),
    "optim.betas": (["0.5", "0.75"], (0.5, 0.75)),
}
"""Fields of which not any text is a value."""


def other_text(name: str, kind: Any, value: Any) -> tuple[list[str], Any]:
    """Return arguments for a field that differ from its value, and what they mean."""
    if name in OTHER_TEXTS and (name != "size" or isinstance(value, Size)):
        return OTHER_TEXTS[name]
    options = [option for option in get_args(kind) if option not in (value, type(None))]
    if get_origin(kind) is Literal:
        return [options[0]], options[0]
    if isinstance(value, bool):
        return [], not value
    if isinstance(value, int):
        return [str(value + 1)], value + 1
    if isinstance(value, float):
        return [str(value / 2 or 0.125)], value / 2 or 0.125
    if isinstance(value, Path):
        return ["elsewhere/x"], Path("elsewhere/x")
    if isinstance(value, str):
        return ["random"], "random"
    if isinstance(value, tuple) and get_origin(options[0]) is Literal:
        others = [choice for choice in get_args(options[0]) if choice not in value]
        return others, tuple(others)
    if isinstance(value, tuple):
        texts = ["7", "9"] if int in options else ["one", "two"]
        inner = next((kind for kind in (Path, int) if kind in options), str)
        return texts, tuple(map(inner, texts))
    assert value is None, name
    if get_origin(options[0]) is Literal:
        return [get_args(options[0])[0]], get_args(options[0])[0]
    return ["7"], options[0]("7")


def may_be_overridden(name: str, config: Any, value: Any) -> bool:
    """Whether a field may change alone, which what is for one loss, one stage or one space may not."""
    if name.endswith((".trim", ".loss")):
        trimmable: bool = config.objective[name.split(".")[1]].loss == "ssi_mae"
        return trimmable is name.endswith(".trim")
    if name in ("crop.smallest", "crop.min_scale"):
        return not isinstance(config, MetricConfig)
    return not (name == "perturb.cutmix" and value == 0)


@pytest.mark.parametrize(
    ("option", "field"), [("--out=~/maps", "out"), ("--environment=~/maps", "environment")]
)
def test_home__is_found_where_the_shell_left_it(
    run: Runner, received: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str, field: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run("render", option)[0] == 0
    assert getattr(received[-1], field) == tmp_path / "maps"


@over_commands
def test_every_field__can_be_overridden(run: Runner, received: list[Any], command: tuple[str, ...]) -> None:
    config = CONFIGS[command]
    arguments: list[str] = []
    expected = {}
    for name, kind, value in leaves(config):
        if may_be_overridden(name, config, value):
            texts, expected[name] = other_text(name, kind, value)
            negated = "--no-" + flag(name).removeprefix("--")
            if is_positional(config, name):
                arguments = [*texts, *arguments]
            else:
                arguments += [negated if value is True else flag(name), *texts]
    code, _, err = run(*command, *arguments)
    assert code == 0, (arguments, err)
    (changed,) = received
    found = {name: value for name, _, value in leaves(changed)}
    assert {name: found[name] for name in expected} == expected
    assert type(changed) is type(config)


@over_commands
def test_no_option__means_the_default(run: Runner, received: list[Any], command: tuple[str, ...]) -> None:
    assert run(*command)[0] == 0
    assert received == [CONFIGS[command]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("inspect", "hypersim", "~/data", "--samples", "5"),
            InspectConfig(sources=("hypersim", "~/data"), samples=5),
        ),
        (("inspect", "--samples", "5", "a", "b"), InspectConfig(sources=("a", "b"), samples=5)),
        (("datasets", "kitti", "diode"), DatasetsConfig(names=("kitti", "diode"))),
    ],
)
def test_words__are_what_the_command_is_about(
    run: Runner, received: list[Any], arguments: Sequence[str], expected: Any
) -> None:
    assert run(*arguments)[0] == 0
    assert received == [expected]


def test_none__turns_an_optional_field_off(run: Runner, received: list[Any]) -> None:
    assert run("teacher", "depth-anything-v2", "--optim.ema", "None")[0] == 0
    assert received[0].optim.ema is None


# What is wrong, said plainly


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (("teacher", "depth-anything-v2", "--optim.stepz", "3"), "--optim.steps"),
        (("teacher", "midas", "--optim.weight-decai", "3"), "--optim.weight-decay"),
        (("student", "depth-anything-v1", "--labeled-batch", "3"), "--labelled-batch"),
        (("pseudo-label", "--picture", "x"), "--pictures"),
        (("evaluate", "--protocl", "paper"), "--protocol"),
        (("demo", "--photo", "x"), "--photos"),
        (("render", "--scens", "3"), "--scenes"),
    ],
)
def test_misspelt_field__is_answered_with_the_nearest(
    run: Runner, arguments: Sequence[str], near: str
) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert re.search(rf"^\W+{near} ", err, re.M)
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("teachr",), "leadline: there is no command 'teachr'; did you mean 'teacher'?"),
        (("pseudo_label",), "leadline: there is no command 'pseudo_label'; did you mean 'pseudo-label'?"),
        (("xyz",), f"leadline: there is no command 'xyz'; there are: {', '.join(PLACES)}"),
        (
            ("teacher", "depth-anything-v3"),
            "leadline teacher: there is no recipe 'depth-anything-v3'; did you mean 'depth-anything-v2'?",
        ),
        (
            ("student", "midas"),
            "leadline student: there is no recipe 'midas'; there are: depth-anything-v1, depth-anything-v2",
        ),
        (
            ("teacher", "--optim.steps", "3"),
            "leadline teacher: there is no recipe '--optim.steps'; "
            "there are: midas, depth-anything-v1, depth-anything-v2",
        ),
    ],
)
def test_unknown_word__is_answered_with_the_nearest_or_all(
    run: Runner, arguments: Sequence[str], message: str
) -> None:
    assert run(*arguments) == (2, "", f"{message}\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--optim.steps", "0"), "steps and accumulate are at least 1, got 0, 1"),
        (("--optim.clip", "-1"), "a norm is positive, got -1.0"),
        (("--crop.size", "0"), "needs size >= 1"),
        (("--crop.smallest", "225"), "from 1 to size, 224, got 225"),
        (("--objective.gradient.trim", "0.2"), "only ssi_mae can be trimmed"),
        (("--perturb.cutmix", "0.5"), "0 for a teacher, got 0.5"),
        (("--batch", "0"), "at least 1 picture a step, got 0"),
        (("--machine.save-every", "0"), "save_every and log_every are at least 1"),
        (("--seed", "-1"), "seed: from 0 to 4294967295, got -1"),
        (("--network", "vits"), "no network is called 'vits'"),
        (("--machine.accelerator", "gpu"), "invalid choice 'gpu'"),
        (("--optim.lr", "fast"), "fast"),
    ],
)
def test_wrong_value__is_one_message_without_a_traceback(
    run: Runner, options: Sequence[str], message: str
) -> None:
    code, out, err = run("teacher", "depth-anything-v2", *options)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert "dummy" not in err
    said = [line for line in err.splitlines() if re.search(r"\w", line)]
    assert len(said) <= 6  # a title, the message, what the option means, where the help is


def test_mistake_that_can_be_mended__is_one_line_and_exit_code_1(run: Runner, tmp_path: Path) -> None:
    missing = tmp_path / "nothing"
    code, out, err = run("teacher", "depth-anything-v2", "--labelled", str(missing))
    assert (code, out) == (1, "")
    assert err.startswith(f"leadline teacher: {missing} is neither a folder")
    assert err.count("\n") == 1


def test_refusal_of_the_system__is_one_line_and_exit_code_1(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(arguments: Sequence[str]) -> None:
        raise PermissionError(13, "Permission denied", "runs/teacher")

    monkeypatch.setitem(cli.COMMANDS, "teacher", refuse)
    assert run("teacher") == (1, "", "leadline teacher: Permission denied (runs/teacher)\n")


def test_interruption__says_how_to_go_on_and_exits_with_130(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(arguments: Sequence[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(cli.COMMANDS, "teacher", interrupt)
    message = "leadline teacher: interrupted; the same command goes on from here\n"
    assert run("teacher", "depth-anything-v2") == (130, "", message)


def test_interruption__before_the_command_begins_is_said_alike(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(name: str, arguments: Sequence[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", interrupt)
    message = "leadline teacher: interrupted; the same command goes on from here\n"
    assert run("teacher", "depth-anything-v2") == (130, "", message)


def test_trust__takes_kinds_of_findings_alone(run: Runner) -> None:
    code, _, error = run("metric", "depth-anything-v2-indoor", "--labelled", "x", "--trust", "units")
    assert code == 2
    assert "units" in error
    assert "shifted-mask" in error


def test_error_of_our_own__is_not_dressed_up(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(arguments: Sequence[str]) -> None:
        raise AssertionError("a mistake in the program")

    monkeypatch.setitem(cli.COMMANDS, "teacher", fail)
    with pytest.raises(AssertionError, match="a mistake in the program"):
        run("teacher", "depth-anything-v2")


@pytest.mark.parametrize(
    "error",
    [
        BrokenProcessPool("A process in the process pool was terminated abruptly"),
        RuntimeError("DataLoader worker (pid 9164) is killed by signal: Killed. "),
    ],
)
def test_helper_that_was_killed__is_one_line(
    run: Runner, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(arguments: Sequence[str]) -> None:
        raise error

    monkeypatch.setitem(cli.COMMANDS, "render", fail)
    said = "a process that helped was killed, perhaps for want of memory; the same command goes on"
    assert run("render") == (1, "", f"leadline render: {said}\n")


def test_mistake_in_a_helper__is_not_taken_for_a_kill(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(arguments: Sequence[str]) -> None:
        raise RuntimeError("Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback ...")

    monkeypatch.setitem(cli.COMMANDS, "render", fail)
    with pytest.raises(RuntimeError, match="Original Traceback"):
        run("render")


def test_error__is_caught_from_any_command(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(arguments: Sequence[str]) -> None:
        raise LeadlineError("what is wrong")

    for name in cli.COMMANDS:
        monkeypatch.setitem(cli.COMMANDS, name, fail)
        assert run(name) == (1, "", f"leadline {name}: what is wrong\n")


def test_evaluate__takes_one_model_and_one_benchmark_by_the_singular(
    run: Runner, received: list[Any]
) -> None:
    assert run("evaluate", "--model", "x.safetensors", "--benchmark", "nyuv2", "kitti")[0] == 0
    assert (received[0].models, received[0].benchmarks) == (("x.safetensors",), ("nyuv2", "kitti"))
