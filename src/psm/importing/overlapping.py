"""Counts held-out recordings whose tile shows ground that another split shows too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from psm.data.footprints import Footprints, overlaps
from psm.data.splits import TEST, TRAIN, VAL

Place = tuple[str, float, float, float]
"""Split of a recording, latitude and longitude in degrees, side of its tile in km."""

_HELD_OUT = ((TEST, (TRAIN, VAL)), (VAL, (TRAIN,)))


def overlapping(places: Mapping[Place, int]) -> dict[str, dict[str, int]]:
    """Held-out recordings whose tile shares ground with a tile of another split.

    Args:
        places: with how many recordings there are of each.

    Returns:
        By the split that is held out and the other one, as ``{"test": {"train": 12}}``; without
        those that share nothing.
    """
    of_split: dict[str, list[Place]] = {}
    for place in places:
        of_split.setdefault(place[0], []).append(place)
    found: dict[str, dict[str, int]] = {}
    for held_out, others in _HELD_OUT:
        mine = of_split.get(held_out, [])
        for other in others:
            theirs = of_split.get(other, [])
            shared = overlaps(_footprints(theirs), _footprints(mine))
            if count := sum(places[mine[number]] for _, number in shared):
                found.setdefault(held_out, {})[other] = count
    return found


def counted(rows: Iterable[Any]) -> Counter[Place]:
    """Places and their recordings, from the rows that :func:`as_rows` makes of them."""
    counts: Counter[Place] = Counter()
    for split, lat, lon, side_km, count in rows:
        counts[split, lat, lon, side_km] += count
    return counts


def as_rows(places: Mapping[Place, int]) -> list[tuple[str, float, float, float, int]]:
    """Places and their recordings, ready for JSON."""
    return [(*place, count) for place, count in places.items()]


def _footprints(places: Iterable[Place]) -> Footprints:
    columns = np.array([place[1:] for place in places], float).reshape(-1, 3)
    return Footprints(columns[:, 0], columns[:, 1], columns[:, 2])
