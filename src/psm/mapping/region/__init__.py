"""Regions of the Earth, and grids of cells on them.

::

    grid = Region.parse("Vienna, 20km").grid(500.0)
    grid.count()
    for rows, columns in grid.blocks():
        lat, lon = grid.frame.places(rows, columns)
"""

from psm.mapping.region.grid import Grid
from psm.mapping.region.lengths import format_length, parse_length
from psm.mapping.region.region import Region

__all__ = ["Grid", "Region", "format_length", "parse_length"]
