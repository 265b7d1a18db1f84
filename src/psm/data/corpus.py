"""Recordings in memory: what training and evaluation work on at embedded size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float16, UInt8

from psm.data.imagery import view_of_tile
from psm.data.recording import Recording
from psm.data.shards import read_shard, shard_paths
from psm.errors import CorruptRecording
from psm.progress import track


@dataclass(frozen=True)
class Corpus:
    """The recordings of one split, with their views at every zoom and their log-mels.

    Attributes:
        recordings: the metadata, row by row.
        views_by_zoom: RGB views of each zoom.
        mels: log-mel windows in dB.
        gsd_m: metres per pixel of each row's zoom-1 view.
    """

    recordings: tuple[Recording, ...]
    views_by_zoom: dict[int, UInt8[np.ndarray, "n size size 3"]]
    mels: Float16[np.ndarray, "n windows frames bands"]

    @classmethod
    def load(cls, folder: Path, split: str, *, zooms: Sequence[int], view_px: int) -> Corpus:
        """Read the shards of ``split`` and cut the views of ``zooms``.

        Raises:
            MissingData: no shards.
            CorruptShard: a member cannot be read.
            CorruptRecording: the recordings do not fit together.
        """
        paths = shard_paths(folder, split)
        with ThreadPoolExecutor(max_workers=2) as pool:
            loaded = pool.map(lambda path: _load_shard(path, zooms, view_px), paths)
            parts = list(track(loaded, f"reading {split}", len(paths)))
        shapes = {mels.shape[1:] for _, _, mels in parts}
        if len(shapes) > 1:
            raise CorruptRecording(f"{folder}: log-mels of different shapes {sorted(shapes)}")
        return cls(
            recordings=tuple(recording for recordings, _, _ in parts for recording in recordings),
            views_by_zoom={
                zoom: np.concatenate([views[zoom] for _, views, _ in parts]) for zoom in zooms
            },
            mels=np.concatenate([mels for _, _, mels in parts]),
        )

    def __len__(self) -> int:
        return len(self.recordings)

    @property
    def gsd_m(self) -> np.ndarray:
        """Metres per pixel of each row's zoom-1 view; times the zoom for the others."""
        return np.array([recording.gsd_m for recording in self.recordings], np.float32)

    def views(self, zoom: int) -> UInt8[np.ndarray, "n size size 3"]:
        """The views of one zoom."""
        return self.views_by_zoom[zoom]

    def rows(self, index: np.ndarray) -> Corpus:
        """The recordings at ``index``."""
        return Corpus(
            tuple(self.recordings[row] for row in index),
            {zoom: views[index] for zoom, views in self.views_by_zoom.items()},
            self.mels[index],
        )

    def describe(self) -> str:
        """One line: how many recordings, from where."""
        counts = Counter(recording.audio_source or "other" for recording in self.recordings)
        south = sum(recording.lat < 0 for recording in self.recordings) / max(1, len(self))
        shares = ", ".join(f"{source} {count}" for source, count in sorted(counts.items()))
        return f"{len(self)} recordings ({shares}; {south:.0%} south of the equator)"


def _load_shard(
    path: Path, zooms: Sequence[int], view_px: int
) -> tuple[list[Recording], dict[int, np.ndarray], np.ndarray]:
    samples = list(read_shard(path))
    views = {
        zoom: np.stack([view_of_tile(s.tile, zoom=zoom, size=view_px) for s in samples])
        for zoom in zooms
    }
    return [s.recording for s in samples], views, np.stack([s.mel for s in samples])
