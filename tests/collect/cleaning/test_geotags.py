"""Places: what is repaired, flagged and refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.collect.cleaning.geotags import Flag, country_at, place, written_accuracy_m
from psm.collect.refusal import Refused
from psm.geodata.timezones import timezone_at


@pytest.mark.parametrize(
    ("lat", "lon", "reason"),
    [
        (None, 13.4, "no place"),
        (52.5, None, "no place"),
        (math.nan, 13.4, "no place"),
        (52.5, math.inf, "no place"),
        (90.001, 179.0, "place out of range"),
        (-91.0, 91.0, "place out of range"),
        (52.5, 180.01, "place out of range"),
        (200.0, 40.0, "place out of range"),
        (0.0, 0.0, "place at zero, zero"),
        (-0.0, 0.0, "place at zero, zero"),
        (0.0123, -0.0312, "place at zero, zero"),
    ],
)
def test_an_impossible_place_is_refused(lat: Any, lon: Any, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        place(lat=lat, lon=lon)
    assert refused.value.reason == reason
    assert not refused.value.may_pass


@pytest.mark.parametrize(
    ("lat", "lon", "accuracy_m"),
    [(90.0, 12.34567, None), (-89.12345, 180.0, 5.0), (0.0, 9.45123, 3.0), (51.47781, 0.0, 12.0)],
)
def test_edges_of_the_world_and_its_great_circles_are_places(
    lat: float, lon: float, accuracy_m: float | None
) -> None:
    found = place(lat=lat, lon=lon, accuracy_m=accuracy_m)
    assert (found.lat, found.lon, found.accuracy_m, found.flags) == (lat, lon, accuracy_m, ())


def test_swapped_degrees_are_put_right() -> None:
    found = place(lat=139.69171, lon=35.68951, accuracy_m=10.0)
    assert (found.lat, found.lon, found.flags) == (35.68951, 139.69171, (Flag.SWAPPED,))


@pytest.mark.parametrize(
    ("lat", "lon", "metres"),
    [
        (52.0, 13.0, 65_000),
        (52.5, 13.0, 6_500),
        (52.52, 13.4, 650),
        (52.523, 13.0, 65),
        (48.8667, 2.3333, 1_100),  # 48° 52', 2° 20'
        (48.8671, 2.3333, 6.7),
        (float(np.float32(51.1)), float(np.float32(0.2)), 6_600),
    ],
)
def test_digits_tell_how_well_a_place_is_known(lat: float, lon: float, metres: float) -> None:
    assert written_accuracy_m(lat=lat, lon=lon) == pytest.approx(metres, rel=0.1)


def test_whole_degrees_are_coarse_and_refused_where_better_is_asked_for() -> None:
    found = place(lat=52.0, lon=13.0)
    assert found.flags == (Flag.COARSE,)
    assert found.accuracy_m == pytest.approx(65_200, rel=0.01)
    with pytest.raises(Refused) as refused:
        place(lat=52.0, lon=13.0, worst_accuracy_m=60_000)
    assert refused.value.reason == "place too coarse"
    assert "65" in refused.value.detail


def test_the_worse_of_archive_and_digits_counts() -> None:
    assert place(lat=52.52, lon=13.41, accuracy_m=5.0).accuracy_m == pytest.approx(650, rel=0.01)
    assert place(lat=52.52123, lon=13.41, accuracy_m=2500.0).flags == (Flag.COARSE,)
    # Without a word from the archive, many digits are no promise.
    assert place(lat=52.52123, lon=13.41).accuracy_m is None


@pytest.mark.parametrize("accuracy_m", [0.0, -5.0, math.nan, math.inf])
def test_an_accuracy_that_is_none_is_unknown(accuracy_m: float) -> None:
    assert place(lat=52.52123, lon=13.41, accuracy_m=accuracy_m).accuracy_m is None


def test_an_obscured_place_is_not_as_good_as_the_one_before() -> None:
    for accuracy_m in (None, 8.0):
        found = place(lat=52.52123, lon=13.41, accuracy_m=accuracy_m, is_obscured=True)
        assert found.flags == (Flag.OBSCURED, Flag.COARSE)
        assert found.accuracy_m == 31_500.0
    assert (
        place(lat=52.52123, lon=13.41, accuracy_m=28_400.0, is_obscured=True).accuracy_m == 28_400
    )
    with pytest.raises(Refused, match="place obscured"):
        place(lat=52.52123, lon=13.41, is_obscured=True, worst_accuracy_m=5600.0)


NUMBER = st.one_of(st.none(), st.floats(), st.floats(-200, 200), st.integers(-200, 200).map(float))


@given(lat=NUMBER, lon=NUMBER, accuracy_m=NUMBER, is_obscured=st.booleans())
def test_whatever_comes_out_is_on_the_globe(
    lat: float | None, lon: float | None, accuracy_m: float | None, is_obscured: bool
) -> None:
    try:
        found = place(lat=lat, lon=lon, accuracy_m=accuracy_m, is_obscured=is_obscured)
    except Refused:
        return
    assert abs(found.lat) <= 90.0
    assert abs(found.lon) <= 180.0
    assert found.accuracy_m is None or found.accuracy_m > 0.0
    assert (Flag.OBSCURED in found.flags) == is_obscured
    again = place(
        lat=found.lat, lon=found.lon, accuracy_m=found.accuracy_m, is_obscured=is_obscured
    )
    assert (again.lat, again.lon) == (found.lat, found.lon)
    assert Flag.SWAPPED not in again.flags


def test_countries_and_zones_are_those_of_the_place() -> None:
    assert country_at(lat=52.52, lon=13.41, within_km=100.0) == "DE"
    assert country_at(lat=-54.8, lon=-68.3, within_km=100.0) == "AR"
    assert country_at(lat=0.0, lon=-140.0, within_km=100.0) == ""
    assert timezone_at(lat=52.52, lon=13.41) == "Europe/Berlin"
    assert timezone_at(lat=0.0, lon=-150.0) == "Etc/GMT+10"
    assert timezone_at(lat=90.0, lon=180.0)
