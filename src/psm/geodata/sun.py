"""Sun elevation and season at a latitude, in the middle of a month, at an hour."""

from __future__ import annotations

import datetime
from functools import lru_cache

import numpy as np
from astral.julian import julianday, julianday_to_juliancentury
from astral.sun import sun_declination
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@lru_cache(maxsize=1)
def _declinations() -> Floats:
    """Declination (degrees) at the middle of each of the 12 months of a common year."""
    centuries = (
        julianday_to_juliancentury(julianday(datetime.datetime(2023, month, 15, 12)))
        for month in range(1, 13)
    )
    return np.array([sun_declination(century) for century in centuries])


def declination(month: ArrayLike) -> Floats:
    """Sun's declination in degrees for months 1..12."""
    return np.asarray(_declinations()[np.asarray(month, int) - 1])


def elevation(*, lat: ArrayLike, month: ArrayLike, hour: ArrayLike) -> Floats:
    """Sun's elevation in degrees at a local mean solar hour in [0, 24); broadcasts.

    The equation of time (a quarter of an hour at most) and refraction are left out:
    sin e = sin(lat) sin(d) + cos(lat) cos(d) cos(h), h the hour angle.
    """
    phi, delta = np.deg2rad(np.asarray(lat, float)), np.deg2rad(declination(month))
    angle = np.deg2rad(15.0 * (np.asarray(hour, float) - 12.0))
    sine = np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.cos(angle)
    return np.asarray(np.rad2deg(np.arcsin(np.clip(sine, -1.0, 1.0))))


def summerness(*, lat: ArrayLike, month: ArrayLike) -> Floats:
    """Season by hemisphere: +1 at midsummer (July north, January south), -1 at midwinter."""
    phase = np.cos(2.0 * np.pi * (np.asarray(month, float) - 7.0) / 12.0)
    return np.asarray(np.where(np.asarray(lat, float) >= 0.0, phase, -phase))


def springness(*, lat: ArrayLike, month: ArrayLike) -> Floats:
    """+1 at the height of spring (late April north, late October south), -1 half a year later."""
    phase = np.cos(2.0 * np.pi * (np.asarray(month, float) - 4.5) / 12.0)
    return np.asarray(np.where(np.asarray(lat, float) >= 0.0, phase, -phase))


def is_morning(hour: ArrayLike) -> NDArray[np.bool_]:
    """True from midnight to noon."""
    return np.asarray(np.asarray(hour, float) < 12.0)


def daylight(sun_deg: ArrayLike) -> Floats:
    """0 at night, 1 by day, half way with the sun 3 degrees below the horizon."""
    return np.asarray(1.0 / (1.0 + np.exp(-(np.asarray(sun_deg, float) + 3.0) / 2.0)))


def dawn(*, sun_deg: ArrayLike, hour: ArrayLike) -> Floats:
    """1 around sunrise (sun 2 degrees up, before noon), falling to 0 within some 15 degrees."""
    near = np.exp(-0.5 * ((np.asarray(sun_deg, float) - 2.0) / 8.0) ** 2)
    return np.asarray(near * is_morning(hour))


def dusk(*, sun_deg: ArrayLike, hour: ArrayLike) -> Floats:
    """The mirror image of :func:`dawn` in the evening."""
    near = np.exp(-0.5 * ((np.asarray(sun_deg, float) - 2.0) / 8.0) ** 2)
    return np.asarray(near * ~is_morning(hour))
