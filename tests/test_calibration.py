"""Calibrations as files and as curves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from psm import checkpoints
from psm.calibration import Calibration
from psm.config import AudioTowerConfig, ContextConfig, ModelConfig, SatelliteConfig
from psm.errors import CheckpointMismatch, ConfigError, MissingData
from psm.model import PSM


@pytest.fixture(scope="module")
def model() -> PSM:
    return PSM(
        ModelConfig(
            name="tiny",
            dim=8,
            satellite=SatelliteConfig(patch_px=32, dim=8, depth=1, heads=2),
            audio_tower=AudioTowerConfig(channels=(4, 8)),
            context=ContextConfig(depth=0),
        )
    ).eval()


@pytest.fixture(scope="module")
def folder(model: PSM, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    model.save_pretrained(folder)
    return folder


def calibration(weights: str, **changes: object) -> Calibration:
    about = {
        "method": "isotonic", "distances": (1.0, 2.0, 4.0), "probabilities": (0.8, 0.4, 0.1),
        "task": "sounds", "prior": 0.06, "data": "abc", "split": "val", "recordings": 10,
        "pairs": 280, "cells": 3, "ece": {"raw": 0.1, "platt": 0.02, "isotonic": 0.01},
        "log_loss": {"raw": 0.5, "platt": 0.3, "isotonic": 0.3}, "weights": weights,
    }  # fmt: skip
    return Calibration.model_validate({**about, **changes})


def test_a_calibration_is_read_back_beside_its_weights(model: PSM, folder: Path) -> None:
    stored = calibration(checkpoints.weights_fingerprint(model))
    assert Calibration.find(folder) is None
    path = stored.save(folder)
    assert json.loads(path.read_text())["schema_version"] == 1
    assert Calibration.load(folder) == Calibration.find(folder) == stored
    stored.require(PSM.from_pretrained(folder))
    path.unlink()
    with pytest.raises(MissingData, match="psm calibrate"):
        Calibration.load(folder)


def test_other_weights_are_refused(model: PSM, folder: Path) -> None:
    stored = calibration(checkpoints.weights_fingerprint(model))
    other = PSM.from_pretrained(folder)
    stored.require(other)
    with torch.no_grad():
        other.shift += 1.0
    with pytest.raises(CheckpointMismatch, match="run `psm calibrate` again"):
        stored.require(other)
    path = calibration("0" * 64).save(folder)
    with pytest.raises(CheckpointMismatch, match=r"calibration\.json: the calibration is of other"):
        Calibration.load(folder)
    path.unlink()


def test_the_isotonic_curve_is_straight_between_knots_and_level_beyond() -> None:
    distance = torch.linspace(0.0, 6.0, 61).reshape(1, 61)
    found = calibration("x").curve(distance)
    expected = np.interp(distance.numpy(), [1.0, 2.0, 4.0], [0.8, 0.4, 0.1])
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)
    one = calibration("x", distances=(1.0,), probabilities=(0.3,))
    assert (one.curve(distance) == torch.tensor(0.3)).all()


def test_platt_is_a_sigmoid() -> None:
    found = calibration("x", method="platt", negative_scale=2.0, shift=1.0)
    assert found.curve(torch.tensor([1.0])).item() == pytest.approx(1 / (1 + np.e))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "platt"}, "platt needs"),
        ({"probabilities": (0.1, 0.4, 0.8)}, "probabilities that fall"),
        ({"distances": (1.0, 1.0, 2.0)}, "rising distances"),
        ({"distances": ()}, "isotonic needs"),
        ({"prior": 0.0}, "prior"),
        ({"schema_version": 2}, "schema 2"),
        ({"schema_version": 3}, "schema_version"),
    ],
)
def test_files_that_are_none_are_explained(
    folder: Path, changes: dict[str, object], message: str
) -> None:
    whole = json.loads(calibration("x").model_dump_json())
    path = folder / checkpoints.CALIBRATION_NAME
    path.write_text(json.dumps({**whole, **changes}))
    with pytest.raises(ConfigError, match=message) as problem:
        Calibration.load(folder)
    assert len(str(problem.value).splitlines()) == 1
    path.unlink()
