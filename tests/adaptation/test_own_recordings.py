"""The story of docs/own-recordings.md: each of its commands, on a small park that is made up."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from psm.adaptation import pipeline
from psm.adaptation.recipe import Learns, Recipe, recipes_for
from tests import park
from tests.test_cli import psm

PAGE = Path(__file__).parents[2] / "docs" / "own-recordings.md"


def commands() -> list[list[str]]:
    """The commands of the page, as words."""
    return [shlex.split(line)[1:] for line in re.findall(r"^    (psm .+)$", PAGE.read_text(), re.M)]


def quick(recordings: int, learns: Learns | None = None) -> tuple[Recipe, ...]:
    return tuple(replace(one, checkpoints=(5, 15)) for one in recipes_for(recordings, learns))


@pytest.mark.filterwarnings("ignore::psm.errors.PSMWarning")
def test_every_command_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = park.make_park(tmp_path / "made")
    home = tmp_path / "home"
    home.mkdir()
    shutil.copytree(made.card, home / "card")
    shutil.copytree(made.detections, home / "birdnet")
    shutil.copytree(Path(made.imagery).parent, home / "sentinel")
    shutil.copy(made.deployments, home / "sites.csv")
    monkeypatch.chdir(home)
    monkeypatch.setattr(pipeline, "recipes_for", quick)
    asked = commands()
    assert [words[0] for words in asked] == ["data", "adapt", "map"]
    for words in asked:
        assert psm(*words) == 0, (words, capsys.readouterr())
    told = json.loads((home / "runs" / "park-model" / "report.json").read_text())
    assert (told["recordings"], told["sites"], told["folds"]) == (60, 12, 5)
    assert {score["name"] for score in told["labels"]} <= {name for name, _ in park.NAMES.values()}
    assert len(told["record_next"]["places"]) == 5
    page = (home / "runs" / "park-model" / "report.html").read_text()
    assert page.count("data:image/png") == 2
    assert (home / "maps" / "blackbird.png").stat().st_size > 10_000
