"""Timetables: a store prepared once, so that any month and hour is one matrix product.

::

    prepare(store, model)
    timetable = Timetable(store, model)
    map_query(model, timetable, Query(texts=("frogs",)), Moment(month=7, hour=22.0))
"""

from psm.mapping.timetable.check import Agreement, agreement
from psm.mapping.timetable.preparation import prepare
from psm.mapping.timetable.timetable import Timetable

__all__ = ["Agreement", "Timetable", "agreement", "prepare"]
