"""Uncertainty about the model: where the labels of its recordings would have answered otherwise.

A match probability is a guess at something that is fixed, how often a sound is heard there and
then. What can be wrong about the guess is the model. Its own Gaussians do not tell: they say how
recordings of one place differ, and order the errors of a map as p (1 - p) does.

So there is a second opinion. In the space of locations a *linear probe* (Alain & Bengio 2017) is
fitted to the labels of the recordings that the model was trained on, one for each known sound. A
probe of location means is a query whose Gaussian stands somewhere else:

    logit = offset - scale csd(location, opinion)

so that stores, timetables and films answer it as they answer any query. A query between known
sounds is answered by those near it, as far as they are near. With p the probability on the map and
x that of the second opinion, the expected squared error of p is taken as

    (p - x)² + (spread (m - lapse) (1 - m))²,  m = (p + x) / 2       as far as the query is known,
    (unknown p (1 - p))²                                             as far as it is not.

``lapse`` is the probability that is left where nothing speaks for a sound (as in psychometric
functions, Wichmann & Hill 2001); below it a probe's confidence means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from psm.gaussian import Gaussian
from psm.tensorfiles import built, read_tensors, write_tensors

FILE_NAME = "uncertainty.safetensors"
_VERSION = 1
_TENSORS = ("known", "probes", "offsets")

SPREAD, UNKNOWN, INFLATION = 1.0, 1.3, 1.1
"""How far, in logits, the truth lies from both opinions, and from the model where there is one
alone; and the root mean square of all errors over what these predict. They were measured on the
simulated Earth (``docs/measures.md``): labels never show the probability they were drawn from."""

DEVIATIONS = 1.645
"""Half of an interval of 90 %, in uncertainties: that of a normal distribution."""

_NEAR = 0.1  # in 1 - cosine: wordings of one sound lie within it, two sounds do not
_POINT = -30.0
_LEAST, _MOST = 1e-6, 1.0 - 1e-6


class Opinions(NamedTuple):
    """Second opinions of M queries: Gaussians to ask beside theirs, and what the answers mean.

    Attributes:
        gaussians: ``(M, dim)``; their distances are asked for like those of the queries.
        offset: of the logit, ``(M,)``.
        trust: how near each query is to a known sound, ``(M,)`` in [0, 1].
        model: whose they are.
    """

    gaussians: Gaussian
    offset: Float[Tensor, " m"]
    trust: Float[Tensor, " m"]
    model: ModelUncertainty

    def rows(self, index: slice) -> Opinions:
        """Those of some of the queries."""
        return self._replace(
            gaussians=self.gaussians.rows(index), offset=self.offset[index], trust=self.trust[index]
        )

    def probability(self, distance: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
        """What the second opinions say.

        Args:
            distance: CSD of the cells to :attr:`gaussians`.
        """
        offset = self.offset.to(distance)
        return self.model.chance(offset - self.model.scale * distance)

    def squared_error(
        self,
        probability: Float[Tensor, "n m"],
        distance: Float[Tensor, "n m"],
    ) -> Float[Tensor, "n m"]:
        """Expected squared error of match probabilities.

        Args:
            probability: as the map shows them.
            distance: CSD of the cells to :attr:`gaussians`.
        """
        second = self.probability(distance)
        own = probability * (1.0 - probability)
        trust, lapse = self.trust.to(distance), self.model.lapse
        middle = (probability + second) / 2.0
        spread = SPREAD * (middle - lapse).clamp_min(0.0) * (1.0 - middle)
        known = (probability - second).square() + spread.square()
        unknown = (UNKNOWN * own).square()
        error = trust * known + (1.0 - trust) * unknown
        return INFLATION**2 * error


@dataclass(frozen=True, eq=False)
class ModelUncertainty:
    """Second opinions on the known sounds of a model; :meth:`opinions` has those on any query.

    Attributes:
        known: means of the phrases of the known sounds, of unit length, ``(sounds, dim)``.
        probes: where the labels would have put them, ``(sounds, dim)``.
        offsets: ``(sounds,)``; the logit at a location is
            ``offset - scale (|mu|² + sum(v) - 2 mu probe)``.
        scale: of every probe.
        lapse, shift, slope: ``lapse + (1 - lapse) sigmoid(shift + slope logit)`` is the chance of
            the sound on held-out recordings.
        recordings: how many the probes were fitted to.
        weights: fingerprint of the model's, see :func:`psm.checkpoints.weights_fingerprint`.
    """

    known: Float[Tensor, "sounds dim"]
    probes: Float[Tensor, "sounds dim"]
    offsets: Float[Tensor, " sounds"]
    scale: float
    lapse: float
    shift: float
    slope: float
    recordings: int
    weights: str

    def chance(self, logit: Tensor) -> Tensor:
        """Probability of a sound at logits of its probe."""
        return self.lapse + (1.0 - self.lapse) * torch.sigmoid(self.shift + self.slope * logit)

    def opinions(self, queries: Gaussian) -> Opinions:
        """Second opinions on queries: those on the known sounds, by how near these are.

        Args:
            queries: ``(M, dim)``.
        """
        known, probes, offsets = (
            part.to(queries.mean.device) for part in (self.known, self.probes, self.offsets)
        )
        away = 1.0 - F.normalize(queries.mean.float(), dim=-1) @ known.T
        nearness = -0.5 * (away.clamp_min(0.0) / _NEAR).square()
        share = torch.softmax(nearness, dim=-1)
        mean = share @ probes
        # Averages of logits: the square of the mean is what a distance to it adds.
        offset = share @ offsets + self.scale * mean.square().sum(-1)
        return Opinions(
            Gaussian(mean, torch.full_like(mean, _POINT)),
            offset,
            nearness.amax(-1).exp(),
            self,
        )

    def save(self, folder: Path) -> Path:
        """Write ``uncertainty.safetensors`` into a model folder; complete or absent."""
        numbers = {
            name: getattr(self, name)
            for name in ("scale", "lapse", "shift", "slope", "recordings", "weights")
        }
        tensors = {name: getattr(self, name) for name in _TENSORS}
        return write_tensors(folder / FILE_NAME, tensors, {"version": _VERSION, **numbers})

    @classmethod
    def load(cls, folder: Path) -> ModelUncertainty | None:
        """What a model folder holds; ``None`` where it was written before there was any.

        Raises:
            CheckpointMismatch: the file is broken.
        """
        found = read_tensors(folder / FILE_NAME, _TENSORS, version=_VERSION)
        if found is None:
            return None
        return built(cls, folder / FILE_NAME, {**found[0], **found[1]})


def factor_error(
    squared_error: Tensor, probability: Tensor, power: float, *, is_absence: bool
) -> Tensor:
    """Squared error of ``p**power``, or of ``(1 - p)**power``, from that of p (delta method)."""
    if power == 1.0:
        return squared_error
    base = (1.0 - probability if is_absence else probability).clamp(_LEAST, _MOST)
    return squared_error * (power * base ** (power - 1.0)).square()


def interval(
    probability: Tensor, uncertainty: Tensor, *, deviations: float = DEVIATIONS
) -> tuple[Tensor, Tensor]:
    """Ends of an interval around probabilities, within [0, 1]; of 90 % by default.

    Args:
        probability: of any shape.
        uncertainty: root of the expected squared error of each.
        deviations: half of the width, in uncertainties.
    """
    half = deviations * uncertainty
    return (probability - half).clamp_min(0.0), (probability + half).clamp_max(1.0)
