"""Dates: each part is known or it is not."""

from __future__ import annotations

import datetime

import pytest

from psm.data.dates import DateParts, day_comes_first, month_and_hour, read_date


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
