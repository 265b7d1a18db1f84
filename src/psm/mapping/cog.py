"""Maps as cloud-optimised GeoTIFF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.enums import Resampling
from rasterio.io import MemoryFile

from psm.files import atomic_path
from psm.mapping.soundscape_map import SoundscapeMap

_BLOCK_PX = 128
_SMALLEST_OVERVIEW_PX = 32


def write_cog(soundscape: SoundscapeMap, path: Path) -> Path:
    """Write the quantity and its uncertainty, with overviews, no-data, band names, units, tags.

    The file is complete or absent. rio-cogeo's own writer drops the units of bands, so that GDAL's
    COG driver copies an in-memory GeoTIFF here.
    """
    rows, columns = soundscape.shape
    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "count": 2,
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
            for band, name in enumerate((soundscape.quantity.name, "uncertainty"), start=1):
                about = soundscape.data[name].attrs
                target.write(soundscape.values(name), band)
                target.set_band_description(band, about["long_name"])
                target.set_band_unit(band, about["units"])
            target.update_tags(**soundscape.tags)
            target.build_overviews(_overviews(min(rows, columns)), Resampling.average)
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
    return path


def _overviews(side_px: int) -> list[int]:
    factors = [2**level for level in range(1, 12)]
    return [factor for factor in factors if side_px // factor >= _SMALLEST_OVERVIEW_PX]
