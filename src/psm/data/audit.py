"""Audit of splits for leaks: places, recordings or tiles that two splits share."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np

from psm.data.footprints import Footprints, least_distance_km, overlaps
from psm.data.members import MEL, RECORDING, TILE
from psm.data.recording import Recording
from psm.data.shards import shards_in
from psm.data.splits import TEST, TRAIN, VAL
from psm.data.tars import read_samples
from psm.data.views import image_size
from psm.errors import CorruptRecording, CorruptShard, MissingData
from psm.parallel import run_all
from psm.progress import track

SPLITS = (TRAIN, VAL, TEST)


class LeakKind(StrEnum):
    """Kinds of leaks: what two splits must not share; the value is told to people."""

    KEY = "recording (key)"
    MEL = "recording (log-mel)"
    TILE = "tile (bytes)"
    GROUND = "place (ground of the tiles)"
    NAME = "split (another one than its shard says)"


@dataclass(frozen=True, order=True)
class Leak:
    """Two recordings of different splits that share something."""

    shared: LeakKind
    split: str
    key: str
    other_split: str
    other_key: str
    detail: str = ""


class AuditedRecording(NamedTuple):
    """The fields of a recording that an audit compares."""

    split: str
    key: str
    lat: float
    lon: float
    side_km: float
    mel: bytes
    tile: bytes


@dataclass(frozen=True)
class Audit:
    """Result of an audit.

    Attributes:
        recordings: of each split.
        repeated: keys that a split has more than once, log-mels and tiles likewise; of no harm to
            the splits.
        leaks: for every recording of the later split one pair of each kind, sorted.
        gap_km: least distance between places of two splits.
        widest_km: side of the widest tile of each split.
    """

    recordings: dict[str, int]
    leaks: tuple[Leak, ...]
    repeated: dict[LeakKind, int] = field(default_factory=dict)
    gap_km: dict[tuple[str, str], float] = field(default_factory=dict)
    widest_km: dict[str, float] = field(default_factory=dict)

    @property
    def counts(self) -> Counter[tuple[str, str, LeakKind]]:
        """Leaks by the two splits and what they share."""
        return Counter((one.split, one.other_split, one.shared) for one in self.leaks)


def audit(folder: Path, *, workers: int | None = None) -> Audit:
    """Compare all recordings of all splits in a folder of our shards.

    Args:
        folder: with ``train-*.tar``, ``val-*.tar``, ``test-*.tar``; at least two of these.
        workers: processes; all cores by default.

    Raises:
        MissingData: there are no shards, or of one split alone.
        CorruptShard: a shard or a member of it cannot be read.
    """
    paths = [path for split in SPLITS for path in shards_in(folder, split)]
    found = sorted({path.name.partition("-")[0] for path in paths})
    if len(found) < 2:
        there = f"shards of {found[0]} alone" if found else "no shards"
        raise MissingData(
            f"{folder}: holds {there}; an audit compares train-*.tar, val-*.tar and test-*.tar"
        )
    entries: list[AuditedRecording] = []
    named: list[Leak] = []
    for part, wrong in track(run_all(_read, None, paths, workers=workers), "reading", len(paths)):
        entries += part
        named += wrong
    return compare(sorted(entries), named)


def compare(entries: list[AuditedRecording], leaks: Iterable[Leak] = ()) -> Audit:
    """Compare recordings that were read; leaks that were found before are added."""
    split = {name: [one for one in entries if one.split == name] for name in SPLITS}
    present = [name for name in SPLITS if split[name]]
    ground = {name: _footprints(split[name]) for name in present}
    found = list(leaks)
    gap_km = {}
    for a, b in combinations(present, 2):
        found += _shared(split[a], split[b])
        gap_km[a, b] = least_distance_km(ground[a], ground[b])
        for i, j in overlaps(ground[a], ground[b]):
            one, other = split[a][i], split[b][j]
            pair = Footprints(*(np.array([value]) for value in one[2:5]))
            near = Footprints(*(np.array([value]) for value in other[2:5]))
            detail = f"{least_distance_km(pair, near):.3f} km apart"
            found.append(Leak(LeakKind.GROUND, a, one.key, b, other.key, detail))
    return Audit(
        recordings={name: len(split[name]) for name in present},
        leaks=tuple(sorted(found)),
        repeated=_repeated(split.values()),
        gap_km=gap_km,
        widest_km={name: float(ground[name].side_km.max()) for name in present},
    )


def _shared(first: list[AuditedRecording], second: list[AuditedRecording]) -> Iterator[Leak]:
    for shared, place in ((LeakKind.KEY, 1), (LeakKind.MEL, 5), (LeakKind.TILE, 6)):
        known = {one[place]: one for one in reversed(first)}
        for other in second:
            one = known.get(other[place])
            if one is not None:
                yield Leak(shared, one.split, one.key, other.split, other.key)


def _repeated(splits: Iterable[list[AuditedRecording]]) -> dict[LeakKind, int]:
    counts: Counter[LeakKind] = Counter()
    for entries in splits:
        for shared, place in ((LeakKind.KEY, 1), (LeakKind.MEL, 5), (LeakKind.TILE, 6)):
            counts[shared] += len(entries) - len({one[place] for one in entries})
    return dict(counts)


def _footprints(entries: list[AuditedRecording]) -> Footprints:
    columns = np.array([one[2:5] for one in entries], float).reshape(-1, 3)
    return Footprints(columns[:, 0], columns[:, 1], columns[:, 2])


def _read(_: None, path: Path) -> tuple[list[AuditedRecording], list[Leak]]:
    """The recordings of a shard, and those that say they belong elsewhere."""
    split = path.name.partition("-")[0]
    entries, wrong = [], []
    for raw in read_samples(path):
        key = str(raw["__key__"])
        try:
            recording = Recording.from_json(json.loads(raw[RECORDING]))
            side_px = max(image_size(raw[TILE], TILE))
        except (ValueError, CorruptRecording) as problem:
            raise CorruptShard(f"{path}: sample {key!r}: {problem}".splitlines()[0]) from None
        if recording.gsd_m <= 0.0:
            raise CorruptShard(
                f"{path}: sample {key!r} does not say how many metres a pixel of its tile covers"
            )
        entries.append(
            AuditedRecording(
                split,
                recording.key,
                recording.lat,
                recording.lon,
                side_px * recording.gsd_m / 1000.0,
                _digest(raw[MEL]),
                _digest(raw[TILE]),
            )
        )
        if recording.split != split:
            wrong.append(Leak(LeakKind.NAME, split, key, recording.split, key, path.name))
    return entries, wrong


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
