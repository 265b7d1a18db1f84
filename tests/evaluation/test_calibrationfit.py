"""Calibrations fitted to recordings of known quality."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from psm.data.recording import Recording
from psm.earth.phrases import QUERY_PHRASES
from psm.earth.sounds import SOUNDS
from psm.errors import ConfigError
from psm.evaluation import knownpairs
from psm.evaluation.calibrationfit import fit
from psm.evaluation.calibrationreport import calibration_table, plot_calibration
from psm.evaluation.fitting import Pairs
from psm.evaluation.knownpairs import known_pairs
from psm.gallery import Gallery, Matching, compact
from psm.gaussian import Gaussian
from psm.inference.gallerymaking import data_fingerprint
from psm.inference.split import SplitFeatures
from psm.model import PSM
from tests.tiny import tiny_experiment

DIM = 40


@pytest.fixture(scope="module")
def model() -> PSM:
    return PSM(tiny_experiment().model).eval()


def points(mean: torch.Tensor) -> Gaussian:
    return Gaussian(F.normalize(mean, dim=-1), torch.full_like(mean, -9.0))


@pytest.fixture
def features(recordings: tuple[Recording, ...], monkeypatch: pytest.MonkeyPatch) -> SplitFeatures:
    """Places that point at the sounds of their recordings, and at their captions."""
    sounds = torch.eye(DIM)[: len(SOUNDS)]
    captions = torch.randn(60, DIM, generator=torch.Generator().manual_seed(0))
    holds = torch.tensor([[float(s in r.sounds) for s in SOUNDS] for r in recordings])
    where = points(holds @ sounds + 0.1 * captions)

    def located(_model: object, _features: object, _zoom: int, fields: object) -> Gaussian:
        assert fields == ("latlon", "month", "hour")  # as on a map
        return where

    monkeypatch.setattr(knownpairs, "raw_locations", located)
    monkeypatch.setattr(knownpairs, "raw_text", lambda *_: points(captions))
    monkeypatch.setattr(knownpairs, "text_gaussians", lambda *_: points(sounds))
    return SplitFeatures(
        recordings, {1: torch.zeros(60, 1)}, torch.zeros(60, 1), torch.zeros(60, 1)
    )


def test_recordings_with_sounds_are_paired_with_every_phrase(
    model: PSM, features: Features
) -> None:
    task, recordings, pairs = known_pairs(model, features, 1)
    assert (task, len(recordings), len(pairs)) == ("sounds", 60, 60 * len(SOUNDS))
    held = np.mean([len(r.sounds) for r in features.recordings])
    assert pairs.prior == pytest.approx(held / len(SOUNDS))
    found = fit(model, recordings, pairs, task=task, split="val").calibration
    assert found.prior == pytest.approx(pairs.prior)
    assert found.ece[found.method] < 0.02 < found.ece["raw"]
    assert found.log_loss[found.method] == min(found.log_loss.values())
    near, far = found.curve(torch.tensor([0.2, 2.0])).tolist()
    assert near > 0.9
    assert far < 0.05
    found.require(model)


def test_other_recordings_are_paired_with_captions(model: PSM, features: SplitFeatures) -> None:
    unlabelled = tuple(replace(r, sounds=()) for r in features.recordings)
    real = replace(features, recordings=unlabelled)
    task, recordings, pairs = known_pairs(model, real, 1)
    assert task == "pairs"
    assert pairs.positive.sum() == 60
    assert len(pairs) == 60 * 51
    assert fit(model, recordings, pairs, task=task, split="val").calibration.prior == 0.5
    asked = fit(model, recordings, pairs, task=task, split="val", prior=0.1, method="platt")
    assert asked.calibration.prior == pytest.approx(0.1)
    assert asked.calibration.method == "platt"


def test_captions_that_are_worded_alike_are_no_negatives(
    model: PSM, features: SplitFeatures
) -> None:
    same = tuple(replace(r, sounds=(), caption="rain") for r in features.recordings[:30])
    mixed = (*same, *(replace(r, sounds=()) for r in features.recordings[30:]))
    _, _, pairs = known_pairs(model, replace(features, recordings=mixed), 1)
    assert len(pairs) == 30 * (1 + 30) + 30 * (1 + 50)


def test_the_table_and_the_figure_show_before_and_after(
    model: PSM, features: SplitFeatures
) -> None:
    task, recordings, pairs = known_pairs(model, features, 1)
    found = fit(model, recordings, pairs, task=task, split="val")
    names = [str(cell) for cell in calibration_table(found).columns[0].cells]
    assert [name.split()[0] for name in names] == ["raw", "platt", "isotonic"]
    assert sum("chosen" in name for name in names) == 1
    titles = [axes.get_title(loc="left") for axes in plot_calibration(found).axes]
    assert titles[:2] == ["Before: as learnt", f"After: {found.calibration.method}"]


def test_the_fingerprint_of_data_knows_content_not_order(
    recordings: tuple[Recording, ...],
) -> None:
    assert data_fingerprint(recordings) == data_fingerprint(recordings[::-1])
    changed = (replace(recordings[0], caption="else"), *recordings[1:])
    assert data_fingerprint(recordings) != data_fingerprint(changed)


def test_one_recording_is_too_few(model: PSM, features: SplitFeatures) -> None:
    one = replace(features, recordings=(replace(features.recordings[0], sounds=()),))
    with pytest.raises(ConfigError, match="two recordings"):
        known_pairs(model, one, 1)


def test_shares_put_the_means_of_sounds_right(
    model: PSM, recordings: tuple[Recording, ...]
) -> None:
    """Sounds of very different shares, which the distances do not know."""
    rng = np.random.default_rng(0)
    common = np.exp(rng.normal(-3.0, 1.2, len(SOUNDS)))
    holds = rng.random((600, len(SOUNDS))) < common
    distance = 2.0 - 0.5 * holds + rng.normal(0.0, 0.25, holds.shape)
    cell = np.repeat(rng.integers(0, 60, 600), len(SOUNDS))
    made = Pairs(distance.ravel(), holds.ravel(), np.ones(holds.size), cell)
    sounds = torch.eye(DIM)[: len(SOUNDS)]
    heard = torch.from_numpy(rng.random((500, len(SOUNDS))) < common).float() @ sounds
    heard += 0.05 * torch.randn(500, DIM, generator=torch.Generator().manual_seed(1))
    gallery = Gallery(
        sounds=compact(points(heard + torch.eye(DIM)[-1])),
        weights={"archives": torch.ones(500)},
        matching=Matching(30.0, 0.4),
        recordings=500,
        data="",
        model="",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(knownpairs, "text_gaussians", lambda *_: points(sounds))
        told = (model, recordings, made)
        found = fit(*told, task="sounds", split="val", gallery=gallery)
    about = found.calibration
    assert about.schema_version == 2
    assert about.share is not None
    assert about.share.slopes["archives"] > 0.05
    assert found.mean_errors[about.method] < 0.5 * found.mean_errors["without share"]
    assert about.log_loss[about.method] < about.log_loss["without share"]
    plain = fit(*told, task="sounds", split="val").calibration
    assert (plain.schema_version, plain.share) == (1, None)
    assert about.log_loss["without share"] == plain.log_loss[plain.method]


def test_captions_take_the_share_as_it_is_unless_a_prior_is_asked_for(
    model: PSM, recordings: tuple[Recording, ...]
) -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(3000) < 0.1
    made = Pairs(
        2.0 - positive + rng.normal(0, 0.3, 3000),
        positive,
        np.ones(3000),
        rng.integers(0, 30, 3000),
    )
    gallery = Gallery(
        sounds=compact(points(torch.eye(DIM))), weights={"archives": torch.ones(DIM)},
        matching=Matching(30.0, 0.4), recordings=DIM, data="", model="",
    )  # fmt: skip
    about = {"task": "pairs", "split": "val", "gallery": gallery}
    found = fit(model, recordings, made, **about).calibration
    assert found.share is not None
    assert found.method == "platt"
    assert found.negative_scale is not None
    # The log-odds of the share are added to those of the curve, one to one.
    assert found.share.slopes["archives"] * found.negative_scale == pytest.approx(1.0)
    assert found.prior == pytest.approx(0.5)
    assert fit(model, recordings, made, prior=0.3, **about).calibration.share is None


def test_sounds_that_labels_are_silent_about_are_neither_there_nor_absent(
    model: PSM, features: SplitFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = (SOUNDS[0], SOUNDS[5])
    phrases = list(QUERY_PHRASES.values())

    def encoded(_model: object, texts: list[str]) -> Gaussian:
        return points(torch.eye(DIM)[[phrases.index(text) for text in texts]])

    monkeypatch.setattr(knownpairs, "text_gaussians", encoded)
    hidden = tuple(
        replace(r, sounds=tuple(s for s in r.sounds if s not in silent))
        for r in features.recordings
    )
    told = replace(features, recordings=hidden)
    _, kept, pairs = known_pairs(model, told, 1, silent)
    assert len(pairs) == len(kept) * (len(SOUNDS) - 2)
    assert pairs.positive.sum() == sum(len(r.sounds) for r in kept)
