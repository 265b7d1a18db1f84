"""Places as their pixels show them: what is visible stays, what is not comes from far away."""

from __future__ import annotations

import numpy as np
import pytest

from psm.earth.imputation import DONORS, FAR_KM, ImputedLayers, hidden, impute, visible
from psm.earth.layers import Layers, LayerValues
from psm.earth.sampling import sample_places
from psm.geodata.sphere import chord_to_km, unit_vectors

REACH_KM = 20.0


@pytest.fixture(scope="module")
def place() -> LayerValues:
    drawn = sample_places(60, 4)
    return Layers.load().at(lat=drawn.lat, lon=drawn.lon)


@pytest.fixture(scope="module")
def imputed(place: LayerValues) -> ImputedLayers:
    return impute(place, reach_km=REACH_KM)


def test_what_is_visible_stays(place: LayerValues, imputed: ImputedLayers) -> None:
    drawn = imputed.draw(3)
    for name in ("forest", "bare", "ice", "ruggedness", "built_up", "people"):
        np.testing.assert_array_equal(getattr(drawn, name), getattr(place, name))
    for name in ("coast_km", "river_km", "lake_km", "road_km", "town_km"):
        true, found = getattr(place, name), getattr(drawn, name)
        near = true <= REACH_KM
        np.testing.assert_array_equal(found[near], true[near])
        assert (found[~near] >= REACH_KM).all()


def test_what_is_not_comes_from_another_place_each_time(
    place: LayerValues, imputed: ImputedLayers
) -> None:
    here = unit_vectors(lat=place.lat, lon=place.lon)
    seen = []
    for number in range(DONORS):
        lent = imputed.draw(number)
        seen.append(lent.lat)
        rows = np.abs(lent.lat - place.lat) < 1e-9
        assert not rows.any()
    assert imputed.donor.shape == (60, DONORS)
    assert all(len(set(one)) == DONORS for one in imputed.donor.tolist())
    np.testing.assert_array_equal(
        np.sort(np.stack(seen), axis=0), np.sort(imputed.donors.lat[imputed.donor].T, axis=0)
    )
    for row in range(60):
        lenders = imputed.donors.rows(imputed.donor[row])
        there = unit_vectors(lat=lenders.lat, lon=lenders.lon)
        assert chord_to_km(np.linalg.norm(there - here[row], axis=1)).min() >= 0.99 * FAR_KM


def test_donors_are_more_like_a_place_than_others_are(
    place: LayerValues, imputed: ImputedLayers
) -> None:
    """The wetness of the year shows in green and bare ground: donors come close to it."""
    wetness = hidden(place)[:, 2]
    of_donors = hidden(imputed.donors)[:, 2]
    guess = of_donors[imputed.donor].mean(axis=1)
    assert np.corrcoef(guess, wetness)[0, 1] > 0.5
    assert np.abs(guess - wetness).mean() < 0.8 * np.abs(of_donors.mean() - wetness).mean()


def test_what_lies_out_of_view_looks_alike(place: LayerValues) -> None:
    far = LayerValues(**{**vars(place), "coast_km": np.full(60, 900.0)})
    farther = LayerValues(**{**vars(place), "coast_km": np.full(60, 2000.0)})
    np.testing.assert_array_equal(
        visible(far, reach_km=REACH_KM), visible(farther, reach_km=REACH_KM)
    )


def test_rows_are_of_the_same_places(imputed: ImputedLayers) -> None:
    part = imputed.rows(np.array([5, 2]))
    assert len(part) == 2
    np.testing.assert_array_equal(part.draw(7).lat, imputed.draw(7).lat[[5, 2]])
