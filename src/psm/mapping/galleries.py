"""Recordings of a data set, searched for what a place sounds like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from psm.calibration import Calibration, learnt_curve
from psm.errors import ConfigError
from psm.imagery import Provider
from psm.inference.batches import location_gaussians
from psm.inference.split import encode_split
from psm.mapping.moment import Moment
from psm.mapping.profile import look
from psm.mapping.search import FoundRecording, best_recordings
from psm.model import PSM


@torch.inference_mode()
def search_recordings(
    model: PSM,
    provider: Provider,
    gallery: Path,
    *,
    lat: float,
    lon: float,
    moment: Moment,
    split: str = "test",
    zoom: int | None = None,
    calibration: Calibration | None = None,
    count: int = 20,
    apart_km: float = 0.0,
) -> list[FoundRecording]:
    """The recordings that match a place at a moment best, best first.

    The encoded shards are kept in the gallery's folder ``.features``: the next search is quick.

    Args:
        model: in evaluation mode.
        provider: of the imagery of the place.
        gallery: folder of shards.
        lat, lon: the place, degrees.
        moment: when.
        split: of the gallery.
        zoom: level that the model was trained on; by default its first.
        calibration: turns distances into calibrated probabilities.
        count: how many, at most.
        apart_km: a recording made nearer than this to a better one is left out.

    Raises:
        MissingData, CorruptShard: there is no imagery of the place, or no readable gallery.
        InvalidContext: there is no such place.
    """
    level = model.config.imagery.zooms[0] if zoom is None else zoom
    features = look(model, provider, lat=lat, lon=lon, zoom=level)
    context = moment.context(lat=np.array([lat]), lon=np.array([lon]))
    place = location_gaussians(model, features, context)
    keep = gallery / ".features" / split
    encoded = encode_split(model, gallery, split=split, zooms=(), keep=keep)
    if calibration is not None:
        calibration.require(model)
    curve = learnt_curve(model) if calibration is None else calibration.curve
    return best_recordings(
        place,
        model.audio_head(encoded.audio),
        encoded.recordings,
        curve,
        count,
        apart_km=apart_km,
    )


def parse_place(text: str) -> tuple[float, float]:
    """Latitude and longitude of ``48.2,16.4``.

    Raises:
        ConfigError: no two numbers.
    """
    parts = text.split(",")
    try:
        lat, lon = (float(part) for part in parts)
    except ValueError:
        raise ConfigError(f"{text!r} is no place: write LAT,LON in degrees, as 48.2,16.4") from None
    return lat, lon
