"""How pleasant and how eventful a soundscape is rated, from how dominant its sources are.

The two coordinates are those of ISO/TS 12913-3:2019, scaled to [-1, 1]: with eight attributes rated
from 1 to 5,

    P = (pleasant - annoying + cos 45° (calm - chaotic + vibrant - monotonous)) / (4 + √32)
    E = (eventful - uneventful + cos 45° (chaotic - calm + vibrant - monotonous)) / (4 + √32)

No table of coefficients from dominance to these was found that could be checked. So they are a
regression of ours on published ratings: the International Soundscape Database (Mitchell, Oberman,
Aletta et al., version 1.0, doi:10.5281/zenodo.10672568, CC BY 4.0, as soundscapy ships it),
3,545 complete answers at 26 places of London, Venice, Granada, Groningen and Shenzhen. To what
extent four sources were heard was rated there from 1, not at all, to 5, dominates completely.
``benchmarks/soundscape_coefficients.py`` makes the numbers again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from psm.indicators.vocabulary import SoundSource

NOT_AT_ALL, COMPLETELY = 1.0, 5.0
"""Ends of the scale of dominance."""


@dataclass(frozen=True)
class RatingModel:
    """Linear regression of a coordinate on the dominance of the four sources.

    Attributes:
        intercept: at dominance 0, which nobody can rate.
        slopes: for a step of the scale, in the order of :class:`SoundSource`.
        explained: share of the variance of single answers.
        spread: standard deviation of what it leaves open of a single answer.
    """

    intercept: float
    slopes: tuple[float, float, float, float]
    explained: float
    spread: float

    def rate(self, dominance: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n"]:
        """The expected rating.

        Args:
            dominance: of the sources, 1 to 5.
        """
        return np.asarray(self.intercept + dominance @ np.array(self.slopes))

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest that dominances by :func:`dominance_of` come to."""
        shares = np.eye(len(SoundSource))
        rated = self.rate(dominance_of(shares))
        return float(rated.min()), float(rated.max())


PLEASANT = RatingModel(0.5265, (-0.0808, -0.0695, -0.0066, 0.0542), 0.184, 0.325)
EVENTFUL = RatingModel(-0.1118, (0.0243, 0.0036, 0.0652, -0.0315), 0.078, 0.262)


def dominance_of(share: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 4"]:
    """Dominance of sources from their shares of what is heard: 1 for nothing, 5 for all of it.

    A choice of ours: recordings know which sounds there are, and not how loud.

    Args:
        share: of all sounds that are expected; they sum to 1.

    Returns:
        On the scale of the questionnaire.
    """
    return np.asarray(NOT_AT_ALL + (COMPLETELY - NOT_AT_ALL) * share)
