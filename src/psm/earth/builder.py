"""Builder of the simulated Earth: from a seed to shards, resumable and in parallel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from psm.data.audio import AudioConfig, log_mel
from psm.data.recording import AudioSource, CaptionSource, Recording
from psm.data.shards import Sample, write_shard
from psm.data.splits import BUFFER, TEST, TRAIN, VAL
from psm.data.worldsplits import split_by_position
from psm.earth import MANIFEST_NAME, rules
from psm.earth.captionwriter import caption
from psm.earth.layers import Layers
from psm.earth.painted_imagery import GSD_M, PaintedImagery
from psm.earth.sampling import SampledPlaces, sample_places, source_bias
from psm.earth.scene import Scene
from psm.earth.sounds import SOUNDS
from psm.earth.soundscape import sample_sounds
from psm.earth.synthesis import mix
from psm.errors import ConfigError, SettingsChanged
from psm.files import atomic_path, sweep
from psm.geodata.packages import towns
from psm.geodata.sphere import chord_to_km, unit_vectors
from psm.locking import alone_in
from psm.parallel import run_all
from psm.progress import console, track
from psm.seeding import generator

FORMAT_VERSION = 1
_SHARD_SIZE = 128
_SPLITS = (TRAIN, VAL, TEST)
_NEAR_TOWN_KM = 60.0
_LICENCE = "CC0-1.0"


@dataclass(frozen=True, kw_only=True)
class EarthPlan:
    """Everything that the content of a built Earth depends on."""

    recordings: int
    seed: int = 0
    audio: AudioConfig = field(default_factory=AudioConfig)

    def __post_init__(self) -> None:
        if self.recordings < 1:
            raise ConfigError(f"an Earth needs at least one recording, not {self.recordings}")

    def fingerprint(self) -> dict[str, Any]:
        """What is stored beside the shards, and compared before more are added."""
        return {"format": FORMAT_VERSION, **asdict(self)}


def build_earth(plan: EarthPlan, folder: Path, *, workers: int | None = None) -> dict[str, int]:
    """Write the shards of ``plan`` into ``folder``; what is there already is kept.

    Every recording depends on the seed and its own number alone, so that a build that was killed
    goes on where it stopped and ends with the same bytes, whatever the number of workers.

    Args:
        plan: how many recordings, from which seed, framed how.
        folder: where the shards go.
        workers: processes; all cores by default.

    Returns:
        Recordings in each split.

    Raises:
        SettingsChanged: ``folder`` holds another Earth.
        ConfigError: another process builds there.
    """
    with alone_in(folder, "building an Earth"):
        claim(folder, plan.fingerprint())
        sweep(folder)
        return _build(plan, folder, workers)


def _build(plan: EarthPlan, folder: Path, workers: int | None) -> dict[str, int]:
    jobs = list(_jobs(plan))
    counts = {
        split: sum(len(job.number) for job in jobs if job.split == split) for split in _SPLITS
    }
    missing = [job for job in jobs if not (folder / job.name).exists()]
    if len(missing) < len(jobs):
        console().print(f"{folder}: {len(jobs) - len(missing)} of {len(jobs)} shards are there")
    if missing:
        _warm_caches()
        done = run_all(_build_shard, (plan, folder), missing, workers=workers)
        for _ in track(done, "building shards", len(missing)):
            pass
    return counts


@dataclass(frozen=True)
class _Job:
    """One shard: the numbers of its recordings, their places and their cells."""

    name: str
    split: str
    number: NDArray[np.int64]
    places: SampledPlaces
    cell: NDArray[np.str_]


def _jobs(plan: EarthPlan) -> Iterator[_Job]:
    """The shards of ``plan``: places are drawn until enough lie outside the buffers."""
    drawn, missing, start = [], plan.recordings, 0
    while missing > 0:
        count = max(256, 2 * missing)
        places = sample_places(count, plan.seed, start=start)
        splits = split_by_position(lat=places.lat, lon=places.lon, seed=plan.seed)
        kept = np.flatnonzero(splits.split != BUFFER)[:missing]
        drawn.append((start + kept, places.rows(kept), splits.split[kept], splits.cell[kept]))
        missing -= len(kept)
        start += count
    number, split, cell = (np.concatenate([part[i] for part in drawn]) for i in (0, 2, 3))
    places = SampledPlaces.concatenate([part[1] for part in drawn])
    for name in _SPLITS:
        members = np.flatnonzero(split == name)
        for shard, first in enumerate(range(0, len(members), _SHARD_SIZE)):
            rows = members[first : first + _SHARD_SIZE]
            yield _Job(f"{name}-{shard:05d}.tar", name, number[rows], places.rows(rows), cell[rows])


def _build_shard(shared: tuple[EarthPlan, Path], job: _Job) -> None:
    plan, folder = shared
    layers = Layers.load().at(lat=job.places.lat, lon=job.places.lon)
    odds = rules.odds(Scene.of(layers, month=job.places.month, hour=job.places.hour))
    write_shard(folder / job.name, (_sample(plan, job, row, odds[row]) for row in range(len(odds))))


def _sample(plan: EarthPlan, job: _Job, row: int, odds: NDArray[np.float64]) -> Sample:
    """One recording: its sounds at the true hour, as its archive hears them."""
    places, number = job.places, int(job.number[row])
    rng = generator(plan.seed, "recording", number)
    audio_source = AudioSource(str(places.audio_source[row]))
    caption_source = CaptionSource(str(places.caption_source[row]))
    lat, lon, month = float(places.lat[row]), float(places.lon[row]), int(places.month[row])
    hour = float(places.hour[row]) if places.has_hour[row] else None
    heard = np.flatnonzero(sample_sounds(odds * source_bias(audio_source), rng))
    sounds = [SOUNDS[k] for k in rng.permutation(heard)]  # loudest first
    waveform = mix(sounds, rng, plan.audio.clip_s, plan.audio.sample_rate_hz, audio_source)
    recording = Recording(
        key=f"{audio_source}-earth{plan.seed}n{number}",
        lat=lat,
        lon=lon,
        month=month,
        hour=hour,
        audio_source=audio_source,
        caption_source=caption_source,
        caption=caption(sounds, caption_source, rng, near_town(lat, lon), month, hour),
        split=job.split,
        cell=str(job.cell[row]),
        licence=_LICENCE,
        gsd_m=GSD_M,
        sounds=tuple(sound.value for sound in sounds),
    )
    mel = log_mel(waveform[None], plan.audio).astype(np.float16)
    return Sample(recording, _imagery().tile(lat=lat, lon=lon), mel)


def near_town(lat: float, lon: float) -> str | None:
    """Name of the nearest town, if it is near enough to stand in a caption."""
    chord, nearest = _town_tree().query(unit_vectors(lat=[lat], lon=[lon])[0])
    return str(towns().name[nearest]) if chord_to_km(chord) < _NEAR_TOWN_KM else None


@lru_cache(maxsize=1)
def _town_tree() -> cKDTree:
    return cKDTree(unit_vectors(lat=towns().lat, lon=towns().lon))


@lru_cache(maxsize=1)
def _imagery() -> PaintedImagery:
    return PaintedImagery.load()


def _warm_caches() -> None:
    # Derived grids are made once here, not by every worker at the same time.
    Layers.load()
    _imagery()


def claim(folder: Path, ours: dict[str, Any]) -> None:
    """Write the manifest of an Earth, or check that the one that is there is of the same.

    Args:
        folder: of the shards.
        ours: what is stored beside them.

    Raises:
        SettingsChanged: ``folder`` holds another Earth.
    """
    path = folder / MANIFEST_NAME
    if path.exists():
        try:
            theirs = json.loads(path.read_text())
        except ValueError:
            theirs = None
        if theirs != ours:
            raise SettingsChanged(
                f"{folder}: holds another Earth (see {MANIFEST_NAME}); choose another folder "
                "or delete this one"
            )
        return
    with atomic_path(path) as aside:
        aside.write_text(json.dumps(ours, indent=2) + "\n")
