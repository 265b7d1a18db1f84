"""Training that begins with a trained model: all of its weights, and what it learnt from."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from psm import PSM
from psm.checkpoints import read_experiment
from psm.cli import main
from psm.config import Experiment
from psm.errors import CheckpointMismatch, SettingsChanged
from psm.provenance import DataSet, Provenance
from psm.training import Start, train
from tests.tiny import tiny_experiment, write_tiny_model, write_tiny_shards

STILL = {"training.learning_rate": 1e-9, "training.loss_learning_rate": 1e-9, "training.epochs": 1}
PARK = DataSet(name="the park", recordings=400)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_shards(tmp_path_factory.mktemp("shards") / "heath")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of another recipe that nobody trained for long."""
    folder = tmp_path_factory.mktemp("base")
    return write_tiny_model(folder, PARK, training={"batch_size": 8, "epochs": 3})


def test_it_begins_with_every_weight_and_says_what_both_learnt_from(
    shards: Path, base: Path, tmp_path: Path
) -> None:
    start = Start.of(base)
    experiment = start.experiment(overrides=STILL)
    assert experiment.training.batch_size == 8
    trained = train(experiment, shards, tmp_path, seed=3, start=start)
    before = PSM.from_pretrained(base).state_dict()
    for name, tensor in trained.state_dict().items():
        if "running_" in name or name in ("negative_scale", "shift", "audio.mean", "audio.std"):
            continue  # statistics, and what is fitted at the end
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, before[name], atol=1e-6, rtol=0, msg=name)
    loaded = PSM.from_pretrained(tmp_path)
    assert [data.name for data in loaded.provenance.trained_on] == ["the park", "heath"]
    assert read_experiment(tmp_path).training.started_from.startswith(loaded.config.name)


def test_the_recipe_may_be_that_of_a_preset(base: Path) -> None:
    own, other = Start.of(base).experiment(), Start.of(base).experiment("earth-tiny")
    assert own.model == other.model == tiny_experiment().model
    assert other.training.epochs != own.training.epochs == 3
    assert own.training.started_from == other.training.started_from != ""


def test_what_does_not_fit_is_named(shards: Path, base: Path, tmp_path: Path) -> None:
    start = Start.of(base)
    deeper = start.experiment(overrides={"model.context.depth": 2})
    with pytest.raises(
        CheckpointMismatch, match=r"missing fusion.* leave the settings of the model"
    ):
        train(deeper, shards, tmp_path / "out", start=start)
    assert not (tmp_path / "out").exists()


def test_another_start_is_another_run(shards: Path, base: Path, tmp_path: Path) -> None:
    start = Start.of(base)
    train(start.experiment(overrides=STILL), shards, tmp_path / "out", start=start)
    changed: Experiment = start.experiment(overrides={**STILL, "training.started_from": "other"})
    with pytest.raises(SettingsChanged, match="started_from"):
        train(changed, shards, tmp_path / "out", start=start)


def test_what_nobody_recorded_is_said(base: Path, tmp_path: Path) -> None:
    PSM.from_pretrained(base).save_pretrained(tmp_path)
    Provenance().save(tmp_path)
    found = Start.of(tmp_path).provenance(PARK)
    assert "not recorded" in found.trained_on[0].name
    assert Start.of(base).provenance(PARK).trained_on == (PARK,)  # learnt from once more


def test_the_command_takes_a_model(
    shards: Path, base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["psm", "train", "--from", f"{base}", "--data", f"{shards}", "--dry-run"]
    monkeypatch.setattr(sys, "argv", line)
    main()
    assert "3 x (5 steps + validation)" in capsys.readouterr().out  # by the model's own recipe
