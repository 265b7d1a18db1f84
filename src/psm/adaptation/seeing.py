"""How a trained model sees imagery of another ground sample distance than it was trained at.

Positions of patches are told in metres. What a model makes of metres that it has never met may be
worse than what it makes of a picture at the scale that it knows: both ways are tried, and the
better one begins.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from psm.config import ModelConfig
from psm.data.recording import Recording
from psm.model import PSM

OWN_IMAGERY = "own imagery"
AS_TOLD, AS_TRAINED = "metres as they are", "metres as if it were the scale that it was trained at"

_SAME_GSD = 0.2  # pixels of Web Mercator shrink towards the poles


def ways_of_seeing(model: PSM, recordings: Sequence[Recording]) -> dict[str, PSM]:
    """The model as it may see the tiles of recordings, by what it is told of their scale.

    Its maps ask for views of that ground sample distance from then on. Weights are the same.

    Args:
        model: as it was trained.
        recordings: with the ground sample distance of each.

    Returns:
        One way where the scale is what the model knows, else two.
    """
    gsd_m = float(np.median([recording.gsd_m for recording in recordings]))
    trained_m = model.config.imagery.gsd_m
    if np.isclose(gsd_m, trained_m, rtol=_SAME_GSD):
        return {AS_TOLD: model}
    return {
        AS_TOLD: _seeing(model, gsd_m, 1.0),
        AS_TRAINED: _seeing(model, gsd_m, gsd_m / trained_m),
    }


def _seeing(model: PSM, gsd_m: float, scale: float) -> PSM:
    """A copy for views of this ground sample distance, whose metres count for so many."""
    config: ModelConfig = model.config
    unit_m = config.satellite.gsd_unit_m * scale
    seen = copy.deepcopy(model)
    seen.satellite.gsd_unit_m = unit_m
    seen.config = config.model_copy(
        update={
            "imagery": config.imagery.model_copy(update={"name": OWN_IMAGERY, "gsd_m": gsd_m}),
            "satellite": config.satellite.model_copy(update={"gsd_unit_m": unit_m}),
        }
    )
    return seen
