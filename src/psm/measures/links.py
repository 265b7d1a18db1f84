"""Links: from a number as it is measured to one that a normal distribution suits, and back.

A level in decibels is taken as it is. A count or another positive number is taken by its logarithm,
a share by its log-odds, so that no map of them leaves their range. Numbers at the very end of a
range, of which neither has one, are drawn in a little: 0 among counts to half of the smallest
positive number, shares as Smithson & Verkuilen (2006, "A better lemon squeezer?") do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray

from psm.errors import ConfigError

Floats = NDArray[np.float64]

_NODES = 7  # of Gauss-Hermite quadrature
_MOST_LOG = 700.0  # of which exp is still finite


class LinkKind(StrEnum):
    """What is done to a number before it is fitted."""

    IDENTITY = "identity"
    LOG = "log"
    LOGIT = "logit"


@dataclass(frozen=True)
class Link:
    """A link, with what it has to know of its column.

    Attributes:
        kind: which.
        low, high: the ends of the range of the column, infinite where there are none.
        inset: what numbers at a finite end are drawn in by: of ``log`` an addend, of ``logit`` a
            share.
    """

    kind: LinkKind
    low: float = -np.inf
    high: float = np.inf
    inset: float = 0.0

    @classmethod
    def of(
        cls,
        values: Floats,
        kind: LinkKind | str | None = None,
        *,
        low: float = -np.inf,
        high: float = np.inf,
    ) -> Link:
        """The link of a column, chosen by its numbers where nobody says which.

        Numbers in [0, 1] of which some lie between are shares; whole numbers from 0 on are counts;
        all others are taken as they are.

        Args:
            values: ``(n,)`` the numbers, all finite.
            kind: which link; by default as they suggest.
            low, high: the range of the column, where it is known.

        Returns:
            The link.

        Raises:
            ConfigError: there is no such link, or the numbers do not allow it.
        """
        if kind is not None and kind not in list(LinkKind):
            raise ConfigError(f"link {kind!r}: choose {', '.join(LinkKind)}")
        known = _suggested(values, low, high) if kind is None else LinkKind(kind)
        if known is LinkKind.LOG:
            if values.min() < max(low, 0.0):
                raise ConfigError(f"link log: {values.min():g} has no logarithm")
            positive = values[values > 0.0]
            if not len(positive):
                raise ConfigError("link log: there is no positive number")
            inset = 0.0 if len(positive) == len(values) else float(positive.min()) / 2.0
            return cls(known, 0.0, high, inset)
        if known is LinkKind.LOGIT:
            ends = (0.0, 1.0) if not np.isfinite([low, high]).all() else (low, high)
            if values.min() < ends[0] or values.max() > ends[1]:
                raise ConfigError(
                    f"link logit: {values.min():g} to {values.max():g} is not within "
                    f"{ends[0]:g} to {ends[1]:g}; say the range"
                )
            return cls(known, *ends, inset=1.0 / len(values))
        return cls(known, low, high)

    def forward(self, values: Floats) -> Floats:
        """From numbers as they are measured to those that are fitted, of any shape."""
        if self.kind is LinkKind.LOG:
            return np.asarray(np.log(np.maximum(values, 0.0) + self.inset))
        if self.kind is LinkKind.LOGIT:
            share = (np.asarray(values) - self.low) / (self.high - self.low)
            share = share * (1.0 - self.inset) + self.inset / 2.0
            return np.asarray(np.log(share) - np.log1p(-share))
        return np.asarray(values, float)

    def backward(self, latent: Floats) -> Floats:
        """The way back, within the range; of any shape and precision."""
        if self.kind is LinkKind.LOG:
            return np.clip(np.exp(np.minimum(latent, _MOST_LOG)) - self.inset, 0.0, self.high)
        if self.kind is LinkKind.LOGIT:
            half = 0.5 * (1.0 + np.tanh(0.5 * np.asarray(latent)))
            share = (half - self.inset / 2.0) / (1.0 - self.inset)
            return np.asarray(self.low + (self.high - self.low) * np.clip(share, 0.0, 1.0))
        return np.clip(latent, self.low, self.high)

    def expectation(
        self, mean: Float[np.ndarray, " n"], deviation: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """Expected value of what a normal distribution of fitted numbers comes to.

        Args:
            mean, deviation: ``(n,)`` of the fitted numbers.

        Returns:
            ``(n,)`` by Gauss-Hermite quadrature.
        """
        if self.kind is LinkKind.IDENTITY:
            return self.backward(mean)
        points, weights = hermegauss(_NODES)
        total = np.zeros_like(mean)
        for point, weight in zip(points.tolist(), (weights / weights.sum()).tolist(), strict=True):
            total += weight * self.backward(mean + point * deviation)
        return total


def _suggested(values: Floats, low: float, high: float) -> LinkKind:
    inside = (values > 0.0) & (values < 1.0)
    if values.min() >= 0.0 and values.max() <= 1.0 and inside.any():
        return LinkKind.LOGIT
    is_whole = bool((values == np.round(values)).all())
    if is_whole and values.min() >= 0.0 and not np.isfinite(high) and len(np.unique(values)) > 2:
        return LinkKind.LOG
    if np.isfinite([low, high]).all() and low < values.min() and values.max() < high:
        return LinkKind.LOGIT
    return LinkKind.IDENTITY
