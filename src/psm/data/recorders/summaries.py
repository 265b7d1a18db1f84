"""Summary files of Song Meters: where the recorder stood, minute by minute."""

from __future__ import annotations

import csv
import datetime
import re
from bisect import bisect_left
from functools import lru_cache
from pathlib import Path

from psm.data.dateforms.days import month_named
from psm.data.recorders.headers import lettered
from psm.data.recorders.note import moment

_DATE = re.compile(r"(\d{4})-([A-Za-z]{3}|\d{2})-(\d{2})")
_TIME = re.compile(r"(\d{2}):(\d{2}):(\d{2})")
_NEAR = datetime.timedelta(hours=1)
_MOST_BYTES = 64 * 1024 * 1024
_SAME_DEG = 0.001

Place = tuple[float, float]


def place_at(path: Path, prefixes: tuple[str, ...], clock: datetime.datetime) -> Place | None:
    """Where the Song Meter stood that wrote a file, by the summary on its card.

    The line of the recording's own time counts, for the recorder may have been moved. Where no line
    is within an hour, the lines before and after have to agree.

    Args:
        path: of the recording; the summary lies beside it or beside its folder.
        prefixes: of its name.
        clock: of the recording.
    """
    for folder in (path.parent, path.parent.parent):
        for prefix in prefixes:
            for slot in ("", "_A", "_B"):
                summary = folder / f"{prefix}{slot}_Summary.txt"
                if summary.is_file():
                    return _nearest(_lines(summary, summary.stat().st_mtime_ns), clock)
    return None


Lines = tuple[tuple[datetime.datetime, Place | None], ...]


def _nearest(lines: Lines, clock: datetime.datetime) -> Place | None:
    if not lines:
        return None
    after = bisect_left(lines, clock, key=lambda line: line[0])
    around = [lines[place] for place in (after - 1, after) if 0 <= place < len(lines)]
    at, place = min(around, key=lambda line: abs(line[0] - clock))
    if abs(at - clock) <= _NEAR:
        return place
    places = [one for _, one in around]
    if len(places) < 2 or places[0] is None or places[1] is None:
        return None
    agree = all(abs(a - b) <= _SAME_DEG for a, b in zip(places[0], places[1], strict=True))
    return places[0] if agree else None


@lru_cache(maxsize=64)
def _lines(path: Path, _: int) -> Lines:
    found: list[tuple[datetime.datetime, Place | None]] = []
    try:
        if path.stat().st_size > _MOST_BYTES:
            return ()
        rows = csv.reader(path.read_text("utf-8", "replace").replace("\0", "").splitlines())
        columns: dict[str, int] = {}
        for row in rows:
            cells = [cell.strip() for cell in row]
            if {"DATE", "TIME", "LAT", "LON"} <= set(cells):  # it stands again after each start
                columns = {name: cells.index(name) for name in ("DATE", "TIME", "LAT", "LON")}
            elif columns and (line := _line(cells, columns)) is not None:
                found.append(line)
    except (OSError, csv.Error):
        return ()
    return tuple(sorted(found, key=lambda line: line[0]))


def _line(
    cells: list[str], columns: dict[str, int]
) -> tuple[datetime.datetime, Place | None] | None:
    if len(cells) <= max(columns.values()) + 1:
        return None
    date, time = _DATE.fullmatch(cells[columns["DATE"]]), _TIME.fullmatch(cells[columns["TIME"]])
    if date is None or time is None:
        return None
    month = int(date[2]) if date[2].isdigit() else month_named(date[2])
    at = None if month is None else moment((date[1], month, date[3]), time.groups())
    if at is None:
        return None
    lat, lon = columns["LAT"], columns["LON"]
    return at, lettered(cells[lat], cells[lat + 1], cells[lon], cells[lon + 1])
