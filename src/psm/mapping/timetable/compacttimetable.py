"""Compact timetable: what is left of a prepared store once it is small enough for a browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int16, Int64

from psm.mapping.timetable.expansion import HOUR_STATES, HOURS, hour_weights, month_state
from psm.mapping.timetable.queryprojection import QueryModes


@dataclass(frozen=True, eq=False)
class Factors:
    """What all cells share, of the distances or of their variances, in whole numbers.

    Attributes:
        times: ``(states, time modes)``; ``times * time_scale`` are the modes in time.
        time_scale: ``(time modes,)``.
        core: ``(time modes, 1 + rank, query modes)``; what belongs to no coefficient comes first.
        core_scale: ``(1 + rank,)``.
    """

    times: Int16[np.ndarray, "states time_modes"]
    time_scale: Float32[np.ndarray, " time_modes"]
    core: Int16[np.ndarray, "time_modes terms_of_cells query_modes"]
    core_scale: Float32[np.ndarray, " terms_of_cells"]

    def weights(
        self, modes: Float[np.ndarray, " query_modes"]
    ) -> Float[np.ndarray, "states terms_of_cells"]:
        """What a query asks of the coefficients at every state, first of none of them."""
        shared = (self.core.astype(np.float32) @ modes) * self.core_scale
        return np.asarray((self.times * self.time_scale) @ shared)


class StateWeights(NamedTuple):
    """What a query asks of the coefficients of a cell by state, first of none of them.

    Attributes:
        csd, variance: ``(states, 1 + rank)``, of the distance and of its variance.
    """

    csd: Float[np.ndarray, "states terms_of_cells"]
    variance: Float[np.ndarray, "states terms_of_cells"]


@dataclass(frozen=True, eq=False)
class CompactTimetable:
    """A prepared store in few numbers; :func:`psm.mapping.timetable.compact.compact` makes it.

    Attributes:
        coefficients: ``(cells, rank)`` whole numbers.
        step: what they are multiples of.
        csd, variance: what all cells share.
    """

    coefficients: Int16[np.ndarray, "cells rank"]
    step: float
    csd: Factors
    variance: Factors

    def distances(
        self,
        modes: QueryModes,
        row: int,
        *,
        month: int | None,
        hours: Float[np.ndarray, " cells"] | None,
    ) -> tuple[Float[np.ndarray, " cells"], Float[np.ndarray, " cells"]]:
        """Distance of every cell to a query, and its variance, as a browser computes them.

        Args:
            modes: of queries.
            row: which of them.
            month: 1..12, or ``None`` where it is unknown.
            hours: local hour of each cell, ``None`` where it is unknown.

        Returns:
            ``(cells,)`` each.
        """
        return self.weigh(self.weights(modes, row), month=month, hours=hours)

    def weights(self, modes: QueryModes, row: int) -> StateWeights:
        """What a query asks of the coefficients at every month and hour; the costly half.

        Args:
            modes, row: as of :meth:`distances`.
        """
        csd = self.csd.weights(modes.csd[row])
        variance = self.variance.weights(modes.variance[row])
        csd[:, 0] += modes.csd_offset[row]
        variance[:, 0] += modes.variance_offset[row]
        return StateWeights(csd, variance)

    def weigh(
        self,
        weights: StateWeights,
        *,
        month: int | None,
        hours: Float[np.ndarray, " cells"] | None,
    ) -> tuple[Float[np.ndarray, " cells"], Float[np.ndarray, " cells"]]:
        """Distance of every cell to a query, and its variance, from :meth:`weights` of the query.

        Args:
            weights: of the query.
            month, hours: as of :meth:`distances`.

        Returns:
            ``(cells,)`` each.
        """
        first = month_state(month) * HOUR_STATES
        if hours is None:
            turns, at = None, np.zeros(len(self.coefficients), np.int64)
        else:
            minutes, at = np.unique(np.round(hours * 60.0), return_inverse=True)
            turns = hour_weights(torch.from_numpy(minutes / 60.0)).numpy()
        scaled = self.coefficients * np.float32(self.step)
        distance, variance = (
            self._inner(
                own[[first + HOURS]] if turns is None else turns @ own[first : first + HOURS],
                at, scaled,
            )
            for own in weights
        )  # fmt: skip
        return distance, variance

    def _inner(
        self,
        weights: Float[np.ndarray, "times terms_of_cells"],
        at: Int64[np.ndarray, " cells"],
        scaled: Float[np.ndarray, "cells rank"],
    ) -> Float[np.ndarray, " cells"]:
        """Of every cell at its own time, at least 0."""
        if len(weights) == 1:
            found = scaled @ weights[0, 1:] + weights[0, 0]
        else:
            found = weights[at, 0] + (scaled * weights[at, 1:]).sum(-1)
        return np.asarray(np.maximum(found, 0.0))
