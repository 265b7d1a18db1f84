"""Region maps of an adaptation: the commonest sounds before and after, and what to record next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

from psm.calibration import Calibration
from psm.cartography.mapdrawing import draw_map
from psm.cartography.style import COLOURS, DIM, INK, colour_bar, figure_style, new_figure
from psm.data.recording import Recording
from psm.geodata.sphere import chord_to_km, unit_vectors
from psm.imagery import Provider
from psm.inference.familiarityfit import known_phrases
from psm.mapping import Moment, Query, SoundscapeMap, embed_cells, map_query
from psm.mapping.bands import UNCERTAINTY
from psm.mapping.outputs.figurefile import save_figure
from psm.mapping.outputs.render import credit_line
from psm.mapping.region import Region
from psm.model import PSM

MOST_SOUNDS, MOST_PLACES = 5, 5
_CELLS = 1_500
_MARGIN, _LEAST_MARGIN_DEG = 0.1, 0.02
_WIDTH_IN, _MAP_IN, _GAP_IN, _MOST_MAP_IN = 11.0, 3.4, 0.15, 4.0
_WORDS_IN, _FOOT_IN = 0.95, 0.3  # above and below a map; below all of them
_COLUMNS = ("before", "after", "uncertainty after")


@dataclass(frozen=True)
class CommonSound:
    """A sound of the recordings, how it is asked for, and when it was recorded most.

    Attributes:
        name: the label, or the phrase of the captions.
        phrase: that is asked.
        recordings: how many hold it.
        moment: the month and the hour that most of them are of.
    """

    name: str
    phrase: str
    recordings: int
    moment: Moment


@dataclass(frozen=True)
class Unsure:
    """A place where the model is unsure of the commonest sounds, on average over them."""

    lat: float
    lon: float
    uncertainty: float


def common_sounds(recordings: Sequence[Recording], phrases: Mapping[str, str]) -> list[CommonSound]:
    """The commonest sounds: by labels, where there are any, else by phrases of captions.

    Args:
        recordings: that hold them.
        phrases: how each label is asked for.
    """
    counts = Counter(name for recording in recordings for name in recording.sounds)
    if counts:
        names = [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
        holds = {name: [name in r.sounds for r in recordings] for name in names[:MOST_SOUNDS]}
    else:
        names = known_phrases([r.caption for r in recordings], MOST_SOUNDS)
        holds = {name: [name in r.caption.lower() for r in recordings] for name in names}
    return [
        CommonSound(name, phrases.get(name, name), sum(held),
                    _moment([r for r, has in zip(recordings, held, strict=True) if has]))
        for name, held in holds.items()
    ]  # fmt: skip


def _moment(recordings: Sequence[Recording]) -> Moment:
    months = Counter(r.month for r in recordings if r.month is not None)
    hours = Counter(int(r.hour) for r in recordings if r.hour is not None)
    return Moment(
        month=min(months, key=lambda m: (-months[m], m)) if months else None,
        hour=float(min(hours, key=lambda h: (-hours[h], h))) if hours else None,
    )


def region_of(recordings: Sequence[Recording]) -> Region:
    """The box of the recordings, with a margin; one across the antimeridian stays one."""
    lat = np.array([r.lat for r in recordings])
    lon = np.array([r.lon for r in recordings])
    middle = np.rad2deg(np.angle(np.exp(1j * np.deg2rad(lon)).mean()))
    about = (lon - middle + 180.0) % 360.0 - 180.0
    up, across = (
        max(_LEAST_MARGIN_DEG, _MARGIN * float(np.ptp(values))) for values in (lat, about)
    )
    west, east = middle + about.min() - across, middle + about.max() + across
    return Region.bbox(
        (west + 180.0) % 360.0 - 180.0,
        max(-90.0, lat.min() - up),
        (east + 180.0) % 360.0 - 180.0,
        min(90.0, lat.max() + up),
    )


@dataclass(frozen=True)
class Side:
    """A model with its calibration."""

    model: PSM
    calibration: Calibration | None


def map_both(
    before: Side,
    after: Side,
    imagery: Provider,
    recordings: Sequence[Recording],
    sounds: Sequence[CommonSound],
    store: Path,
) -> list[tuple[SoundscapeMap, SoundscapeMap]]:
    """The maps of the commonest sounds by both models, each at the sound's own moment.

    Args:
        before, after: the start and what it became.
        imagery: of the region.
        recordings: whose region is mapped.
        sounds: to be mapped.
        store: folder for the embedded cells.

    Raises:
        PSMError: the imagery cannot be read, or does not show the region.
    """
    region = region_of(recordings)
    spacing_m = 1000.0 * float(np.sqrt(region.area_km2 / _CELLS))
    cells = region.grid(spacing_m).cells()
    zoom = before.model.config.imagery.zooms[0]
    embedded = [
        embed_cells(side.model, imagery, cells, zoom, store=store) for side in (before, after)
    ]
    found = []
    for sound in sounds:
        query = Query(texts=(sound.phrase,))
        one, other = (
            map_query(side.model, places, query, sound.moment, calibration=side.calibration)
            for side, places in zip((before, after), embedded, strict=True)
        )
        found.append((one, other))
    return found


def draw_both(
    maps: Sequence[tuple[SoundscapeMap, SoundscapeMap]],
    sounds: Sequence[CommonSound],
    recordings: Sequence[Recording],
    path: Path,
    *,
    width_px: int = 1650,
) -> Path:
    """Draw a row for each sound: before, after, and how unsure the model is of what it says now.

    Args:
        maps, sounds: of :func:`map_both`.
        recordings: whose sites are marked.
        path: the PNG file; complete or absent.
        width_px: width of the picture.

    Returns:
        The path.
    """
    rows, columns = maps[0][0].frame.shape
    map_in = min(_MOST_MAP_IN, _MAP_IN * rows / columns)
    row_in = map_in + _WORDS_IN
    height = row_in * len(maps) + _FOOT_IN
    with figure_style():
        figure = new_figure(_WIDTH_IN, height, width_px)
        for row, ((before, after), sound) in enumerate(zip(maps, sounds, strict=True)):
            bottom = _FOOT_IN + row_in * (len(maps) - 1 - row)
            words = f"{sound.phrase}, {sound.moment}; in {sound.recordings} recordings"
            figure.text(
                0.02, (bottom + row_in - 0.1) / height, words, va="top", fontsize=11,
                weight="bold", color=INK,
            )  # fmt: skip
            values = before.values(), after.values(), after.values(UNCERTAINTY.name)
            likely, unsure = _top(*values[:2]), _top(values[2])
            for column, (name, raster) in enumerate(zip(_COLUMNS, values, strict=True)):
                is_unsure = column == len(_COLUMNS) - 1
                left = 0.02 + column * (_MAP_IN + _GAP_IN) / _WIDTH_IN
                drawing = draw_map(
                    figure.add_axes(
                        (left, (bottom + 0.55) / height, _MAP_IN / _WIDTH_IN, map_in / height)
                    ),
                    after.frame,
                    COLOURS[UNCERTAINTY.colours if is_unsure else after.quantity.colours],
                    (0.0, unsure if is_unsure else likely),
                    has_data=np.isfinite(raster),
                    width_px=width_px // 3,
                    is_plain=True,
                )
                drawing.show(raster)
                bar = figure.add_axes((left + 0.02, (bottom + 0.4) / height, 0.2, 0.08 / height))
                colour_bar(bar, drawing.image, name, small=True)
        after = maps[0][1]
        figure.text(
            0.985, 0.05 / height, credit_line(after), ha="right", va="bottom", color=DIM,
            fontsize=6.5,
        )  # fmt: skip
        return save_figure(
            figure, path, title=f"Before and after {len(recordings)} recordings",
            rights=after.rights, tags={"software": after.tags["software"], **after.told},
        )  # fmt: skip


def _top(*rasters: Float[np.ndarray, "rows columns"]) -> float:
    known = np.concatenate([raster[np.isfinite(raster)] for raster in rasters])
    return max(0.01, float(np.quantile(known, 0.99))) if known.size else 1.0


def unsure_places(
    maps: Sequence[SoundscapeMap], recordings: Sequence[Recording], apart_km: float
) -> list[Unsure]:
    """Where the model is unsure of the commonest sounds and nobody recorded, far from each other.

    Args:
        maps: of what the model says now, on one frame.
        recordings: near which there is no need.
        apart_km: least distance between two of them, and from a recording.
    """
    mean = np.mean([one.values(UNCERTAINTY.name) for one in maps], axis=0)
    rows, columns = np.nonzero(np.isfinite(mean))
    lat, lon = maps[0].frame.places(rows, columns)
    unsure = mean[rows, columns]
    taken = unit_vectors(lat=[r.lat for r in recordings], lon=[r.lon for r in recordings])
    vectors = unit_vectors(lat=lat, lon=lon)
    is_free: Bool[np.ndarray, " n"] = _nearest_km(vectors, taken) >= apart_km
    found: list[Unsure] = []
    while is_free.any() and len(found) < MOST_PLACES:
        best = int(np.argmax(np.where(is_free, unsure, -np.inf)))
        found.append(Unsure(float(lat[best]), float(lon[best]), float(unsure[best])))
        is_free &= _nearest_km(vectors, vectors[best : best + 1]) >= apart_km
    return found


def _nearest_km(
    vectors: Float[np.ndarray, "n 3"], others: Float[np.ndarray, "m 3"]
) -> Float[np.ndarray, " n"]:
    return np.asarray(chord_to_km(cKDTree(others).query(vectors)[0]))


def missing_times(recordings: Sequence[Recording]) -> list[str]:
    """Seasons and times of day that no recording is of, in words."""
    months = {r.month for r in recordings if r.month is not None}
    hours = {int(r.hour) // _PART_H for r in recordings if r.hour is not None}
    seasons = [name for name, three in _SEASONS.items() if not months & three]
    parts = [
        f"{_PART_H * part:02d}:00 to {_PART_H * part + _PART_H:02d}:00"
        for part in range(24 // _PART_H) if part not in hours
    ]  # fmt: skip
    return [*seasons, *parts]


_PART_H = 4
_SEASONS = {
    "December to February": {12, 1, 2},
    "March to May": {3, 4, 5},
    "June to August": {6, 7, 8},
    "September to November": {9, 10, 11},
}
