"""Predictor of a column: from what a model sees of places and times to numbers with intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from psm.evaluation.against.points import Points
from psm.measures.kernel import Inputs, inputs_of
from psm.measures.links import Link
from psm.measures.regression import Posterior

LEVEL = 0.9
"""Share of numbers that an interval is to hold."""

DEVIATIONS = 1.6449
"""Half of such an interval of a normal distribution, in its deviations."""


@dataclass(frozen=True, eq=False)
class IntervalEstimate:
    """Interval estimate of N places and times, in the unit of the column.

    Attributes:
        value: expected number.
        lower, upper: ends of the interval that holds what would be measured there with 90 %.
    """

    value: Float[np.ndarray, " n"]
    lower: Float[np.ndarray, " n"]
    upper: Float[np.ndarray, " n"]


@dataclass(frozen=True, eq=False)
class Predictor:
    """A fitted process, with all that leads into it and out of it.

    Attributes:
        posterior: the process, of numbers of mean 0 and variance 1.
        centre: mean of the embeddings, ``(dim,)``.
        axes: from embeddings less the centre to the components that are seen,
            ``(dim, components)``.
        link: of the column.
        mean, deviation: of the column behind its link.
        shrink: how much of a prediction's distance from the mean is kept, in [0, 1].
        stretch: what predicted deviations are multiplied by.
    """

    posterior: Posterior
    centre: Float[Tensor, " dim"]
    axes: Float[Tensor, "dim components"]
    link: Link
    mean: float
    deviation: float
    shrink: float = 1.0
    stretch: float = 1.0

    def inputs(self, means: Float[Tensor, "n dim"], points: Points) -> Inputs:
        """What the kernel sees of location means at their places and times."""
        seen = (means - self.centre.to(means)) @ self.axes.to(means)
        return inputs_of(seen, lat=points.lat, lon=points.lon, month=points.month, hour=points.hour)

    def predict(self, means: Float[Tensor, "n dim"], points: Points) -> IntervalEstimate:
        """Numbers and intervals.

        Args:
            means: of location Gaussians; their precision is that of the arithmetic.
            points: where and when.
        """
        return self.at(self.inputs(means, points))

    def at(self, inputs: Inputs) -> IntervalEstimate:
        """:meth:`predict` of inputs."""
        return self.prediction(*self.latent(inputs))

    def prediction(
        self, middle: Float[np.ndarray, " n"], spread: Float[np.ndarray, " n"]
    ) -> IntervalEstimate:
        """Numbers and intervals of what :meth:`latent` says."""
        half = DEVIATIONS * self.stretch * spread
        lower, upper = self.link.backward(middle - half), self.link.backward(middle + half)
        # A long tail may draw the expected number beyond the interval's end.
        value = np.clip(self.link.expectation(middle, spread), lower, upper)
        return IntervalEstimate(value, lower, upper)

    def latent(self, inputs: Inputs) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Mean and deviation of what would be measured, behind the link and not stretched."""
        posterior = self.posterior.to(inputs.seen.dtype)
        with torch.inference_mode():
            mean, left = (part.numpy() for part in posterior.at(inputs))
        middle = self.mean + self.deviation * self.shrink * mean
        return middle, self.deviation * np.sqrt(left + posterior.noise)

    def calibrated(self, *, shrink: float, stretch: float) -> Predictor:
        """The same with predictions nearer to the mean, and other intervals around them."""
        return replace(self, shrink=shrink, stretch=stretch)
