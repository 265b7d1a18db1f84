from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.errors import ConfigError
from psm.geodata.sphere import chord_to_km, unit_vectors
from psm.mapping.search import spread_out


@given(seed=st.integers(0, 999), apart_km=st.floats(1.0, 5000.0), count=st.integers(1, 12))
def test_no_two_results_are_near_and_what_is_left_out_is_near_a_better_one(
    seed: int, apart_km: float, count: int
) -> None:
    random = np.random.default_rng(seed)
    values = random.random(60)
    lat, lon = random.uniform(-90, 90, 60), random.uniform(-180, 180, 60)
    kept = spread_out(values, lat=lat, lon=lon, count=count, apart_km=apart_km)
    points = unit_vectors(lat=lat, lon=lon)
    distance_km = chord_to_km(np.linalg.norm(points[:, None] - points[None], axis=-1))
    for order, at in enumerate(kept):
        assert all(distance_km[at, better] >= apart_km * 0.999 for better in kept[:order])
    assert np.all(np.diff(values[kept]) <= 0.0)
    if len(kept) < count:  # everything else has a better one nearby
        near = distance_km[:, kept] <= apart_km * 1.001
        assert near.any(axis=1).all()


def test_places_without_a_value_are_never_results() -> None:
    values = np.array([np.nan, 0.2, np.nan, 0.4])
    where = np.zeros(4)
    assert spread_out(values, lat=where, lon=where, count=9, apart_km=0.0) == [3, 1]
    assert spread_out(values, lat=where, lon=where, count=9, apart_km=1.0) == [3]


@pytest.mark.parametrize(("count", "apart_km"), [(0, 1.0), (3, -1.0), (3, float("nan"))])
def test_a_senseless_search_is_refused(count: int, apart_km: float) -> None:
    with pytest.raises(ConfigError, match="must make sense"):
        spread_out(np.ones(2), lat=np.zeros(2), lon=np.zeros(2), count=count, apart_km=apart_km)
