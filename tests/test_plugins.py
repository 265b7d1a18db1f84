"""Parts that other installed packages bring: the example package, installed and used."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from psm import PSM
from psm import plugins as found
from psm.cli import main
from psm.collect.archives.registry import archive_names, open_archive
from psm.config import LossConfig, TextTowerConfig
from psm.encoders.texttowers import build_text_tower
from psm.errors import ConfigError
from psm.gaussian import Gaussian
from psm.imagery import Picture, View, open_imagery
from psm.imagery.opening import is_simulated
from psm.losses import build_loss
from psm.plugins import KINDS, load_plugin, plugins
from tests.tiny import tiny_experiment

EXAMPLE = Path(__file__).parent.parent / "examples" / "plugin"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example, installed, and a package that names what it does not have."""
    folder = tmp_path_factory.mktemp("packages")
    install = ["pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([sys.executable, "-m", *install, "--target", folder, EXAMPLE], check=True)
    broken = folder / "broken-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (broken / "entry_points.txt").write_text(
        "[psm.losses]\nlost = nowhere:Loss\n[psm.text_towers]\nwrong = builtins:dict\n"
        "[psm.archives]\nwrong = builtins:dict\n[psm.imagery]\nblue-marble = builtins:dict\n"
    )
    return folder


@pytest.fixture(autouse=True)
def _installed(packages: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(packages)
    importlib.invalidate_caches()
    plugins.cache_clear()
    yield
    plugins.cache_clear()


def test_they_are_listed_with_the_package_that_brings_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["psm", "plugins"])
    main()
    said = capsys.readouterr().out
    assert all(f"psm.{kind}" in said for kind in KINDS)
    assert "psm_plugin_example.losses:SigLIP (psm-plugin-example 0.1.0)" in said


def test_imagery_is_opened_by_its_name() -> None:
    grey = open_imagery("grey:blue-marble")
    place = {"lat": np.array([48.2]), "lon": np.array([16.4])}
    view = View(size_px=32, gsd_m=2000.0)
    (seen,), (plain,) = (
        grey.read(**place, view=view),
        open_imagery("blue-marble").read(**place, view=view),
    )
    assert isinstance(seen, Picture)
    assert isinstance(plain, Picture)
    assert np.ptp(seen.pixels, axis=-1).max() == 0
    assert np.ptp(plain.pixels, axis=-1).max() > 0
    assert not is_simulated("grey")
    assert is_simulated("blue-marble")  # the house keeps its names
    with pytest.raises(ConfigError, match="grey of what"):
        open_imagery("grey")


def test_a_model_has_a_tower_of_a_package_and_keeps_it(tmp_path: Path) -> None:
    config = tiny_experiment().model
    tower = config.audio_tower.model_copy(
        update={"kind": "plugin", "plugin": "spectrum", "options": {"width": 24}}
    )
    model = PSM(config.model_copy(update={"audio_tower": tower})).eval()
    mel = torch.randn(2, 1, 20, config.audio.n_mels)
    heard = model.encode_audio(mel)
    model.save_pretrained(tmp_path / "model")
    again = PSM.from_pretrained(tmp_path / "model").encode_audio(mel)
    torch.testing.assert_close(again.mean, heard.mean)


def test_a_loss_of_a_package_draws_pairs_together() -> None:
    loss = build_loss(LossConfig(kind="plugin", plugin="siglip", options={"bias": -2.0}))
    mean = torch.nn.functional.normalize(torch.randn(6, 16), dim=-1)
    together, apart = (
        Gaussian(mean[rows], torch.zeros(6, 16)) for rows in (range(6), range(-1, 5))
    )
    assert loss(together, together)[0] < loss(together, apart)[0]


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda: build_loss(LossConfig(kind="plugin", plugin="absent")), "there are: lost, siglip"),
        (lambda: build_loss(LossConfig(kind="plugin")), "brings None of psm.losses"),
        (lambda: load_plugin("losses", "lost"), "broken 1.0: nowhere:Loss cannot be imported"),
        (
            lambda: build_text_tower(TextTowerConfig(kind="plugin", plugin="wrong"), 16),
            "gives no TextTower",
        ),
        (lambda: open_archive("wrong", {}), "is no ArchiveKind"),
    ],
)
def test_what_a_package_does_wrong_is_one_line(ask: object, reason: str) -> None:
    assert callable(ask)
    with pytest.raises(ConfigError, match=reason) as problem:
        ask()
    assert "\n" not in str(problem.value)


def test_archives_of_packages_stand_among_the_others() -> None:
    assert {"aporee", "wrong"} <= set(archive_names())
    assert found.plugins("archives")["wrong"].package == "broken 1.0"
