"""Projection of queries to the modes that a compact timetable knows them by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from psm.gaussian import Gaussian, csd_weights, variance_weights


class QueryModes(NamedTuple):
    """Queries as a compact timetable knows them.

    Attributes:
        csd: ``(m, query modes)``.
        csd_offset: ``(m,)``.
        variance: ``(m, query modes)``.
        variance_offset: ``(m,)``.
        left_over: share of the variance of their maps that the modes cannot hold, ``(m,)``.
    """

    csd: Float[np.ndarray, "m modes"]
    csd_offset: Float[np.ndarray, " m"]
    variance: Float[np.ndarray, "m spread_modes"]
    variance_offset: Float[np.ndarray, " m"]
    left_over: Float[np.ndarray, " m"]


@dataclass(frozen=True, eq=False)
class QueryProjection:
    """From queries to their modes.

    Attributes:
        csd, variance: from the weights of a query, as :func:`psm.gaussian.csd_weights` and
            :func:`psm.gaussian.variance_weights` have them, ``(query modes, terms)``.
        csd_centre, variance_centre: what weights come to on average over states and cells.
        reconstruction: from modes back to the weights of a csd, ``(terms, query modes)``.
        felt: how maps vary by these weights: root of a covariance, ``(terms, terms)``.
    """

    csd: Float[np.ndarray, "query_modes terms"]
    csd_centre: Float[np.ndarray, " terms"]
    variance: Float[np.ndarray, "spread_modes spread_terms"]
    variance_centre: Float[np.ndarray, " spread_terms"]
    reconstruction: Float[np.ndarray, "terms query_modes"]
    felt: Float[np.ndarray, "terms terms"]

    def __call__(self, queries: Gaussian) -> QueryModes:
        """The modes of queries, ``(m, dim)``."""
        weights, offset = (part.double().cpu().numpy() for part in csd_weights(queries))
        spread, spread_offset = (part.double().cpu().numpy() for part in variance_weights(queries))
        modes = weights @ self.csd.T
        lost = (weights - modes @ self.reconstruction.T) @ self.felt
        whole = weights @ self.felt
        return QueryModes(
            modes,
            offset + weights @ self.csd_centre,
            spread @ self.variance.T,
            spread_offset + spread @ self.variance_centre,
            (lost**2).sum(-1) / np.maximum((whole**2).sum(-1), 1e-30),
        )
