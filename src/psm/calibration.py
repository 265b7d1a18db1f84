"""Calibration: a curve from the distance of a place and a query to a probability.

What a model learns is which pairs of a training batch belong together, and its match probability
has the share of matches among those pairs built in. A calibration is a curve fitted to held-out
recordings instead (:mod:`psm.evaluation.fitting`), kept as ``calibration.json`` beside the weights
that it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self
from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator
from scipy.optimize import minimize
from scipy.special import expit
from torch import Tensor

from psm import checkpoints
from psm.errors import CheckpointMismatch, ConfigError, MissingData
from psm.files import atomic_path
from psm.model import PSM

_TOLERANCE = 1e7 * float(np.finfo(np.float64).eps)  # that of L-BFGS-B by default

_LEAST_PRIOR = 1e-6

UNCALIBRATED = "none: the match probability as learnt"

Curve = Callable[[Tensor], Tensor]
"""From squared distances to probabilities of a match."""

Method = Literal["platt", "isotonic"]
Task = Literal["sounds", "pairs"]

MEANINGS: dict[Task, str] = {
    "sounds": "a recording made at the place and time holds the sound",
    "pairs": "the caption was written of a recording made at the place and time",
}
"""What is as likely as a calibrated probability says, by what it was fitted to."""


def fit_logistic(
    distance: Float[np.ndarray, " n"],
    positive: Bool[np.ndarray, " n"],
    weight: Float[np.ndarray, " n"] | None = None,
    *,
    tolerance: float = _TOLERANCE,
) -> tuple[float, float]:
    """Logistic regression of matches on distances, ``sigmoid(shift - scale * distance)``.

    Args:
        distance: closed-form sampled distance of each pair.
        positive: whether the pair matches.
        weight: how much each counts; all alike by default.
        tolerance: relative gain in likelihood below which the search ends.

    Returns:
        Scale, which is positive, and shift, under which the answers are most likely (Platt 1999).
    """
    weight = np.ones(len(distance)) if weight is None else weight
    # Pairs of one kind, as in a part of few sites, make no answer certain.
    prior = float(np.clip(np.average(positive, weights=weight), _LEAST_PRIOR, 1.0 - _LEAST_PRIOR))
    # Distances are standardised, and the slope is searched by its logarithm, so that it stays
    # positive and the two parameters are of like size.
    centre, unit = distance.mean(), distance.std() or 1.0
    nearness = (centre - distance) / unit
    answer, share = positive.astype(float), weight / weight.sum()

    def loss(parameters: Float[np.ndarray, " 2"]) -> tuple[float, Float[np.ndarray, " 2"]]:
        slope = np.exp(parameters[0])
        logit = parameters[1] + slope * nearness
        error = share * (expit(logit) - answer)
        value = float(share @ (np.logaddexp(0.0, logit) - answer * logit))
        return value, np.array([error @ nearness * slope, error.sum()])

    start = np.array([0.0, np.log(prior / (1.0 - prior))])
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-12.0, 12.0), (None, None)],
        options={"ftol": tolerance, "gtol": min(1e-5, tolerance**0.5)},
    )
    slope = float(np.exp(found.x[0]) / unit)
    return slope, float(found.x[1]) + slope * float(centre)


def learnt_curve(model: PSM) -> Curve:
    """The match probability as the model learnt it."""
    return lambda distance: torch.sigmoid(model.shift - model.negative_scale * distance)


class Calibration(BaseModel):
    """A curve fitted to held-out recordings, and all that is needed to judge it.

    Attributes:
        method: ``platt``, ``sigmoid(shift - negative_scale * csd)``, or ``isotonic``,
            probabilities at distances, straight lines between.
        negative_scale, shift: of ``platt``.
        distances, probabilities: of ``isotonic``, rising and falling.
        task: what the curve was fitted to, see :data:`MEANINGS`.
        prior: share of positives among the pairs, as found or as asked for.
        data: fingerprint of the data set's split.
        split: its name.
        recordings, pairs, cells: how much was held out.
        ece, log_loss: by ``raw`` and every method, on pairs of cells not fitted to.
        weights: fingerprint of the weights, see :func:`psm.checkpoints.weights_fingerprint`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    method: Method
    negative_scale: float | None = Field(default=None, gt=0.0)
    shift: float | None = None
    distances: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()
    task: Task
    prior: float = Field(gt=0.0, lt=1.0)
    data: str
    split: str
    recordings: PositiveInt
    pairs: PositiveInt
    cells: PositiveInt
    ece: dict[str, float]
    log_loss: dict[str, float]
    weights: str

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.method == "platt" and (self.negative_scale is None or self.shift is None):
            raise ValueError("platt needs negative_scale and shift")
        if self.method == "isotonic":
            d, p = self.distances, self.probabilities
            falls = all(a >= b for a, b in pairwise(p))
            rises = all(a < b for a, b in pairwise(d))
            if len(d) != len(p) or not d or not (falls and rises and 0.0 <= min(p) <= max(p) <= 1):
                raise ValueError("isotonic needs probabilities that fall over rising distances")
        return self

    @classmethod
    def find(cls, checkpoint: str | Path) -> Calibration | None:
        """The calibration of a model folder or hub id; ``None`` where it has none.

        Raises:
            MissingData: there is no such model.
            ConfigError: the file is not a calibration.
            CheckpointMismatch: it is of other weights than those beside it.
        """
        folder = checkpoints.resolve(checkpoint)
        return cls.load(folder) if (folder / checkpoints.CALIBRATION_NAME).is_file() else None

    @classmethod
    def load(cls, checkpoint: str | Path) -> Calibration:
        """The calibration of a model folder or hub id.

        Raises:
            MissingData: there is no such model, or it has no calibration.
            ConfigError: the file is not a calibration.
            CheckpointMismatch: it is of other weights than those beside it.
        """
        folder = checkpoints.resolve(checkpoint)
        path = folder / checkpoints.CALIBRATION_NAME
        if not path.is_file():
            raise MissingData(
                f"{path}: not there; make it with `psm calibrate --model {checkpoint}`"
            )
        try:
            found = cls.model_validate_json(path.read_bytes())
        except ValidationError as problem:
            first = problem.errors()[0]
            at = ".".join(map(str, first["loc"])) or "the file"
            raise ConfigError(f"{path}: {at}: {first['msg']}") from None
        found._refuse_other(checkpoints.weights_fingerprint(folder), str(path))
        return found

    def save(self, folder: str | Path) -> Path:
        """Write ``calibration.json`` into a model folder; complete or absent."""
        path = Path(folder) / checkpoints.CALIBRATION_NAME
        with atomic_path(path) as aside:
            aside.write_text(self.model_dump_json(indent=1, exclude_none=True) + "\n")
        return path

    def require(self, model: PSM) -> None:
        """Refuse a model that this is no calibration of.

        Raises:
            CheckpointMismatch: it has other weights.
        """
        self._refuse_other(_fingerprint(model), model.config.name)

    def curve(self, distance: Tensor) -> Tensor:
        """Probability at squared distances of any shape."""
        if self.negative_scale is not None and self.shift is not None:
            return torch.sigmoid(self.shift - self.negative_scale * distance)
        both = torch.tensor(
            [self.distances, self.probabilities], dtype=distance.dtype, device=distance.device
        )
        knots, values = both[0], both[1]
        if len(knots) == 1:
            return values.expand_as(distance)
        right = torch.searchsorted(knots, distance.contiguous()).clamp(1, len(knots) - 1)
        # Knots that this precision cannot tell apart are a step.
        width = (knots[right] - knots[right - 1]).clamp_min(torch.finfo(knots.dtype).tiny)
        share = (distance - knots[right - 1]) / width
        return torch.lerp(values[right - 1], values[right], share.clamp(0.0, 1.0))

    @property
    def meaning(self) -> str:
        """What is as likely as the probability says."""
        return MEANINGS[self.task]

    @property
    def summary(self) -> str:
        """One line for the metadata of a map: how, on what, with which prior, to which end."""
        return (
            f"{self.method} on {self.recordings} held-out recordings, prior {self.prior:.3g}, "
            f"ECE {self.ece['raw']:.4f} to {self.ece[self.method]:.4f}: "
            f"p is how likely {self.meaning}"
        )

    def _refuse_other(self, weights: str, name: str) -> None:
        if weights != self.weights:
            raise CheckpointMismatch(
                f"{name}: the calibration is of other weights ({self.weights[:12]}, not "
                f"{weights[:12]}); run `psm calibrate` again"
            )


_KNOWN: WeakKeyDictionary[PSM, tuple[object, str]] = WeakKeyDictionary()


def _fingerprint(model: PSM) -> str:
    """The fingerprint of a model, computed again when a weight was moved or written to."""
    state = tuple(
        (tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version)
        for tensor in model.state_dict().values()
    )
    known = _KNOWN.get(model)
    if known is None or known[0] != state:
        known = state, checkpoints.weights_fingerprint(model)
        _KNOWN[model] = known
    return known[1]
