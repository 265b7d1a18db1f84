"""The house: what docs/architecture.md draws is the import contract, and what the code is."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "psm"
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()


@lru_cache(maxsize=1)
def _modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _imports(path: Path) -> Iterator[str]:
    """Modules of ours that a module imports, in functions and for type checkers too."""
    modules = _modules()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [
                submodule
                if (submodule := f"{node.module}.{alias.name}") in modules
                else node.module
                for alias in node.names
            ]
        yield from (name for name in names if name in modules)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {name: set(_imports(path)) - {name} for name, path in _modules().items()}
    assert sum(map(len, graph.values())) > 1000
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]), pytrace=False)


def _drawn_floors() -> list[set[str]]:
    """The rooms of each line of the picture, from the top down."""
    picture = re.search(r"```\n(floor 6.*?)```", ARCHITECTURE, re.DOTALL)
    assert picture is not None
    floors = []
    for line in picture[1].splitlines():
        rooms = re.match(r"(?:floor \d|ground) +((?:\w+(?:/|\.py) *)+)", line)
        assert rooms is not None, line
        floors.append({room.rstrip("/").removesuffix(".py") for room in rooms[1].split()})
    return floors


def test_the_picture_of_the_floors_is_the_import_contract() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (contract,) = settings["tool"]["importlinter"]["contracts"]
    layers = [
        {room.strip().removeprefix("psm.") for room in layer.split(":")}
        for layer in contract["layers"]
    ]
    assert _drawn_floors() == layers


def test_every_room_of_the_package_is_on_a_floor() -> None:
    rooms = {
        path.stem
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert rooms - {"__init__"} == set().union(*_drawn_floors())


def test_every_folder_and_every_path_of_the_document_is_there() -> None:
    paths = {*re.findall(r"`((?:src/psm|web|tests|docs)/[\w./-]+)`", ARCHITECTURE)}
    rooms = re.findall(r"`((?!src/|web/)[a-z_]+/[\w/]*(?:\.py)?)`", ARCHITECTURE)
    paths |= {f"src/psm/{name}" for name in rooms}
    assert len(paths) > 40
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_folders_of_the_package_are_named_in_the_document() -> None:
    folders = {path.parent.relative_to(PACKAGE).as_posix() for path in _modules().values()} - {"."}
    assert [name for name in sorted(folders) if f"{name}/" not in ARCHITECTURE] == []


PUBLIC = (
    "psm",
    "psm.mapping",
    "psm.mapping.outputs",
    "psm.imagery",
    "psm.evaluation",
    "psm.measures",
    "psm.planning",
    "psm.training",
    "psm.importing",
    "psm.collect",
    "psm.server",
)


def _callables() -> Iterator[tuple[str, object]]:
    """Exported functions, and the public methods of exported classes that take arguments."""
    for package in map(importlib.import_module, PUBLIC):
        for name in package.__all__:
            thing = getattr(package, name)
            if inspect.isclass(thing) and thing.__module__.startswith("psm."):
                for method, found in vars(thing).items():
                    raw = getattr(found, "__func__", found)
                    if inspect.isfunction(raw) and not method.startswith("_"):
                        yield f"{package.__name__}.{name}.{method}", raw
            elif inspect.isfunction(thing):
                yield f"{package.__name__}.{name}", thing


def _undocumented(function: object) -> list[str]:
    """Parameters that ``Args`` does not name, and ``Returns`` where it is missing."""
    text = inspect.getdoc(function) or ""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    names = [name for name in signature.parameters if name not in ("self", "cls")]
    if not names:
        return []
    args = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", text, re.DOTALL | re.MULTILINE)
    told = args[1] if args else ""
    missing = [
        name for name in names if not re.search(rf"^ +[\w, *]*\b{name}\b", told, re.MULTILINE)
    ]
    is_silent = signature.return_annotation in (None, "None", inspect.Signature.empty)
    if not is_silent and not re.search(r"^(Returns|Yields):$", text, re.MULTILINE):
        missing.append("Returns")
    return missing


def test_what_is_exported_says_what_it_takes_and_what_it_returns() -> None:
    found = dict(_callables())
    assert len(found) > 60
    missing = {name: lacking for name, thing in found.items() if (lacking := _undocumented(thing))}
    assert missing == {}


def test_the_most_used_functions_show_an_example() -> None:
    texts = [inspect.getdoc(thing) or "" for _, thing in _callables()]
    classes = [
        inspect.getdoc(getattr(importlib.import_module(package), name)) or ""
        for package in PUBLIC
        for name in importlib.import_module(package).__all__
    ]
    assert len({text for text in (*texts, *classes) if "Example:" in text}) >= 20
