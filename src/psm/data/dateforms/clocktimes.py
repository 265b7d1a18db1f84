"""Times of day as people write them, with the zone beside them, at the beginning of a text."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from datetime import timedelta

NO_SUCH_TIME = "no such time"

_HALF = r"(?:\s*(?P<half>[ap])\.?m\b\.?)?"
_COLONS = re.compile(
    r"(?P<h>\d{1,2})(?::|h)(?P<m>\d{2})(?:[:m](?P<s>\d{2})s?(?:[.,:](?P<f>\d{1,9}))?)?"
    r"(?:\s*uhr\b)?" + _HALF,
    re.IGNORECASE,
)
_ALONE = re.compile(
    r"(?P<h>\d{1,2})(?:[.:](?P<m>\d{2}))?(?:\s*(?P<half>[ap])\.?m\b\.?|\s*(?:h|uhr|o'clock)\b)",
    re.IGNORECASE,
)
_AFTER_A_DAY = (
    re.compile(r"(?P<h>\d{2})(?P<c>[.-])(?P<m>\d{2})(?P=c)(?P<s>\d{2})(?![\d.-])"),
    re.compile(r"(?P<h>\d{1,2})\.(?P<m>\d{2})(?![\d.])"),
    re.compile(r"(?P<h>\d{2})(?P<m>\d{2})(?:(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?(?!\d)"),
)
_HOUR_OF_ISO = re.compile(r"(?P<h>\d{2})(?![\d:.,])")

_OFFSET = re.compile(
    r"\s*(?:UTC|GMT)?\s*(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?(?![\d:/])"
)
_UTC = re.compile(r"\s*(?:Z|UTC|GMT)\b", re.IGNORECASE)
_NAMED = re.compile(
    r"\s*(?:\b(?:[A-Z]{1,3}[SD]?T|[A-Z]{2,3}ST|MESZ|MEZ|MSK)\b|\[?\b[A-Z][a-z]+/[A-Z][A-Za-z_/]+\]?)"
)
_EXPLAINED = re.compile(r"\s*(?:\([^()]*\)|\[[A-Z][A-Za-z_/]+\])")
_RANGE_END = re.compile(r"\s*(?:-|–|to)\s*(\d{1,2}):(\d{2})\s*$")
_LARGEST_OFFSET = timedelta(hours=14)


@dataclass(frozen=True)
class WrittenTime:
    """A time of day as it stands on the clock, and what is left of the text.

    Attributes:
        time: ``None`` where there is no such time.
        is_next_day: 24:00, the midnight after the day.
        offset: from UTC, where it is written.
        rest: of the text.
        problem: why there is no such time.
    """

    time: datetime.time | None
    is_next_day: bool = False
    offset: timedelta | None = None
    rest: str = ""
    problem: str = ""


def leading_time(text: str, *, after_day: bool, glued: bool = False) -> WrittenTime | None:
    """The time that a text begins with; ``None`` where it begins with none.

    Args:
        text: without blanks before it.
        after_day: a day stands before it, so that 0730 and 07.30 are times too.
        glued: by a T or an underscore, so that 07 is one.
    """
    forms = [_COLONS, _ALONE, *(_AFTER_A_DAY if after_day else ())]
    forms += [_HOUR_OF_ISO] if glued else []
    match = next(filter(None, (form.match(text) for form in forms)), None)
    if match is None:
        return None
    rest = text[match.end() :]
    # "06:00-07:00" is from six to seven, not seven hours west; behind a T it is an offset.
    if not glued and match.re is _COLONS and match["s"] is None and match["half"] is None:
        end = _RANGE_END.match(rest)
        if end is not None and (rest[:1].isspace() or rest[:1] != "+"):
            is_time = int(end[1]) <= 24 and int(end[2]) < 60
            return _on_the_clock(match, None, "") if is_time else _on_the_clock(match, None, rest)
    offset, rest = _zone(rest)
    return _on_the_clock(match, offset, rest)


def _zone(rest: str) -> tuple[timedelta | None, str]:
    """The offset that is written behind a time; zones by name say too little for one."""
    offset: timedelta | None = None
    if (match := _OFFSET.match(rest)) is not None:
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
        offset = -offset if match["sign"] == "-" else offset
        if abs(offset) > _LARGEST_OFFSET:
            offset = None
    elif (match := _UTC.match(rest)) is not None:
        offset = timedelta(0)
    else:
        match = _NAMED.match(rest)
    if match is not None:
        rest = rest[match.end() :]
        if (explained := _EXPLAINED.match(rest)) is not None:
            rest = rest[explained.end() :]
    return offset, rest


def _on_the_clock(match: re.Match[str], offset: timedelta | None, rest: str) -> WrittenTime:
    found = match.groupdict()
    hour, minute, second = (int(found.get(name) or 0) for name in "hms")
    fraction = int((found.get("f") or "0").ljust(6, "0")[:6])
    if half := found.get("half"):
        if not 1 <= hour <= 12:
            return WrittenTime(None, rest=rest, problem=NO_SUCH_TIME)
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    if (hour, minute, second, fraction) == (24, 0, 0, 0):
        return WrittenTime(datetime.time(), is_next_day=True, offset=offset, rest=rest)
    second = 59 if second == 60 else second  # a leap second
    try:
        time = datetime.time(hour, minute, second, fraction)
    except ValueError:
        return WrittenTime(None, rest=rest, problem=NO_SUCH_TIME)
    return WrittenTime(time, offset=offset, rest=rest)
