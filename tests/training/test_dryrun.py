"""A dry run counts, measures and leaves nothing behind."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest

from psm.errors import ConfigError
from psm.model import PSM
from psm.training import dry_run
from tests.tiny import tiny_experiment, write_tiny_shards
from tests.training.steps import changed


def figures(lines: list[str], name: str) -> list[float]:
    """The numbers of the line that starts with ``name``, before the words about them."""
    line = next(line for line in lines if line.startswith(name))
    found = re.match(r"[\d,. ]+", line.removeprefix(name).lstrip())
    assert found, line
    return [float(number.replace(",", "")) for number in found[0].split()]


def test_figures_of_a_run_on_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = write_tiny_shards(tmp_path / "shards")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    experiment = tiny_experiment()
    lines = dry_run(experiment, shards, accelerator="cpu")
    assert not any(here.iterdir())
    assert sorted(path.name for path in shards.iterdir()) == [
        f"{split}-00000.tar" for split in ("test", "train", "val")
    ]
    model = PSM(experiment.model)
    sizes = [sum(p.numel() for p in model.audio.parameters()), 0]
    assert figures(lines, "audio ") == sizes
    learn, frozen = figures(lines, "together")
    assert frozen == sum(p.numel() for p in model.text.parameters())
    assert learn == sum(p.numel() for p in model.parameters()) - frozen + 2  # a and b
    weights, optimiser = (figures(lines, name)[0] for name in ("weights", "optimiser"))
    held = sum(each.nbytes for each in chain(model.parameters(), model.buffers()))
    assert weights == pytest.approx(1e-9 * held, abs=0.006)
    assert optimiser == pytest.approx(8e-9 * learn, abs=0.006)
    assert "40 recordings" in lines[0]
    assert any("measured: the second, 8 rows" in line for line in lines)
    assert any("4 x (5 steps + validation)" in line for line in lines)
    assert any("measured: 16 rows" in line for line in lines)


def test_recordings_are_made_up_where_there_are_none(tmp_path: Path) -> None:
    lines = dry_run(changed("clap", micro_batch=3), tmp_path / "nowhere", accelerator="cpu")
    assert "made-up" in lines[0]
    assert any("8 rows, 3 at once" in line for line in lines)
    assert figures(lines, "step")[0] > 0
    assert not any(line.startswith("whole run") for line in lines)
    assert not any(tmp_path.iterdir())


def test_a_tower_that_cannot_be_loaded_says_what_to_do(tmp_path: Path) -> None:
    values = changed("clap").model.model_dump()
    values["audio_tower"]["weights"] = str(tmp_path)
    with pytest.raises(ConfigError, match=r"audio_tower.weights=null"):
        dry_run(tiny_experiment(model=values), tmp_path / "nowhere", accelerator="cpu")
