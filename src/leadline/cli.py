"""The command line: one command a stage, its options generated from the stage's config."""

import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

Config = TypeVar("Config")


def datasets(arguments: Sequence[str]) -> None:
    """Show the data sets of the papers: role, licence, where to get them, expected files."""
    from leadline.app.datasets import DatasetsConfig, show_datasets

    show_datasets(_parse("datasets", DatasetsConfig(), arguments))


def inspect(arguments: Sequence[str]) -> None:
    """Look whether data is what it seems, before training on it."""
    from leadline.app.inspect import InspectConfig, inspect

    looked = inspect(_parse("inspect", InspectConfig(), arguments))
    if any(each.findings for each in looked or ()):
        raise SystemExit(1)


def render(arguments: Sequence[str]) -> None:
    """Render labelled pictures of drawn scenes."""
    from leadline.stages.render import RenderConfig, render

    render(_parse("render", RenderConfig(), arguments))


def teacher(arguments: Sequence[str]) -> None:
    """Train a teacher on labelled pictures (defaults depend on --network)."""
    from leadline.presets.recipes import TEACHERS
    from leadline.stages.teacher import train_teacher

    train_teacher(_parse_recipe("teacher", TEACHERS, arguments))


def pseudo_label(arguments: Sequence[str]) -> None:
    """Label pictures with a teacher."""
    from leadline.stages.pseudo_label import PseudoLabelConfig, pseudo_label

    pseudo_label(_parse("pseudo-label", PseudoLabelConfig(), arguments))


def student(arguments: Sequence[str]) -> None:
    """Train a student on a teacher's labels (defaults depend on --network)."""
    from leadline.presets.recipes import STUDENTS
    from leadline.stages.student import train_student

    train_student(_parse_recipe("student", STUDENTS, arguments))


def metric(arguments: Sequence[str]) -> None:
    """Teach a network metres (defaults depend on --network)."""
    from leadline.presets.recipes import METRICS
    from leadline.stages.metric import train_metric

    train_metric(_parse_recipe("metric", METRICS, arguments))


def evaluate(arguments: Sequence[str]) -> None:
    """Measure models beside a constant map and a ramp."""
    from leadline.app.evaluation import evaluate_and_show
    from leadline.stages.evaluate import EvaluateConfig

    evaluate_and_show(_parse("evaluate", EvaluateConfig(), arguments))


def predict(arguments: Sequence[str]) -> None:
    """Write the maps of pictures, in any of six formats."""
    from leadline.stages.predict import PredictConfig, predict

    predict(_parse("predict", PredictConfig(), arguments))


def demo(arguments: Sequence[str]) -> None:
    """Run the whole pipeline in minutes and write a report."""
    from leadline.app.demo import DemoConfig, demo

    demo(_parse("demo", DemoConfig(), arguments))


def convert(arguments: Sequence[str]) -> None:
    """Convert a checkpoint between our layout, the authors' and transformers'."""
    from leadline.stages.convert import ConvertConfig, convert

    convert(_parse("convert", ConvertConfig(), arguments))


def models(arguments: Sequence[str]) -> None:
    """List the models that can be loaded by name."""
    from leadline.stages.models import ModelsConfig, list_models

    list_models(_parse("models", ModelsConfig(), arguments))


COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "datasets": datasets,
    "inspect": inspect,
    "render": render,
    "teacher": teacher,
    "pseudo-label": pseudo_label,
    "student": student,
    "metric": metric,
    "evaluate": evaluate,
    "predict": predict,
    "models": models,
    "convert": convert,
    "demo": demo,
}


def main() -> int:
    """Run the command that the arguments name; return the process's exit code.

    0 where all went well, 1 for what `LeadlineError` says and where `inspect` finds something, 2 for
    arguments that mean nothing, 130 after an interruption.
    """
    commands = {name: _summary(command) for name, command in COMMANDS.items()}
    about = "Depth from single pictures: teacher, pseudo-labels, student."
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"leadline {version('leadline')}\n")
        return 0
    name, arguments = _choose("leadline", "command", commands, sys.argv[1:], about=about)
    try:
        return _run(name, arguments)
    except KeyboardInterrupt:
        sys.stderr.write(f"leadline {name}: interrupted; the same command goes on from here\n")
        return 130


def _run(name: str, arguments: Sequence[str]) -> int:
    """Run a command and say in a line what stopped it."""
    from leadline.types import LeadlineError  # brings PyTorch along, which help does not need

    try:
        COMMANDS[name](arguments)
    except LeadlineError as error:
        sys.stderr.write(f"leadline {name}: {error}\n")
        return 1
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        sys.stderr.write(f"leadline {name}: {error.strerror or error}{where}\n")
        return 1
    except RuntimeError as error:
        if _left_alone(error):
            reason = "another process of this run stopped; if not killed, it says why"
        elif isinstance(error, BrokenExecutor) or str(error).startswith("DataLoader worker (pid"):
            reason = "a process that helped was killed, perhaps for want of memory; the same command goes on"
        else:
            raise
        sys.stderr.write(f"leadline {name}: {reason}\n")
        return 1
    return 0


def _left_alone(error: RuntimeError) -> bool:
    """Return whether this is what PyTorch says when another process of several is gone."""
    from torch import distributed

    gone = ("closed by peer", "reset by peer", "remote process exited")
    return distributed.is_available() and distributed.is_initialized() and any(s in str(error) for s in gone)


def _summary(command: Callable[[Sequence[str]], None]) -> str:
    return (command.__doc__ or "").partition("\n")[0]


def _choose(
    prog: str, what: str, choices: Mapping[str, str], arguments: Sequence[str], *, about: str
) -> tuple[str, Sequence[str]]:
    """Split arguments into one of `choices` and the rest; without one show them all, each with its text."""
    name, *rest = arguments or ["--help"]
    if name in choices:
        return name, rest
    if name in ("--help", "-h"):
        width = max(map(len, choices))
        lines = "\n".join(f"  {choice:{width}}  {text}" for choice, text in choices.items())
        sys.stdout.write(
            f"usage: {prog} {what.upper()} [OPTIONS]\n\n{about}\n\n{lines}\n\n"
            f"{prog} {what.upper()} --help shows every option and its default.\n"
        )
        raise SystemExit(0)
    near = get_close_matches(name, choices, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(choices)}"
    sys.stderr.write(f"{prog}: there is no {what} {name!r}; {hint}\n")
    raise SystemExit(2)


def _parse(command: str, default: Config, arguments: Sequence[str]) -> Config:
    import tyro

    from leadline.specs import typed_path

    registry = tyro.constructors.ConstructorRegistry()

    @registry.primitive_rule
    def _path(info: tyro.constructors.PrimitiveTypeInfo) -> Any:
        """Read ~ where the shell did not, as in --out=~/maps."""
        if info.type is not Path:
            return None
        return tyro.constructors.PrimitiveConstructorSpec(
            nargs=1,
            metavar="PATH",
            instance_from_str=lambda texts: typed_path(texts[0]),
            is_instance=lambda found: isinstance(found, Path),
            str_from_instance=lambda path: [str(path)],
        )

    return tyro.cli(
        type(default), default=default, args=arguments, prog=f"leadline {command}", registry=registry
    )


def _parse_recipe(command: str, recipes: Mapping[str, tuple[str, Any]], arguments: Sequence[str]) -> Any:
    from leadline.presets.recipes import fitted
    from leadline.types import LeadlineError

    texts = {name: text for name, (text, _) in recipes.items()}
    about = _summary(COMMANDS[command])
    name, options = _choose(f"leadline {command}", "recipe", texts, arguments, about=about)
    try:
        recipe = recipes[name][1]
        default = fitted(recipe, _network(options, start=recipe.start))
    except LeadlineError as error:
        sys.stderr.write(f"leadline {command} {name}: {error}\n")
        raise SystemExit(2) from None
    return _parse(f"{command} {name}", default, options)


def _network(options: Sequence[str], *, start: str) -> str:
    """Return the network on which the defaults depend: that of the options, or of what training starts from.

    Raises:
        LeadlineError: where the start cannot be read.
    """
    from leadline.models.published import network_of

    return _value("--network", options) or network_of(_value("--start", options) or start) or "tiny"


def _value(option: str, arguments: Sequence[str]) -> str | None:
    """Return the value that arguments give an option, if they do."""
    for name, value in zip(arguments, [*arguments[1:], ""], strict=False):
        if name == option:
            return value
        if name.startswith(f"{option}="):
            return name.partition("=")[2]
    return None
