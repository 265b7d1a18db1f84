"""Features of a split without the area that a model's training left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from psm.data.holdout import area_of, find_unseen, shows
from psm.data.recording import Recording
from psm.data.tars import MemberIndex
from psm.inference.split import SplitFeatures
from psm.model import PSM


def find_learnt(model: PSM, data: Path, split: str) -> tuple[MemberIndex, tuple[Recording, ...]]:
    """Where the recordings of a split lie, without the area that a training held out.

    Args:
        model: as loaded from its folder, which says what it was trained by.
        data: folder of shards.
        split: which of them.

    Raises:
        MissingData, CorruptShard: the shards are absent or broken.
    """
    return find_unseen(data, split, _held_out(model), tile_px=_tile_px(model))


def without_held_out(model: PSM, features: SplitFeatures) -> SplitFeatures:
    """The recordings that show nothing of the area that a training held out; most often all.

    Args:
        model: as loaded from its folder, which says what it was trained by.
        features: of a split.
    """
    wkt = _held_out(model)
    if wkt is None:
        return features
    seen = shows(area_of(wkt), features.recordings, tile_px=_tile_px(model))
    rows = np.flatnonzero(~seen)
    index = torch.from_numpy(rows)
    return SplitFeatures(
        recordings=tuple(features.recordings[row] for row in rows),
        images={zoom: values[index] for zoom, values in features.images.items()},
        audio=features.audio[index],
        text=features.text[index],
    )


def _held_out(model: PSM) -> str | None:
    return model.experiment.training.hold_out if model.experiment is not None else None


def _tile_px(model: PSM) -> int:
    imagery = model.config.imagery
    return imagery.view_px * max(imagery.zooms)
