"""Soundscape maps: embed the cells of the world once, then ask them for any sound at any time.

::

    cells = Cells.globe(step_deg=1.0)
    embedded = embed_cells(model, BlueMarble(), cells, zoom=1)
    query = Query.parse("church bells", without=["traffic"])
    found = map_query(model, embedded, query, Moment(month=7, hour=6))
    found.to_cog("bells.tif")
    found.to_png("bells.png")

:mod:`psm.mapping.outputs` writes what they find: files, figures and films.
"""

from psm.geodata.frame import Frame
from psm.mapping.algebra import all_of, any_of, difference, log_ratio, mean, weighted_sum
from psm.mapping.cells import Cells
from psm.mapping.compare import map_queries, map_query
from psm.mapping.moment import Moment
from psm.mapping.query import Query
from psm.mapping.soundscape_map import SoundscapeMap
from psm.mapping.store import EmbeddedCells, Store, embed, embed_cells
from psm.mapping.store.embedded import MixedZooms
from psm.mapping.term import TEMPLATES, Term
from psm.mapping.timetable import Timetable, agreement, prepare

__all__ = [
    "TEMPLATES",
    "Cells",
    "EmbeddedCells",
    "Frame",
    "MixedZooms",
    "Moment",
    "Query",
    "SoundscapeMap",
    "Store",
    "Term",
    "Timetable",
    "agreement",
    "all_of",
    "any_of",
    "difference",
    "embed",
    "embed_cells",
    "log_ratio",
    "map_queries",
    "map_query",
    "mean",
    "prepare",
    "weighted_sum",
]
