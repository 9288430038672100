"""The order of the house: imports point down, and what has no place in a part does not stand there."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import leadline

ROOT = Path(leadline.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

LAYERS = (
    {"types"},
    {"storage", "console", "masked", "memory", "specs"},
    {"geometry"},
    {"losses", "metrics", "models", "data", "render"},
    {"engine", "predict"},
    {"evaluation"},
    {"stages"},
    {"presets"},
    {"app"},
    {"cli"},
    {"__main__"},
)
"""From the bottom up. A part sees the layers below its own, and no other part of its layer."""
LEVEL = {part: level for level, layer in enumerate(LAYERS) for part in layer}
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "core", "base", "stuff"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def part_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, at its top or inside a function, in full."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_parts(path: Path) -> set[str]:
    """Return the parts of the package that a file imports from."""
    names = [name.split(".") for name in imports(path)]
    return {name[1] for name in names if name[0] == "leadline"}


def wrong_imports(part: str, imported: set[str]) -> set[str]:
    return {other for other in imported if other != part and LEVEL[other] >= LEVEL[part]}


def parts_and_files() -> list[Path]:
    return [path for path in FILES if path != ROOT / "__init__.py"]


def test_every_part__has_its_layer() -> None:
    assert {part_of(path) for path in parts_and_files()} == set(LEVEL)


@pytest.mark.parametrize("path", parts_and_files(), ids=name_of)
def test_imports__point_down(path: Path) -> None:
    assert wrong_imports(part_of(path), own_parts(path)) == set()


def test_rule__refuses_what_it_should() -> None:
    assert wrong_imports("data", {"types", "storage", "geometry", "data"}) == set()
    assert wrong_imports("data", {"models"}) == {"models"}
    assert wrong_imports("losses", {"metrics", "geometry"}) == {"metrics"}
    assert wrong_imports("engine", {"predict", "losses"}) == {"predict"}
    assert wrong_imports("geometry", {"losses"}) == {"losses"}


def test_imports__are_found_inside_functions_too() -> None:
    assert {"presets", "stages", "app", "types"} <= own_parts(ROOT / "cli.py")


def outside(part: str) -> set[str]:
    """Return what the files of a part import from other projects."""
    return {name.split(".")[0] for path in FILES if part_of(path) == part for name in imports(path)}


@pytest.mark.parametrize("part", ["models", "losses", "masked", "geometry", "engine"])
def test_arithmetic__knows_no_picture_files(part: str) -> None:
    assert outside(part) & {"cv2", "PIL", "skimage"} == set()


@pytest.mark.parametrize(
    "part", ["types", "losses", "masked", "geometry", "metrics", "data", "models", "render"]
)
def test_lower_parts__know_neither_training_loop_nor_terminal(part: str) -> None:
    assert outside(part) & {"lightning_fabric", "rich", "tyro", "argparse"} == set()


def test_data_sources__know_no_size_of_a_network() -> None:
    for path in (ROOT / "data" / "sources").glob("*.py"):
        numbers = {node.value for node in ast.walk(tree_of(path)) if isinstance(node, ast.Constant)}
        assert numbers.isdisjoint({14, 518, 32, 224, 384}), name_of(path)


def test_nothing__prints() -> None:
    for path in FILES:
        called = {
            node.func.id
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert "print" not in called, name_of(path)


def test_names__say_what_they_are() -> None:
    assert VAGUE.isdisjoint(path.stem for path in [*ROOT.rglob("*")])


def test_files_and_functions__fit_a_screen_or_two() -> None:
    for path in FILES:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 350, name_of(path)
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
                assert node.end_lineno - node.lineno <= 65, f"{name_of(path)}: {node.name}"


def test_training_step__fits_twenty_lines() -> None:
    (step,) = (
        node
        for node in ast.walk(tree_of(ROOT / "engine" / "step.py"))
        if isinstance(node, ast.FunctionDef) and node.name == "train_step"
    )
    assert step.end_lineno is not None
    assert step.end_lineno - step.body[1].lineno < 20
