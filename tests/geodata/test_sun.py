from __future__ import annotations

import datetime

import numpy as np
import pytest
from astral import Observer
from astral.sun import elevation as astral_elevation
from astral.sun import noon
from hypothesis import given
from hypothesis import strategies as st

from psm.geodata import sun

LAT = st.floats(-85.0, 85.0)
MONTH = st.integers(1, 12)


@pytest.mark.parametrize("lat", [-54.8, -33.9, 0.0, 48.9, 69.0])
@pytest.mark.parametrize("month", [1, 4, 7, 10])
@pytest.mark.parametrize("after_noon", [-5.0, 0.0, 3.5])
def test_elevation_is_that_of_astral(lat, month, after_noon):
    # Astral's clock is civil time; from true noon on, both clocks run alike.
    observer = Observer(latitude=lat, longitude=0.0)
    moment = noon(observer, datetime.date(2023, month, 15)) + datetime.timedelta(hours=after_noon)
    wanted = astral_elevation(observer, moment, with_refraction=False)
    got = sun.elevation(lat=lat, month=month, hour=12.0 + after_noon)
    assert got == pytest.approx(wanted, abs=0.3)


def test_declination_runs_between_the_tropics():
    values = sun.declination(np.arange(1, 13))
    assert 21.0 < values.max() < 23.5
    assert -23.5 < values.min() < -21.0
    assert values.argmax() == 5
    assert values.argmin() == 11


@given(lat=LAT, month=MONTH, hour=st.floats(0.0, 12.0))
def test_the_day_is_symmetric_around_noon(lat, month, hour):
    before = sun.elevation(lat=lat, month=month, hour=12.0 - hour)
    after = sun.elevation(lat=lat, month=month, hour=12.0 + hour)
    assert before == pytest.approx(after, abs=1e-9)


@given(lat=st.floats(0.01, 90.0), month=MONTH)
def test_seasons_of_the_hemispheres_are_half_a_year_apart(lat, month):
    other = (month + 5) % 12 + 1
    for season in (sun.summerness, sun.springness):
        assert season(lat=lat, month=month) == pytest.approx(season(lat=-lat, month=other))
        assert season(lat=lat, month=month) == pytest.approx(-season(lat=-lat, month=month))


def test_polar_day_and_night():
    hours = np.arange(24.0)
    assert (sun.elevation(lat=80.0, month=6, hour=hours) > 0).all()
    assert (sun.elevation(lat=80.0, month=12, hour=hours) < 0).all()


def test_dawn_is_in_the_morning_and_dusk_in_the_evening():
    hours = np.arange(0.0, 24.0, 0.25)
    height = sun.elevation(lat=45.0, month=4, hour=hours)
    dawn, dusk = (f(sun_deg=height, hour=hours) for f in (sun.dawn, sun.dusk))
    assert 5.0 < hours[dawn.argmax()] < 6.5
    assert 17.5 < hours[dusk.argmax()] < 19.0
    assert (dawn[hours >= 12] == 0).all()
    assert (dusk[hours < 12] == 0).all()


def test_daylight_is_a_fraction_that_rises_with_the_sun():
    light = sun.daylight(np.linspace(-90, 90, 181))
    assert (np.diff(light) >= 0).all()
    assert light[0] < 1e-6
    assert light[-1] > 1 - 1e-6
