"""Evaluation of a model: retrieval beside its oracles, maps against the truth, calibration.

``measure*`` print tables and write files, as ``psm evaluate`` does; ``evaluate_*`` return reports;
:func:`calibrate` fits probabilities to held-out recordings.

Example:
    >>> from pathlib import Path
    >>> from psm import PSM
    >>> from psm.evaluation import measure_retrieval
    >>> model = PSM.from_pretrained("earth-small")
    >>> report = measure_retrieval(model, Path("runs/earth"), Path("out"))  # doctest: +SKIP
    >>> report.row("image+context").r_at_10pct  # doctest: +SKIP
    0.61
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psm.evaluation.calibrationfit import calibrate
    from psm.evaluation.mapreport import MapReport
    from psm.evaluation.maptruth import evaluate_maps
    from psm.evaluation.retrieval import compare, evaluate_retrieval, retrieval_ranks
    from psm.evaluation.retrievalreport import RetrievalReport
    from psm.evaluation.suite import measure, measure_psm2024, measure_retrieval, write_tables

_HOMES = {
    "MapReport": "mapreport",
    "RetrievalReport": "retrievalreport",
    "calibrate": "calibrationfit",
    "compare": "retrieval",
    "evaluate_maps": "maptruth",
    "evaluate_retrieval": "retrieval",
    "measure": "suite",
    "measure_psm2024": "suite",
    "measure_retrieval": "suite",
    "retrieval_ranks": "retrieval",
    "write_tables": "suite",
}

__all__ = [
    "MapReport",
    "RetrievalReport",
    "calibrate",
    "compare",
    "evaluate_maps",
    "evaluate_retrieval",
    "measure",
    "measure_psm2024",
    "measure_retrieval",
    "retrieval_ranks",
    "write_tables",
]


def __getattr__(name: str) -> Any:
    # Imported on first use: ranks need no figures, and figures need matplotlib.
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
