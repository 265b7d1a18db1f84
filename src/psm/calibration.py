"""Calibration: a curve from the distance of a place and a query to a probability.

What a model learns is which pairs of a training batch belong together, and its match probability
has the share of matches among those pairs built in. A calibration is a curve fitted to held-out
recordings instead (:mod:`psm.evaluation.fitting`), kept as ``calibration.json`` beside the weights
that it belongs to.

How far a place is from a query says how much likelier the query is there than elsewhere, not how
common it is. That comes from the gallery of the model (:mod:`psm.gallery`): each query has a share
of its own, which shifts its distances before the one curve is applied.
"""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from torch import Tensor

from psm import checkpoints
from psm.curves import QueryCurves, learnt_curve
from psm.errors import CheckpointMismatch, ConfigError, MissingData
from psm.files import atomic_path
from psm.gallery import BASE_MEANINGS, Base, Gallery
from psm.gaussian import Gaussian
from psm.model import PSM

_log = logging.getLogger(__name__)

UNCALIBRATED = "none: the match probability as learnt"

Method = Literal["platt", "isotonic"]
Task = Literal["sounds", "pairs"]

MEANINGS: dict[Task, str] = {
    "sounds": "a recording made at the place and time holds the sound",
    "pairs": "the caption was written of a recording made at the place and time",
}
"""What is as likely as a calibrated probability says, by what it was fitted to."""

SHARED_MEANINGS: dict[Task, str] = {
    "sounds": "a recording of this training set's kind, made there and then, holds the sound",
    "pairs": "a recording of this training set's kind, made there and then, holds what is asked "
    "(its share by ear alone, without labels)",
}
"""The same where the share of the query is known."""


def curves_of(model: PSM, calibration: Calibration | None, queries: Gaussian) -> QueryCurves:
    """How distances to each query become probabilities: the one way from a csd to a map.

    Args:
        model: in evaluation mode.
        calibration: of the model; without one, match probabilities are as learnt.
        queries: ``(m, dim)``.

    Raises:
        CheckpointMismatch: the calibration is of other weights.
        ConfigError: the calibration lacks its gallery.
    """
    if calibration is None:
        return QueryCurves.alike(learnt_curve(model), queries)
    calibration.require(model)
    return calibration.curves(queries)


class ShareTerm(BaseModel):
    """How the share of a query enters its probability, see :meth:`Calibration.curves`.

    Attributes:
        base: over what probabilities are right on average, see :data:`psm.gallery.BASE_MEANINGS`.
        slopes: by the base of a share, squared distance that a unit of its log-odds is worth.
        gallery: fingerprint of the gallery.
        recordings: how many it holds.
        effective: how many of equal weight would tell as much.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: Base
    slopes: dict[Base, Annotated[float, Field(ge=0.0)]] = Field(min_length=1)
    gallery: str
    recordings: PositiveInt
    effective: float = Field(gt=0.0)

    def offset(self, gallery: Gallery, queries: Gaussian) -> tuple[Tensor, Tensor]:
        """What is added to the squared distances to each query, and its variance.

        The shares are counted in the same recordings: their errors are taken to go together.
        """
        heard = [(slope, gallery.heard(queries, of)) for of, slope in self.slopes.items()]
        spread = sum(slope * share.variance.sqrt() for slope, share in heard)
        moved = sum(slope * share.log_odds for slope, share in heard)
        return torch.as_tensor(-moved), torch.as_tensor(spread).square()


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
        share: how the share of a query enters; ``None`` where one curve serves all queries alike,
            as in every calibration of schema 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1, 2] = 1
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
    share: ShareTerm | None = None
    _gallery: Gallery | None = PrivateAttr(default=None)

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
        if (self.schema_version == 2) != (self.share is not None):
            raise ValueError("a share belongs to schema 2, and schema 2 to a share")
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
        _log.info("calibration loaded from %s", path)
        if found.share is None:
            return found
        gallery = Gallery.find(folder)
        if gallery is None or gallery.fingerprint != found.share.gallery:
            beside = folder / checkpoints.GALLERY_NAME
            state = "not there, the gallery" if gallery is None else "not the gallery"
            raise CheckpointMismatch(
                f"{beside}: {state} that {path.name} was fitted with; "
                f"run `psm calibrate --model {checkpoint}` again"
            )
        return found.with_gallery(gallery)

    def save(self, folder: str | Path) -> Path:
        """Write ``calibration.json`` into a model folder; complete or absent."""
        path = Path(folder) / checkpoints.CALIBRATION_NAME
        with atomic_path(path) as aside:
            aside.write_text(self.model_dump_json(indent=1, exclude_none=True) + "\n")
        return path

    def with_gallery(self, gallery: Gallery) -> Self:
        """The same, at hand what shares are estimated by."""
        found = self.model_copy()
        found._gallery = gallery
        return found

    @property
    def places(self) -> Gaussian | None:
        """Places of the gallery, see :attr:`psm.gallery.Gallery.places`; ``None`` without any."""
        return None if self._gallery is None else self._gallery.places

    def require(self, model: PSM) -> None:
        """Refuse a model that this is no calibration of.

        Raises:
            CheckpointMismatch: it has other weights.
        """
        self._refuse_other(_fingerprint(model), model.config.name)

    def curves(self, queries: Gaussian) -> QueryCurves:
        """The curve of each query: the common one, its distances shifted by the share.

        With the shares s of a query among recordings as archives make them, and among those
        weighted to stand for the land,

            distance' = csd - sum over both of slope logit s

        so that under ``platt`` logit p rises by a multiple of the shares' log-odds.

        Args:
            queries: ``(m, dim)``: single terms, as :class:`psm.mapping.matching.EncodedQuery` has.

        Raises:
            ConfigError: the gallery is not at hand.
        """
        if self.share is None:
            return QueryCurves.alike(self.curve, queries)
        if self._gallery is None:
            raise ConfigError("the calibration lacks its gallery: use Calibration.load")
        offset, variance = self.share.offset(self._gallery, queries)
        device = queries.mean.device
        return QueryCurves(self.curve, offset.float().to(device), variance.float().to(device))

    def curve(self, distance: Tensor) -> Tensor:
        """Probability at squared distances of any shape, once they are shifted by the share."""
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

    def shift_to_land(self, queries: Gaussian) -> Float[Tensor, " m"]:
        """How much more common each query is on the land than in archives, in log-odds.

        Args:
            queries: ``(m, dim)``.

        Returns:
            ``(m,)``, as the recordings of the gallery are heard; zero where probabilities are not
            of the land, or there is no gallery.
        """
        if self.share is None or self.share.base != "land" or self._gallery is None:
            return queries.mean.new_zeros(len(queries.mean), dtype=torch.float32)
        land, archives = (self._gallery.heard(queries, base) for base in ("land", "archives"))
        return (land.log_odds - archives.log_odds).float()

    @property
    def meaning(self) -> str:
        """What is as likely as the probability says."""
        if self.share is None:
            return MEANINGS[self.task]
        base = BASE_MEANINGS[self.share.base]
        return f"{SHARED_MEANINGS[self.task]}, on average over {base}"

    @property
    def summary(self) -> str:
        """One line for the metadata of a map: how, on what, with which prior, to which end."""
        share = self.share
        heard = "" if share is None else f"share heard in {share.recordings} recordings, "
        return (
            f"{self.method} on {self.recordings} held-out recordings, prior {self.prior:.3g}, "
            f"{heard}"
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
