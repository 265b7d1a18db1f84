"""Confidence intervals by cluster bootstrap over geographic cells.

Recordings of one place are not independent of each other: the bootstrap draws whole cells (Davison
& Hinkley 1997, section 3.8). One set of draws serves all rows of a table, so that differences are
paired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psm.seeding import generator

Interval = tuple[float, float]


class CellBootstrap:
    """Bootstrap of means over recordings that are clustered in cells.

    Args:
        cells: ``(n,)`` the cell of every recording.
        seed: of the draws.
        draws: number of bootstrap samples.
    """

    def __init__(self, cells: Sequence[object], *, seed: int = 0, draws: int = 2000) -> None:
        # A draw is a weight for each cell: how often it came up. Every mean is then two products.
        _, self._cell = np.unique(np.asarray(cells), return_inverse=True)
        self._count = int(self._cell.max()) + 1 if len(self._cell) else 0
        rng = generator(seed, "cell bootstrap")
        drawn = rng.integers(self._count, size=(draws, self._count)) if self._count else None
        self._weights = np.zeros((draws, self._count))
        if drawn is not None:
            offsets = np.arange(draws)[:, None] * self._count
            counts = np.bincount((drawn + offsets).ravel(), minlength=draws * self._count)
            self._weights = counts.reshape(draws, self._count).astype(float)

    def means(self, values: ArrayLike, among: ArrayLike | None = None) -> NDArray[np.float64]:
        """The mean of ``values`` ``(n,)`` in every draw, ``(draws,)``; NaN where a draw has none.

        Args:
            values: one number a recording.
            among: ``(n,)`` booleans, which recordings count; all by default.
        """
        counted = np.ones(len(self._cell)) if among is None else np.asarray(among, float)
        weighted = np.asarray(values, float) * counted
        total = self._weights @ np.bincount(self._cell, weighted, minlength=self._count)
        number = self._weights @ np.bincount(self._cell, counted, minlength=self._count)
        return np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0)

    def samples(self, score: Callable[[NDArray[np.float64]], ArrayLike]) -> NDArray[np.float64]:
        """Any scores in every draw, ``(draws, k)``; no draws where there is one cell alone.

        Args:
            score: k numbers from the weight of every recording, ``(n,)``: how often it was drawn.
        """
        draws = self._weights if self._count > 1 else self._weights[:0]
        return np.array([np.atleast_1d(score(weight[self._cell])) for weight in draws], float)

    def interval(self, values: ArrayLike, among: ArrayLike | None = None) -> Interval | None:
        """95 % percentile interval of the mean; ``None`` without data, or of one cell alone."""
        kept = slice(None) if among is None else np.asarray(among, bool)
        # Draws of one cell are all alike: that says nothing of how sure the mean is.
        if len(np.unique(self._cell[kept])) < 2:
            return None
        return percentile_interval(self.means(values, among))


def percentile_interval(samples: NDArray[np.float64]) -> Interval | None:
    """The central 95 % of bootstrap samples, NaN left out."""
    kept = samples[np.isfinite(samples)]
    if not len(kept):
        return None
    low, high = np.percentile(kept, [2.5, 97.5])
    return float(low), float(high)
