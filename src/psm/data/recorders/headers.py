"""Notes in headers: AudioMoth's comment, GUANO, Wildlife Acoustics' wamd, bext, iXML, FLAC."""

from __future__ import annotations

import re
from collections.abc import Mapping

from psm.data.dates import read_date
from psm.data.recorders.note import (
    RecorderNote,
    factor_of,
    moment,
    offset_of,
    place_of,
    plain,
    species_of,
    stamp_of,
)

AUDIOMOTH = "AudioMoth"

_SAID = re.compile(
    r"Recorded at (\d\d):(\d\d):(\d\d)(?:\.(\d+))? (\d\d)/(\d\d)/(\d{4})"
    r"(?: \(UTC(?P<zone>[+-]\d{1,2}(?::\d\d)?)?\))? "
    r"(?:by AudioMoth (?P<device>[0-9A-Fa-f]{8,16})|during deployment (?P<trip>[0-9A-Fa-f]{16}))"
)
_DEVICE = re.compile(r"AudioMoth ([0-9A-Fa-f]{16})")
_SAME_IN_EVERY_DEVICE = "0FE081F80FE081F0"  # up to firmware 1.1
_WGS84 = ("", "WGS84", "WGS 84", "WGS-84")
_IXML_PLACE = re.compile(
    r"<LOCATION_GPS>\s*([+-]?\d+(?:\.\d+)?)\s*[,;\s]\s*([+-]?\d+(?:\.\d+)?)\s*</LOCATION_GPS>"
)
_TWO_NUMBERS = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)(?:[\s,;]+|(?=[+-]))([+-]?\d+(?:\.\d+)?)\s*")
_PADDING = 0xFFFF


def of_audiomoth(comment: str, artist: str = "") -> RecorderNote | None:
    """The note in "Recorded at 19:15:00 24/06/2020 (UTC+2) by AudioMoth 24F319055FDF2205 at ...".

    The very first firmware writes no zone and means UTC. Words by hand that begin alike are none.
    """
    match = _SAID.match(comment)
    if match is None:
        return None
    hour, minute, second, fraction, day, month, year = match.groups()[:7]
    found = _DEVICE.search(artist)
    device = match["device"] or (found[1] if found else "")
    return RecorderNote(
        clock=moment((year, month, day), (hour, minute, second), fraction or ""),
        offset=offset_of(match["zone"] or "Z"),
        recorder=_device_of(device, match["trip"] or ""),
        maker=AUDIOMOTH,
    )


def of_guano(chunk: bytes) -> RecorderNote | None:
    """The note in a GUANO chunk; fields may be empty, and an offset that is not written is none."""
    fields: dict[str, str] = {}
    for line in chunk.decode("utf-8", "replace").split("\n"):
        name, _, value = line.strip("\0\r ").partition(":")
        fields.setdefault(name.strip(), value.strip("\0\r\t "))
    if not any(name.upper() == "GUANO|VERSION" for name in fields):
        return None
    stamp = stamp_of(fields.get("Timestamp", ""))
    numbers = _TWO_NUMBERS.fullmatch(fields.get("Loc Position", ""))
    place = place_of(numbers[1], numbers[2]) if numbers else None
    serial = fields.get("Serial", "")
    trip = fields.get("OAD|Deployment ID", "")
    prefix = fields.get("WA|Song Meter|Prefix", "")
    is_moth = fields.get("Model", "") == AUDIOMOTH
    species, is_by_hand = species_of(
        fields.get("Species Manual ID", ""), fields.get("Species Auto ID", "")
    )
    return RecorderNote(
        clock=None if stamp is None else stamp[0],
        offset=None if stamp is None else stamp[1],
        lat=None if place is None else place[0],
        lon=None if place is None else place[1],
        recorder=_device_of(serial, trip) if is_moth else _prefixed(prefix, serial),
        maker=AUDIOMOTH if is_moth else fields.get("Make", ""),
        species=species,
        is_by_hand=is_by_hand,
        slowed=factor_of(fields.get("TE", "")),
    )


def of_wamd(chunk: bytes) -> RecorderNote | None:
    """The note in a chunk of Wildlife Acoustics: W and S are minus, an empty datum is WGS84."""
    parts: dict[int, str] = {}
    place = 0
    while place + 6 <= len(chunk):
        tag = int.from_bytes(chunk[place : place + 2], "little")
        size = int.from_bytes(chunk[place + 2 : place + 6], "little")
        if tag != _PADDING:
            parts.setdefault(tag, plain(chunk[place + 6 : place + 6 + size]))
        place += 6 + size
    if not parts:
        return None
    stamp = stamp_of(parts.get(0x05, ""))
    spot = next(filter(None, (_wamd_place(parts.get(tag, "")) for tag in (0x06, 0x14))), None)
    species, is_by_hand = species_of(parts.get(0x0C, ""), parts.get(0x0B, ""))
    return RecorderNote(
        clock=None if stamp is None else stamp[0],
        offset=None if stamp is None else stamp[1],
        lat=None if spot is None else spot[0],
        lon=None if spot is None else spot[1],
        recorder=_prefixed(parts.get(0x04, ""), parts.get(0x02, "")),
        maker="Wildlife Acoustics",
        species=species,
        is_by_hand=is_by_hand,
    )


def of_bext(chunk: bytes) -> RecorderNote | None:
    """The note in a Broadcast WAVE chunk: the recorder's clock, whose zone nobody writes."""
    day = re.fullmatch(r"(\d{4})\D(\d{2})\D(\d{2})", plain(chunk[320:330]))
    time = re.fullmatch(r"(\d{2})\D(\d{2})\D(\d{2})", plain(chunk[330:338]))
    if day is None:
        return None
    clock = None
    if time is not None:
        clock = moment(day.groups(), time.groups())
    return RecorderNote(clock=clock, recorder=plain(chunk[256:288]))


def of_ixml(chunk: bytes) -> RecorderNote | None:
    """The place in an iXML chunk."""
    match = _IXML_PLACE.search(chunk.decode("utf-8", "replace"))
    place = None if match is None else place_of(match[1], match[2])
    return None if place is None else RecorderNote(lat=place[0], lon=place[1])


def of_info(info: Mapping[str, bytes]) -> RecorderNote | None:
    """The day in an INFO list."""
    found = read_date(plain(info.get("ICRD", b"")), day_first=None)
    if found.year is None or found.month is None or found.day is None:
        return None
    numbers = (found.year, found.month, found.day)
    midnight = moment(numbers, (0, 0, 0))
    if midnight is None:
        return None
    if found.time is None:
        return RecorderNote(day=midnight.date())
    clock = midnight.replace(hour=found.time.hour, minute=found.time.minute,
                             second=found.time.second)  # fmt: skip
    return RecorderNote(clock=clock, offset=found.offset)


def of_flac(comments: Mapping[str, str]) -> RecorderNote | None:
    """The note in FLAC comments: those of Frontier Labs, and AudioMoth's where they were kept."""
    words = comments.get("COMMENT") or comments.get("DESCRIPTION") or ""
    if (note := of_audiomoth(words, comments.get("ARTIST", ""))) is not None:
        return note
    stamp = stamp_of(comments.get("RECORDINGSTART", ""))
    numbers = _TWO_NUMBERS.fullmatch(comments.get("SENSORLOCATION", ""))
    place = place_of(numbers[1], numbers[2]) if numbers else None
    serial = comments.get("SENSORUID", "")
    if stamp is None and place is None and not serial:
        return None
    return RecorderNote(
        clock=None if stamp is None else stamp[0],
        offset=None if stamp is None else stamp[1],
        lat=None if place is None else place[0],
        lon=None if place is None else place[1],
        recorder=serial,
        maker="Frontier Labs",
    )


def _device_of(device: str, trip: str) -> str:
    device = "" if device == _SAME_IN_EVERY_DEVICE else device
    if not trip:
        return device
    return f"{device} (deployment {trip})" if device else f"deployment {trip}"


def _prefixed(prefix: str, serial: str) -> str:
    if not prefix or prefix == serial:
        return serial or prefix
    return f"{prefix} ({serial})" if serial else prefix


def _wamd_place(said: str) -> tuple[float, float] | None:
    """``WGS84,42.49030,N,76.43120,W,255``, or with signs for letters."""
    datum, *words = [word.strip() for word in said.split(",")]
    if datum.upper() not in _WGS84 or len(words) < 2:
        return None
    if len(words) >= 4 and words[1] in ("N", "S") and words[3] in ("E", "W"):
        return lettered(words[0], words[1], words[2], words[3])
    return place_of(words[0], words[1])


def lettered(lat: str, north: str, lon: str, east: str) -> tuple[float, float] | None:
    """A place whose numbers are followed by N or S, E or W."""
    place = place_of(lat, lon)
    if place is None or north not in ("N", "S") or east not in ("E", "W"):
        return None
    return place[0] * (-1 if north == "S" else 1), place[1] * (-1 if east == "W" else 1)
