"""Gallery of a model: recordings as it hears them, which say how common a query is.

A contrastive score is log P(recording given place) - log P(recording): it says how much likelier a
sound is here than elsewhere, and not how likely. What is missing is one number a query, its
**share**: how often a random recording holds it. The audio tower can estimate it for any query, by
counting the recordings of a gallery that match it. It is counted twice: among recordings as
archives make them, and among the same recordings weighted to stand for the land as it is.

A gallery of a calibrated model holds places too, as the model sees them at all times: how high the
probability of a query rises, and where it lies on average, is read off them.

A gallery is kept as ``gallery.safetensors`` beside the weights that it belongs to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from psm import checkpoints
from psm.errors import CheckpointMismatch, ConfigError
from psm.files import atomic_path
from psm.gaussian import Gaussian, csd_factors, csd_weights
from psm.tensorfiles import sort_header

Base = Literal["archives", "land"]
"""What a share is of: recordings as archives make them, or the land and the hours as they are."""

BASES: tuple[Base, ...] = get_args(Base)

BASE_MEANINGS: dict[Base, str] = {
    "archives": "recordings as the archives make them",
    "land": "the land and the hours as they are, evenly",
}

_FORMAT = "psm-gallery-1"
_QUERIES = 1024  # at once
_JEFFREYS = 0.5  # of a recording, that holds the query and that does not


class Share(NamedTuple):
    """Shares of M queries, as log-odds: how often recordings hold each.

    Attributes:
        log_odds: ``(m,)`` expected.
        variance: ``(m,)`` of them, since a gallery is finite.
    """

    log_odds: Float[Tensor, " m"]
    variance: Float[Tensor, " m"]

    @property
    def probability(self) -> Float[Tensor, " m"]:
        """The shares themselves, by their log-odds."""
        return torch.sigmoid(self.log_odds)


class Matching(NamedTuple):
    """When a recording holds a query: ``sigmoid(scale * (median - margin - csd))``.

    The median is that of the csd of the query to all recordings, so that queries of any kind and
    width can be compared: a recording holds what it is much nearer to than most of them are.
    """

    scale: float
    margin: float


@dataclass(frozen=True, eq=False)
class Gallery:
    """Recordings as a model hears them; see the module.

    Attributes:
        sounds: ``(n, dim)`` of recordings, only the sums of the variances mean anything.
        weights: by base, ``(n,)``: how much each recording counts.
        matching: when a recording holds a query.
        recordings: how many there were to choose from.
        data: fingerprint of these.
        model: fingerprint of the weights, see :func:`psm.checkpoints.weights_fingerprint`.
        places: ``(k, dim)`` of locations that stand for the land and the hours evenly, as
            :func:`compact` keeps them; ``None`` where it holds none.
    """

    sounds: Gaussian
    weights: Mapping[Base, Float[Tensor, " n"]]
    matching: Matching
    recordings: int
    data: str
    model: str
    places: Gaussian | None = None

    def __len__(self) -> int:
        return len(self.sounds.mean)

    def heard(self, queries: Gaussian, base: Base) -> Share:
        """How often the recordings hold each query, as the audio tower hears them.

        With an effective number n of recordings of which a share s match, the true share is
        Beta(n s + 1/2, n (1 - s) + 1/2) (Jeffreys' prior): a query that nothing matches is rare,
        and how rare is uncertain.

        Args:
            queries: ``(m, dim)``: texts, recordings, blends of both.
            base: of which recordings.

        Raises:
            ConfigError: the gallery does not know how its recordings stand for this base.
        """
        weight, size = self._weight(base), self.effective_size(base)
        share = torch.cat([weight @ self._held(part) for part in _parts(queries)])
        held, other = size * share + _JEFFREYS, size * (1.0 - share) + _JEFFREYS
        return Share(
            torch.digamma(held) - torch.digamma(other),
            torch.polygamma(1, held) + torch.polygamma(1, other),
        )

    def effective_size(self, base: Base) -> float:
        """How many recordings of equal weight would tell as much (Kish 1965)."""
        return float(1.0 / self._weight(base).square().sum())

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all of it."""
        digest = hashlib.sha256(repr(sorted(self._about.items())).encode())
        checkpoints.hash_tensors(digest, self._tensors, with_shapes=True)
        return digest.hexdigest()

    def save(self, folder: str | Path) -> Path:
        """Write ``gallery.safetensors`` into a model folder; complete or absent."""
        path = Path(folder) / checkpoints.GALLERY_NAME
        with atomic_path(path) as aside:
            save_file(self._tensors, aside, metadata=self._about)
            sort_header(aside)
        return path

    @classmethod
    def find(cls, folder: str | Path) -> Gallery | None:
        """The gallery of a model folder, ``None`` where it has none.

        Raises:
            CheckpointMismatch: the file is broken, or of other weights than those beside it.
        """
        path = Path(folder) / checkpoints.GALLERY_NAME
        if not path.is_file():
            return None
        found = _read(path)
        weights = checkpoints.weights_fingerprint(Path(folder))
        if found.model != weights:
            raise CheckpointMismatch(
                f"{path}: the gallery is of other weights ({found.model[:12]}, not "
                f"{weights[:12]}); run `psm calibrate` again"
            )
        return found

    def _held(self, queries: Gaussian) -> Float[Tensor, "n m"]:
        """How surely each recording holds each query."""
        weights, offset = csd_weights(queries)
        distance = self._factors @ weights.T + offset
        middle = distance.median(0).values
        scale, margin = self.matching
        return torch.sigmoid(scale * (middle - margin - distance))

    @cached_property
    def _factors(self) -> Float[Tensor, "n terms"]:
        """The recordings' side of a csd, made once."""
        return csd_factors(self.sounds)

    def _weight(self, base: Base) -> Float[Tensor, " n"]:
        if base not in self.weights:
            raise ConfigError(
                f"the gallery was made without shores and towns and knows no share of {base}: "
                "use the base archives, or install psm-maps[demo] and run `psm calibrate` again"
            )
        weight = self.weights[base].double()
        return weight / weight.sum()

    @cached_property
    def _tensors(self) -> dict[str, Tensor]:
        tensors = {"mean": self.sounds.mean.half(), "variance": self.sounds.var.sum(-1).float()}
        tensors |= {f"weight.{base}": weight.float() for base, weight in self.weights.items()}
        if (places := self.places) is not None:
            tensors["places.mean"] = places.mean.half()
            tensors["places.variance"] = places.var.sum(-1).float()
        return {name: tensor.clone().contiguous() for name, tensor in tensors.items()}

    @property
    def _about(self) -> dict[str, str]:
        return {
            "format": _FORMAT,
            "scale": repr(self.matching.scale),
            "margin": repr(self.matching.margin),
            "recordings": f"{self.recordings}",
            "data": self.data,
            "weights": self.model,
        }


def compact(gaussians: Gaussian) -> Gaussian:
    """As a gallery keeps them: means of unit length in half precision, one variance for all axes.

    The csd knows no more of a variance than its sum.
    """
    mean = gaussians.unit().mean.cpu().half().double()
    return _of_sums(mean, gaussians.var.sum(-1).cpu().float())


def _of_sums(mean: Float[Tensor, "n dim"], total: Float[Tensor, " n"]) -> Gaussian:
    spread = (total.double() / mean.shape[-1]).log()
    return Gaussian(mean.double(), spread[:, None].expand_as(mean))


def _parts(queries: Gaussian) -> list[Gaussian]:
    wide = Gaussian(queries.mean.detach().cpu().double(), queries.log_var.detach().cpu().double())
    return [wide.rows(slice(at, at + _QUERIES)) for at in range(0, len(wide.mean), _QUERIES)] or [
        wide
    ]


def _read(path: Path) -> Gallery:
    """A gallery from its file.

    Raises:
        CheckpointMismatch: it is none.
    """
    try:
        with safe_open(path, framework="pt") as stored:
            about = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        if about.get("format") != _FORMAT:
            raise ValueError(f"its format is {about.get('format')!r}, not {_FORMAT!r}")
        weights: dict[Base, Tensor] = {
            base: tensors[f"weight.{base}"] for base in BASES if f"weight.{base}" in tensors
        }
        found = Gallery(
            sounds=_of_sums(tensors["mean"], tensors["variance"]),
            weights=weights,
            matching=Matching(float(about["scale"]), float(about["margin"])),
            recordings=int(about["recordings"]),
            data=about["data"],
            model=about["weights"],
            places=_of_sums(tensors["places.mean"], tensors["places.variance"])
            if "places.mean" in tensors
            else None,
        )
        if not len(found) or any(len(weight) != len(found) for weight in weights.values()):
            raise ValueError("its parts are not of one size")
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
            raise ValueError("it holds numbers that are not finite")
    except (SafetensorError, OSError, ValueError, KeyError) as problem:
        raise CheckpointMismatch(
            f"{path}: not a gallery ({problem}); run `psm calibrate` again"
        ) from None
    return found
