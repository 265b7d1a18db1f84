"""Builder of the simulated Earth: from a seed to shards, resumable and in parallel."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from psm.data.audio import AudioConfig, log_mel
from psm.data.holdout import area_of
from psm.data.recording import AudioSource, CaptionSource, Recording
from psm.data.shards import Sample, write_shard
from psm.data.splits import TEST, TRAIN, VAL
from psm.earth import MANIFEST_NAME
from psm.earth.captionwriter import caption
from psm.earth.layers import Layers
from psm.earth.painted_imagery import GSD_M, PaintedImagery
from psm.earth.placing import draw_everywhere, draw_in_region
from psm.earth.sampling import SampledPlaces, source_bias
from psm.earth.soundscape import sample_sounds
from psm.earth.synthesis import mix
from psm.earth.worlds import World, world_named
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
    """Everything that the content of a built Earth depends on.

    Attributes:
        recordings: how many, all splits together.
        seed: of places, times and sounds.
        audio: how their sound is framed.
        world: name of the world, see :func:`psm.earth.worlds.world_named`; empty for ours.
        region: polygons as WKT that all recordings lie in; without them they come from everywhere.
    """

    recordings: int
    seed: int = 0
    audio: AudioConfig = field(default_factory=AudioConfig)
    world: str = ""
    region: str = ""

    def __post_init__(self) -> None:
        if self.recordings < 1:
            raise ConfigError(f"an Earth needs at least one recording, not {self.recordings}")
        world_named(self.world)  # refuses what is no name
        if self.region:
            try:
                area_of(self.region)
            except ValueError as problem:
                raise ConfigError(f"region of an Earth: {problem}") from None

    def fingerprint(self) -> dict[str, Any]:
        """What is stored beside the shards, and compared before more are added."""
        world = world_named(self.world).name  # in whatever case it was given
        told = {"format": FORMAT_VERSION, **asdict(self), "audio": self.audio.to_json()}
        told["world"] = world
        return {key: value for key, value in told.items() if value != ""}


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
        ConfigError: another process builds there, or the region has no land or is too small for
            splits that keep their distance.
    """
    jobs = list(_jobs(plan))  # before anything is written: a region may have no room
    with alone_in(folder, "building an Earth"):
        claim(folder, plan.fingerprint())
        sweep(folder)
        return _build(plan, jobs, folder, workers)


def _build(
    plan: EarthPlan, jobs: Sequence[_Job], folder: Path, workers: int | None
) -> dict[str, int]:
    counts = {
        split: sum(len(job.number) for job in jobs if job.split == split) for split in _SPLITS
    }
    missing = [job for job in jobs if not (folder / job.name).exists()]
    if len(missing) < len(jobs):
        console().print(f"{folder}: {len(jobs) - len(missing)} of {len(jobs)} shards are there")
    if missing:
        _warm_caches(plan)
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
    """The shards of ``plan``."""
    if plan.region:
        drawn = draw_in_region(plan.recordings, plan.seed, area_of(plan.region))
    else:
        drawn = draw_everywhere(plan.recordings, plan.seed)
    for name in _SPLITS:
        members = np.flatnonzero(drawn.split == name)
        for shard, first in enumerate(range(0, len(members), _SHARD_SIZE)):
            rows = members[first : first + _SHARD_SIZE]
            yield _Job(
                f"{name}-{shard:05d}.tar",
                name,
                drawn.number[rows],
                drawn.places.rows(rows),
                drawn.cell[rows],
            )


def _build_shard(shared: tuple[EarthPlan, Path], job: _Job) -> None:
    plan, folder = shared
    world = world_named(plan.world)
    layers = Layers.load().at(lat=job.places.lat, lon=job.places.lon)
    odds = world.odds(layers, month=job.places.month, hour=job.places.hour)
    samples = (_sample(plan, world, job, row, odds[row]) for row in range(len(odds)))
    write_shard(folder / job.name, samples)


def _sample(
    plan: EarthPlan, world: World, job: _Job, row: int, odds: NDArray[np.float64]
) -> Sample:
    """One recording: its sounds at the true hour, as its archive hears them."""
    places, number = job.places, int(job.number[row])
    rng = generator(plan.seed, *filter(None, [world.name]), "recording", number)
    audio_source = AudioSource(str(places.audio_source[row]))
    caption_source = CaptionSource(str(places.caption_source[row]))
    lat, lon, month = float(places.lat[row]), float(places.lon[row]), int(places.month[row])
    hour = float(places.hour[row]) if places.has_hour[row] else None
    heard = np.flatnonzero(sample_sounds(odds * source_bias(audio_source, world.sounds), rng))
    sounds = [world.sounds[k] for k in rng.permutation(heard)]  # loudest first
    waveform = mix(sounds, rng, plan.audio.clip_s, plan.audio.sample_rate_hz, audio_source)
    if world.microphone is not None:
        waveform = world.microphone.heard(waveform, rng, plan.audio.sample_rate_hz)
    recording = Recording(
        key=f"{audio_source}-{world.name or 'earth'}{plan.seed}n{number}",
        lat=lat,
        lon=lon,
        month=month,
        hour=hour,
        audio_source=audio_source,
        caption_source=caption_source,
        caption=caption(
            sounds, caption_source, rng, near_town(lat, lon), month, hour, world.wording
        ),
        split=job.split,
        cell=str(job.cell[row]),
        licence=_LICENCE,
        gsd_m=GSD_M,
        sounds=tuple(sound.value for sound in sounds),
    )
    mel = log_mel(waveform[None], plan.audio).astype(np.float16)
    tile = PaintedImagery.load(world.look).tile(lat=lat, lon=lon)
    return Sample(recording, tile, mel)


def near_town(lat: float, lon: float) -> str | None:
    """Name of the nearest town, if it is near enough to stand in a caption."""
    chord, nearest = _town_tree().query(unit_vectors(lat=[lat], lon=[lon])[0])
    return str(towns().name[nearest]) if chord_to_km(chord) < _NEAR_TOWN_KM else None


@lru_cache(maxsize=1)
def _town_tree() -> cKDTree:
    return cKDTree(unit_vectors(lat=towns().lat, lon=towns().lon))


def _warm_caches(plan: EarthPlan) -> None:
    # Derived grids are made once here, not by every worker at the same time.
    Layers.load()
    PaintedImagery.load(world_named(plan.world).look)


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
