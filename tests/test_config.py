"""Configuration: presets are valid, settings are strict, files come back as they were."""

from __future__ import annotations

from inspect import signature
from pathlib import Path

import pytest

from psm.cli.demo import demo
from psm.cli.earth import earth_build
from psm.config import Experiment
from psm.errors import ConfigError
from psm.experiments import load_experiment, presets
from psm.yamlfiles import parse, read_yaml, write_yaml


@pytest.mark.parametrize("name", presets())
def test_presets_load_and_say_what_they_are(name: str) -> None:
    experiment = load_experiment(name)
    assert experiment.model.name == name
    assert experiment.summary


def test_a_preset_states_only_what_differs() -> None:
    sentinel, bing = load_experiment("psm-sentinel"), load_experiment("psm-bing")
    assert bing.model.satellite == sentinel.model.satellite
    assert (sentinel.model.imagery.gsd_m, bing.model.imagery.gsd_m) == (10.0, 0.6)


def test_the_command_line_builds_the_earth_of_the_default_preset() -> None:
    options = signature(earth_build).parameters
    assert options["preset"].default == "earth-tiny" == signature(demo).parameters["preset"].default
    assert options["recordings"].default is None  # those of the preset


def test_overrides_reach_nested_settings() -> None:
    experiment = load_experiment("earth-tiny", {"training.epochs": 3, "loss.kind": "infonce"})
    assert (experiment.training.epochs, experiment.loss.kind) == (3, "infonce")


def test_yaml_gives_back_the_same_experiment(tmp_path: Path) -> None:
    experiment = load_experiment("earth-tiny")
    write_yaml(experiment, tmp_path / "config.yaml")
    assert parse(Experiment, read_yaml(tmp_path / "config.yaml"), "test") == experiment
    assert load_experiment(tmp_path / "config.yaml") == experiment


@pytest.mark.parametrize(
    ("preset", "overrides", "message"),
    [
        ("earth-huge", {}, "unknown preset 'earth-huge': choose one of earth-"),
        ("earth-tiny", {"training.epoch": 3}, "training.epoch"),
        ("earth-tiny", {"training.epochs": 0}, "training.epochs"),
        ("earth-tiny", {"model.satellite.patch_px": 7}, "multiple of satellite.patch_px"),
        ("earth-tiny", {"model.satellite.patch_px": 1}, "patch_px must be a power of 2 from 2 up"),
        ("earth-tiny", {"summary.text": "x"}, "'summary' is not a group"),
        ("no/such/file.yaml", {}, "no such file"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(
    preset: str, overrides: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        load_experiment(preset, overrides)
    assert "\n" not in str(raised.value)


def test_a_file_of_an_earlier_version_still_says_what_towers_start_from(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "extends: psm-sentinel\n"
        "model:\n"
        "  satellite: {source: pretrain.pth}\n"
        "  audio_tower: {source: laion/clap-htsat-unfused}\n"
        "  text_tower: {source: null}\n"
    )
    model = load_experiment(path).model
    towers = (model.satellite, model.audio_tower, model.text_tower)
    assert [tower.weights for tower in towers] == ["pretrain.pth", "laion/clap-htsat-unfused", None]


def test_broken_yaml_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("model: [")
    with pytest.raises(ConfigError, match=r"broken\.yaml: not readable as YAML"):
        load_experiment(path)
