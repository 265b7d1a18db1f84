"""Coverage: the places that a model has learnt about, so that a map can say where it has not.

A model answers for every place that it is shown: for Antarctica after recordings of Europe, for
pictures of a sensor that it has never seen. So a model folder keeps where its training recordings
were made, and how some of those places look to it. A place is **covered** where

    near     a training recording was made within ``reach_km``: half as far again as the held-out
             recordings that the model was judged on lie from those that it was trained on;
    alike    it looks like some place of training: the cosine of their image features, before any
             fusion with place and time, is at least that of all held-out places.

So "not covered" means that nothing that the model was tested on tells how good it is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn import functional as F

from psm.geodata.sphere import km_to_chord, unit_vectors
from psm.tensorfiles import built, read_tensors, write_tensors
from psm.unitfeatures import cosines, rounded

FILE_NAME = "coverage.safetensors"
TAG = "not_covered"
"""Name of the share of a map that is not covered, in the metadata of files."""

WORTH_SAYING = 0.01
"""Share of a map's area from which on it is said to people: of a globe, some far islands are."""

_VERSION = 1
_TENSORS = ("places", "looks")
_ROUNDING = 2e-3  # what 8 bits a feature and float16 in a store may change of a cosine
_BLOCK = 4096  # places that are compared together


def percent(share: float) -> str:
    """A share in per cent, for people: ``0.4 %``, ``12 %``."""
    return f"{100.0 * share:.2g} %" if share < 0.995 else "100 %"


@dataclass(frozen=True, eq=False)
class Coverage:
    """Where a model has learnt; see the module.

    Attributes:
        places: ``(n, 2)`` latitude and longitude of training recordings, one of those that are
            next to each other.
        reach_km: how far from one of them a place may lie.
        looks: ``(m, dim)`` image features of training places, of unit length.
        least_likeness: cosine that the features of a place must have with one of them.
        weights: fingerprint of the model's, see :func:`psm.checkpoints.weights_fingerprint`.
    """

    places: Float[Tensor, "n 2"]
    reach_km: float
    looks: Float[Tensor, "m dim"]
    least_likeness: float
    weights: str

    def covers(
        self,
        features: Float[Tensor, "cells dim"],
        *,
        lat: NDArray[np.float64],
        lon: NDArray[np.float64],
    ) -> Bool[np.ndarray, " cells"]:
        """Which places are covered.

        Args:
            features: of the model's satellite encoder, of any precision.
            lat, lon: ``(cells,)`` degrees.
        """
        found = self._is_near(lat, lon)
        rows = np.flatnonzero(found)
        for block in np.split(rows, range(_BLOCK, len(rows), _BLOCK)):
            if len(block):
                likeness = cosines(features[torch.from_numpy(block)], self.looks).amax(-1)
                found[block] = (likeness + _ROUNDING >= self.least_likeness).numpy()
        return found

    def _is_near(self, lat: np.ndarray, lon: np.ndarray) -> NDArray[np.bool_]:
        distance, _ = self._tree.query(unit_vectors(lat=lat, lon=lon))
        return np.asarray(distance <= km_to_chord(self.reach_km))

    @cached_property
    def _tree(self) -> cKDTree:
        lat, lon = self.places.double().numpy().T
        return cKDTree(unit_vectors(lat=lat, lon=lon))

    @property
    def statement(self) -> str:
        """What a place must be like to be covered, in a few words."""
        return (
            f"within {self.reach_km:,.0f} km of a training recording and looking like the place "
            "of one"
        )

    def save(self, folder: Path) -> Path:
        """Write ``coverage.safetensors`` into a model folder; complete or absent."""
        tensors = {"places": self.places, "looks": rounded(self.looks)}
        about = {
            "version": _VERSION,
            "reach_km": self.reach_km,
            "least_likeness": self.least_likeness,
            "weights": self.weights,
        }
        return write_tensors(folder / FILE_NAME, tensors, about)

    @classmethod
    def load(cls, folder: Path) -> Coverage | None:
        """What a model folder holds; ``None`` where it was written before there was any.

        Raises:
            CheckpointMismatch: the file is broken.
        """
        path = folder / FILE_NAME
        stored = read_tensors(path, _TENSORS, version=_VERSION)
        if stored is None:
            return None
        parts, about = stored
        parts["looks"] = F.normalize(parts["looks"].float(), dim=-1)
        return built(cls, path, {**parts, **about})
