"""Measures: any number that somebody measured at places, as a map with an honest interval.

A column of a table (a sound level, an acoustic index, a rating) is fitted on what a model sees of
its places, months and hours, judged at places left out, and drawn like any map.
"""

from __future__ import annotations

from psm.measures.drawing import map_measure, map_measures, profile_measure
from psm.measures.making import ColumnSettings, FittedMeasure, fit_measures
from psm.measures.measure import Measure

__all__ = [
    "ColumnSettings",
    "FittedMeasure",
    "Measure",
    "fit_measures",
    "map_measure",
    "map_measures",
    "profile_measure",
]
