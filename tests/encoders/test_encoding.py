"""Encodings of place and time: spheres, circles and the sun."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from psm.data.context import Context
from psm.encoders.encoding import Encoding, sun, sun_known
from psm.geodata.sun import elevation

lats = st.floats(-90, 90)
lons = st.floats(-180, 180)
months = st.integers(1, 12)
hours = st.floats(0, 24, exclude_max=True)


def place(lat: float, lon: float) -> Tensor:
    return Encoding().place(torch.tensor([[lat, lon]], dtype=torch.float32))[0]


@given(lat=lats, lon=lons)
def test_places_are_unit_vectors(lat: float, lon: float) -> None:
    assert place(lat, lon).norm().item() == pytest.approx(1.0, abs=1e-5)


def test_poles_differ_and_the_antimeridian_is_one_place() -> None:
    assert (place(90, 0) - place(-90, 0)).norm() > 1.9
    torch.testing.assert_close(place(10, 180), place(10, -180), atol=1e-6, rtol=0)


@given(lat=lats, lon=lons, waves=st.integers(1, 4))
def test_waves_join_the_unit_vector_and_close_around_the_globe(
    lat: float, lon: float, waves: int
) -> None:
    encoding = Encoding(waves)
    here, round_the_globe = encoding.place(torch.tensor([[lat, lon], [lat, lon - 360.0]]))
    assert len(here) == encoding.place_size == 3 + 6 * waves
    torch.testing.assert_close(here[:3], place(lat, lon))
    torch.testing.assert_close(here, round_the_globe, atol=1e-4, rtol=0)


def test_the_day_is_a_full_circle() -> None:
    around = Encoding().hour(torch.arange(25) * 24 / 25)
    steps = (around[1:] - around[:-1]).norm(dim=-1)
    torch.testing.assert_close(steps, steps[:1].expand_as(steps))
    torch.testing.assert_close((around[0] - around[-1]).norm(), steps[0])


@given(lat=lats, month=months, hour=hours)
def test_the_sun_stands_where_astronomy_puts_it(lat: float, month: int, hour: float) -> None:
    noon, _, _, now, hour_known = sun(Context.of(lat=lat, lon=0.0, month=month, hour=hour))[0]
    for sine, at in ((noon, 12.0), (now, hour)):
        assert sine.clamp(-1, 1).asin().rad2deg().item() == pytest.approx(
            elevation(lat=lat, month=month, hour=at), abs=1.5
        )
    assert hour_known == 1.0


@given(lat=st.floats(0, 90), month=months)
def test_the_sun_gives_the_south_the_norths_year_half_a_year_later(lat: float, month: int) -> None:
    north = sun(Context.of(lat=lat, lon=0.0, month=month))
    south = sun(Context.of(lat=-lat, lon=0.0, month=(month + 5) % 12 + 1))
    torch.testing.assert_close(north, south, atol=1e-4, rtol=0)


def test_the_day_is_short_in_winter_and_even_on_the_equator() -> None:
    day_length = sun(Context.of(lat=[60.0, 60.0, 0.0, 89.0], lon=0.0, month=[12, 6, 3, 6]))[:, 2]
    assert -0.6 < day_length[0] < -0.4
    assert 0.4 < day_length[1] < 0.6
    assert day_length[2] == pytest.approx(0.0, abs=1e-3)
    assert day_length[3] == 1.0


def test_the_sun_is_unknown_without_place_or_month_but_not_without_hour() -> None:
    context = Context.of(
        lat=[10.0, np.nan, 10.0, 10.0], lon=5.0, month=[3, 3, np.nan, 3], hour=[6, 6, 6, np.nan]
    )
    assert sun_known(context).tolist() == [True, False, False, True]
    assert not sun(context)[1:3].any()
    assert sun(context)[3, 0] > 0
    assert not sun(context)[3, 3:].any()
