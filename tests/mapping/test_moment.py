from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.data.context import CONTEXT_FIELDS
from psm.errors import InvalidContext
from psm.mapping import Moment


def test_one_local_hour_everywhere() -> None:
    assert (Moment(hour=6.5).local_hours(np.array([-180.0, 0.0, 90.0])) == 6.5).all()


def test_a_utc_instant_runs_with_the_longitude() -> None:
    hours = Moment(utc=18.0).local_hours(np.array([-180.0, -75.0, 0.0, 90.0, 179.5]))
    np.testing.assert_allclose(hours, [6.0, 13.0, 18.0, 0.0, 5.966667], atol=1e-6)


@given(utc=st.floats(0, 24, exclude_max=True), lon=st.floats(-180, 180))
def test_local_hours_are_hours(utc: float, lon: float) -> None:
    (hour,) = Moment(utc=utc).local_hours(np.array([lon]))
    assert 0.0 <= hour < 24.0
    assert abs((hour - utc - lon / 15.0 + 12.0) % 24.0 - 12.0) < 1e-9


def test_the_context_knows_place_and_time_but_no_source() -> None:
    context = Moment(month=7, utc=18.0).context(
        lat=np.array([10.0, -30.0]), lon=np.array([0.0, 90.0])
    )
    known = dict(zip(CONTEXT_FIELDS, context.valid.all(0).tolist(), strict=True))
    assert known == {
        "latlon": True, "month": True, "hour": True, "audio_source": False, "caption_source": False,
    }  # fmt: skip
    np.testing.assert_allclose(context.hour, [18.0, 0.0], atol=1e-5)  # midnight at 90 E


def test_what_is_not_given_stays_unknown() -> None:
    context = Moment().context(lat=np.array([10.0]), lon=np.array([0.0]))
    assert context.valid.tolist() == [[True, False, False, False, False]]


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (Moment(month=7, hour=6.0), "July · 06:00 local time"),
        (Moment(month=12, utc=23.5), "December · 23:30 UTC"),
        (Moment(), "any month · any hour"),
    ],
)
def test_the_words_of_a_moment(moment: Moment, words: str) -> None:
    assert str(moment) == words


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"month": 13}, "month 13 is outside"),
        ({"month": 0}, "month 0 is outside"),
        ({"hour": 24.0}, "hour 24 is outside"),
        ({"utc": -1.0}, "UTC hour -1 is outside"),
        ({"hour": float("nan")}, "hour nan is outside"),
        ({"hour": 6.0, "utc": 6.0}, "not both"),
    ],
)
def test_no_such_moment(values: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidContext, match=message):
        Moment(**values)
