"""The command line: one command a stage, its options generated from the stage's config."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from leadline.types import LeadlineError

Config = TypeVar("Config")


def render(arguments: Sequence[str]) -> None:
    """Render labelled pictures of drawn scenes."""
    from leadline.stages.render import RenderConfig, render

    render(_parse("render", RenderConfig(), arguments))


def teacher(arguments: Sequence[str]) -> None:
    """Train a teacher on labelled pictures."""
    from leadline.presets.recipes import TEACHERS
    from leadline.stages.teacher import train_teacher

    train_teacher(_parse_recipe("teacher", TEACHERS, arguments))


def pseudo_label(arguments: Sequence[str]) -> None:
    """Label pictures with a teacher."""
    from leadline.stages.pseudo_label import PseudoLabelConfig, pseudo_label

    pseudo_label(_parse("pseudo-label", PseudoLabelConfig(), arguments))


def student(arguments: Sequence[str]) -> None:
    """Train a student on a teacher's labels."""
    from leadline.presets.recipes import STUDENTS
    from leadline.stages.student import train_student

    train_student(_parse_recipe("student", STUDENTS, arguments))


def evaluate(arguments: Sequence[str]) -> None:
    """Measure models beside a constant map and a ramp."""
    from leadline.stages.evaluate import EvaluateConfig, evaluate

    evaluate(_parse("evaluate", EvaluateConfig(), arguments))


def demo(arguments: Sequence[str]) -> None:
    """Run the whole pipeline in minutes and write a report."""
    from leadline.app.demo import DemoConfig, demo

    demo(_parse("demo", DemoConfig(), arguments))


COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "render": render,
    "teacher": teacher,
    "pseudo-label": pseudo_label,
    "student": student,
    "evaluate": evaluate,
    "demo": demo,
}


def main() -> int:
    """Run the command that the arguments name; return the process's exit code."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("--help", "-h"):
        sys.stdout.write(_overview())
        return 0
    if name not in COMMANDS:
        from difflib import get_close_matches

        near = get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(COMMANDS)}"
        sys.stderr.write(f"leadline: there is no command {name!r}; {hint}\n")
        return 2
    try:
        COMMANDS[name](arguments)
    except LeadlineError as error:
        sys.stderr.write(f"leadline {name}: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(f"leadline {name}: interrupted; the same command goes on from here\n")
        return 130
    return 0


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = (
        f"  {name:{width}}  {(command.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items()
    )
    return "\n".join(
        [
            "usage: leadline COMMAND [OPTIONS]",
            "",
            "Depth from single pictures: teacher, pseudo-labels, student.",
            "",
            *lines,
            "",
            "leadline COMMAND --help shows every option and its default.",
            "",
        ]
    )


def _parse(command: str, default: Config, arguments: Sequence[str]) -> Config:
    import tyro

    return tyro.cli(type(default), default=default, args=arguments, prog=f"leadline {command}")


def _parse_recipe(command: str, recipes: Mapping[str, tuple[str, Config]], arguments: Sequence[str]) -> Any:
    import tyro

    return tyro.extras.overridable_config_cli(
        dict(recipes), args=arguments, prog=f"leadline {command}", description=COMMANDS[command].__doc__
    )


if __name__ == "__main__":
    sys.exit(main())
