"""Folds of places: sites stay together, tiles apart, and every recording is judged once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.adaptation.placefolds import place_folds
from psm.data.recording import CaptionSource, Recording
from psm.errors import ConfigError
from psm.geodata.sphere import chord_to_km, unit_vectors
from psm.seeding import generator


def recorded(lat: float, lon: float, number: int = 0) -> Recording:
    return Recording(
        key=f"{lat}-{lon}-{number}", lat=lat, lon=lon, audio_source=None,
        caption_source=CaptionSource.META, caption="frogs", split="train", cell="N00E000",
    )  # fmt: skip


def park(sites: int, each: int, spread_deg: float, seed: int = 0) -> list[Recording]:
    rng = generator(seed, "park")
    places = rng.uniform(-spread_deg, spread_deg, (sites, 2)) + np.array([48.0, 16.0])
    return [recorded(lat, lon, n) for lat, lon in places.tolist() for n in range(each)]


@given(st.integers(3, 30), st.integers(4, 12), st.integers(0, 99))
def test_every_recording_is_judged_once_and_sites_stay_together(
    sites: int, each: int, seed: int
) -> None:
    recordings = park(sites, each, 3.0, seed)
    folds = place_folds(recordings, tile_km=20.0)
    assert 2 <= len(folds) <= 5
    assert sorted(np.concatenate([folds.judged(n) for n in range(len(folds))])) == list(
        range(len(recordings))
    )
    for site in range(folds.sites):
        assert len(set(folds.fold[folds.site == site])) == 1
    for number in range(len(folds)):
        assert not folds.learnt[number][folds.judged(number)].any()
        assert folds.learnt[number].any()


def test_what_a_fold_learns_from_lies_as_far_as_it_says() -> None:
    recordings = park(60, 3, 4.0)
    folds = place_folds(recordings, tile_km=30.0)
    vectors = unit_vectors(lat=[r.lat for r in recordings], lon=[r.lon for r in recordings])
    for number in range(len(folds)):
        judged, learnt = vectors[folds.judged(number)], vectors[folds.learnt[number]]
        gap = chord_to_km(np.linalg.norm(judged[:, None] - learnt[None], axis=-1)).min()
        assert gap >= folds.apart_km
    assert folds.apart_km == 30.0
    assert not folds.overlap


def test_sites_nearer_than_a_tile_are_judged_all_the_same_and_it_is_known() -> None:
    folds = place_folds(park(12, 5, 0.05), tile_km=320.0)
    assert folds.overlap
    assert folds.apart_km == 0.0
    assert np.bincount(folds.fold).min() >= 5


def test_folds_hold_about_as_many_recordings_each() -> None:
    folds = place_folds(park(100, 2, 5.0), tile_km=5.0)
    sizes = np.bincount(folds.fold)
    assert len(sizes) == 5
    assert sizes.max() <= 1.3 * sizes.min()


def test_two_places_are_too_few() -> None:
    recordings = [recorded(48.0, 16.0, n) for n in range(30)] + [recorded(48.5, 16.0, 99)]
    with pytest.raises(ConfigError, match=r"31 recordings of 2 places: .* 3 places at the least"):
        place_folds(recordings, tile_km=10.0)
