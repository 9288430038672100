"""What importing does (nothing), and what every public thing says about itself."""

import ast
import importlib
import os
import pkgutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

import leadline

ROOT = Path(leadline.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
MODULES = sorted(module.name for module in pkgutil.walk_packages([str(ROOT)], "leadline."))
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def run(code: str, folder: Path) -> str:
    """Run code in an empty folder that is also the home, and return what it wrote to either stream."""
    home = {name: str(folder) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, **home, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_importing_every_module__prints_nothing_and_creates_no_file(tmp_path: Path) -> None:
    lines = "\n".join(f"import {name}" for name in MODULES)
    assert "leadline.engine.fit" in MODULES
    assert run(lines, tmp_path) == ""
    made = [path.name for path in tmp_path.rglob("*")]
    assert [name for name in made if not name.startswith("torchinductor")] == []  # PyTorch's, now and then


def test_importing_leadline__brings_no_heavy_package_along(tmp_path: Path) -> None:
    heavy = {"torch", "timm", "cv2", "numpy", "tyro", "rich", "lightning_fabric"}
    code = f"import sys, leadline; dir(leadline); print(sorted({heavy} & set(sys.modules)))"
    assert run(code, tmp_path) == "[]\n"


@pytest.mark.parametrize("arguments", [["--help"], ["teachr"]])
def test_help__does_not_wait_for_pytorch(tmp_path: Path, arguments: list[str]) -> None:
    code = f"""
import sys
sys.argv[1:] = {arguments}
from leadline.cli import main
try:
    main()
except SystemExit:
    pass
assert "leadline.cli" in sys.modules
assert "torch" not in sys.modules
"""
    assert "leadline" in run(code, tmp_path)


# The public face


def test_public_names__are_about_ten_and_all_there() -> None:
    assert 10 <= len(leadline.__all__) <= 16
    for name in leadline.__all__:
        assert getattr(leadline, name).__doc__, name
    assert set(dir(leadline)) >= {*leadline.__all__, "__version__"}


def test_public_names__are_the_same_for_a_type_checker_as_at_run_time() -> None:
    """What is imported under TYPE_CHECKING is what `__getattr__` finds."""
    guard = next(
        node for node in ast.parse((ROOT / "__init__.py").read_text()).body if isinstance(node, ast.If)
    )
    static = {
        alias.name: node.module
        for node in guard.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(static) == sorted(leadline.__all__)
    for name, module in static.items():
        assert module is not None
        assert getattr(leadline, name) is getattr(importlib.import_module(module), name), name


def test_unknown_name__is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'leadline' has no attribute 'train'"):
        leadline.train  # noqa: B018 (asking is the point)


def test_version__is_that_of_the_distribution() -> None:
    assert leadline.__version__ == version("leadline")
    project = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text())["project"]
    assert project["version"] == leadline.__version__


# Documentation and types


def definitions(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    """Yield every function and class that is no part of a function, with its full name."""
    waiting: list[tuple[str, ast.stmt]] = [("", node) for node in tree.body]
    while waiting:
        prefix, node = waiting.pop()
        if isinstance(node, Definition):
            name = f"{prefix}{node.name}"
            yield name, node
            if isinstance(node, ast.ClassDef):
                waiting += [(f"{name}.", inner) for inner in node.body]


def is_overload(node: Definition) -> bool:
    """Whether a definition only tells the types of the one that follows."""
    return any(isinstance(one, ast.Name) and one.id == "overload" for one in node.decorator_list)


def is_public(name: str) -> bool:
    return not any(part.startswith("_") and not part.endswith("__") for part in name.split("."))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_everything_public__is_documented(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the module"
    silent = [
        name
        for name, node in definitions(tree)
        if is_public(name)
        and not name.endswith("__init__")
        and not is_overload(node)
        and not ast.get_docstring(node)
    ]
    assert silent == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_function__is_typed(path: Path) -> None:
    untyped = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            given += [extra for extra in (node.args.vararg, node.args.kwarg) if extra]
            bare = [a.arg for a in given if a.annotation is None and a.arg not in ("self", "cls")]
            untyped += [f"{node.name}({name})" for name in bare]
            if node.returns is None:
                untyped.append(f"{node.name} ->")
    assert untyped == []
