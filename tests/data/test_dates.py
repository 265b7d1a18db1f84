"""Dates: each part is known or it is not."""

from __future__ import annotations

import datetime

import pytest

from psm.data import dates
from psm.data.dateforms import days
from psm.data.dateforms.clocktimes import NO_SUCH_TIME
from psm.data.dates import DateParts, day_comes_first, month_and_hour, read_date, recording_date


@pytest.mark.parametrize(
    ("text", "month", "hour"),
    [
        ("2021/10/31 3:11 PM EDT", 10, 15 + 11 / 60),
        ("Sun Oct 31 2021 15:11:00 GMT-0400 (EDT)", 10, 15 + 11 / 60),
        ("Sat Mar 14 09:26:53 UTC 2015", 3, 9 + 26 / 60),
        ("2021-06-15T08:30:00Z", 6, 8.5),
        ("2021-06-15 20:30:00+02:00", 6, 20.5),
        ("31/12/2019 22:10", 12, 22 + 10 / 60),
        ("1/29/09 10:28", 1, 10 + 28 / 60),
        ("June 26th, 2010", 6, None),
        ("2008-01-01 00:00:00.0", 1, None),
        ("May 2015", 5, None),
        ("2010", None, None),
        ("3:11 PM", None, 15 + 11 / 60),
        ("13/25/2010 10:00", None, None),
        ("yesterday", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_what_a_text_names_and_what_it_leaves_open(
    text: str | None, month: int | None, hour: float | None
) -> None:
    found = month_and_hour(text)
    assert found[0] == month
    assert found[1] == pytest.approx(hour)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2021-06-15T08:30:20Z", DateParts(2021, 6, 15, datetime.time(8, 30, 20))),
        ("2021-06-15 00:00:00", DateParts(2021, 6, 15)),
        ("May 2015", DateParts(2015, 5)),
        ("2010", DateParts(2010)),
        ("3:11 PM", DateParts(time=datetime.time(15, 11))),
        ("3/4/2020", DateParts(2020)),
        ("2021-06-00", DateParts(2021, 6)),
        ("2021-00-00", DateParts(2021)),
        ("2021-06-15 ?", DateParts(2021, 6, 15)),
        ("yesterday", DateParts()),
    ],
)
def test_every_part_is_known_or_it_is_not(text: str, found: DateParts) -> None:
    assert read_date(text, day_first=None) == found


def test_names_of_recorders_are_dates() -> None:
    assert month_and_hour("20200501_073000") == (5, 7.5)


@pytest.mark.parametrize(
    ("texts", "day_first"),
    [
        (["3/4/2020", "13/4/2020"], True),
        (["3.4.20", "4.13.20"], False),
        (["13/4/2020", "4/13/2020"], None),
        (["3/4/2020", "2020-04-13", ""], None),
    ],
)
def test_a_column_of_dates_shows_whether_the_day_comes_first(
    texts: list[str], day_first: bool | None
) -> None:
    assert day_comes_first(texts) is day_first


@pytest.mark.parametrize(("day_first", "month"), [(True, 4), (False, 3), (None, None)])
def test_a_month_that_may_be_a_day_stays_unknown(day_first: bool | None, month: int | None) -> None:
    assert month_and_hour("3/4/2020 19:30", day_first=day_first) == (month, 19.5)
    assert month_and_hour("13/4/2020", day_first=day_first) == (4, None)
    assert month_and_hour("4/4/2020", day_first=day_first) == (4, None)
    assert month_and_hour("2020-04-03", day_first=day_first) == (4, None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1923-06-25/1923-06-27", DateParts(1923, 6)),
        ("2020-05-03/2020-05-09", DateParts(2020, 5)),
        ("2017-09-10/15", DateParts(2017, 9)),
        ("2020-05-30/06-02", DateParts(2020)),
        ("2020-05/2020-07", DateParts(2020)),
        ("2019/2021", DateParts()),
        ("2020-05-03 to 2020-05-09", DateParts(2020, 5)),
        ("13.5.2020 – 15.5.2020", DateParts(2020, 5)),
        ("2020-05-03T22:00/2020-05-05T04:00", DateParts(2020, 5)),
        ("2023-08-13T00:00Z/2023-08-13T23:59Z", DateParts(2023, 8, 13)),
        ("2020-05-03/..", DateParts()),
        ("2020-05-03/", DateParts()),
        ("P1D/2020-05-03", DateParts()),
        ("2020-05-03T06:00/2020-05-03T05:00", DateParts()),
    ],
)
def test_of_an_interval_what_both_ends_share_is_known(text: str, found: DateParts) -> None:
    assert read_date(text) == found
    assert read_date(text).hour is None


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2020-05-03 06:00/07:00", 6.0),
        ("2020-05-03T06:00Z/07:00Z", 6.0),
        ("2020-05-03T22:00/2020-05-04T04:00", 22.0),
        ("2020-05-03T06:30/PT1H", 6.5),
        ("PT1H30M/2020-05-03T07:00", 5.5),
        ("2020-05-03 06:00 - 07:00", 6.0),
        ("2020-05-03 06:00 to 07:00", 6.0),
    ],
)
def test_less_than_a_day_begins_when_it_begins(text: str, hour: float) -> None:
    assert month_and_hour(text) == (5, hour)
    assert read_date("06:00/07:00") == DateParts(time=datetime.time(6))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2020-W21-3", DateParts(2020, 5, 20)),
        ("2020-W21", DateParts(2020, 5)),
        ("2020-123", DateParts(2020, 5, 2)),
        ("2020-05", DateParts(2020, 5)),
        ("05/2020", DateParts(2020, 5)),
        ("20200503", DateParts(2020, 5, 3)),
        ("20200503061230", DateParts(2020, 5, 3, datetime.time(6, 12, 30))),
        ("20200503T0612Z", DateParts(2020, 5, 3, datetime.time(6, 12))),
        ("2020:05:03 06:12:30", DateParts(2020, 5, 3, datetime.time(6, 12, 30))),
        ("2020-05-03_06-12-30", DateParts(2020, 5, 3, datetime.time(6, 12, 30))),
        ("2020-05-03T06:12:30,5+02:00", DateParts(2020, 5, 3, datetime.time(6, 12, 30, 500_000))),
        ("2020-05-03T06:12+02:00[Europe/Berlin]", DateParts(2020, 5, 3, datetime.time(6, 12))),
        ("3. Mai 2020, 06:12 Uhr", DateParts(2020, 5, 3, datetime.time(6, 12))),
        ("1er août 2019 à 06h12", DateParts(2019, 8, 1, datetime.time(6, 12))),
        ("5 de mayo de 2020", DateParts(2020, 5, 5)),
        ("2024-Apr-14 04:55:00", DateParts(2024, 4, 14, datetime.time(4, 55))),
        ("29/1/09", DateParts(2009, 1, 29)),
        ("20-05-12", DateParts(month=5)),  # 20 May 2012 or 12 May 2020
        ("May 15", DateParts(month=5)),
        ("\uff12\uff10\uff12\uff10-05-03", DateParts(2020, 5, 3)),
    ],
)
def test_other_forms_of_dates(text: str, found: DateParts) -> None:
    assert read_date(text, day_first=None) == found
    assert read_date(text, day_first=None).problem == ""


@pytest.mark.parametrize(
    ("text", "found", "problem"),
    [
        ("2020-05-03 25:00", DateParts(2020, 5, 3), NO_SUCH_TIME),
        ("2020-05-03 06:61", DateParts(2020, 5, 3), NO_SUCH_TIME),
        ("2020-05-03 13:30 pm 2", DateParts(2020, 5, 3), dates.TIME_NOT_UNDERSTOOD),
        ("2020-05-03 06:12 rain", DateParts(2020, 5, 3), dates.TIME_NOT_UNDERSTOOD),
        ("2020-05-03 06:00 or 07:00", DateParts(2020, 5, 3), dates.TIME_NOT_UNDERSTOOD),
        ("2020-05-03 2020-05-09", DateParts(), dates.NOT_UNDERSTOOD),
        ("3-5 May 2020", DateParts(), dates.NOT_UNDERSTOOD),
        ("spring 2020", DateParts(), dates.NOT_UNDERSTOOD),
        ("may be", DateParts(), dates.NOT_UNDERSTOOD),
        ("2020-05-03\0", DateParts(), dates.NOT_UNDERSTOOD),
        ("2020-02-30 06:00", DateParts(), days.NO_SUCH_DAY),
        ("2021-366", DateParts(), days.NO_SUCH_DAY),
        ("2020-W54-1", DateParts(), days.NO_SUCH_DAY),
        ("0000-00-00 00:00:00", DateParts(), days.DAY_OF_ZERO),
        ("3/4/2020", DateParts(2020), days.DAY_OR_MONTH),
        ("1589000000", DateParts(), dates.BARE_NUMBER),
        ("43953.25", DateParts(), dates.BARE_NUMBER),
        ("6", DateParts(), dates.BARE_NUMBER),
        ("1900-01-01", DateParts(), dates.NEVER_SET),
        ("1970-01-01 00:12:07", DateParts(), dates.NEVER_SET),
        ("2000-01-01 00:00:00", DateParts(), dates.NEVER_SET),
        ("1899-12-30", DateParts(), dates.TOO_EARLY),
    ],
)
def test_what_is_not_understood_is_unknown_and_says_why(
    text: str, found: DateParts, problem: str
) -> None:
    read = recording_date(text, day_first=None)
    assert read == found
    assert read.problem == problem


def test_24_00_is_the_midnight_after_the_day() -> None:
    assert read_date("2020-05-31 24:00") == DateParts(2020, 6, 1, datetime.time(0))
    assert month_and_hour("2020-05-31T24:00:00") == (6, 0.0)
    assert month_and_hour("2020-05-31 24:30") == (5, None)


@pytest.mark.parametrize(
    ("text", "hours"),
    [("2020-05-03 06:12Z", 0), ("2020-05-03 06:12 UTC+2", 2), ("2020-05-03T06:12-0330", -3.5),
     ("Sun May 3 2020 06:12:00 GMT+0200 (Mitteleuropäische Sommerzeit)", 2)],
)  # fmt: skip
def test_an_offset_is_kept_beside_the_clock(text: str, hours: float) -> None:
    found = read_date(text)
    assert found.time == datetime.time(6, 12)
    assert found.offset == datetime.timedelta(hours=hours)
