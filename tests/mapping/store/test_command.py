"""``psm embed`` as it is typed."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
import torch

from psm.cli import embed as embedding
from psm.cli import main
from psm.mapping.store import Store
from psm.model import PSM
from tests.mapping.store.fakes import tiny_config


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _embed(*words: str | Path) -> int:
    before, sys.argv = sys.argv, ["psm", "embed", *map(str, words)]
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        sys.argv = before
    return 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose views are those of the embedded imagery, four times as coarse."""
    config = tiny_config()
    imagery = config.imagery.model_copy(update={"gsd_m": 4000.0})
    folder = tmp_path_factory.mktemp("model")
    with torch.random.fork_rng():
        torch.manual_seed(3)
        PSM(config.model_copy(update={"imagery": imagery})).save_pretrained(folder)
    return folder


def test_a_region_is_estimated_embedded_and_found_done(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "vienna.zarr"
    words = ("48.2,16.37,5km", "--spacing", "1km", "--zoom", "1", "--zoom", "3", "--model", folder)
    assert _embed(*words, "--month", "7", "--out", out) == 0
    store = Store.open(out)
    assert store.zooms == (1, 3)
    assert store.month == 7
    assert 70 <= len(store) <= 90  # 79 square kilometres
    said = capsys.readouterr().out
    assert f"{out}: {len(store)} cells, {2 * len(store)} views, " in said
    assert f"zoom 3: {len(store)} embedded" in said
    assert _embed(*words, "--month", "7", "--out", out) == 0
    assert f"{len(store)} cells, 0 views" in capsys.readouterr().out
    assert _embed(*words, "--month", "8", "--out", out) == 2
    assert "other month (7, not 8)" in capsys.readouterr().err


def test_long_work_is_asked_about_on_a_terminal(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(embedding, "_ASK_FROM_S", 0.0)
    words = ("globe", "--step", "30", "--model", folder, "--out", tmp_path / "s.zarr")
    monkeypatch.setattr(sys, "stdin", _Terminal("n\n"))
    _embed(*words)
    assert "go?" in capsys.readouterr().out
    assert not (tmp_path / "s.zarr").exists()
    monkeypatch.setattr(sys, "stdin", _Terminal(""))
    assert _embed(*words, "--yes") == 0
    assert "go?" not in capsys.readouterr().out
    assert len(Store.open(tmp_path / "s.zarr"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Vienna", "--step", "1"], "degrees are for globe"),
        (["globe", "--step", "30", "--zoom", "5"], "zoom 5: tiny knows 1, 3"),
        (["globe", "--step", "30", "--ray-address", "auto"], "needs --executor ray"),
        (["Vienna", "--spacing", "wide"], "wide"),
    ],
)
def test_what_does_not_fit_is_one_line(
    words: list[str],
    said: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _embed(*words, "--model", folder, "--out", tmp_path / "s.zarr") == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "s.zarr").exists()
