"""Notes in file names: times with and without zones, places, prefixes."""

from __future__ import annotations

import datetime
import re
from datetime import UTC, timedelta

from psm.data.recorders.note import RecorderNote, is_set, moment, offset_of, place_of

_ZONE = r"(?P<zone>Z|[+-]\d{2}:?\d{2})"
_STAMP = re.compile(
    r"(?<![0-9A-Za-z])S?(?P<y>\d{4})(?P<d>-?)(?P<m>\d{2})(?P=d)(?P<day>[ \d]\d)"
    r"(?P<glue>[T_$ -])(?P<h>\d{2})(?P<c>[-.:]?)(?P<min>\d{2})(?P=c)(?P<s>\d{2})"
    r"(?:\.(?P<f>\d{1,9})(?!\d))?"
    rf"(?:(?P<part>_?){_ZONE}(?![0-9A-Za-z])|(?P<trigger>T)(?![0-9A-Za-z])|(?![0-9A-Za-z]))"
)
_PACKED = re.compile(
    r"(?<![0-9A-Za-z])(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<day>\d{2})"
    rf"(?P<h>\d{{2}})(?P<min>\d{{2}})(?P<s>\d{{2}})(?:(?P<part>_?){_ZONE})?(?![0-9A-Za-z])"
)
_TWO_DIGITS = re.compile(
    r"(?<![0-9A-Za-z])(?P<y>\d{2})(?P<m>\d{2})(?P<day>\d{2})"
    r"_(?P<h>\d{2})(?P<min>\d{2})(?P<s>\d{2})?(?![0-9A-Za-z])"
)
_DAY = re.compile(
    r"(?<![0-9A-Za-z])(?P<y>\d{4})(?P<d>-?)(?P<m>\d{2})(?P=d)(?P<day>\d{2})(?![0-9A-Za-z])"
)
_MILLISECONDS = re.compile(r"_(\d{3})(?!\w)")
_SECONDS = re.compile(r"[0-9A-Fa-f]{8}")
# AudioMoth's names in seconds since 1970 are from 2015 to 2029.
_FIRST_SECOND, _LAST_SECOND = 0x56000000, 0x70000000

_NUMBER = r"[+-]?\d{1,3}(?:\.\d+)?"
_BRACKETS = re.compile(rf"\[\s*({_NUMBER})(?:\s*[, ]\s*|(?=[+-]))({_NUMBER})\s*\]")
_AT_THE_END = re.compile(r"(?:^|_)([+-]\d{1,2}\.\d+)([+-]\d{1,3}\.\d+)$")

_CHANNELS = re.compile(r"(?:_0\+1|__[01]_?)$")
_SONG_METER = re.compile(r"[A-Z0-9][A-Z0-9_-]*")
_DEVICE = re.compile(r"[0-9A-F]{16}")
_SERIAL = re.compile(r"\d{3,}")


def of_name(stem: str) -> RecorderNote:
    """The note in the name of a file, without its suffix; all unknown where it says nothing.

    A day or a time that does not exist is none. Eight hexadecimal digits are seconds since 1970,
    as the first AudioMoths wrote them; sixteen are a device, never a time.
    """
    lat, lon = _place(stem) or (None, None)
    for form in (_STAMP, _PACKED, _TWO_DIGITS):
        match = form.search(stem)
        clock = None if match is None else _clock(match, stem)
        if match is None or clock is None or not _is_likely(clock):
            continue
        zone = match.groupdict().get("zone") or ""
        site, recorder = _whose(stem[: match.start()].rstrip("_ -"), match, zone)
        return RecorderNote(
            clock=clock, offset=offset_of(zone), lat=lat, lon=lon, site=site, recorder=recorder
        )
    if _STAMP.search(stem) or _PACKED.search(stem):  # of a day that does not exist
        return RecorderNote(lat=lat, lon=lon)
    if (match := _DAY.search(stem)) is not None:
        midnight = moment((match["y"], match["m"], match["day"]), (0, 0, 0))
        if midnight is not None and _is_likely(midnight):
            return RecorderNote(day=midnight.date(), lat=lat, lon=lon)
    if _SECONDS.fullmatch(stem) and _FIRST_SECOND <= int(stem, 16) < _LAST_SECOND:
        at = datetime.datetime.fromtimestamp(int(stem, 16), UTC)
        return RecorderNote(clock=at.replace(tzinfo=None), offset=timedelta(0))
    return RecorderNote(lat=lat, lon=lon)


def prefixes_of(stem: str) -> tuple[str, ...]:
    """What stands before the time in a name, whole and without the channel; else nothing.

    An underscore in it parts nothing: NORTH_MEADOW_20240624_191500 is of NORTH_MEADOW.
    """
    match = next(filter(None, (f.search(stem) for f in (_STAMP, _PACKED, _TWO_DIGITS, _DAY))), None)
    if match is None:
        return ()
    whole = stem[: match.start()].rstrip("_ -$")
    return tuple(dict.fromkeys(filter(None, (whole, _CHANNELS.sub("", whole).rstrip("_")))))


def _clock(match: re.Match[str], stem: str) -> datetime.datetime | None:
    found = match.groupdict()
    year = found["y"] if len(found["y"]) == 4 else f"20{found['y']}"
    fraction = found.get("f") or ""
    if not fraction and not found.get("zone") and match.re is _STAMP:
        # Song Meters write milliseconds behind the seconds.
        after = _MILLISECONDS.match(stem, match.end())
        fraction = after[1] if after else ""
    day = (year, found["m"], found["day"].strip())
    return moment(day, (found["h"], found["min"], found["s"] or 0), fraction)


def _is_likely(clock: datetime.datetime) -> bool:
    return is_set(clock) or (clock.year, clock.month, clock.day) in ((1970, 1, 1), (2000, 1, 1))


def _whose(before: str, match: re.Match[str], zone: str) -> tuple[str, str]:
    """Site and recorder by what stands before the time, as far as a maker's habit says which."""
    is_apart = bool(match.groupdict().get("part"))
    glue = match.groupdict().get("glue", "")
    if not before:
        return "", ""
    if zone == "Z" and is_apart:  # Vesper's names of stations
        return before, ""
    if zone and is_apart:  # SwiftOne
        return "", before
    if zone and glue == "T" and _SERIAL.fullmatch(before):  # Frontier Labs
        return "", before
    if not zone and glue in ("_", "$"):
        prefix = _CHANNELS.sub("", before).rstrip("_")
        if _DEVICE.fullmatch(prefix) or _SONG_METER.fullmatch(prefix):
            return "", prefix
    return "", ""


def _place(stem: str) -> tuple[float, float] | None:
    match = _BRACKETS.search(stem) or _AT_THE_END.search(stem)
    return None if match is None else place_of(match[1], match[2])
