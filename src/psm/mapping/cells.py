"""The cells of a map: places on a regular latitude-longitude frame, and values put back into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from rasterio.transform import Affine

from psm.earth.places import land_grid
from psm.errors import ConfigError
from psm.sphere import wrap_longitude

FINEST_DEG, COARSEST_DEG = 0.1, 30.0


@dataclass(frozen=True, eq=False)
class Cells:
    """N places on a global frame (EPSG:4326, north up) of ``step_deg``, given by cell centres.

    Attributes:
        lat: degrees north, ``(N,)``.
        lon: degrees east in [-180, 180), ``(N,)``.
        step_deg: side of a cell; 180 is a multiple of it.

    Raises:
        ConfigError: the step does not divide the globe, or a place is not the centre of its own
            cell.
    """

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    step_deg: float

    def __post_init__(self) -> None:
        _require_step(self.step_deg)
        if self.lat.shape != self.lon.shape or self.lat.ndim != 1 or not len(self.lat):
            raise ConfigError(
                f"cells need as many latitudes as longitudes and at least one, "
                f"got {self.lat.shape} and {self.lon.shape}"
            )
        if not np.isfinite([self.lat, self.lon]).all():
            raise ConfigError("cells need latitudes and longitudes that are finite numbers")
        row, column = self.index(lat=self.lat, lon=self.lon)
        off = np.hypot(self.row_lat[row] - self.lat, self.column_lon[column] - self.lon)
        if not (off < 1e-6).all():
            worst = int(np.nanargmax(off))
            raise ConfigError(
                f"cell at {self.lat[worst]:g}, {self.lon[worst]:g} is not a centre of the "
                f"{self.step_deg:g} degree frame"
            )
        if len(np.unique(row * self.shape[1] + column)) != len(row):
            raise ConfigError("two cells of a map share one place")

    @classmethod
    def globe(cls, step_deg: float = 1.0) -> Cells:
        """All cells over land and coast."""
        _require_step(step_deg)
        lat, lon = land_grid(step_deg)
        return cls(np.asarray(lat, np.float64), wrap_longitude(lon), float(step_deg))

    def __len__(self) -> int:
        return len(self.lat)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the frame."""
        return round(180.0 / self.step_deg), round(360.0 / self.step_deg)

    @property
    def transform(self) -> Affine:
        """From (column, row) to the longitude and latitude of a pixel's corner."""
        return Affine(self.step_deg, 0.0, -180.0, 0.0, -self.step_deg, 90.0)

    @property
    def row_lat(self) -> Float[np.ndarray, " rows"]:
        """Latitude of the centre of each row, from the north."""
        return 90.0 - (np.arange(self.shape[0]) + 0.5) * self.step_deg

    @property
    def column_lon(self) -> Float[np.ndarray, " columns"]:
        """Longitude of the centre of each column, from the west."""
        return -180.0 + (np.arange(self.shape[1]) + 0.5) * self.step_deg

    def index(
        self, *, lat: ArrayLike, lon: ArrayLike
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of the frame that hold each place; longitudes wrap around."""
        return frame_index(self.shape, lat=lat, lon=lon)

    def raster(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, "rows columns"]:
        """Values of the cells in their frame, float32, NaN where there is no cell."""
        frame = np.full(self.shape, np.nan, np.float32)
        frame[self.index(lat=self.lat, lon=self.lon)] = values
        return frame


def frame_index(
    shape: tuple[int, int], *, lat: ArrayLike, lon: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of a global frame of ``shape`` that hold each place."""
    rows, columns = shape
    row = np.floor((90.0 - np.asarray(lat, float)) * rows / 180.0).astype(np.int64)
    column = np.floor((np.asarray(lon, float) + 180.0) * columns / 360.0).astype(np.int64)
    return np.clip(row, 0, rows - 1), column % columns


def _require_step(step_deg: float) -> None:
    count = 180.0 / step_deg if FINEST_DEG <= step_deg <= COARSEST_DEG else 0.5
    if abs(count - round(count)) > 1e-9:
        raise ConfigError(
            f"step {step_deg:g} degrees: needs to divide 180 and lie in "
            f"[{FINEST_DEG:g}, {COARSEST_DEG:g}], as 0.5, 1 or 2 do"
        )
