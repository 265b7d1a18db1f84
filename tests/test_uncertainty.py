"""Uncertainty about the model: second opinions are exact, kept, trusted near and not far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from psm import PSM
from psm.checkpoints import weights_fingerprint
from psm.curves import Curve, QueryCurves
from psm.data.context import Context
from psm.data.recording import Recording
from psm.errors import StaleUncertainty
from psm.evaluation.reliability import risk_coverage
from psm.gaussian import Gaussian, csd
from psm.inference.batches import location_gaussians
from psm.inference.uncertaintyfit import fit_from_shards, fit_uncertainty
from psm.mapping.distances import Distances
from psm.mapping.matching import EncodedQuery, answer
from psm.seeding import generator
from psm.uncertainty import FILE_NAME, ModelUncertainty, interval
from tests.tiny import tiny_experiment, tiny_samples, write_tiny_shards

SOUNDS = {"frogs": "frogs in a pond", "traffic": "traffic in a street"}


@pytest.fixture(scope="module")
def model() -> PSM:
    torch.manual_seed(0)
    return PSM(tiny_experiment().model).eval()


def world(model: PSM, split: str, count: int) -> tuple[torch.Tensor, list[Recording]]:
    """Places whose first feature says what is heard, but in one half of the world."""
    rng = generator(0, split)
    recordings = [sample.recording for sample in tiny_samples(split, count)]
    heard = np.array([r.sounds == ("frogs",) for r in recordings])
    features = torch.from_numpy(rng.normal(size=(count, model.config.dim))).float()
    features[:, 0] = torch.from_numpy(np.where(heard, 3.0, -3.0)).float()
    return features, recordings


@pytest.fixture(scope="module")
def known(model: PSM) -> ModelUncertainty:
    fit = "psm.inference.uncertaintyfit"  # so few recordings would hardly move the usual prior
    with mock.patch(f"{fit}.text_gaussians", phrases), mock.patch(f"{fit}._PRIOR", 1.0):
        found = fit_uncertainty(model, world(model, "train", 300), world(model, "val", 100), SOUNDS)
    assert found is not None
    return found


def alike(curve: Curve) -> QueryCurves:
    """Of one query, whose share is known."""
    return QueryCurves(curve, torch.zeros(1), torch.zeros(1))


def phrases(model: PSM, texts: Sequence[str]) -> Gaussian:
    """Of the known sounds; those of an untrained model all lie in one place."""
    rows = [list(SOUNDS.values()).index(text) for text in texts]
    return Gaussian(
        torch.eye(model.config.dim)[rows], torch.full((len(rows), model.config.dim), -6.0)
    )


def test_the_second_opinion_on_a_known_sound_has_learnt_its_labels(
    model: PSM, known: ModelUncertainty
) -> None:
    features, recordings = world(model, "test", 100)
    places = location_gaussians(model, features, Context.of_recordings(recordings))
    opinions = known.opinions(phrases(model, list(SOUNDS.values())))
    chance = opinions.probability(csd(places, opinions.gaussians))
    heard = torch.tensor([r.sounds == ("frogs",) for r in recordings])
    assert chance[heard, 0].mean() > 0.55 > 0.45 > chance[~heard, 0].mean()
    assert chance[~heard, 1].mean() > 0.55 > 0.45 > chance[heard, 1].mean()
    assert ((chance >= known.lapse) & (chance <= 1.0)).all()


def test_an_opinion_is_the_average_of_the_logits_of_known_sounds(known: ModelUncertainty) -> None:
    """Asked as the CSD to one Gaussian, against the equation of every probe written out."""
    rng = torch.Generator().manual_seed(1)
    dim = known.known.shape[1]
    places = Gaussian(torch.randn(5, dim, generator=rng), torch.randn(5, dim, generator=rng))
    query = Gaussian((known.known[:1] + known.known[1:]) / 2.0, torch.zeros(1, dim))
    opinions = known.opinions(query)
    own = places.mean.square().sum(-1) + places.var.sum(-1)
    each = known.offsets - known.scale * (own[:, None] - 2.0 * places.mean @ known.probes.T)
    found = opinions.offset - known.scale * csd(places, opinions.gaussians)
    torch.testing.assert_close(found, each.mean(-1, keepdim=True), rtol=1e-4, atol=1e-3)


def test_far_from_known_sounds_nothing_is_known_but_p(known: ModelUncertainty) -> None:
    dim = known.known.shape[1]
    opposite = Gaussian(-known.known.sum(0, keepdim=True), torch.zeros(1, dim))
    opinions = known.opinions(opposite)
    assert opinions.trust.item() < 1e-6
    p = torch.tensor([[0.1], [0.5]])
    error = opinions.squared_error(p, torch.tensor([[0.5], [3.0]]))
    assert (error / (p * (1 - p)).square()).std() < 1e-4


def test_what_is_not_known_of_a_share_adds_to_the_error(
    model: PSM, known: ModelUncertainty
) -> None:
    gaussian = phrases(model, ["frogs in a pond"])
    query = EncodedQuery(gaussian, (1.0,), 1, opinions=known.opinions(gaussian))
    distance = torch.tensor([[0.4, 0.9], [1.2, 0.1]])
    sure = alike(lambda d: torch.sigmoid(1.0 - d))
    unsure = replace(sure, variance=torch.tensor([1e-4]))
    before, after = (answer(query, distance, distance, curves) for curves in (sure, unsure))
    p = before["match_probability"]
    assert torch.equal(p, after["match_probability"])
    added = after["uncertainty"].square() - before["uncertainty"].square()
    torch.testing.assert_close(added, 1e-4 * (p * (1 - p)).square(), rtol=0.02, atol=1e-9)


def test_errors_that_the_labels_know_of_are_left_out_first(
    model: PSM, known: ModelUncertainty
) -> None:
    """The model knows nothing; where it is wrong, the second opinion says."""
    features, recordings = world(model, "test", 200)
    places = location_gaussians(model, features, Context.of_recordings(recordings))
    (query, _) = EncodedQuery.each(_with(model, known), phrases(model, list(SOUNDS.values())))
    distances = Distances.between(places, query.asked)
    curves = alike(lambda distance: torch.sigmoid(-4.0 * (distance - 2.2)))
    values = answer(query, *distances, curves)
    p, uncertainty = values["match_probability"], values["uncertainty"]
    truth = torch.tensor([float(r.sounds == ("frogs",)) for r in recordings])
    error = (p - truth).abs().numpy()
    gain = risk_coverage(error, uncertainty.numpy()).gain
    assert gain > risk_coverage(error, (p * (1 - p)).numpy()).gain + 0.3
    low, high = interval(p, uncertainty)
    assert ((low <= truth) & (truth <= high)).float().mean() > 0.85


@pytest.mark.parametrize("power", [1.0, 0.5, 2.0])
def test_powers_and_absences_pass_the_error_on(
    model: PSM, known: ModelUncertainty, power: float
) -> None:
    """Against a small step of the probability itself."""
    gaussian = phrases(model, ["frogs in a pond"])
    opinions = known.opinions(gaussian)
    distance = torch.tensor([[0.4, 0.9], [1.2, 0.1]])
    step = 1e-3

    def curves(shift: float) -> QueryCurves:
        return alike(lambda d: torch.sigmoid(1.0 - d) + shift)

    for wanted in (0, 1):
        query = EncodedQuery(gaussian, (power,), wanted, opinions=opinions)
        one = answer(query, distance, distance, curves(0.0))
        off = answer(query, distance, distance, curves(step))
        slope = (off["match_probability"] - one["match_probability"]).abs() / step
        own = opinions.squared_error(curves(0.0)(distance[:, :1]), distance[:, 1:]).sqrt()[:, 0]
        torch.testing.assert_close(one["uncertainty"], slope * own, rtol=5e-3, atol=1e-5)


def test_a_folder_keeps_it_and_refuses_that_of_other_weights(
    model: PSM, known: ModelUncertainty, tmp_path: Path
) -> None:
    kept = _with(model, known)
    kept.save_pretrained(tmp_path, is_half=True)
    loaded = PSM.from_pretrained(tmp_path)
    assert loaded.uncertainty is not None
    assert torch.equal(loaded.uncertainty.probes, known.probes)
    assert loaded.uncertainty.lapse == known.lapse
    replace(known, weights="0" * 64).save(tmp_path)
    with pytest.warns(StaleUncertainty, match="psm calibrate"):
        assert PSM.from_pretrained(tmp_path).uncertainty is None
    (tmp_path / FILE_NAME).write_bytes(b"no tensors")
    with pytest.warns(StaleUncertainty, match="not readable"):
        assert PSM.from_pretrained(tmp_path).uncertainty is None
    PSM(tiny_experiment().model).save_pretrained(tmp_path)
    assert not (tmp_path / FILE_NAME).exists()


def test_shards_give_it_and_recordings_without_labels_do_not(model: PSM, tmp_path: Path) -> None:
    write_tiny_shards(tmp_path)
    found = fit_from_shards(model, tmp_path)
    assert found is not None
    assert (found.recordings, len(found.known)) == (40, 2)
    features, recordings = world(model, "train", 12)
    unlabelled = [replace(recording, sounds=()) for recording in recordings]
    assert fit_uncertainty(model, (features, unlabelled), (features, recordings)) is None


def _with(model: PSM, known: ModelUncertainty) -> PSM:
    model.uncertainty = replace(known, weights=weights_fingerprint(model))
    return model
