"""Refuses tiles that no place can have: wider than the raster files, or much finer than these."""

from __future__ import annotations

import math

from psm.errors import ConfigError
from psm.geodata.sphere import KM_PER_DEGREE
from psm.imagery import Provider, Rasters, View
from psm.imagery.resampling import GAPS, MOST_ENLARGED

_REGION_DEG = 20.0  # what is larger holds any tile, and has no one size of pixels
_ROOM = 2.0  # a good tile fits twice into the imagery, so that places differ


def refuse_misfit(provider: Provider, view: View, *, preset: str) -> None:
    """Refuse a size of tiles of which the imagery has none, and say which would do.

    Of other imagery than raster files nobody knows how far it reaches before it is asked.

    Args:
        provider: that tiles are cut from.
        view: a tile.
        preset: that asks for this many pixels, for the error.

    Raises:
        ConfigError: tiles are wider than all raster files together, or too fine for them.
    """
    if not isinstance(provider, Rasters):
        return
    files = provider.files
    south, north = min(file.south for file in files), max(file.north for file in files)
    west, east = min(file.west for file in files), max(file.east for file in files)
    if max(north - south, east - west) > _REGION_DEG:
        return
    tall_km = (north - south) * KM_PER_DEGREE
    wide_km = (east - west) * KM_PER_DEGREE * math.cos(math.radians((south + north) / 2.0))
    pixel_m = min(1000.0 * KM_PER_DEGREE * (f.north - f.south) / f.shapes[0][0] for f in files)
    side_km = view.side_m / 1000.0
    said = f"tiles for {preset} have {view.size_px} pixels of {view.gsd_m:g} m"
    if side_km * (1.0 - GAPS) > min(tall_km, wide_km):
        said += f", {side_km:.3g} km, and the imagery shows {wide_km:.3g} x {tall_km:.3g} km"
    elif pixel_m > 1.05 * MOST_ENLARGED * view.gsd_m:
        said += f", and the imagery's pixels are of {pixel_m:.2g} m"
    else:
        return
    fitting_m = min(pixel_m, 1000.0 * min(tall_km, wide_km) / (_ROOM * view.size_px))
    if fitting_m * MOST_ENLARGED < pixel_m:
        raise ConfigError(f"{said}; give imagery of a wider area")
    raise ConfigError(
        f"{said}; say --gsd {fitting_m:.2g}, for tiles of "
        f"{float(f'{fitting_m:.2g}') * view.size_px / 1000.0:.2g} km"
    )
