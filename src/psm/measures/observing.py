"""Places of a table as a model sees them: location means, told place, month and hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from affine import Affine
from jaxtyping import Float, Int
from torch import Tensor

from psm.errors import MissingData
from psm.evaluation.against.points import Points
from psm.geodata.frame import WGS84, Frame
from psm.imagery import Provider
from psm.inference.batches import location_gaussians
from psm.mapping.cells import Cells
from psm.mapping.store import EmbeddedCells, embed_cells
from psm.model import PSM

_STEP_DEG = 0.0005  # some 50 m: places nearer than this are seen in one view
_FRAME = Frame(
    WGS84,
    Affine(_STEP_DEG, 0.0, -180.0, 0.0, -_STEP_DEG, 90.0),
    (round(180 / _STEP_DEG), round(360 / _STEP_DEG)),
)


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


def embedded_places(
    model: PSM, imagery: Provider, points: Points, zoom: int | None = None
) -> tuple[EmbeddedCells, Int[np.ndarray, " n"]]:
    """The places of points as embedded cells of a very fine frame, and which is whose.

    Args:
        model, imagery, points, zoom: as of :func:`observe`.

    Returns:
        Each place once, and for each point the row of its place.
    """
    level = model.config.imagery.zooms[0] if zoom is None else zoom
    row, column = _FRAME.index(lat=points.lat, lon=points.lon)
    flat, index = np.unique(row * _FRAME.shape[1] + column, return_inverse=True)
    cells = Cells(_FRAME, *np.divmod(flat, _FRAME.shape[1]))
    return embed_cells(model, imagery, cells, level), index
