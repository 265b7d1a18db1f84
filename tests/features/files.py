"""Files of features, written in each format as its makers publish it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rasterio
import zarr
from affine import Affine
from pyproj import Transformer

EAST, NORTH = 500_000.0, 5_300_000.0
"""South-west corner of the made rasters, in zone 33 of UTM."""


def place_of(x: float, y: float, crs: str = "EPSG:32633") -> tuple[float, float]:
    """Latitude and longitude of a point of UTM."""
    lon, lat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    return lat, lon


def write_aef(
    path: Path, stored: np.ndarray, *, bottom_up: bool = False, crs: str = "EPSG:32633"
) -> Path:
    """A GeoTIFF of 10 m pixels; ``stored`` is ``(bands, rows, columns)`` with the north first."""
    rows = stored.shape[1]
    top_down = Affine(10.0, 0.0, EAST, 0.0, -10.0, NORTH + 10.0 * rows)
    transform = Affine(10.0, 0.0, EAST, 0.0, 10.0, NORTH) if bottom_up else top_down
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", count=len(stored), height=rows, width=stored.shape[2],
        dtype=stored.dtype, crs=crs, transform=transform, nodata=-128, tiled=True,
        blockxsize=16, blockysize=16, interleave="pixel",
    ) as file:  # fmt: skip
        file.write(stored[:, ::-1] if bottom_up else stored)
    return path


def write_tessera(
    path: Path, values: np.ndarray, scales: np.ndarray, *, years: list[int], model: str = "1.1",
    zone: int = 33, code: str | None = None, leave_out: str = "",
) -> Path:  # fmt: skip
    """A store of one zone; ``values`` is ``(year, band, row, column)``, north first."""
    root = zarr.open_group(path, mode="w")
    root.attrs["geoemb:model"] = f"https://geotessera.org/model/{model}"
    group = root.create_group(f"utm{zone:02d}")
    group.attrs["proj:code"] = code or f"EPSG:326{zone:02d}"
    rows, columns = values.shape[2:]
    arrays: dict[str, Any] = {
        "embeddings": values,
        "scales": scales,
        "time": np.array(years, np.int32),
        "x": EAST + 5.0 + 10.0 * np.arange(columns),
        "y": NORTH + 5.0 + 10.0 * np.arange(rows)[::-1],
    }
    for name, array in arrays.items():
        if name != leave_out:
            group.create_array(name, data=array)
    return path


def write_majortom(path: Path, lat: list[float], lon: list[float], values: np.ndarray) -> Path:
    """A file of one set, with the columns that its makers give."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = len(lat)
    table = pa.table(
        {
            "unique_id": [f"{row:08x}" for row in range(count)],
            "embedding": [list(map(float, row)) for row in values],
            "grid_cell": ["100U_200R"] * count,
            "timestamp": [f"2021010{row % 9 + 1}T101010" for row in range(count)],
            "centre_lat": np.array(lat, np.float32),
            "centre_lon": np.array(lon, np.float32),
        }
    )
    pq.write_table(table, path)
    return path
