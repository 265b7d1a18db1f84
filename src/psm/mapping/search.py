"""Search: the best places for a query, and the best recordings for a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from psm.calibration import Calibration, curves_of
from psm.curves import QueryCurves
from psm.data.recording import Recording
from psm.errors import ConfigError
from psm.gaussian import Gaussian, csd
from psm.geodata.gazetteer import near
from psm.geodata.sphere import km_to_chord, unit_vectors
from psm.imagery import Provider
from psm.inference.batches import location_gaussians
from psm.inference.split import encode_split
from psm.mapping.map_data import MapData
from psm.mapping.moment import Moment
from psm.mapping.profile import look
from psm.model import PSM


@dataclass(frozen=True)
class FoundPlace:
    """A cell that matches a query.

    Attributes:
        lat, lon: centre of the cell, degrees.
        numbers: what the map says there, by the short names of its standard bands.
    """

    lat: float
    lon: float
    numbers: Mapping[str, float]

    @property
    def row(self) -> dict[str, object]:
        """For a table; ``place`` is empty far from any town."""
        return {
            **{name: round(number, 4) for name, number in self.numbers.items()},
            "lat": round(self.lat, 5),
            "lon": round(self.lon, 5),
            "place": near(lat=self.lat, lon=self.lon) or "",
        }


@dataclass(frozen=True)
class FoundRecording:
    """A recording that matches a place.

    Attributes:
        recording: what is known of it.
        probability: of a match.
    """

    recording: Recording
    probability: float

    @property
    def row(self) -> dict[str, object]:
        """For a table."""
        return {
            "probability": round(self.probability, 4),
            "lat": self.recording.lat,
            "lon": self.recording.lon,
            "key": self.recording.key,
            "caption": self.recording.caption,
        }


def best_places(soundscape: MapData, count: int = 20, *, apart_km: float = 0.0) -> list[FoundPlace]:
    """The cells of a map that match best, or whose number is highest, best first.

    Args:
        soundscape: a map of probabilities, or of a measure.
        count: how many, at most.
        apart_km: a cell nearer than this to a better one is left out.

    Raises:
        ConfigError: a count or a distance that is none.
    """
    values = soundscape.values()
    rows, columns = np.nonzero(np.isfinite(values))
    lat, lon = soundscape.frame.places(rows, columns)
    kept = spread_out(values[rows, columns], lat=lat, lon=lon, count=count, apart_km=apart_km)
    shown = {
        band.short_name: soundscape.values(band.name)
        for band in soundscape.bands
        if band.is_standard
    }
    return [
        FoundPlace(
            float(lat[at]),
            float(lon[at]),
            {name: float(raster[rows[at], columns[at]]) for name, raster in shown.items()},
        )
        for at in kept
    ]


def best_recordings(
    place: Gaussian,
    gallery: Gaussian,
    recordings: Sequence[Recording],
    curves: QueryCurves,
    count: int = 20,
    *,
    apart_km: float = 0.0,
) -> list[FoundRecording]:
    """The recordings of a gallery that match a place best, best first; exact.

    The best are those that speak most for this place, not those that sound like anything anywhere:
    they are in the order of their distances, whatever their probabilities are.

    Args:
        place: its Gaussian, ``(1, dim)``.
        gallery: of the recordings' sound, ``(n, dim)``.
        recordings: the same, in the same order.
        curves: of the recordings, from distance to probability.
        count: how many, at most.
        apart_km: a recording made nearer than this to a better one is left out.

    Raises:
        ConfigError: a count or a distance that is none.
    """
    distance = csd(place, gallery)
    probability = curves(distance)[0].cpu().numpy()
    kept = spread_out(
        -distance[0].cpu().numpy(),
        lat=np.array([recording.lat for recording in recordings]),
        lon=np.array([recording.lon for recording in recordings]),
        count=count,
        apart_km=apart_km,
    )
    return [FoundRecording(recordings[at], float(probability[at])) for at in kept]


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
    sounds = model.audio_head(encoded.audio)
    return best_recordings(
        place,
        sounds,
        encoded.recordings,
        curves_of(model, calibration, sounds),
        count,
        apart_km=apart_km,
    )


def spread_out(
    values: Float[np.ndarray, " n"],
    *,
    lat: Float[np.ndarray, " n"],
    lon: Float[np.ndarray, " n"],
    count: int,
    apart_km: float,
) -> list[int]:
    """Indices of the highest values, highest first, none nearer than ``apart_km`` to a higher one.

    Raises:
        ConfigError: a count or a distance that is none.
    """
    if count < 1 or not 0.0 <= apart_km < np.inf:
        raise ConfigError(f"search for {count} results {apart_km:g} km apart: both must make sense")
    if apart_km == 0.0:
        best = np.argsort(-values, kind="stable")[:count]
        return [int(at) for at in best if np.isfinite(values[at])]
    points = unit_vectors(lat=lat, lon=lon)
    reach = km_to_chord(min(apart_km, 20015.0)) ** 2
    left: NDArray[np.floating] = np.where(np.isfinite(values), values, -np.inf)
    kept: list[int] = []
    while len(kept) < count:
        at = int(np.argmax(left))
        if left[at] == -np.inf:
            break
        kept.append(at)
        left[((points - points[at]) ** 2).sum(-1) < reach] = -np.inf
        left[at] = -np.inf
    return kept


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
