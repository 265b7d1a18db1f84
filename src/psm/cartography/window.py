"""Window of a map: a rectangle of a projected plane, and how it lies on the Earth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from pyproj import CRS, Geod, Transformer

from psm.geodata.frame import WGS84, Frame

_SLIMMEST = 0.22
"""A thinner map is shown with what lies around it."""

_SAMPLES = 65
_GEOD = Geod(ellps="WGS84")

Floats = Float[np.ndarray, "..."]


@dataclass(frozen=True)
class Window:
    """A rectangle of the plane of a coordinate system.

    Attributes:
        crs: the coordinate system.
        left, bottom, right, top: edges, in its units.
    """

    crs: str
    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def of(cls, frame: Frame) -> Window:
        """The window that shows a frame: its bounds, wider where they are a mere strip."""
        left, bottom, right, top = frame.bounds
        window = cls(frame.crs, left, bottom, right, top)
        grow_x = max(0.0, _SLIMMEST * window.height * window.aspect - window.width) / 2.0
        grow_y = max(0.0, _SLIMMEST * window.width / window.aspect - window.height) / 2.0
        if window.is_geographic:
            bottom, top = max(bottom - grow_y, -90.0), min(top + grow_y, 90.0)
            return cls(frame.crs, left - grow_x, bottom, right + grow_x, top)
        return cls(frame.crs, left - grow_x, bottom - grow_y, right + grow_x, top + grow_y)

    @property
    def width(self) -> float:
        """In units of the coordinate system."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """In units of the coordinate system."""
        return self.top - self.bottom

    @cached_property
    def is_geographic(self) -> bool:
        """Whether the plane is that of longitude and latitude in degrees."""
        return CRS.from_user_input(self.crs).is_geographic

    @cached_property
    def aspect(self) -> float:
        """How much longer a unit of y is drawn than one of x."""
        if not self.is_geographic:
            return 1.0
        return float(1.0 / max(0.1, np.cos(np.radians((self.bottom + self.top) / 2.0))))

    @property
    def shape(self) -> float:
        """Drawn height over drawn width."""
        return self.height * self.aspect / self.width

    @property
    def centre(self) -> tuple[float, float]:
        """x and y."""
        return (self.left + self.right) / 2.0, (self.bottom + self.top) / 2.0

    def project(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
        """x and y; infinite where the coordinate system has no such place."""
        x, y = _transformer(self.crs).transform(np.asarray(lon, float), np.asarray(lat, float))
        return np.asarray(x), np.asarray(y)

    def unproject(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Longitude, within half a turn of :attr:`meridian`, and latitude; NaN off the Earth."""
        xs, ys = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        lon, lat = _transformer(self.crs).transform(xs, ys, direction="INVERSE")
        back_x, back_y = self.project(lon, lat)
        with np.errstate(invalid="ignore"):  # a plane has corners that are nowhere on Earth
            off = np.hypot(back_x - xs, back_y - ys)
            is_earth = (off < 1e-6 * (self.width + self.height)) & (np.abs(lat) <= 90.0 + 1e-9)
            lon = self.meridian + (np.asarray(lon) - self.meridian + 180.0) % 360.0 - 180.0
        return np.where(is_earth, lon, np.nan), np.where(is_earth, lat, np.nan)

    @cached_property
    def meridian(self) -> float:
        """The longitude opposite to which the plane is cut."""
        operation = CRS.from_user_input(self.crs).coordinate_operation
        for parameter in operation.params if operation else ():
            if parameter.name.startswith("Longitude of") and "degree" in parameter.unit_name:
                return float(parameter.value)
        if self.is_geographic:
            return self.centre[0]
        lon, _ = _transformer(self.crs).transform(*self.centre, direction="INVERSE")
        return float(lon) if np.isfinite(lon) else 0.0

    @cached_property
    def _sampled(self) -> tuple[Floats, Floats]:
        x = np.linspace(self.left, self.right, _SAMPLES)
        y = np.linspace(self.bottom, self.top, _SAMPLES)
        return self.unproject(x[None, :], y[:, None])

    @cached_property
    def is_all_earth(self) -> bool:
        """Whether every point of the rectangle is a place."""
        return bool(np.isfinite(self._sampled[0]).all())

    @cached_property
    def poles(self) -> tuple[float, ...]:
        """Latitudes of the poles that lie inside as one point."""
        return tuple(lat for lat in (-90.0, 90.0) if self._holds_pole(lat))

    def _holds_pole(self, lat: float) -> bool:
        x, y = self.project(self.meridian + np.array([0.0, 90.0, 179.0]), np.full(3, lat))
        if self.is_geographic or not np.isfinite([x, y]).all() or np.ptp(x) + np.ptp(y) > 1.0:
            return False
        is_inside = (self.left <= x) & (x <= self.right) & (self.bottom <= y) & (y <= self.top)
        return bool(is_inside.all()) and self._is_smooth(lat)

    def _is_smooth(self, lat: float) -> bool:
        """Whether meridians meet at a pole from all sides, as they do not at a map's tip."""
        near = np.full(4, lat - np.sign(lat) * 0.01)
        x, y = self.project(self.meridian + np.array([-135.0, -45.0, 45.0, 135.0]), near)
        angle = np.unwrap(np.arctan2(y - self.project(0.0, lat)[1], x - self.project(0.0, lat)[0]))
        return bool(abs(angle[-1] - angle[0]) > 0.7 * 1.5 * np.pi)

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north of all that is shown and a little more; west < east."""
        lon, lat = self._sampled
        step = 2.0 * self.diagonal_km / 111.0 / _SAMPLES
        south = max(-90.0, float(np.nanmin(lat)) - step)
        north = min(90.0, float(np.nanmax(lat)) + step)
        for pole in self.poles:
            south, north = min(south, pole), max(north, pole)
        wide = step / max(0.02, np.cos(np.radians(max(abs(south), abs(north)))))
        west, east = float(np.nanmin(lon)) - wide, float(np.nanmax(lon)) + wide
        if self.poles or east - west > 330.0:
            half = 180.0 - 1e-7
            west, east = self.meridian - half, self.meridian + half
        return west, south, east, north

    @cached_property
    def diagonal_km(self) -> float:
        """Length of the diagonal by the scale at the centre."""
        return float(np.hypot(self.width, self.height * self.aspect)) * self.metres_per_unit / 1e3

    @cached_property
    def metres_per_unit(self) -> float:
        """True metres that a unit of x covers at the centre."""
        (x, y), step = self.centre, self.width * 1e-3
        lon, lat = self.unproject([x - step, x + step], [y, y])
        if not np.isfinite([lon, lat]).all():
            return 1.0
        return float(_GEOD.inv(lon[0], lat[0], lon[1], lat[1])[2]) / (2.0 * step)

    @cached_property
    def north_deg(self) -> float | None:
        """Where true north lies at the centre, clockwise from up; None if a pole is shown."""
        lon, lat = (float(value) for value in self.unproject(*self.centre))
        if self.poles or not np.isfinite(lat) or abs(lat) > 89.9:
            return None
        x, y = self.project([lon, lon], [lat - 1e-3, lat + 1e-3])
        return float(np.degrees(np.arctan2(x[1] - x[0], (y[1] - y[0]) * self.aspect)))


@lru_cache(maxsize=32)
def _transformer(crs: str) -> Transformer:
    return Transformer.from_crs(WGS84, CRS.from_user_input(crs), always_xy=True)
