"""The recordings of a split, in memory where they fit and read from their shards where not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from psm.data.ondisk import FeaturesOnDisk, MelsOnDisk, ViewsOnDisk, read_views
from psm.data.recording import Recording
from psm.data.shards import shard_paths
from psm.data.tars import MemberIndex
from psm.progress import track

_THREADS = 2

MEMORY_GB = 8.0
"""A split whose views and log-mels take more is not loaded but read as it is asked for."""


class Rows(Protocol):
    """Array that is indexed by rows: of numpy, or of :mod:`psm.data.ondisk`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape, as of a numpy array."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> np.ndarray: ...


@dataclass(frozen=True)
class ChosenRows:
    """Some rows of an array, read as they are asked for; one of :class:`Rows` itself."""

    of: Rows
    rows: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.rows), *self.of.shape[1:]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any, /) -> np.ndarray:
        return self.of[self.rows[index]]


@dataclass(frozen=True)
class Corpus:
    """The recordings of one split, with their views at every zoom and their log-mels.

    Attributes:
        recordings: the metadata, row by row.
        views_by_zoom: RGB views of each zoom, ``(n, size, size, 3)`` of uint8.
        mels: log-mel windows in dB, ``(n, windows, frames, bands)`` of float16.
        features: of each place, that somebody else computed, ``(n, numbers)`` of float32 with NaN
            where there are none; ``None`` where the shards hold none.
    """

    recordings: tuple[Recording, ...]
    views_by_zoom: Mapping[int, Rows]
    mels: Rows
    features: Rows | None = None

    @classmethod
    def load(
        cls,
        folder: Path,
        split: str,
        *,
        zooms: Sequence[int],
        view_px: int,
        memory_gb: float = MEMORY_GB,
        with_mels: bool = True,
        found: tuple[MemberIndex, tuple[Recording, ...]] | None = None,
    ) -> Corpus:
        """Find the recordings of ``split``, and read their views of ``zooms`` and their log-mels.

        With ``view_px`` 0 no picture is read: views are ``(n, 0, 0, 3)``. What would take more than
        ``memory_gb`` stays on disk: then an error in a picture or a
        log-mel shows when it is read; so do log-mels without ``with_mels``. ``found`` is
        :func:`find_split`, where that is known.

        Raises:
            MissingData: no shards.
            CorruptShard: a member cannot be read.
            CorruptRecording: the recordings do not fit together.
        """
        members, recordings = find_split(folder, split) if found is None else found
        corpus = cls(
            recordings=recordings,
            views_by_zoom={
                zoom: ViewsOnDisk(members, zoom, view_px)
                if view_px
                else np.empty((len(members), 0, 0, 3), np.uint8)
                for zoom in zooms
            },
            mels=MelsOnDisk(members),
            features=FeaturesOnDisk.of(members),
        )
        if corpus._gigabytes(with_mels) > memory_gb:
            return corpus
        mels = np.empty(corpus.mels.shape, np.float16) if with_mels else corpus.mels
        views = {
            zoom: np.empty(rows.shape, np.uint8) for zoom, rows in corpus.views_by_zoom.items()
        }

        def decode(row: int) -> None:
            if isinstance(mels, np.ndarray):
                mels[row] = corpus.mels[row]
            seen = read_views(members, row, zooms, view_px) if view_px else []
            for zoom, view in zip(zooms, seen, strict=bool(seen)):
                views[zoom][row] = view

        with ThreadPoolExecutor(_THREADS) as pool:
            done = pool.map(decode, range(len(corpus)))
            for _ in track(done, f"decoding {split}", len(corpus)):
                pass
        return cls(corpus.recordings, views, mels, corpus.features)

    @property
    def on_disk(self) -> bool:
        """Whether views are read when they are asked for."""
        return any(isinstance(views, ViewsOnDisk) for views in self.views_by_zoom.values())

    @property
    def gigabytes(self) -> float:
        """What views and log-mels take in memory, or would."""
        return self._gigabytes(with_mels=True)

    def _gigabytes(self, with_mels: bool) -> float:
        views = sum(math.prod(views.shape) for views in self.views_by_zoom.values())
        return (views + 2 * with_mels * math.prod(self.mels.shape)) / 1e9

    def __len__(self) -> int:
        return len(self.recordings)

    @property
    def gsd_m(self) -> np.ndarray:
        """Metres per pixel of each row's zoom-1 view; times the zoom for the others."""
        return np.array([recording.gsd_m for recording in self.recordings], np.float32)

    def part(self, rows: NDArray[np.int64]) -> Corpus:
        """Some of the recordings, by their numbers; nothing is copied."""
        return Corpus(
            tuple(self.recordings[row] for row in rows.tolist()),
            {zoom: ChosenRows(views, rows) for zoom, views in self.views_by_zoom.items()},
            ChosenRows(self.mels, rows),
            None if self.features is None else ChosenRows(self.features, rows),
        )

    def views(self, zoom: int) -> Rows:
        """The views of one zoom."""
        return self.views_by_zoom[zoom]

    def describe(self) -> str:
        """One line: how many recordings, from where."""
        counts = Counter(recording.audio_source or "other" for recording in self.recordings)
        south = sum(recording.lat < 0 for recording in self.recordings) / max(1, len(self))
        shares = ", ".join(f"{source} {count}" for source, count in sorted(counts.items()))
        return f"{len(self)} recordings ({shares}; {south:.0%} south of the equator)"


def find_split(folder: Path, split: str) -> tuple[MemberIndex, tuple[Recording, ...]]:
    """Where the recordings of a split lie, and what is known of each; nothing else is read.

    Raises:
        MissingData: no shards.
        CorruptShard: a shard is broken.
    """
    return MemberIndex.find(shard_paths(folder, split), f"reading {split}")
