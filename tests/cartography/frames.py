"""Frames to draw maps of."""

from __future__ import annotations

from rasterio.transform import Affine

from psm.geodata.frame import Frame


def laea(*, lat: float, lon: float, rows: int, columns: int, step_m: float) -> Frame:
    """A frame centred on a place, in the equal-area projection around it."""
    crs = f"+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m"
    left, top = -columns * step_m / 2.0, rows * step_m / 2.0
    return Frame(crs, Affine(step_m, 0.0, left, 0.0, -step_m, top), (rows, columns))
