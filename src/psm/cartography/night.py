"""The night side of the Earth at an instant, in the coordinates of the world map."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from psm.cartography.equalearth import CENTRAL_LON, project
from psm.geodata.sun import declination

_LEAST_DECLINATION_DEG = 0.3


class Night(NamedTuple):
    """Night in map coordinates: ``outline`` is a closed ring, ``terminator`` its sunlit edge."""

    terminator: Float[np.ndarray, "points 2"]
    outline: Float[np.ndarray, "points 2"]


def night_side(*, month: int | None, utc: float | None) -> Night | None:
    """The night side in a month at an hour of UTC, or None where either is unknown.

    The terminator is where the sun's elevation is nil, at ``tan(lat) = -cos(hour angle) /
    tan(declination)``.
    """
    if utc is None or month is None:
        return None
    sun = float(declination(month))
    if abs(sun) < _LEAST_DECLINATION_DEG:  # at the equinox the line runs along meridians
        sun = _LEAST_DECLINATION_DEG
    from_centre = np.linspace(-180.0, 180.0, 1441)
    angle = np.radians(15.0 * (utc - 12.0) + from_centre + CENTRAL_LON)
    lat = np.degrees(np.arctan(-np.cos(angle) / np.tan(np.radians(sun))))
    dark_pole = -90.0 if sun > 0.0 else 90.0
    # The line comes back to its first latitude after a turn: both sides are the same.
    side = np.linspace(lat[-1], dark_pole, 181)
    east, west = (project(lat=side, lon_from_centre=lon) for lon in (180.0, -180.0))
    terminator = np.stack(project(lat=lat, lon_from_centre=from_centre), -1)
    return Night(
        terminator,
        np.concatenate([terminator, np.stack(east, -1), np.stack(west, -1)[::-1]]),
    )
