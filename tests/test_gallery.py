"""How common a query is, heard in a gallery."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from psm import checkpoints
from psm.calibration import Calibration, curves_of
from psm.config import AudioTowerConfig, ContextConfig, ModelConfig, SatelliteConfig
from psm.errors import CheckpointMismatch, ConfigError
from psm.gallery import Gallery, Matching, compact
from psm.gaussian import Gaussian
from psm.model import PSM
from tests.test_calibration import calibration

DIM = 12
HELD = (300, 90, 20, 4, 1)
"""Recordings that hold each of the first sounds; the last axes are of no recording."""


def queries(count: int = len(HELD)) -> Gaussian:
    return Gaussian(torch.eye(DIM)[:count], torch.full((count, DIM), -5.0))


def gallery(weights: str = "of nobody", land: torch.Tensor | None = None) -> Gallery:
    """Recordings that hold one sound each, and one like no other."""
    sound = torch.repeat_interleave(torch.arange(len(HELD)), torch.tensor(HELD))
    noise = 0.05 * torch.randn(len(sound), DIM, generator=torch.Generator().manual_seed(0))
    sounds = compact(Gaussian(torch.eye(DIM)[sound] + noise, torch.full((len(sound), DIM), -5.0)))
    ones = torch.ones(len(sound))
    return Gallery(
        sounds=sounds,
        weights={"archives": ones, "land": ones if land is None else land},
        matching=Matching(scale=30.0, margin=0.7),
        recordings=10_000,
        data="abc",
        model=weights,
    )


@pytest.fixture(scope="module")
def model() -> PSM:
    return PSM(
        ModelConfig(
            name="tiny",
            dim=DIM,
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


def test_the_share_rises_with_the_recordings_that_hold_a_query() -> None:
    share = gallery().heard(queries(), "archives").probability
    total = sum(HELD)
    # The commonest is what most recordings are near to: it is its own background.
    expected = torch.tensor(HELD[1:]) / total
    torch.testing.assert_close(share[1:].float(), expected, rtol=0.15, atol=0.002)
    assert (share[1:-1] > share[2:]).all()


def test_a_query_that_nothing_matches_is_rare_and_nobody_knows_how_rare() -> None:
    found = gallery().heard(queries(8), "archives")
    assert (found.probability[6:] < 1.0 / sum(HELD)).all()
    assert (found.variance[6:].sqrt() > 2.0).all()
    assert found.variance[1].sqrt() < 0.15


def test_land_weights_move_the_share_and_cost_certainty() -> None:
    ones = torch.ones(sum(HELD))
    heavy = torch.where(torch.arange(len(ones)) >= sum(HELD[:3]), 20.0, 1.0)
    even, tilted = gallery(land=ones), gallery(land=heavy)
    assert even.effective_size("land") == pytest.approx(len(ones))
    assert tilted.effective_size("land") < 0.5 * len(ones)
    less, more = (each.heard(queries(), "land") for each in (even, tilted))
    assert more.log_odds[3] > less.log_odds[3] + 1.0
    assert more.variance[1] > less.variance[1]
    archives = tilted.heard(queries(), "archives").log_odds
    assert torch.equal(archives, even.heard(queries(), "archives").log_odds)


def test_a_share_does_not_depend_on_what_else_is_asked() -> None:
    together = gallery().heard(queries(), "land").log_odds
    alone = [gallery().heard(queries().rows(slice(k, k + 1)), "land").log_odds for k in range(5)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0.0, atol=1e-9)


def test_a_gallery_is_read_back_and_is_small(model: PSM, folder: Path) -> None:
    made = gallery(checkpoints.weights_fingerprint(model))
    assert Gallery.find(folder) is None
    path = made.save(folder)
    first = path.read_bytes()
    assert made.save(folder).read_bytes() == first
    assert len(first) < len(made) * (2 * DIM + 12) + 1000
    found = Gallery.find(folder)
    assert found is not None
    assert found.fingerprint == made.fingerprint
    for base in ("archives", "land"):
        assert torch.equal(found.heard(queries(), base).log_odds, made.heard(queries(), base)[0])
    path.unlink()


def test_places_are_read_back_with_the_gallery(model: PSM, folder: Path) -> None:
    places = compact(Gaussian(torch.randn(30, DIM), torch.full((30, DIM), -5.0)))
    plain = gallery(checkpoints.weights_fingerprint(model))
    made = replace(plain, places=places)
    path = made.save(folder)
    found = Gallery.find(folder)
    assert found is not None
    assert found.places is not None
    assert torch.equal(found.places.mean, places.mean)
    torch.testing.assert_close(found.places.var, places.var)
    assert found.fingerprint == made.fingerprint != plain.fingerprint
    path.unlink()


def test_galleries_of_others_and_broken_ones_are_refused(folder: Path) -> None:
    path = gallery("0" * 64).save(folder)
    with pytest.raises(CheckpointMismatch, match="gallery is of other weights"):
        Gallery.find(folder)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CheckpointMismatch, match="not a gallery") as problem:
        Gallery.find(folder)
    assert len(str(problem.value).splitlines()) == 1
    path.unlink()
    blind = replace(gallery(), weights={"archives": torch.ones(sum(HELD))})
    with pytest.raises(ConfigError, match="no share of land"):
        blind.heard(queries(), "land")


def with_share(model: PSM, found: Gallery, **changes: object) -> Calibration:
    slopes = {"land": 0.1, "archives": 0.05}
    about = {"base": "land", "slopes": slopes, "recordings": len(found), "effective": 400.0}
    return calibration(
        checkpoints.weights_fingerprint(model),
        schema_version=2,
        share={**about, "gallery": found.fingerprint},
        **changes,
    )


def test_a_common_query_is_likelier_at_the_same_distance(model: PSM) -> None:
    found = gallery(checkpoints.weights_fingerprint(model))
    shared = with_share(model, found).with_gallery(found)
    curves = curves_of(model, shared, queries(7))
    distance = torch.linspace(0.0, 6.0, 31)[:, None].expand(-1, 7)
    p = curves(distance)
    assert (p.diff(dim=0) <= 0.0).all()  # farther is never likelier
    assert (p[:, 1:5].diff(dim=1) <= 0.0).all()  # nor rarer
    assert p[10, 1] > p[10, 4] > p[10, 6]
    assert curves.variance[6] > 50 * curves.variance[1] > 0.0
    assert torch.equal(curves.columns(slice(2, 4)).offset, curves.offset[2:4])


def test_a_calibration_of_the_first_schema_is_one_curve_for_all(model: PSM) -> None:
    plain = calibration(checkpoints.weights_fingerprint(model))
    distance = torch.rand(9, 7) * 6.0
    curves = curves_of(model, plain, queries(7))
    assert torch.equal(curves(distance), plain.curve(distance))
    assert not curves.variance.any()
    assert plain.meaning == "a recording made at the place and time holds the sound"


def test_a_calibration_needs_the_gallery_that_it_was_fitted_with(model: PSM, folder: Path) -> None:
    found = gallery(checkpoints.weights_fingerprint(model))
    shared = with_share(model, found)
    path = shared.save(folder)
    with pytest.raises(CheckpointMismatch, match="not there"):
        Calibration.load(folder)
    other = replace(found, data="others")
    other.save(folder)
    with pytest.raises(CheckpointMismatch, match="not the gallery"):
        Calibration.load(folder)
    gallery_path = found.save(folder)
    loaded = Calibration.load(folder)
    assert loaded.curves(queries()).offset.tolist() == pytest.approx(
        shared.with_gallery(found).curves(queries()).offset.tolist(), abs=1e-6
    )
    assert "the land and the hours as they are" in loaded.summary
    with pytest.raises(ConfigError, match="lacks its gallery"):
        shared.curves(queries())
    for file in (path, gallery_path):
        file.unlink()
