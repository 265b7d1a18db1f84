"""Baselines of a column of numbers that know its places and times alone: what a map has to beat.

Each has ``fit(points, values)`` and ``predict(points)``, and is judged by spatial folds
(:func:`out_of_fold`), as whatever is compared with it. None has seen an image or heard a sound.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self

import numpy as np
from jaxtyping import Float

from psm.evaluation.against.blocks import SpatialFolds
from psm.evaluation.against.points import Points
from psm.extras import require
from psm.geodata.sphere import km_to_chord
from psm.seeding import generator, torch_seed

Floats = Float[np.ndarray, " n"]

_MONTHS, _HOURS = 12, 24
_PRIOR = 4.0  # measurements that the overall mean counts as
_MONTH_WIDTH, _HOUR_WIDTH = 1.0, 2.0
_FITTED, _KRIGED = 200, 1500  # points: the cost grows with their cube
_NEAREST_KM, _FARTHEST_KM = 0.05, 20_000.0
_Z = {0.5: 0.6745, 0.8: 1.2816, 0.9: 1.6449, 0.95: 1.96}


class Baseline(Protocol):
    """A predictor of a column from its places and times."""

    def fit(self, points: Points, values: Floats) -> Self:
        """Learn from measurements.

        Args:
            points: where and when.
            values: ``(n,)`` what was measured.

        Returns:
            Itself.
        """
        ...

    def predict(self, points: Points) -> Floats:
        """Predict at other points.

        Args:
            points: where and when, m of them.

        Returns:
            ``(m,)`` values.
        """
        ...


class Mean:
    """The mean of all measurements, everywhere and always."""

    def fit(self, points: Points, values: Floats) -> Self:  # noqa: ARG002  (where does not matter)
        """Learn the mean; see :class:`Baseline`."""
        self._mean = float(np.mean(values))
        return self

    def predict(self, points: Points) -> Floats:
        """The mean at each of m points, ``(m,)``."""
        return np.full(len(points), self._mean)


class MonthHourClimatology:
    """The usual value of a month and an hour, the same everywhere.

    A kernel mean over the circles of the months and the hours (Nadaraya 1964, Watson 1964; normal
    kernels of 1 month and 2 hours), in which the overall mean counts as four measurements, so that
    a time of which little is known gets that. Where a month or hour is unknown, all count alike.
    """

    def fit(self, points: Points, values: Floats) -> Self:
        """Learn from measurements; see :class:`Baseline`."""
        self._mean = float(np.mean(values))
        at = _time_slots(points)
        size = (_MONTHS + 1) * (_HOURS + 1)
        self._count = np.bincount(at, minlength=size).astype(float)
        self._total = np.bincount(at, values - self._mean, minlength=size)
        return self

    def predict(self, points: Points) -> Floats:
        """The usual value at the times of m points, ``(m,)``."""
        month = _kernel(_MONTHS, _MONTH_WIDTH)
        hour = _kernel(_HOURS, _HOUR_WIDTH)
        kernel = np.kron(month, hour)
        table = self._mean + kernel @ self._total / (kernel @ self._count + _PRIOR)
        return np.asarray(table[_time_slots(points)])


class Kriging:
    """Kriging of the column alone: a Gaussian process over places, whenever they were measured.

    A Matérn covariance (ν = 3/2) of the straight-line distance through the sphere, which is
    positive definite there as in space, and a nugget for what differs at one place. Range, sill and
    nugget maximise the marginal likelihood (Rasmussen & Williams 2006, section 5.4) of at most 200
    points; at most 1500 are kriged from, since the cost grows with their cube.

    Args:
        seed: which points, where there are more.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self._seed = seed

    def fit(self, points: Points, values: Floats) -> Self:
        """Learn from measurements; see :class:`Baseline`.

        Raises:
            MissingExtra: scikit-learn is not installed.
        """
        processes = require("sklearn.gaussian_process", "measures")
        kernels = require("sklearn.gaussian_process.kernels", "measures")
        order = generator(self._seed, "kriging").permutation(len(points))
        few, many = order[:_FITTED], order[:_KRIGED]
        spread = float(np.sqrt(((points.vectors - points.vectors.mean(0)) ** 2).sum(1).mean()))
        ends = km_to_chord(_NEAREST_KM), km_to_chord(_FARTHEST_KM)
        start = float(np.clip(spread / 3.0, *ends))
        kernel = kernels.ConstantKernel(0.5, (1e-3, 1e2)) * kernels.Matern(
            start, ends, nu=1.5
        ) + kernels.WhiteKernel(0.5, (1e-4, 1e1))
        fitted = self._process(processes, kernel, points.part(few), values[few], "fmin_l_bfgs_b")
        self._fitted = self._process(
            processes, fitted.kernel_, points.part(many), values[many], None
        )
        return self

    def predict(self, points: Points) -> Floats:
        """The kriged value at m points, ``(m,)``; far from all measurements their mean."""
        return self._asked(points)[0]

    def interval(self, points: Points, level: float = 0.9) -> tuple[Floats, Floats]:
        """Ends between which a new measurement lies with probability ``level``.

        Args:
            points: m of them.
            level: 0.5, 0.8, 0.9 or 0.95.

        Returns:
            ``(m,)`` lower and upper ends; the nugget is included.
        """
        mean, spread = self._asked(points)
        return mean - _Z[level] * spread, mean + _Z[level] * spread

    def _process(
        self, processes: Any, kernel: Any, points: Points, values: Floats, optimizer: str | None
    ) -> Any:
        process = processes.GaussianProcessRegressor(
            kernel, optimizer=optimizer, normalize_y=True,
            random_state=torch_seed(self._seed, "kriging") % 2**32,
        )  # fmt: skip
        with warnings.catch_warnings():
            # A column without any structure in space has its range at an end: so be it.
            warnings.simplefilter("ignore")
            return process.fit(points.vectors, values)

    def _asked(self, points: Points) -> tuple[Floats, Floats]:
        parts = [
            self._fitted.predict(points.vectors[start : start + 2000], return_std=True)
            for start in range(0, len(points), 2000)
        ]
        mean, spread = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        return mean, spread


class Boosting:
    """Gradient-boosted trees on latitude, longitude, month and hour.

    Longitude, month and hour enter as sine and cosine; what is unknown is missing. Trees are those
    of LightGBM (Ke et al. 2017) as scikit-learn has them, small ones, 200 at a rate of 0.05.

    Args:
        seed: of the trees.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self._seed = seed

    def fit(self, points: Points, values: Floats) -> Self:
        """Learn from measurements; see :class:`Baseline`.

        Raises:
            MissingExtra: scikit-learn is not installed.
        """
        ensemble = require("sklearn.ensemble", "measures")
        trees = ensemble.HistGradientBoostingRegressor(
            learning_rate=0.05, max_iter=200, max_leaf_nodes=15, min_samples_leaf=10,
            l2_regularization=1.0, early_stopping=False,
            random_state=torch_seed(self._seed, "boosting") % 2**32,
        )  # fmt: skip
        self._trees = trees.fit(_features(points), values)
        return self

    def predict(self, points: Points) -> Floats:
        """What the trees say at m points, ``(m,)``."""
        return np.asarray(self._trees.predict(_features(points)), float)


BASELINES: Mapping[str, Callable[[], Baseline]] = {
    "mean": Mean,
    "month and hour": MonthHourClimatology,
    "kriging": Kriging,
    "place and time boosted": Boosting,
}
"""What makes each of them anew, by the name that reports call it."""


def out_of_fold(
    make: Callable[[], Baseline], points: Points, values: Floats, folds: SpatialFolds
) -> Floats:
    """Predict each point by a baseline that learnt from the other folds.

    Args:
        make: a new baseline, as of :data:`BASELINES`.
        points: where and when, n of them.
        values: ``(n,)`` what was measured.
        folds: of the points; none may be learnt from nothing.

    Returns:
        ``(n,)`` predictions.
    """
    predicted = np.full(len(points), np.nan)
    for number in range(len(folds)):
        learnt, judged = np.flatnonzero(folds.learnt[number]), folds.judged(number)
        fitted = make().fit(points.part(learnt), values[learnt])
        predicted[judged] = fitted.predict(points.part(judged))
    return predicted


def _time_slots(points: Points) -> np.ndarray:
    """Number of the month and whole hour of each point; the last ones are unknown."""
    month = np.where(np.isfinite(points.month), points.month - 1.0, _MONTHS).astype(int)
    hour = np.where(np.isfinite(points.hour), np.floor(points.hour), _HOURS).astype(int)
    return np.asarray(month * (_HOURS + 1) + hour)


def _kernel(period: int, width: float) -> Float[np.ndarray, "slots slots"]:
    """Weight of each slot of a circle for each other one; the unknown one is alike to all."""
    at = np.arange(period)
    gap = np.abs(at[:, None] - at)
    near = np.exp(-0.5 * (np.minimum(gap, period - gap) / width) ** 2)
    kernel = np.ones((period + 1, period + 1))
    kernel[:period, :period] = near
    return kernel


def _features(points: Points) -> Float[np.ndarray, "n 7"]:
    turns = (points.lon / 360.0, points.month / _MONTHS, points.hour / _HOURS)
    angles = [2.0 * np.pi * turn for turn in turns]
    columns = [points.lat, *(f(angle) for angle in angles for f in (np.sin, np.cos))]
    return np.stack(columns, axis=1)
