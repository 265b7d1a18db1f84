"""Local times: to civil time of the place where that is certain, unknown where it is not."""

from __future__ import annotations

import datetime
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.data.dates import Clock, local_time
from psm.errors import ConfigError


class Moment(NamedTuple):
    """What is known of a local time."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    hour: float | None = None


def when(text: str, clock: Clock, timezone: str, listed: datetime.date | None = None) -> Moment:
    found = local_time(text, clock, timezone, listed=listed)
    return Moment(found.year, found.month, found.day, found.hour)


BERLIN, NEW_YORK, DARWIN = "Europe/Berlin", "America/New_York", "Australia/Darwin"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2014-05-03 06:12", Moment(2014, 5, 3, 6.2)),
        ("2014-05-03T06:12:30", Moment(2014, 5, 3, 6.2)),
        ("2014-05-03 6:12 pm", Moment(2014, 5, 3, 18.2)),
        ("20140503_061200", Moment(2014, 5, 3, 6.2)),
        ("2014-05-03", Moment(2014, 5, 3)),
        ("2014-05-03 00:00:00", Moment(2014, 5, 3)),
        ("2014-05-03 ?", Moment(2014, 5, 3)),
        ("2014-05-03 xx:xx", Moment(2014, 5, 3)),
        ("2014-05-03 am", Moment(2014, 5, 3)),
        ("2014-05-03 06:00-07:00", Moment(2014, 5, 3, 6.0)),
        ("2014-05-00 06:12", Moment(2014, 5)),
        ("2014-00-00", Moment(2014)),
        ("2014-05", Moment(2014, 5)),
        ("2014", Moment(2014)),
        ("May 2014", Moment(2014, 5)),
        ("3/4/2014 06:12", Moment(2014, hour=6.2)),  # March or April?
        ("13/4/2014 06:12", Moment(2014, 4, 13, 6.2)),
        ("Sat May 3 06:12:00 2014", Moment(2014, 5, 3, 6.2)),
        ("06:12", Moment(hour=6.2)),
        ("0000-00-00 00:00:00", Moment()),
        ("2014-13-45", Moment()),
        ("2014-02-30", Moment()),
        ("1899-12-31 06:12", Moment()),
        ("1970-01-01 00:00:12", Moment()),
        ("1904-01-01", Moment()),
        ("0001-01-01", Moment()),
        ("some day in spring", Moment()),
        ("", Moment()),
    ],
)
def test_local_times_stay_as_far_as_they_are_written(text: str, expected: Moment) -> None:
    found = when(text, Clock.LOCAL, BERLIN)
    assert found == Moment(
        expected.year, expected.month, expected.day,
        None if expected.hour is None else pytest.approx(expected.hour),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2020-07-01 04:12:00", BERLIN, Moment(2020, 7, 1, 6.2)),  # summer time
        ("2020-01-15 04:12:00", BERLIN, Moment(2020, 1, 15, 5.2)),
        ("1979-07-01 04:12:00", BERLIN, Moment(1979, 7, 1, 5.2)),  # none in that year
        ("2020-08-31T23:30:00", BERLIN, Moment(2020, 9, 1, 1.5)),  # another month there
        ("2020-01-01 02:00", NEW_YORK, Moment(2019, 12, 31, 21.0)),
        ("2020-06-01 20:15", DARWIN, Moment(2020, 6, 2, 5.75)),  # half an hour off
        ("2020-05-15", BERLIN, Moment(2020, 5)),  # which day it was there, nobody knows
        ("2020-08-31", BERLIN, Moment(2020)),  # nor which month
        ("2020-08-31", "Etc/GMT", Moment(2020, 8, 31)),
        ("2020-08", BERLIN, Moment(2020, 8)),
        ("06:12", BERLIN, Moment()),  # summer or winter?
        ("2020-07-01 04:12:00", "", Moment(2020)),
        ("2019-12-31 23:30 -0100", BERLIN, Moment(2020, 1, 1, 1.5)),
    ],
)
def test_utc_becomes_the_time_on_the_wall(text: str, zone: str, expected: Moment) -> None:
    assert when(text, Clock.UTC, zone) == expected


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2020-07-01T06:12:00+02:00", 6.2),
        ("2020-07-01T06:12:00.000+0200", 6.2),
        ("2020-07-01T04:12:00Z", 6.2),
        ("2020-07-01 04:12 UTC", 6.2),
        ("Wed Jul 01 2020 06:12:33 GMT+0200 (CEST)", 6.2),
        ("Wed Jul 01 2020 00:12:33 GMT-0400 (EDT)", 6.2),  # a phone that kept its zone
        ("Wed Jul  1 04:12:00 UTC 2020", 6.2),
        ("2020/07/01 6:12 AM CEST", 6.2),
        ("2020-07-01 05:12 AM +0100", 6.2),  # a recorder without summer time
        ("2020-07-01 06:12 EST", 6.2),  # a zone's name says too little
        ("2020-07-01T06:12+99:00", 6.2),
    ],
)
def test_a_written_zone_says_which_instant_it_was(text: str, hour: float) -> None:
    assert when(text, Clock.LOCAL, BERLIN) == Moment(2020, 7, 1, pytest.approx(hour))


def test_what_is_no_time_of_the_recording_is_not_believed() -> None:
    assert when("2020-07-01T06:12:00Z", Clock.NONE, BERLIN) == Moment(2020, 7, 1)
    assert when("2020-07-01T06:12:00Z", Clock.UPLOAD, BERLIN) == Moment()


def test_the_future_is_unknown() -> None:
    listed = datetime.date(2020, 7, 1)
    for text, is_known in [("2020-07-01 23:00", True), ("2020-07-02", True), ("2020-07", True),
                           ("2020-07-03", False), ("2020-08", False), ("2021", False)]:  # fmt: skip
        assert (when(text, Clock.LOCAL, BERLIN, listed=listed) != Moment()) == is_known


def test_a_zone_that_the_machine_lacks_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'Europe/Atlantis' is not known.*tzdata"):
        when("2020-07-01 04:12", Clock.UTC, "Europe/Atlantis")


TEXTS = st.one_of(
    st.text(max_size=40),
    st.text("0123456789-/: .TZ+apm", max_size=30),
    st.datetimes().map(str),
    st.tuples(st.datetimes(), st.sampled_from(["Z", "+02:00", " -1400", " UTC"])).map(
        lambda pair: f"{pair[0]:%Y-%m-%d %H:%M}{pair[1]}"
    ),
)


@given(text=TEXTS, clock=st.sampled_from(Clock), zone=st.sampled_from([BERLIN, DARWIN, ""]))
def test_any_text_gives_a_possible_moment(text: str, clock: Clock, zone: str) -> None:
    found = when(text, clock, zone, listed=datetime.date(2030, 1, 1))
    assert found.year is None or 1900 <= found.year <= 2030
    assert found.month is None or 1 <= found.month <= 12
    assert found.day is None or (1 <= found.day <= 31 and found.month is not None)
    assert found.hour is None or 0.0 <= found.hour < 24.0


@given(
    moment=st.datetimes(datetime.datetime(1985, 1, 1), datetime.datetime(2035, 1, 1)),
    zone=st.sampled_from([BERLIN, NEW_YORK, DARWIN, "Asia/Kathmandu"]),
    hours=st.integers(-12, 14),
)
def test_one_instant_is_one_local_time_in_whatever_zone_it_was_written(
    moment: datetime.datetime, zone: str, hours: int
) -> None:
    shifted = moment + datetime.timedelta(hours=hours)
    if "00:00" in (f"{moment:%H:%M}", f"{shifted:%H:%M}"):
        return  # midnight stands for a date alone
    sign = "-" if hours < 0 else "+"
    written = f"{shifted:%Y-%m-%dT%H:%M}{sign}{abs(hours):02d}:00"
    assert when(written, Clock.LOCAL, zone) == when(f"{moment:%Y-%m-%d %H:%M}", Clock.UTC, zone)
