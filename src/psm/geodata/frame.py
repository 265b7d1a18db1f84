"""Raster geometry: coordinate system, transform and shape of the grid that cells lie on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from rasterio.transform import Affine

from psm.errors import ConfigError
from psm.geodata.sphere import KM_PER_DEGREE, wrap_longitude

WGS84 = "EPSG:4326"
FINEST_DEG, COARSEST_DEG = 0.1, 30.0

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Frame:
    """A raster, north up, whose pixels may be cells.

    Attributes:
        crs: ``EPSG:4326``, or a projected system in metres as a code or as WKT.
        transform: from (column, row) to the x, y of a pixel's corner.
        shape: rows and columns.

    Raises:
        ConfigError: no coordinate system, no pixel, or a raster that is turned.
    """

    crs: str
    transform: Affine
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        _projection(self.crs)
        t = self.transform
        if min(self.shape) < 1 or t.b or t.d or t.a <= 0.0 or t.e >= 0.0:
            raise ConfigError(f"a map needs a raster with north up and pixels, not {self.shape}")

    @classmethod
    def globe(cls, step_deg: float) -> Frame:
        """The whole Earth by latitude and longitude; 180 is a multiple of ``step_deg``.

        Args:
            step_deg: side of a pixel in degrees, in [0.1, 30].

        Returns:
            A frame of ``180 / step_deg`` rows and twice as many columns, from 90 N and 180 W.

        Raises:
            ConfigError: it is not.
        """
        count = 180.0 / step_deg if FINEST_DEG <= step_deg <= COARSEST_DEG else 0.5
        if abs(count - round(count)) > 1e-9:
            raise ConfigError(
                f"step {step_deg:g} degrees: needs to divide 180 and lie in "
                f"[{FINEST_DEG:g}, {COARSEST_DEG:g}], as 0.5, 1 or 2 do"
            )
        transform = Affine(step_deg, 0.0, -180.0, 0.0, -step_deg, 90.0)
        return cls(WGS84, transform, (round(count), 2 * round(count)))

    @cached_property
    def is_geographic(self) -> bool:
        """Whether x and y are longitude and latitude in degrees."""
        return _crs(self.crs).is_geographic

    @cached_property
    def is_globe(self) -> bool:
        """Whether this is the whole Earth by latitude and longitude, and columns wrap around."""
        span = self.transform.a * self.shape[1]
        return self.is_geographic and abs(span - 360.0) < 1e-6

    @property
    def spacing_m(self) -> float | None:
        """Metres from a pixel to the next, in the plane; ``None`` where they are degrees."""
        return None if self.is_geographic else self.transform.a

    @property
    def spacing_deg(self) -> float | None:
        """Degrees from a pixel to the next; ``None`` where they are metres."""
        return self.transform.a if self.is_geographic else None

    @property
    def dims(self) -> tuple[str, str]:
        """Names of rows and columns."""
        return ("lat", "lon") if self.is_geographic else ("y", "x")

    @cached_property
    def y(self) -> Float[np.ndarray, " rows"]:
        """Centre of each row, from the north."""
        return np.asarray(self.transform.f + (np.arange(self.shape[0]) + 0.5) * self.transform.e)

    @cached_property
    def x(self) -> Float[np.ndarray, " columns"]:
        """Centre of each column, from the west."""
        return np.asarray(self.transform.c + (np.arange(self.shape[1]) + 0.5) * self.transform.a)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top."""
        left, top = self.transform.c, self.transform.f
        rows, columns = self.shape
        return left, top + rows * self.transform.e, left + columns * self.transform.a, top

    def places(self, rows: ArrayLike, columns: ArrayLike) -> tuple[Float[np.ndarray, " n"], ...]:
        """Latitudes and longitudes, in [-180, 180), of the centres of pixels; NaN off the Earth.

        Args:
            rows, columns: ``(n,)`` numbers of pixels, from the north-west.

        Returns:
            ``(n,)`` latitudes and ``(n,)`` longitudes.
        """
        y, x = self.y[np.asarray(rows)], self.x[np.asarray(columns)]
        lon, lat = _projection(self.crs).transform(x, y, direction="INVERSE")
        is_there = np.isfinite(lon) & np.isfinite(lat)
        lat, lon = np.where(is_there, lat, np.nan), np.where(is_there, lon, np.nan)
        return np.asarray(lat, np.float64), wrap_longitude(lon)

    def index(self, *, lat: ArrayLike, lon: ArrayLike) -> tuple[Indices, Indices]:
        """Row and column that hold each place, -1 and -1 outside; longitudes wrap around.

        Args:
            lat, lon: degrees, of any shape that broadcasts.

        Returns:
            Rows and columns of that shape, int64.
        """
        lats, lons = np.broadcast_arrays(np.asarray(lat, float), np.asarray(lon, float))
        x, y = _projection(self.crs).transform(lons, lats)
        with np.errstate(invalid="ignore"):
            row = np.floor((np.asarray(y) - self.transform.f) / self.transform.e)
            across = np.asarray(x) - self.transform.c
            if self.is_geographic:  # a frame may reach over 180, or count from 0 to 360
                across = np.mod(across, 360.0)
            column = np.floor(across / self.transform.a)
        if self.is_globe:
            row, column = np.minimum(row, self.shape[0] - 1), np.mod(column, self.shape[1])
        is_inside = (row >= 0) & (row < self.shape[0]) & (column >= 0) & (column < self.shape[1])
        rows, columns = np.where(is_inside, [row, column], -1.0).astype(np.int64)
        return rows, columns

    @cached_property
    def row_km2(self) -> Float[np.ndarray, " rows"]:
        """Area of a pixel of each row; exact where the system is equal-area."""
        a, e = self.transform.a, -self.transform.e
        if not self.is_geographic:
            return np.full(self.shape[0], a * e / 1e6)
        half = np.radians(e / 2.0)
        height = 2.0 * np.sin(half) / np.radians(1.0) * np.cos(np.radians(self.y))
        return np.asarray(a * height * KM_PER_DEGREE**2)


def _crs(name: str) -> CRS:
    try:
        return CRS.from_user_input(name)
    except CRSError as problem:
        reason = str(problem).splitlines()[0]
        raise ConfigError(f"{name[:60]}: no coordinate system ({reason})") from None


@lru_cache(maxsize=32)
def _projection(name: str) -> Transformer:
    return Transformer.from_crs(WGS84, _crs(name), always_xy=True)
