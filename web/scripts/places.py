"""Writes places.txt: towns, countries and borders, by which the page names places.

    python web/scripts/places.py    # with psm-maps[demo] installed

Towns and countries are those of GeoNames (CC BY 4.0), borders those of the CIA's World Data Bank II
(public domain), both from the packages that psm reads them from; coordinates are rounded to a
twentieth of a degree. The format is that of web/src/places/gazetteer.ts: three parts, in lines.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from psm.geodata.gazetteer import countries
from psm.geodata.packages import towns
from psm.geodata.vectors import read_shapes

PATH = Path(__file__).parent.parent / "src" / "places" / "places.txt"
STEPS = 20
"""Coordinates are whole numbers of 1/STEPS degree."""
_MOST = 3400
_OF_EACH_COUNTRY = 5
_TOLERANCE_DEG = 0.12
_SHORTEST_DEG = 0.4


def main() -> None:
    """Write the file."""
    known = towns()  # largest first
    rank = np.zeros(len(known.name), int)
    seen: dict[str, int] = {}
    for row, code in enumerate(known.country):
        rank[row] = seen[code] = seen.get(code, 0) + 1
    kept = np.flatnonzero((np.arange(len(rank)) < _MOST) | (rank <= _OF_EACH_COUNTRY))
    codes = list(dict.fromkeys(known.country[kept].tolist()))
    names = {code: row["name"] for code, row in countries().items()}
    lines = [f"{code}\t{names.get(code, code)}" for code in codes]
    # By country, so that what repeats stands together; people as tenths of their logarithm.
    order = sorted(kept, key=lambda row: codes.index(known.country[row]))
    of_towns = [
        "\t".join(
            [
                str(known.name[row]),
                str(codes.index(known.country[row])),
                str(round(STEPS * known.lat[row])),
                str(round(STEPS * known.lon[row])),
                str(round(10 * np.log10(known.people[row]))),
            ]
        )
        for row in order
    ]
    borders = [
        _steps(thin)
        for line in read_shapes("countries", "l").lines
        if len(thin := _thinned(line)) > 1 and np.ptp(line, axis=0).max() >= _SHORTEST_DEG
    ]
    parts = ("\n".join(part) for part in (lines, of_towns, borders))
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text("\n\n".join(parts) + "\n", "utf-8", newline="\n")


def _thinned(line: np.ndarray) -> np.ndarray:
    """A line without the points that are nearly on the way (Ramer, Douglas and Peucker)."""
    if len(line) < 3:
        return line
    start, along = line[0], line[-1] - line[0]
    length = float(np.hypot(*along))
    off = line - start
    away = (
        np.abs(off[:, 0] * along[1] - off[:, 1] * along[0]) / length
        if length > 0.0
        else np.hypot(off[:, 0], off[:, 1])
    )
    middle = int(np.argmax(away))
    if away[middle] < _TOLERANCE_DEG:
        return line[[0, -1]]
    return np.concatenate([_thinned(line[: middle + 1])[:-1], _thinned(line[middle:])])


def _steps(line: np.ndarray) -> str:
    """The first point, then from point to point: lon, lat, lon, lat ..."""
    whole = np.round(STEPS * line).astype(int)
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), int))
    keep = (steps != 0).any(axis=1)
    keep[0] = True
    return " ".join(map(str, steps[keep].ravel()))


if __name__ == "__main__":
    main()
