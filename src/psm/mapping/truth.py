"""Truth beside a map: the same cells by the rules of the simulated Earth, and how far off a map is.

Only the simulated Earth knows how likely its sounds are, and only for each of them alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from psm.earth.layers import Layers, LayerValues
from psm.earth.phrases import PHRASES, Phrases
from psm.earth.sounds import Sound
from psm.earth.soundscape import true_probability_at
from psm.earth.worlds import OUR_EARTH, World, world_named
from psm.errors import ConfigError
from psm.mapping.bands import PROBABILITY, UNCERTAINTY
from psm.mapping.map_data import MapData
from psm.mapping.moment import Moment
from psm.mapping.query import Combination, Query
from psm.mapping.soundscape_map import SoundscapeMap

_EVERY_MONTHS, _EVERY_HOURS = range(1, 13), np.arange(0.0, 24.0, 3.0)


@dataclass(frozen=True)
class Agreement:
    """How a map and its truth agree, every square kilometre alike but in the ranks.

    Attributes:
        spearman: rank correlation over the cells.
        error: mean absolute difference.
        mean, true_mean: of both.
        explained: share of the variance of the truth; below 0 a constant would be better.
    """

    spearman: float
    error: float
    mean: float
    true_mean: float
    explained: float


def sound_of(query: Query | Combination, world: World = OUR_EARTH) -> Sound:
    """The sound of a simulated world that a query names.

    Raises:
        ConfigError: it is no text, or one that stands for no single sound.
    """
    terms = query.all_terms if isinstance(query, Query) else ()
    wordings = terms[0].wordings if len(terms) == 1 and terms[0].is_wanted else ()
    named = {_named(text, world) for text in wordings}
    sound = named.pop() if len(named) == 1 else None
    if sound is None:
        raise ConfigError(
            f"{query.label}: the truth is known of single sounds of the simulated Earth; "
            f"ask for one of {', '.join(world.queries.values())}"
        )
    return sound


def phrase_of(query: Query | Combination, world: World = OUR_EARTH) -> str | None:
    """The sound of a simulated world that a query names, in words; ``None`` where it is none."""
    try:
        return world.queries[sound_of(query, world)]
    except ConfigError:
        return None


def true_map(soundscape: SoundscapeMap, sound: Sound | None = None) -> SoundscapeMap:
    """The truth in the cells of a map, at its moment; an unknown month or hour is averaged over.

    Args:
        soundscape: of one sound of the simulated Earth.
        sound: which one; by default what its query names.

    Raises:
        ConfigError: the model did not learn there, or the query is no single sound of it.
    """
    if not soundscape.provenance.is_simulated:
        raise ConfigError(
            f"{soundscape.model}: there is no truth to show, it learnt from recordings"
        )
    world = world_named(soundscape.provenance.world)
    sound = sound or sound_of(soundscape.query, world)
    rows, columns = np.nonzero(np.isfinite(soundscape.values()))
    lat, lon = soundscape.frame.places(rows, columns)
    raster = np.full(soundscape.shape, np.nan, np.float32)
    raster[rows, columns] = _truth(world, sound, soundscape.moment, lat, lon)
    nothing = np.where(np.isfinite(raster), 0.0, np.nan).astype(np.float32)
    return SoundscapeMap.of_rasters(
        soundscape.frame,
        {PROBABILITY.name: raster, UNCERTAINTY.name: nothing},
        bands=(PROBABILITY, UNCERTAINTY),
        query=soundscape.query,
        moment=soundscape.moment,
        zoom=soundscape.zoom,
        model="the rules of the simulated Earth",
        attribution=soundscape.attribution,
        licence=soundscape.licence,
        provenance=soundscape.provenance,
        calibration="none needed: the true probability",
        scale=soundscape.scale,
        not_covered=soundscape.not_covered,
    )


def agreement(soundscape: MapData, truth: MapData) -> Agreement:
    """How far a map is from its truth.

    Args:
        soundscape, truth: on one frame, with values in the same cells.
    """
    from scipy.stats import rankdata  # half a second, which no map needs

    p, t = soundscape.values().astype(float), truth.values().astype(float)
    known = np.isfinite(p) & np.isfinite(t)
    p, t = p[known], t[known]
    area = np.broadcast_to(soundscape.frame.row_km2[:, None], known.shape)[known]

    def mean(values: Float[np.ndarray, " n"]) -> float:
        return float(np.average(values, weights=area))

    variance = mean((t - mean(t)) ** 2)
    return Agreement(
        spearman=float(np.corrcoef(rankdata(p), rankdata(t))[0, 1]),
        error=mean(np.abs(p - t)),
        mean=mean(p),
        true_mean=mean(t),
        explained=1.0 - mean((p - t) ** 2) / variance if variance else float("nan"),
    )


def _truth(
    world: World,
    sound: Sound,
    moment: Moment,
    lat: Float[np.ndarray, " n"],
    lon: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    months = _EVERY_MONTHS if moment.month is None else (moment.month,)
    hours = moment.local_hours(lon)
    times = [hours] if np.isfinite(hours).all() else [np.full(len(lat), h) for h in _EVERY_HOURS]
    places = _places(lat.astype(float).tobytes(), lon.astype(float).tobytes())
    found = [
        true_probability_at(places, month=month, hour=hour, sound=sound, world=world)
        for month in months
        for hour in times
    ]
    return np.asarray(np.mean(found, axis=0))


@lru_cache(maxsize=4)
def _places(lat: bytes, lon: bytes) -> LayerValues:
    """What the Earth is like in the cells of a map; asked again at every other moment."""
    return Layers.load().at(lat=np.frombuffer(lat), lon=np.frombuffer(lon))


def _named(text: str, world: World) -> Sound | None:
    """The sound that is called so, or the only one with a name that holds these words."""
    plain = _plain(text)
    if plain in _sounds(world):
        return _sounds(world)[plain]
    holding = {
        sound
        for sound, banks in _banks(world).items()
        if any(f" {plain} " in f" {_plain(name)} " for bank in banks for name in bank.names)
    }
    return holding.pop() if len(holding) == 1 else None


@lru_cache(maxsize=4)
def _sounds(world: World) -> dict[str, Sound]:
    """Sounds by everything that people call them."""
    words = {
        _plain(text): sound
        for sound, banks in _banks(world).items()
        for bank in banks
        for text in (*bank.names, *bank.clauses)
    }
    return words | {_plain(text): sound for sound, text in world.queries.items()}


def _banks(world: World) -> dict[Sound, list[Phrases]]:
    """Our phrases for each sound of a world, and its own."""
    banks = (PHRASES, world.wording.phrases)
    return {sound: [bank[sound] for bank in banks if sound in bank] for sound in world.sounds}


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
