"""Features of a split without the area that a model's training left out."""

from __future__ import annotations

import numpy as np
import torch

from psm.data.holdout import area_of, shows
from psm.inference.split import SplitFeatures
from psm.model import PSM


def without_held_out(model: PSM, features: SplitFeatures) -> SplitFeatures:
    """The recordings that show nothing of the area that a training held out; most often all.

    Args:
        model: as loaded from its folder, which says what it was trained by.
        features: of a split.
    """
    wkt = model.experiment.training.hold_out if model.experiment is not None else None
    if wkt is None:
        return features
    imagery = model.config.imagery
    tile_px = imagery.view_px * max(imagery.zooms)
    rows = np.flatnonzero(~shows(area_of(wkt), features.recordings, tile_px=tile_px))
    index = torch.from_numpy(rows)
    return SplitFeatures(
        recordings=tuple(features.recordings[row] for row in rows),
        images={zoom: values[index] for zoom, values in features.images.items()},
        audio=features.audio[index],
        text=features.text[index],
    )
