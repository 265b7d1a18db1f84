"""Cloud-optimised GeoTIFF of a map, with a style for QGIS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import MemoryFile

from psm.files import atomic_path
from psm.mapping.bands import CSD
from psm.mapping.map_data import MapData
from psm.mapping.outputs.qgis import write_qml

_BLOCK_PX = 128
_SMALLEST_OVERVIEW_PX = 32


def write_cog(soundscape: MapData, path: Path, *, csd: bool = False) -> Path:
    """Write the standard bands of a map, with overviews, no-data, band names, units, tags.

    A style for QGIS is written beside it (:func:`~psm.mapping.outputs.qgis.write_qml`), so that it
    opens in the colours of the figures. Both files are complete or absent. rio-cogeo's own writer
    drops the units of bands, so that GDAL's COG driver copies an in-memory GeoTIFF here.

    Args:
        soundscape: the map.
        path: the GeoTIFF.
        csd: also write the distance itself, as the last band.

    Returns:
        The path.
    """
    rows, columns = soundscape.shape
    bands = [band for band in soundscape.bands if band.is_standard or (csd and band == CSD)]
    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "count": len(bands),
        "width": columns,
        "height": rows,
        "crs": soundscape.frame.crs,
        "transform": soundscape.frame.transform,
        "nodata": np.nan,
        "tiled": True,
        "blockxsize": _BLOCK_PX,
        "blockysize": _BLOCK_PX,
    }
    with MemoryFile() as memory:
        with memory.open(**profile) as target:
            for number, band in enumerate(bands, start=1):
                target.write(soundscape.values(band.name), number)
                target.set_band_description(number, band.long_name)
                target.set_band_unit(number, band.unit)
            target.colorinterp = [ColorInterp.gray] + [ColorInterp.undefined] * (len(bands) - 1)
            target.update_tags(**soundscape.tags)
            target.update_tags(
                TIFFTAG_COPYRIGHT=soundscape.rights, TIFFTAG_SOFTWARE=soundscape.tags["software"]
            )
            target.build_overviews(_overviews(max(rows, columns)), Resampling.average)
            target.update_tags(ns="rio_overview", resampling="average")
        with memory.open() as source, atomic_path(path) as aside:
            rasterio.shutil.copy(
                source,
                aside,
                driver="COG",
                blocksize=_BLOCK_PX,
                compress="DEFLATE",
                predictor="FLOATING_POINT",
            )
    write_qml(soundscape, path.with_suffix(".qml"))
    return path


def _overviews(side_px: int) -> list[int]:
    factors = [2**level for level in range(1, 12)]
    return [factor for factor in factors if side_px // factor >= _SMALLEST_OVERVIEW_PX]
