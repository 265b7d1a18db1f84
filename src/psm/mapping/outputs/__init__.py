"""Maps as files: GeoTIFF, NetCDF, Zarr, hexagons, points, figures, films, QGIS styles."""

from psm.mapping.outputs.animate import (
    animate,
    hours_of_day,
    months_of_year,
    write_gif,
    write_moments,
    write_mp4,
    write_series,
)
from psm.mapping.outputs.cube import write_cube
from psm.mapping.outputs.geotiff import write_cog
from psm.mapping.outputs.render import write_png, write_svg
from psm.mapping.outputs.write import check_suffixes

__all__ = [
    "animate",
    "check_suffixes",
    "hours_of_day",
    "months_of_year",
    "write_cog",
    "write_cube",
    "write_gif",
    "write_moments",
    "write_mp4",
    "write_png",
    "write_series",
    "write_svg",
]
