"""A year's weather from a Köppen-Geiger class: monthly temperature and wetness, as tables."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from psm.geodata.packages import koeppen_names

Floats = NDArray[np.float64]

TEMPERATURE: dict[str, tuple[float, float]] = {
    "Af": (26, 1), "Am": (26, 1.5), "As": (26, 2), "Aw": (26, 3),
    "BSh": (24, 8), "BSk": (10, 13), "BWh": (25, 11), "BWk": (10, 15),
    "Cfa": (16, 11), "Cfb": (11, 6.5), "Cfc": (6, 5), "Csa": (17, 8), "Csb": (14, 6),
    "Csc": (8, 6), "Cwa": (21, 10), "Cwb": (16, 4), "Cwc": (9, 4),
    "Dfa": (9, 14), "Dfb": (5, 14), "Dfc": (-3, 16), "Dfd": (-12, 25),
    "Dsa": (10, 13), "Dsb": (6, 13), "Dsc": (-1, 13), "Dsd": (-11, 23),
    "Dwa": (8, 16), "Dwb": (3, 18), "Dwc": (-5, 19), "Dwd": (-13, 26),
    "ET": (-6, 11), "EF": (-22, 12),
}  # fmt: skip
"""Mean of the year and half the range between midwinter and midsummer, Celsius, at 40 degrees."""

WETNESS: dict[str, tuple[float, float]] = {
    "Af": (0.9, 0.0), "Am": (0.75, 0.2), "As": (0.5, -0.3), "Aw": (0.5, 0.4),
    "BSh": (0.2, 0.15), "BSk": (0.2, 0.05), "BWh": (0.03, 0.0), "BWk": (0.05, 0.0),
    "Cfa": (0.55, 0.05), "Cfb": (0.65, -0.05), "Cfc": (0.75, -0.1), "Csa": (0.35, -0.3),
    "Csb": (0.45, -0.35), "Csc": (0.5, -0.3), "Cwa": (0.45, 0.4), "Cwb": (0.5, 0.4),
    "Cwc": (0.45, 0.35), "Dfa": (0.5, 0.1), "Dfb": (0.5, 0.05), "Dfc": (0.45, 0.1),
    "Dfd": (0.3, 0.1), "Dsa": (0.3, -0.2), "Dsb": (0.35, -0.2), "Dsc": (0.35, -0.1),
    "Dsd": (0.25, 0.0), "Dwa": (0.4, 0.35), "Dwb": (0.4, 0.35), "Dwc": (0.35, 0.3),
    "Dwd": (0.3, 0.25), "ET": (0.35, 0.05), "EF": (0.2, 0.0),
}  # fmt: skip
"""Mean of the year in [0, 1] and the swing: positive where the summer is the wet season."""


def _table(values: dict[str, tuple[float, float]]) -> Floats:
    return np.array([values.get(name, (10.0, 5.0)) for name in koeppen_names()])


def temperature_c(*, koeppen: NDArray[np.uint8], lat: Floats, summer: Floats) -> Floats:
    """Mean temperature of the month in Celsius.

    ``summer`` is +1 at midsummer and -1 at midwinter (:func:`psm.geodata.sun.summerness`). Towards
    the equator the year grows flat (cold classes there are high ground), and the cold steppes and
    deserts, which reach from 25 to 50 degrees, grow warmer.
    """
    mean, swing = _table(TEMPERATURE)[koeppen].T
    away = np.abs(lat)
    steppe = np.isin(koeppen, [koeppen_names().index(name) for name in ("BSk", "BWk")])
    mean = mean + np.where(steppe, 0.4 * np.clip(40.0 - away, -10.0, 15.0), 0.0)
    return np.asarray(mean + swing * summer * np.clip(away / 40.0, 0.1, 1.0))


def wetness(*, koeppen: NDArray[np.uint8], summer: Floats) -> Floats:
    """How wet the month is, 0 (desert) to 1 (rain forest)."""
    mean, swing = _table(WETNESS)[koeppen].T
    return np.asarray(np.clip(mean + swing * summer, 0.0, 1.0))
