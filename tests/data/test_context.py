"""Context: encodings on sphere and circle, validity of each part, masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from psm.data.context import CONTEXT_FIELDS, Context
from psm.earth.sun import elevation
from psm.errors import InvalidContext

lats = st.floats(-90, 90)
lons = st.floats(-180, 180)


@given(lat=lats, lon=lons)
def test_places_are_unit_vectors(lat: float, lon: float) -> None:
    assert Context.of(lat=lat, lon=lon).latlon.norm().item() == pytest.approx(1.0, abs=1e-5)


def test_poles_differ_and_the_antimeridian_is_one_place() -> None:
    context = Context.of(lat=[90.0, -90.0, 10.0, 10.0], lon=[0.0, 0.0, 180.0, -180.0])
    assert (context.latlon[0] - context.latlon[1]).norm() > 1.9
    torch.testing.assert_close(context.latlon[2], context.latlon[3])


def test_the_day_is_a_full_circle() -> None:
    hours = Context.of(lat=np.zeros(25), lon=0.0, hour=np.arange(25) * 24 / 25).hour
    steps = (hours[1:] - hours[:-1]).norm(dim=-1)
    torch.testing.assert_close(steps, steps[:1].expand_as(steps))
    last_to_first = (hours[-1] - hours[0]).norm()
    torch.testing.assert_close(last_to_first, steps[0])


def test_what_is_unknown_is_invalid_and_finite() -> None:
    context = Context.of(
        lat=[1.0, np.nan], lon=[2.0, 3.0], month=[np.nan, 5], hour=None, audio_source=[-1, 2]
    )
    assert context.valid.tolist() == [
        [True, False, False, False, False],
        [False, True, False, True, False],
    ]
    for values in (context.latlon, context.month, context.hour):
        assert torch.isfinite(values).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"lat": 91.0}, "latitude 91"),
        ({"lon": 181.0}, "longitude 181"),
        ({"month": 13}, "month 13"),
        ({"month": 0}, "month 0"),
        ({"hour": 24.0}, "hour 24"),
        ({"audio_source": 4}, "audio source 4"),
    ],
)
def test_values_out_of_range_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidContext, match=message):
        Context.of(**{"lat": 0.0, "lon": 0.0, **wrong})


def test_only_keeps_the_named_fields() -> None:
    context = Context.of(lat=0.0, lon=0.0, month=1, hour=2.0, audio_source=0, caption_source=1)
    kept = context.only("month", "hour").valid[0]
    assert dict(zip(CONTEXT_FIELDS, kept.tolist(), strict=True)) == {
        "latlon": False, "month": True, "hour": True,
        "audio_source": False, "caption_source": False,
    }  # fmt: skip
    with pytest.raises(InvalidContext, match="weather"):
        context.only("weather")


def test_dropping_masks_about_the_asked_share_and_adds_nothing() -> None:
    size = 4000
    context = Context.of(lat=np.zeros(size), lon=0.0, month=1, hour=None, audio_source=0)
    generator = torch.Generator().manual_seed(0)
    dropped = context.drop(field=0.5, everything=0.2, generator=generator)
    assert not (dropped.valid & ~context.valid).any()
    kept = dropped.valid[:, [0, 1, 3]].float().mean(0)
    torch.testing.assert_close(kept, torch.full((3,), 0.4), atol=0.03, rtol=0)


months = st.integers(1, 12)
hours = st.floats(0, 24, exclude_max=True)


@given(lat=lats, month=months, hour=hours)
def test_the_sun_stands_where_astronomy_puts_it(lat: float, month: int, hour: float) -> None:
    noon, _, _, now, hour_known = Context.of(lat=lat, lon=0.0, month=month, hour=hour).sun()[0]
    for sine, at in ((noon, 12.0), (now, hour)):
        assert sine.clamp(-1, 1).asin().rad2deg().item() == pytest.approx(
            elevation(lat=lat, month=month, hour=at), abs=1.5
        )
    assert hour_known == 1.0


@given(lat=st.floats(0, 90), month=months)
def test_the_sun_gives_the_south_the_norths_year_half_a_year_later(lat: float, month: int) -> None:
    north = Context.of(lat=lat, lon=0.0, month=month).sun()
    south = Context.of(lat=-lat, lon=0.0, month=(month + 5) % 12 + 1).sun()
    torch.testing.assert_close(north, south, atol=1e-4, rtol=0)


def test_the_day_is_short_in_winter_and_even_on_the_equator() -> None:
    day_length = Context.of(lat=[60.0, 60.0, 0.0, 89.0], lon=0.0, month=[12, 6, 3, 6]).sun()[:, 2]
    assert -0.6 < day_length[0] < -0.4
    assert 0.4 < day_length[1] < 0.6
    assert day_length[2] == pytest.approx(0.0, abs=1e-3)
    assert day_length[3] == 1.0


def test_the_sun_is_unknown_without_place_or_month_but_not_without_hour() -> None:
    context = Context.of(
        lat=[10.0, np.nan, 10.0, 10.0], lon=5.0, month=[3, 3, np.nan, 3], hour=[6, 6, 6, np.nan]
    )
    assert context.sun_known.tolist() == [True, False, False, True]
    assert not context.sun()[1:3].any()
    assert context.sun()[3, 0] > 0
    assert not context.sun()[3, 3:].any()
