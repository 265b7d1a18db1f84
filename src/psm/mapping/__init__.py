"""Soundscape maps: embed the cells of the world once, then ask them for any sound at any time.

::

    cells = Cells.globe(step_deg=1.0)
    embedded = embed_cells(model, Imagery.load(), cells, zoom=1)
    found = map_query(model, embedded, Query(texts=("church bells",)), Moment(month=7, hour=6))
    found.to_cog("bells.tif")
    found.to_png("bells.png")
    animate(model, embedded, found.query, hours_of_day(month=7, utc=True), "bells.gif")
"""

from psm.mapping.animate import animate, hours_of_day, months_of_year, write_gif, write_mp4
from psm.mapping.cells import Cells
from psm.mapping.cog import write_cog
from psm.mapping.compare import map_queries, map_query
from psm.mapping.cube import write_cube
from psm.mapping.embed import EmbeddedCells, embed_cells
from psm.mapping.frame import Frame
from psm.mapping.moment import Moment
from psm.mapping.query import Query
from psm.mapping.render import write_png, write_svg
from psm.mapping.soundscape_map import SoundscapeMap

__all__ = [
    "Cells",
    "EmbeddedCells",
    "Frame",
    "Moment",
    "Query",
    "SoundscapeMap",
    "animate",
    "embed_cells",
    "hours_of_day",
    "map_queries",
    "map_query",
    "months_of_year",
    "write_cog",
    "write_cube",
    "write_gif",
    "write_mp4",
    "write_png",
    "write_svg",
]
