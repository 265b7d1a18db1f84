"""Names and headers of files from autonomous recorders: the time and place in them."""

from __future__ import annotations

import re
from pathlib import Path

from psm.data.dates import Clock

_STAMP = re.compile(r"(?:^|(?P<prefix>.*)_)(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)(?=\D|$)")
_SAID = re.compile(
    r"Recorded at (\d\d:\d\d:\d\d)(?:\.\d+)? (\d\d)/(\d\d)/(\d{4}) "
    r"\(UTC(?:([+-])(\d{1,2})(?::(\d\d))?)?\)"
)
_MAKER = re.compile(r"by (AudioMoth [0-9A-Fa-f]{8,16})")
_MOST_CHUNKS = 64
_MOST_COMMENT = 64 * 1024


def by_name(stem: str) -> tuple[str, Clock] | None:
    """The time that a file is named by, ``YYYYMMDD_HHMMSS``, and what it is in.

    AudioMoth names files by UTC alone; Song Meter puts a word before, and local time.
    """
    found = _STAMP.search(stem)
    if found is None:
        return None
    year, month, day, hour, minute, second = found.groups()[1:]
    clock = Clock.LOCAL if found["prefix"] else Clock.UTC
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}", clock


def by_comment(comment: str) -> tuple[str, Clock] | None:
    """The time of "Recorded at 19:15:00 24/06/2020 (UTC+2) by AudioMoth 24F319055FDF2205"."""
    found = _SAID.search(comment)
    if found is None:
        return None
    time, day, month, year, sign, hours, minutes = found.groups()
    offset = f"{sign}{int(hours):02d}:{int(minutes or 0):02d}" if sign else "Z"
    return f"{year}-{month}-{day}T{time}{offset}", Clock.UTC


def maker(comment: str) -> str:
    """Which recorder it was, if the comment says so."""
    found = _MAKER.search(comment)
    return found[1] if found else ""


def wav_comment(path: Path) -> str:
    """The comment in the header of a WAV file; empty where there is none, or no such header."""
    try:
        with path.open("rb") as file:
            if file.read(4) != b"RIFF" or file.seek(8) != 8 or file.read(4) != b"WAVE":
                return ""
            for _ in range(_MOST_CHUNKS):
                head = file.read(8)
                if len(head) < 8:
                    return ""
                name, size = head[:4], int.from_bytes(head[4:], "little")
                if name == b"LIST" and size <= _MOST_COMMENT:
                    if comment := _in_list(file.read(size)):
                        return comment
                    file.seek(size % 2, 1)
                else:
                    file.seek(size + size % 2, 1)
    except (OSError, ValueError):
        pass
    return ""


def _in_list(chunk: bytes) -> str:
    place = 4
    while chunk[:4] == b"INFO" and place + 8 <= len(chunk):
        name, size = (
            chunk[place : place + 4],
            int.from_bytes(chunk[place + 4 : place + 8], "little"),
        )
        if name == b"ICMT":
            comment = chunk[place + 8 : place + 8 + size]
            return comment.split(b"\0")[0].decode("utf-8", "replace").strip()
        place += 8 + size + size % 2
    return ""
