"""Intervals as ISO 8601 and people write them: their beginning and their end, each as a text."""

from __future__ import annotations

import re
from datetime import timedelta

_DAY = r"\d{4}-\d{2}(?:-\d{2})?|\d{4}-?W\d{2}(?:-?\d)?|\d{4}-\d{3}"
_TIME = r"\d{1,2}:?\d{2}(?::?\d{2}(?:[.,]\d+)?)?\s*(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
_ISO_DAY = re.compile(rf"(?P<day>{_DAY})(?:(?P<glue>T|\s+)(?P<time>{_TIME}))?", re.IGNORECASE)
_ISO_TIME = re.compile(r"T?\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:Z|[+-]\d{2}(?::?\d{2})?)?")
_SLASH = re.compile(r"\s*/\s*|\s*--\s*")
_WORDS = re.compile(r"\s+(?:-|to|bis|until|till|through|au)\s+|\s*(?:–|—|\.\.+)\s*", re.IGNORECASE)
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)(?:[.,]\d+)?S)?)?"
)
_LONGEST = timedelta(days=36_500)


def ends(text: str) -> tuple[str, str] | None:
    """Beginning and end of an interval, each whole; ``None`` where the text is none.

    What the end leaves out is that of the beginning: 2017-09-10/15 ends on 2017-09-15. An end that
    is open, or that no rule explains, is empty.
    """
    by_slash = _SLASH.split(text)
    if len(by_slash) == 2:
        begin, end = by_slash
        if _is_iso(begin) or _is_iso(end) or {begin, end} & {"..", ""}:
            return begin, _completed(begin, end)
        if re.fullmatch(r"\d{4}", begin) and re.fullmatch(r"\d{4}", end):
            return begin, end
    by_words = _WORDS.split(text)
    if len(by_words) == 2 and all(any(map(str.isdigit, side)) for side in by_words):
        begin, end = by_words
        return begin, _completed(begin, end)
    return None


def duration(text: str) -> timedelta | None:
    """An ISO 8601 duration in weeks, days and less; ``None`` for years and months, and no such."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    try:
        found = timedelta(**{name: int(value) for name, value in match.groupdict("0").items()})
    except OverflowError:
        return None
    return found if found <= _LONGEST else None


def is_duration(text: str) -> bool:
    """Whether a side of an interval is a length of time."""
    return text[:1] == "P" and any(map(str.isdigit, text))


def _is_iso(side: str) -> bool:
    # A slash is also in 3/4/2020 and 2020/05/03: a hyphen, a colon or a P says that it parts two.
    return bool(_ISO_DAY.fullmatch(side) or _ISO_TIME.fullmatch(side) or is_duration(side))


def _completed(begin: str, end: str) -> str:
    """The end with what it leaves out: 15, 09-15 or 07:00 are of the day that the other names."""
    day = re.match(r"(?P<y>\d{4})(?:-(?P<m>\d{2})(?:-\d{2})?)?(?P<rest>.*)", begin)
    if day is None or not end:
        return end
    if re.fullmatch(rf"T?{_TIME}", end, re.IGNORECASE) and ":" in end:
        whole = re.match(_DAY, begin)
        return f"{whole[0]} {end.removeprefix('T')}" if whole else end
    parts = re.fullmatch(rf"(?:(?P<m>\d{{2}})-)?(?P<d>\d{{1,2}})(?P<time>[T\s]+{_TIME})?", end)
    if parts is None or not (parts["m"] or day["m"]):
        return end
    if day["m"] and not re.match(r"\d{4}-\d{2}-\d{2}", begin) and not parts["m"]:
        return f"{day['y']}-{int(parts['d']):02d}"  # 2020-05/07: May to July
    return f"{day['y']}-{parts['m'] or day['m']}-{int(parts['d']):02d}{parts['time'] or ''}"
