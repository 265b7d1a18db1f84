"""Dates: each part is known or it is not."""

from __future__ import annotations

import pytest

from psm.data.dates import month_and_hour


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
