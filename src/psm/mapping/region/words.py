"""A region as the command line names it."""

from __future__ import annotations

import re
from pathlib import Path

from psm.errors import ConfigError
from psm.mapping.region.files import SUFFIXES
from psm.mapping.region.lengths import is_length, parse_length
from psm.mapping.region.region import Region

FORMS = (
    "a place (Vienna; Vienna, US; Vienna, 20km), a circle lat,lon,radius (48.2,16.37,5km), a bbox "
    "west,south,east,north, a GeoJSON, GeoPackage or shapefile (FILE or FILE:LAYER), or globe"
)
_GLOBE = ("globe", "world", "earth")


def parse(text: str) -> Region:
    """The region that ``text`` names: see :data:`FORMS`.

    Raises:
        ConfigError: it names none; the message says what comes near, or the forms there are.
        MissingData: it names a file that is not there.
    """
    text = text.strip()
    if text.lower() in _GLOBE:
        return Region.globe()
    if (found := _file(text)) is not None:
        return found
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise ConfigError(f"region {text!r}: name {FORMS}")
    numbers = [_number(word) for word in words]
    known = [number for number in numbers if number is not None]
    if len(known) == len(words):
        return _from_numbers(text, known)
    if len(words) == 3 and len(known) == 2 and numbers[2] is None:
        return Region.circle(lat=known[0], lon=known[1], radius_m=parse_length(words[2]))
    if known:
        raise ConfigError(f"region {text!r}: numbers and words mixed; name {FORMS}")
    return _from_place(text, words)


def _file(text: str) -> Region | None:
    if not text:
        return None
    if (path := Path(text)).is_file():
        return Region.file(path)
    front, colon, layer = text.rpartition(":")
    if colon and Path(front).is_file():
        return Region.file(front, layer)
    is_meant = path.suffix.lower() in SUFFIXES or "/" in text
    return Region.file(path) if is_meant else None


def _from_numbers(text: str, numbers: list[float]) -> Region:
    if len(numbers) == 4:
        return Region.bbox(*numbers)
    if len(numbers) == 3:
        raise ConfigError(f"region {text!r}: the radius needs a unit, as 48.2,16.37,5km")
    if len(numbers) == 2:
        raise ConfigError(f"region {text!r}: a point needs a radius, as {text},5km")
    raise ConfigError(f"region {text!r}: a bbox is four numbers, west,south,east,north")


def _from_place(text: str, words: list[str]) -> Region:
    name, *more = words
    radius_m = parse_length(more.pop()) if more and is_length(more[-1]) else None
    if len(more) > 1 or (more and not re.fullmatch("[A-Za-z]{2}", more[0])):
        raise ConfigError(
            f"region {text!r}: after a place come a two-letter country, a radius or both, as "
            f"{name}, US, 20km"
        )
    return Region.place(name, country=more[0].upper() if more else None, radius_m=radius_m)


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
