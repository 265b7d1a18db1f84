"""Explaining: where inside of one view a query is heard, as a heat map over the picture.

::

    found = explain(model, BlueMarble(), Query.parse("traffic"), lat=48.2, lon=16.4)
    write_explanation(found, "traffic.png")

:mod:`explanation` says what every way to explain takes and gives, :mod:`recentring` is the way of
models that answer with a Gaussian, :mod:`codewords` that of models with a codebook.
"""

from __future__ import annotations

from psm.explaining.asking import explain
from psm.explaining.codewords import codewords
from psm.explaining.explanation import Explainer, Explanation, Heat, SeenView
from psm.explaining.recentring import recentred
from psm.explaining.writing import write_explanation

__all__ = [
    "Explainer",
    "Explanation",
    "Heat",
    "SeenView",
    "codewords",
    "explain",
    "recentred",
    "write_explanation",
]
