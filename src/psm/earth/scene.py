"""A scene: all that the rules may look at, for N places at N times: layers, climate, sun."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psm.earth.layers import LayerValues
from psm.geodata import sun
from psm.geodata.packages import koeppen_names

Floats = NDArray[np.float64]

_TEMPERATURE: dict[str, tuple[float, float]] = {
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

_WETNESS: dict[str, tuple[float, float]] = {
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


def ramp(values: ArrayLike, low: float, high: float) -> Floats:
    """0 below ``low``, 1 above ``high``, straight in between (``low > high`` falls instead)."""
    return np.asarray(np.clip((np.asarray(values, float) - low) / (high - low), 0.0, 1.0))


def near(distance_km: ArrayLike, scale_km: float) -> Floats:
    """1 at distance 0, 1/e at ``scale_km``."""
    return np.asarray(np.exp(-np.asarray(distance_km, float) / scale_km))


def around(hour: ArrayLike, centre: float, width: float) -> Floats:
    """1 at ``centre`` o'clock, a bell of standard deviation ``width`` hours, round the clock."""
    away = (np.asarray(hour, float) - centre + 12.0) % 24.0 - 12.0
    return np.asarray(np.exp(-0.5 * (away / width) ** 2))


@dataclass(frozen=True)
class Scene:
    """Layers plus what follows from them and the time: arrays ``(N,)``, fractions in [0, 1]."""

    place: LayerValues
    month: NDArray[np.int64]
    hour: Floats
    temperature_c: Floats
    wetness: Floats
    summer: Floats
    """+1 at midsummer, -1 at midwinter."""
    spring: Floats
    """+1 at the height of spring, -1 in autumn."""
    day: Floats
    dawn: Floats
    dusk: Floats
    city: Floats
    """Inside a large city."""
    town: Floats
    """Inside a town of any size."""
    village: Floats
    """In or beside a small town, away from the cities."""
    remote: Floats
    """Far from every town."""
    green: Floats
    """Vegetation: forest, or anything that is not desert, ice, tundra or city."""
    farmland: Floats
    """Open green land near towns, not too cold."""

    @property
    def night(self) -> Floats:
        """Darkness."""
        return 1.0 - self.day

    def earlier(self, *, months: int = 0, hours: float = 0.0) -> Scene:
        """The same places some months and hours before, or after where they are negative."""
        if (months, hours) not in self._earlier:
            month = (self.month - 1 - months) % 12 + 1
            # A tiny negative hour would come out of the remainder as 24.
            hour = np.minimum((self.hour - hours) % 24.0, np.nextafter(24.0, 0.0))
            self._earlier[months, hours] = Scene.of(self.place, month=month, hour=hour)
        return self._earlier[months, hours]

    @cached_property
    def _earlier(self) -> dict[tuple[int, float], Scene]:
        """Scenes are dear, and several rules look at the same other time."""
        return {}

    @classmethod
    def of(cls, place: LayerValues, *, month: ArrayLike, hour: ArrayLike) -> Scene:
        """The scene at each place at a month (1..12) and local hour in [0, 24)."""
        months = np.broadcast_to(np.asarray(month, int), place.lat.shape)
        hours = np.broadcast_to(np.asarray(hour, float), place.lat.shape)
        summer = sun.summerness(lat=place.lat, month=months)
        height = sun.elevation(lat=place.lat, month=months, hour=hours)
        warmth = _temperature_c(koeppen=place.koeppen, lat=place.lat, summer=summer)
        yearly = _temperature_c(koeppen=place.koeppen, lat=place.lat, summer=np.zeros_like(summer))
        log_people = np.log10(place.people + 1.0)
        town = np.maximum(place.built_up, 0.8 * near(place.town_km, 1.5))
        city = place.built_up * ramp(log_people, 4.6, 6.2)
        rain = _wetness(koeppen=place.koeppen, summer=np.zeros_like(summer))
        grass = (1 - place.bare) * ramp(rain, 0.05, 0.25) * ramp(yearly, -6.0, 2.0)
        green = np.maximum(place.forest, grass) * (1 - place.ice)
        return cls(
            place=place,
            month=months,
            hour=hours,
            temperature_c=warmth,
            wetness=_wetness(koeppen=place.koeppen, summer=summer),
            summer=summer,
            spring=sun.springness(lat=place.lat, month=months),
            day=sun.daylight(height),
            dawn=sun.dawn(sun_deg=height, hour=hours),
            dusk=sun.dusk(sun_deg=height, hour=hours),
            city=city,
            town=town,
            village=near(place.town_km, 4.0) * ramp(log_people, 5.3, 4.3),
            remote=ramp(place.town_km, 4.0, 25.0),
            green=green,
            farmland=green * (1 - place.forest) * (1 - town) * near(place.town_km, 15.0)
            * ramp(yearly, 0.0, 7.0),
        )  # fmt: skip


def climate(place: LayerValues) -> tuple[Floats, Floats, Floats, Floats]:
    """Temperature and wetness of the year, each with its swing from the mean to midsummer."""
    mean, half = np.zeros(len(place)), np.ones(len(place))
    celsius = [_temperature_c(koeppen=place.koeppen, lat=place.lat, summer=s) for s in (mean, half)]
    wet = [_wetness(koeppen=place.koeppen, summer=s) for s in (mean, half)]
    return celsius[0], celsius[1] - celsius[0], wet[0], wet[1] - wet[0]


def _table(values: dict[str, tuple[float, float]]) -> Floats:
    return np.array([values.get(name, (10.0, 5.0)) for name in koeppen_names()])


def _temperature_c(*, koeppen: NDArray[np.uint8], lat: Floats, summer: Floats) -> Floats:
    """Mean temperature of the month in Celsius.

    ``summer`` is +1 at midsummer and -1 at midwinter (:func:`psm.geodata.sun.summerness`). Towards
    the equator the year grows flat (cold classes there are high ground), and the cold steppes and
    deserts, which reach from 25 to 50 degrees, grow warmer.
    """
    mean, swing = _table(_TEMPERATURE)[koeppen].T
    away = np.abs(lat)
    steppe = np.isin(koeppen, [koeppen_names().index(name) for name in ("BSk", "BWk")])
    mean = mean + np.where(steppe, 0.4 * np.clip(40.0 - away, -10.0, 15.0), 0.0)
    return np.asarray(mean + swing * summer * np.clip(away / 40.0, 0.1, 1.0))


def _wetness(*, koeppen: NDArray[np.uint8], summer: Floats) -> Floats:
    """How wet the month is, 0 (desert) to 1 (rain forest)."""
    mean, swing = _table(_WETNESS)[koeppen].T
    return np.asarray(np.clip(mean + swing * summer, 0.0, 1.0))
