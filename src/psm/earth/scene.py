"""A scene: everything that the rules may look at, for N places at N times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psm.earth import climate
from psm.earth.layers import LayerValues
from psm.geodata import sun

Floats = NDArray[np.float64]


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

    @classmethod
    def of(cls, place: LayerValues, *, month: ArrayLike, hour: ArrayLike) -> Scene:
        """The scene at each place at a month (1..12) and local hour in [0, 24)."""
        months = np.broadcast_to(np.asarray(month, int), place.lat.shape)
        hours = np.broadcast_to(np.asarray(hour, float), place.lat.shape)
        summer = sun.summerness(lat=place.lat, month=months)
        height = sun.elevation(lat=place.lat, month=months, hour=hours)
        warmth = climate.temperature_c(koeppen=place.koeppen, lat=place.lat, summer=summer)
        yearly = climate.temperature_c(
            koeppen=place.koeppen, lat=place.lat, summer=np.zeros_like(summer)
        )
        log_people = np.log10(place.people + 1.0)
        town = np.maximum(place.built_up, 0.8 * near(place.town_km, 1.5))
        city = place.built_up * ramp(log_people, 4.6, 6.2)
        rain = climate.wetness(koeppen=place.koeppen, summer=np.zeros_like(summer))
        grass = (1 - place.bare) * ramp(rain, 0.05, 0.25) * ramp(yearly, -6.0, 2.0)
        green = np.maximum(place.forest, grass) * (1 - place.ice)
        return cls(
            place=place,
            month=months,
            hour=hours,
            temperature_c=warmth,
            wetness=climate.wetness(koeppen=place.koeppen, summer=summer),
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
