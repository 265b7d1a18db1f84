"""Days as people write them, at the beginning of a text: numbers, month names, weeks, ordinals."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

NO_SUCH_DAY = "no such day"
DAY_OR_MONTH = "day or month first?"
DAY_OF_ZERO = "a day or month of 0"

_LETTERS = r"[^\W\d_]+"
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar jänner jaenner janvier janv enero ene gennaio gen janeiro januari",
            "feb february februar feber février fevrier févr fevr fév fev febrero febbraio "
            "fevereiro februari",
            "mar march märz maerz mär mrz mars marzo março marco maart mrt",
            "apr april avril avr abril abr aprile",
            "may mai mayo maggio mag maio mei",
            "jun june juni juin junio giugno giu junho",
            "jul july juli juillet juil julio luglio lug julho",
            "aug august août aout agosto ago augustus",
            "sep sept september septembre septiembre settembre setembro",
            "oct october okt oktober octobre octubre ottobre ott outubro",
            "nov november novembre noviembre novembro",
            "dec december dez dezember décembre decembre déc diciembre dicembre dic dezembro",
        ),
        start=1,
    )
    for name in names.split()
}
_WEEKDAYS = frozenset({
    "mon", "monday", "tue", "tues", "tuesday", "wed", "wednesday", "thu", "thur", "thurs",
    "thursday", "fri", "friday", "sat", "saturday", "sun", "sunday", "montag", "dienstag",
    "mittwoch", "donnerstag", "freitag", "samstag", "sonnabend", "sonntag", "lundi", "mardi",
    "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
})  # fmt: skip
_WEEKDAY = re.compile(rf"({_LETTERS})\.?,?\s+")

_LAST_OF_TWO_DIGITS = 68  # as POSIX reads them: 69 is 1969, 68 is 2068


@dataclass(frozen=True)
class WrittenDay:
    """A day as far as it is known, what is left of the text, and what is wrong with it."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    rest: str = ""
    problem: str = ""


Triple = tuple[int | None, int | None, int | None]


def leading_day(text: str, day_first: bool | None) -> WrittenDay | None:
    """The day, month or year that a text begins with; ``None`` where it begins with none.

    Args:
        text: without blanks before it.
        day_first: what 3/4/2020 means; with ``None`` its day and month are unknown.
    """
    weekday = _WEEKDAY.match(text)
    if weekday is not None and weekday[1].lower() in _WEEKDAYS:
        text = text[weekday.end() :]
    for form, read in _FORMS:
        match = form.match(text)
        if match is None or (readings := list(read(match, day_first))) == [_OTHER]:
            continue
        found = _agreed(readings, text[match.end() :])
        if read is _year_first and 0 in (int(match["m"]), int(match["d"])):
            return replace(found, problem=found.problem or DAY_OF_ZERO)
        return found
    return None


def month_named(word: str) -> int | None:
    """The month of a name in a language of western Europe, whole or short; ``None`` for others."""
    return _MONTHS.get(word.strip().rstrip(".").lower())


def full_year(digits: str) -> int:
    """The year of two or four digits."""
    year = int(digits)
    if len(digits) > 2:
        return year
    return year + (2000 if year <= _LAST_OF_TWO_DIGITS else 1900)


_OTHER: Triple = (-1, -1, -1)
"""What a form gives that looks like it and is another."""


def _agreed(readings: list[Triple], rest: str) -> WrittenDay:
    """The parts in which all readings that exist agree."""
    possible = [one for one in readings if _exists(*one)]
    if not possible:
        return WrittenDay(rest=rest, problem=NO_SUCH_DAY)
    year, month, day = (
        values.pop() if len(values := {one[part] for one in possible}) == 1 else None
        for part in range(3)
    )
    is_open = month is None and any(one[1] is not None for one in possible)
    return WrittenDay(year, month, day, rest, DAY_OR_MONTH if is_open else "")


def _exists(year: int | None, month: int | None, day: int | None) -> bool:
    if month is None:
        return True
    if day is None:
        return 1 <= month <= 12
    try:
        datetime.date(2000 if year is None else year, month, day)
    except ValueError:
        return False
    return True


def _year_first(match: re.Match[str], _: bool | None) -> Iterator[Triple]:
    year, month, day = int(match["y"]), int(match["m"]), int(match["d"])
    if year == 0 or month == 0:
        yield year or None, None, None
    else:
        yield year, month, day or None


def _week(match: re.Match[str], _: bool | None) -> Iterator[Triple]:
    days = [int(match["d"])] if match["d"] else range(1, 8)
    try:
        found = [datetime.date.fromisocalendar(int(match["y"]), int(match["w"]), d) for d in days]
    except ValueError:
        yield 1, 99, 99
        return
    yield from ((one.year, one.month, one.day) for one in found)


def _ordinal(match: re.Match[str], _: bool | None) -> Iterator[Triple]:
    year, number = int(match["y"]), int(match["n"])
    if year < 1 or number < 1:
        yield 1, 99, 99
        return
    try:
        found = datetime.date(year, 1, 1) + datetime.timedelta(days=number - 1)
    except OverflowError:
        yield 1, 99, 99
        return
    yield (year, found.month, found.day) if found.year == year else (1, 99, 99)


def _numbers(match: re.Match[str], day_first: bool | None) -> Iterator[Triple]:
    """Day and month in either order; two digits may be a year before them, as 20-05-12."""
    first, second, year = int(match["a"]), int(match["b"]), full_year(match["y"])
    orders = [(first, second), (second, first)]
    wanted = orders if day_first is None else orders[:1] if day_first else orders[1:]
    # An order that cannot be is not meant: 13/4/2020 is in April wherever it stands.
    if not any(_exists(year, month, day) for day, month in wanted):
        wanted = orders
    yield from ((year, month, day) for day, month in wanted)
    if len(match["y"]) == 2 and (match["s"] == "-" or first > 31):
        yield full_year(match["a"]), second, int(match["y"])


def _month_and_year(match: re.Match[str], _: bool | None) -> Iterator[Triple]:
    yield int(match["y"]), int(match["m"]), None


def _named(match: re.Match[str], _: bool | None) -> Iterator[Triple]:
    found = match.groupdict()
    month = month_named(found["name"])
    if month is None:
        yield _OTHER
        return
    year, day = found.get("y"), found.get("d")
    # Of "May 15" the month alone is known: it may be a day or a year.
    day = day if year or not found.get("alone") else None
    yield full_year(year) if year else None, month, int(day) if day else None


def _bare_year(match: re.Match[str], _: bool | None) -> Iterator[Triple]:
    yield int(match["y"]), None, None


_Y4 = r"(?P<y>\d{4})"
_NAME = rf"(?P<name>{_LETTERS})\.?"
_NTH = r"(?P<d>\d{1,2})(?:st|nd|rd|th|er|\.|º)?(?!\d)"
_Read = Callable[[re.Match[str], "bool | None"], Iterator[Triple]]
_FORMS: list[tuple[re.Pattern[str], _Read]] = [
    (re.compile(form, re.IGNORECASE), read)
    for form, read in (
        (rf"{_Y4}-?W(?P<w>\d{{2}})(?:-?(?P<d>[1-7]))?(?!\d)", _week),
        (rf"{_Y4}(?P<s>[-/.:])(?P<m>\d{{1,2}})(?P=s)(?P<d>\d{{1,2}})(?!\d)", _year_first),
        (rf"{_Y4}(?P<m>\d{{2}})(?P<d>\d{{2}})(?!\d)", _year_first),
        (rf"{_Y4}-(?P<n>\d{{3}})(?!\d)", _ordinal),
        (rf"{_Y4}[-/.](?P<m>\d{{1,2}})(?![\d/.-])", _month_and_year),
        (
            r"(?P<a>\d{1,2})(?P<s>[./-])(?P<b>\d{1,2})(?P=s)(?P<y>\d{4}|\d{2})(?![\d.])",
            _numbers,
        ),
        (r"(?P<m>\d{1,2})[./-](?P<y>\d{4})(?![\d/.-])", _month_and_year),
        (rf"{_Y4}[-./\s]{_NAME}[-./\s]{_NTH}", _named),
        (rf"{_NTH}[-./\s]*(?:de\s+|of\s+)?{_NAME}[-./\s,]*(?:de\s+)?(?P<y>\d{{4}})(?!\d)", _named),
        (rf"{_NTH}[-./\s]*{_NAME}[-./\s,]*'?(?P<y>\d{{2}})(?![\d:h.])", _named),
        (rf"{_NAME}[-./\s]*{_NTH}[-./\s,]+(?P<y>\d{{4}})(?!\d)", _named),
        (rf"{_NAME}[-./\s,]*(?:de\s+)?(?P<y>\d{{4}})(?!\d)", _named),
        (rf"{_Y4}[-./\s]{_NAME}(?!\w)", _named),
        (rf"{_NAME}[-./\s]*{_NTH}(?=[\s,T]+\d{{1,2}}:)", _named),  # "Mar 14 09:26:53 UTC 2015"
        (rf"{_NAME}[-./\s]*(?P<alone>{_NTH})(?=\s*$)", _named),
        (rf"{_NTH}[-./\s]*{_NAME}(?=\s*$|[\s,T]+\d{{1,2}}:)", _named),
        (rf"{_NAME}(?=\s*$|[\s,T]+\d{{1,2}}:)", _named),
        (rf"{_Y4}(?=$|\s)", _bare_year),
    )
]
