"""Note of a recorder: the clock it wrote, the offset of that clock, place and names."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from datetime import timedelta, timezone

_FIRST_YEAR = 1990  # no file has a recorder's header from before
_LAST_YEAR = 2100
_LARGEST_OFFSET = timedelta(hours=14)
_DAY = timedelta(days=1)
_STAMP = re.compile(
    r"(\d{4})\D(\d{2})\D(\d{2})(?:T|\s+)(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"
    r"\s*(Z|[+-]\d{2}:?\d{2})?"
)
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?")


@dataclass(frozen=True, kw_only=True)
class RecorderNote:
    """What a file says of itself; ``None`` and empty for what it does not say.

    Attributes:
        clock: day and time as on the clock of the recorder.
        day: the day alone, where no time is written.
        offset: of that clock from UTC, where it is written.
        lat, lon: degrees in WGS84.
        site: where the recorder stood, by its name.
        recorder: which recorder it was.
        maker: kind of recorder, as ``AudioMoth``; empty where only its owner's words say it.
        species: names of what is heard anywhere in the file, those by hand before those by machine.
        is_by_hand: a person named them.
        slowed: a second of the world is so many of the file, as recorders of bats write it.
    """

    clock: datetime.datetime | None = None
    day: datetime.date | None = None
    offset: timedelta | None = None
    lat: float | None = None
    lon: float | None = None
    site: str = ""
    recorder: str = ""
    maker: str = ""
    species: tuple[str, ...] = ()
    is_by_hand: bool = False
    slowed: float = 1.0

    @property
    def is_set(self) -> bool:
        """Whether the clock shows a time at which there was a recorder."""
        return self.clock is not None and is_set(self.clock)

    @property
    def local(self) -> datetime.datetime | None:
        """The time with the offset that the recorder states."""
        if self.clock is None or self.offset is None or not self.is_set:
            return None
        return self.clock.replace(tzinfo=timezone(self.offset))

    @property
    def utc(self) -> datetime.datetime | None:
        """The moment."""
        local = self.local
        return None if local is None else local.astimezone(datetime.UTC)

    def text(self) -> str:
        """Day, time and offset as :func:`psm.data.dates.read_date` reads them back."""
        if self.clock is None or not self.is_set:
            return "" if self.day is None else self.day.isoformat()
        zone = ""
        if self.offset is not None:
            zone = timezone(self.offset).tzname(None)[3:] if self.offset else "Z"  # "UTC+02:00"
        if self.clock.time() == datetime.time(0):  # which would be read as a day without a time
            return f"{self.clock - _DAY:%Y-%m-%d}T24:00:00{zone}"
        return self.clock.isoformat() + zone


def moment(
    date: tuple[str | int, ...], time: tuple[str | int, ...], fraction: str = ""
) -> datetime.datetime | None:
    """Day and time of numbers; 24:00:00 is the next midnight. ``None`` where there is none such."""
    year, month, day = map(int, date)
    hour, minute, second = map(int, time)
    try:
        if (hour, minute, second) == (24, 0, 0):
            return datetime.datetime(year, month, day) + _DAY
        micros = int(fraction.ljust(6, "0")[:6] or 0)
        return datetime.datetime(year, month, day, hour, minute, second, micros)
    except (ValueError, OverflowError):
        return None


def is_set(clock: datetime.datetime) -> bool:
    """Whether a clock shows a time at which there was a recorder.

    Clocks that were never set begin in 1970, 1980 or at the first midnight of 2000.
    """
    is_first_hour = (clock.year, clock.month, clock.day, clock.hour) == (2000, 1, 1, 0)
    return _FIRST_YEAR <= clock.year <= _LAST_YEAR and not is_first_hour


def offset_of(text: str) -> timedelta | None:
    """The offset that ``Z``, ``+0200``, ``-3:30`` or ``+2`` says; minutes take the sign too."""
    text = text.strip()
    if text in ("Z", "z", ""):
        return None if not text else timedelta(0)
    match = _OFFSET.fullmatch(text)
    if match is None or int(match[3] or 0) >= 60:
        return None
    found = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return None if found > _LARGEST_OFFSET else -found if match[1] == "-" else found


def stamp_of(text: str) -> tuple[datetime.datetime, timedelta | None] | None:
    """The moment of an ISO time, also with a blank between day and time."""
    match = _STAMP.fullmatch(text.strip())
    if match is None:
        return None
    found = moment(
        (match[1], match[2], match[3]), (match[4], match[5], match[6] or 0), match[7] or ""
    )
    return None if found is None else (found, offset_of(match[8] or ""))


def place_of(lat: str | float, lon: str | float) -> tuple[float, float] | None:
    """A place in degrees; zero north and zero east is no fix, and what is out of range no place."""
    try:
        found = float(lat), float(lon)
    except ValueError:
        return None
    is_place = abs(found[0]) <= 90.0 and abs(found[1]) <= 180.0 and found != (0.0, 0.0)
    return found if is_place else None


def species_of(by_hand: str, by_machine: str) -> tuple[tuple[str, ...], bool]:
    """Names between commas, and whether they are by hand: these go before those by machine."""
    found = [
        tuple(filter(None, (name.strip() for name in said.split(","))))
        for said in (by_hand, by_machine)
    ]
    return found[0] or found[1], bool(found[0])


def factor_of(text: str) -> float:
    """How many times a recording was slowed down; 1 where nothing or nonsense is written."""
    try:
        value = float(text)
    except ValueError:
        return 1.0
    return value if 1.0 < value <= 1000.0 else 1.0


def plain(content: bytes) -> str:
    """A text in a header, as far as its first null byte, without blanks around it."""
    return content.split(b"\0")[0].decode("utf-8", "replace").strip()
