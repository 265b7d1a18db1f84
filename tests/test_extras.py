"""Every verb without what extras bring: it works, or prints the line that installs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import typer

from psm.cli.app import app
from psm.errors import MissingExtra
from psm.extras import EXTRA_OF, extra_of, install_line, require
from psm.geodata.cache import cache_folder
from tests.tiny import tiny_experiment, write_tiny_shards

ROOT = Path(__file__).parents[1]
EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]

# What a newcomer types; SHARDS, MODEL, TABLE and OUT stand for paths.
LINES: dict[str, list[str]] = {
    "demo": ["--out", "OUT", "--preset", "PRESET"],
    "train": ["--data", "SHARDS", "--out", "OUT", "--preset", "PRESET"],
    "adapt": ["SHARDS", "--from", "MODEL", "--out", "OUT"],
    "import": ["TABLE", "OUT"],
    "evaluate": ["--data", "SHARDS", "--out", "OUT", "--model", "MODEL"],
    "calibrate": ["--data", "SHARDS", "--model", "MODEL"],
    "tables": ["OUT"],
    "embed": ["16,48,17,49", "--spacing", "50km", "--out", "OUT", "--yes"],
    "map": ["frogs", "--region", "16,48,17,49", "--spacing", "50km", "--out", "OUT.png"],
    "explain": ["48", "16", "frogs"],
    "measure fit": ["TABLE", "--column", "level", "--model", "MODEL"],
    "plan": ["16,48,17,49", "--spacing", "50km", "--out", "OUT.csv"],
    "prepare": ["OUT"],
    "publish": ["OUT", "--out", "OUT-site"],
    "profile": ["48", "16"],
    "search": ["frogs", "--region", "16,48,17,49", "--spacing", "50km"],
    "serve": ["--port", "0"],
    "presets": [],
    "plugins": [],
    "data import": ["TABLE", "OUT"],
    "data audit": ["SHARDS"],
    "data indices": ["SHARDS", "--out", "OUT.csv"],
    "data views": ["SHARDS", "--preset", "PRESET"],
    "data features": ["SHARDS", "--features", "TABLE"],
    "earth build": ["--out", "OUT", "--recordings", "12"],
    "earth recaption": ["--data", "SHARDS", "--out", "OUT"],
    "earth listen": ["48", "16", "--out", "OUT.wav"],
    "earth world": ["kepler"],
    "collect build": ["OUT", "--archive", "aporee", "--region", "16,48,17,49", "--limit", "1"],
    "collect status": ["OUT"],
    "collect archives": [],
    "collect sources": [],
}
# They need nothing but the core, on what is at hand.
WORKS = {"presets", "plugins", "data audit"}

WALK = """
import contextlib, importlib.abc, importlib.machinery, io, json, sys, traceback

hidden, lines = json.loads(sys.argv[1])


class Without(importlib.abc.MetaPathFinder):
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in hidden):
            return None
        return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)


sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
from psm.cli import main

ends = {}
for verb, arguments in lines.items():
    sys.argv = ["psm", *verb.split(), *arguments]
    said, code = io.StringIO(), 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        except BaseException:
            code = 1
            traceback.print_exc()
    ends[verb] = code, said.getvalue()
print(json.dumps(ends))
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    from psm.model import PSM

    folder = tmp_path_factory.mktemp("extras")
    write_tiny_shards(folder / "shards")
    PSM(tiny_experiment().model).save_pretrained(folder / "model")
    (folder / "table.csv").write_text("audio,latitude,longitude\n")
    # Maps of its own, beside what is made of the data packages, which takes a minute to make anew.
    (folder / "cache").mkdir()
    for made in cache_folder().glob("*-*"):
        (folder / "cache" / made.name).symlink_to(made)
    return {
        "CACHE": str(folder / "cache"),
        "SHARDS": str(folder / "shards"),
        "MODEL": str(folder / "model"),
        "TABLE": str(folder / "table.csv"),
        "PRESET": str(folder / "model" / "config.yaml"),
        "OUT": str(folder / "out"),
    }


def walked(hidden: list[str], places: dict[str, str]) -> dict[str, tuple[int, str]]:
    """How every verb ends without the modules ``hidden``."""

    def typed(verb: str, word: str) -> str:
        found = re.match("SHARDS|MODEL|TABLE|PRESET|OUT", word)
        if found is None:
            return word
        place = places[found[0]] + word[found.end() :]
        return place.replace("/out", f"/{verb.replace(' ', '-')}") if found[0] == "OUT" else place

    lines = {verb: [typed(verb, word) for word in words] for verb, words in LINES.items()}
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PSM_CACHE": places["CACHE"]}
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WALK, json.dumps([hidden, lines])],
        capture_output=True, text=True, check=False, env=environment, cwd=ROOT,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return {verb: (code, said) for verb, (code, said) in json.loads(ended.stdout).items()}


def commands() -> set[str]:
    """All verbs of the command line."""
    found: set[str] = set()

    def walk(group: object, words: list[str]) -> None:
        for name, command in group.commands.items():  # type: ignore[attr-defined]
            if hasattr(command, "commands"):
                walk(command, [*words, name])
            else:
                found.add(" ".join([*words, name]))

    walk(typer.main.get_command(app), [])
    return found


def test_every_verb_is_walked() -> None:
    assert set(LINES) == commands()


# Without the modules of these extras; the last are left out of what others bring too.
HIDDEN = {
    "every extra": sorted(EXTRA_OF),
    "all but the sentence model and the Earth": [m for m, e in EXTRA_OF.items() if e != "demo"],
}
OF_ITS_OWN = {
    "train": "train", "demo": "demo", "serve": "serve", "map": "demo", "embed": "demo",
    "profile": "demo", "explain": "demo", "search": "demo", "earth build": "demo",
    "collect build": "collect",
}  # fmt: skip


@pytest.mark.parametrize("name", HIDDEN)
def test_without_an_extra_a_verb_works_or_prints_the_line_that_installs_it(
    name: str, places: dict[str, str]
) -> None:
    lines = {install_line(extra) for extra in EXTRAS}
    ends = walked(HIDDEN[name], places)
    for verb, (code, said) in ends.items():
        assert "Traceback" not in said, f"{verb}: {said}"
        last = said.strip().splitlines()[-1]
        if code == 0:
            continue
        names_a_line = any(last.endswith(line) for line in lines)
        about_the_input = str(Path(places["OUT"]).parent) in last
        assert code == 2, f"{verb}: {said}"
        assert names_a_line or about_the_input, f"{verb}: {last}"
        assert verb not in WORKS, f"{verb}: {last}"
    if name == "every extra":
        told = {verb: ends[verb][1].strip() for verb in OF_ITS_OWN}
        assert all(told[verb].endswith(install_line(e)) for verb, e in OF_ITS_OWN.items()), told


def test_the_table_of_extras_is_that_of_the_project() -> None:
    names = {
        re.split(r"[<>=!;\[ ]", requirement)[0].lower()
        for extra, requirements in EXTRAS.items()
        if extra not in ("dev", "docs")  # tools of contributors, which nothing in psm imports
        for requirement in requirements
    } - {"psm-maps"}
    imports: dict[str, set[str]] = {}
    for module, distributions in packages_distributions().items():
        for distribution in distributions:
            imports.setdefault(distribution.lower().replace("_", "-"), set()).add(module)
    roots = {module.partition(".")[0] for module in EXTRA_OF}
    for name in sorted(names & set(imports)):
        assert imports[name] & roots, f"{name}: no line in EXTRA_OF"
    for module, extra in EXTRA_OF.items():
        assert extra in EXTRAS, module


def test_a_module_belongs_to_the_extra_of_its_package() -> None:
    assert extra_of("lightning.pytorch") == "train"
    assert extra_of("mpl_toolkits.basemap_data") == "demo"
    assert extra_of("mpl_toolkits.mplot3d") is None
    assert extra_of("no_such_package") is None
    with pytest.raises(MissingExtra, match=r"psm-maps\[ray\]"):
        require("ray.no_such_module")


@pytest.mark.parametrize(("level", "code"), [("1", 0), ("2", 2)])
def test_without_docstrings_one_line_says_so(level: str, code: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "psm.cli", "presets"],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONOPTIMIZE": level},
    )  # fmt: skip
    assert ended.returncode == code, ended.stderr
    assert (ended.stderr.count("\n"), "-OO" in ended.stderr) == ((1, True) if code else (0, False))
