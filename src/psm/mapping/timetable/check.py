"""Agreement of a timetable with exact fusion, on cells and times that it was not fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from psm.gaussian import csd, csd_variance
from psm.inference.batches import location_gaussians, text_gaussians
from psm.mapping.moment import Moment
from psm.mapping.timetable.preparation import sampled_rows, some_cells
from psm.mapping.timetable.timetable import Timetable
from psm.model import PSM
from psm.seeding import generator

_PHRASES = (
    "church bells", "crickets at night", "ocean waves", "dawn chorus of birds", "city traffic",
    "footsteps in snow", "frogs", "thunder", "a train passing", "people talking", "wind", "sheep",
)  # fmt: skip


@dataclass(frozen=True)
class Agreement:
    """Rank correlation of timetable and exact fusion over cells, one value a query and moment.

    Attributes:
        lowest, low, median: Spearman correlations; 95 % of the maps lie above ``low``.
        error: mean absolute error of the CSD, as a share of its standard deviation.
        uncertainty_error: the same of the standard deviation of the squared distance.
        cells, maps: how many were compared.
    """

    lowest: float
    low: float
    median: float
    error: float
    uncertainty_error: float
    cells: int
    maps: int

    def __str__(self) -> str:
        return (
            f"against exact fusion, {self.maps} maps of {self.cells} cells: Spearman "
            f"{self.median:.4f}, 95 % above {self.low:.4f}, all above {self.lowest:.4f}; "
            f"CSD within {self.error:.1%} of its spread"
        )


@torch.inference_mode()
def agreement(
    timetable: Timetable,
    model: PSM,
    *,
    texts: Sequence[str] = _PHRASES,
    moments: int = 12,
    cells: int = 1024,
    seed: int = 0,
) -> Agreement:
    """Compare a timetable with exact fusion.

    Args:
        timetable: of the model.
        model: in evaluation mode.
        texts: of the queries.
        moments: random months and hours, which are not whole ones, and one where either is unknown.
        cells: that are compared; those of the timetable's own sample are left out, unless there are
            no others.
        seed: of moments and cells.

    Returns:
        Rank correlations and errors over all pairs of query and moment.
    """
    from scipy.stats import spearmanr  # half a second, which no map needs

    random = generator(seed, "agreement")
    times = [Moment(month=int(random.integers(1, 13)), hour=float(random.uniform(0.0, 24.0)))
             for _ in range(moments)]  # fmt: skip
    times += [Moment(month=7), Moment(hour=5.0)]
    made_of = timetable.settings
    embedded, own = sampled_rows(
        timetable.store, timetable.zoom, sample=made_of["sample"], seed=made_of["seed"]
    )
    others = np.setdiff1d(embedded, own)
    rows = np.sort(random.permutation(others if len(others) >= 64 else embedded)[:cells])
    features, lat, lon = some_cells(timetable.store, timetable.zoom, rows)
    queries = text_gaussians(model, texts)
    ranks, errors, spreads = [], [], []
    for moment in times:
        fused = location_gaussians(model, features, moment.context(lat=lat, lon=lon))
        exact, exact_spread = csd(fused, queries).cpu(), csd_variance(fused, queries).cpu().sqrt()
        found, variance = (part[rows] for part in timetable.distances(model, queries, moment))
        ranks += [float(spearmanr(a, b).statistic) for a, b in zip(exact.T, found.T, strict=True)]
        errors.append(_share(exact, found))
        spreads.append(_share(exact_spread, variance.sqrt()))
    return Agreement(
        lowest=float(np.min(ranks)),
        low=float(np.quantile(ranks, 0.05)),
        median=float(np.median(ranks)),
        error=float(np.mean(errors)),
        uncertainty_error=float(np.mean(spreads)),
        cells=len(rows),
        maps=len(ranks),
    )


def _share(exact: torch.Tensor, found: torch.Tensor) -> float:
    return float((exact - found).abs().mean() / exact.std().clamp_min(1e-12))
