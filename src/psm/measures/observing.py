"""Places of a table as a model sees them: location means, told place, month and hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from psm.errors import MissingData
from psm.evaluation.against.asking import embedded_places
from psm.evaluation.against.points import Points
from psm.imagery import Provider
from psm.inference.batches import location_gaussians
from psm.model import PSM


@dataclass(frozen=True, eq=False)
class Observed:
    """Points that a model could see.

    Attributes:
        rows: which of the points that were asked for, ``(n,)``.
        means: of their location Gaussians, ``(n, dim)`` float64.
    """

    rows: Int[np.ndarray, " n"]
    means: Float[Tensor, "n dim"]


@torch.inference_mode()
def observe(model: PSM, imagery: Provider, points: Points, zoom: int | None = None) -> Observed:
    """Location means of points, told place, month and hour as far as each is known.

    Views are embedded once a place and kept in the user's cache, so that a run that is killed goes
    on, and another column of the table costs nothing.

    Args:
        model: in evaluation mode.
        imagery: where the views come from.
        points: where and when.
        zoom: one of the model's zoom levels; by default its first.

    Returns:
        The points that have imagery and lie where the model covers places.

    Raises:
        ConfigError: the model does not know the zoom level.
        MissingData: no place can be seen.
    """
    places, index = embedded_places(model, imagery, points, zoom)
    features = places.features[torch.from_numpy(index)]
    seen = (~features[:, 0].isnan()).numpy().nonzero()[0]
    if not len(seen):
        raise MissingData(
            f"none of {len(places.cells)} places has imagery that {model.config.name} covers"
        )
    found = location_gaussians(model, features[torch.from_numpy(seen)], points.part(seen).context())
    return Observed(seen, found.mean.cpu().double())
