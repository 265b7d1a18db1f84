"""The published WebDataset shards of GeoSound and SoundingEarth.

Their log-mels are pickled tensors, read through an allow-list; of the five of a recording the first
is taken. Tiles stay the JPEG they were.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from psm.data.shards import RawSample
from psm.data.tars import Span, samples_of, spans
from psm.errors import CorruptRecording, CorruptShard, MissingData
from psm.files import atomic_path
from psm.importing import fields
from psm.importing.conversion import SHARD_SIZE, Part, Source
from psm.importing.published.captions import Captions
from psm.importing.published.metadata import month_and_hour_heard, own_caption
from psm.importing.published.pickles import tensor_from_pickle
from psm.published.sizes import IMAGERY

SPLITS = ("train", "val", "test")

_MEL = "audio_mel1.pyd"
_MEMBERS = ("meta.json", "image.jpg", _MEL)


@dataclass(frozen=True)
class PublishedShards(Source):
    """The shards in a folder.

    Args:
        folder: holds ``train*.tar``, ``val*.tar`` and ``test*.tar``.
        gsd_m: metres per pixel of the tiles.
        captions: of captioning models; without them a recording keeps its own text.
        tile_px: the least side of a tile.
        shard_size: recordings of one of our shards.

    Raises:
        MissingData: there are no such shards.
    """

    folder: Path
    gsd_m: float
    captions: Captions = field(default_factory=Captions)
    tile_px: int = 1
    shard_size: int = SHARD_SIZE

    def __post_init__(self) -> None:
        if not _tars(self.folder):
            raise MissingData(
                f"{self.folder}: no published shards (train*.tar, val*.tar, test*.tar)"
            )

    def describe(self) -> str:
        """How many tars, with which captions."""
        best = f", best captions of {len(self.captions.best)}" if self.captions.best else ""
        tars = len(_tars(self.folder))
        return f"published WebDataset shards: {tars} tars, {self.gsd_m:g} m a pixel{best}"

    def fingerprint(self) -> dict[str, Any]:
        """Names and sizes of the shards, and what is asked of them."""
        return {
            "format": "published shards",
            "tars": {path.name: path.stat().st_size for _, path in _tars(self.folder)},
            "gsd_m": self.gsd_m,
            "captions": self.captions.checksum(),
            "tile_px": self.tile_px,
            "shard_size": self.shard_size,
        }

    def parts(self, cache: Path) -> list[Part]:
        """Pieces of the tars; where they begin is found once and kept in ``cache``."""
        parts = []
        for number, (split, path) in enumerate(_tars(self.folder)):
            for piece, span in enumerate(self._spans(path, cache / f"{path.stem}.index.json")):
                parts.append(Part(f"{number:03d}{piece:05d}", (split, path, span)))
        return parts

    def rows(self, part: Part) -> Iterator[tuple[str, Any]]:
        """Members of each sample."""
        _, path, span = part.place
        for members in samples_of(path, span, _MEMBERS):
            yield members["__key__"], members

    def sample(self, part: Part, name: str, row: Any) -> RawSample:
        """Metadata, tile and unpickled log-mel of one sample."""
        missing = [member for member in _MEMBERS if member not in row]
        if missing:
            raise CorruptRecording(f"no {missing[0]}")
        about = _metadata(row["meta.json"])
        archive, _, _ = name.partition("-")
        is_soundingearth = "long_key" in about
        if is_soundingearth:
            archive, name = "aporee", f"aporee-{name}"
        own = fields.plain(about.get("caption" if is_soundingearth else "text"))
        caption_source, caption = self.captions.of(name, own_caption(own))
        audio_source = fields.archive(archive)
        date = fields.plain(about.get("date_recorded" if is_soundingearth else "date"))
        month, hour = month_and_hour_heard(date, audio_source)
        recording = fields.recording(
            key=name,
            lat=about.get("latitude"),
            lon=about.get("longitude"),
            audio_source=audio_source,
            caption_source=caption_source,
            caption=caption,
            split=part.place[0],
            month=month,
            hour=hour,
            licence=fields.plain(about.get("licenseurl")) or "unknown",
            gsd_m=self.gsd_m,
        )
        tile = fields.tile(row["image.jpg"], "image.jpg", self.tile_px)
        mel = tensor_from_pickle(row[_MEL], _MEL)
        if mel.ndim != 3 or not np.isfinite(mel).all():
            raise CorruptShard(f"{_MEL}: not finite windows x frames x bands")
        return RawSample(recording, tile, mel.astype(np.float16))

    def _spans(self, path: Path, index: Path) -> list[Span]:
        about = path.stat()
        asked = [about.st_size, about.st_mtime_ns, self.shard_size]
        if index.is_file():
            known = json.loads(index.read_text())
            if known["asked"] == asked:
                return [Span(*pair) for pair in known["spans"]]
        found = spans(path, self.shard_size)
        with atomic_path(index) as aside:
            pairs = [(span.start, span.end) for span in found]
            aside.write_text(json.dumps({"asked": asked, "spans": pairs}))
        return found


def imagery_of(folder: Path) -> str:
    """Which imagery the tiles in ``folder`` are: names of tars or SoundingEarth's metadata tell.

    Raises:
        CorruptShard: the first tar cannot be read.
    """
    for _, path in _tars(folder)[:1]:
        for name in IMAGERY:
            if name in path.name:
                return name
        whole = Span(0, path.stat().st_size)
        first = next(samples_of(path, whole, ("meta.json",)), {})
        if b'"long_key"' in first.get("meta.json", b""):
            return "googleEarth"
    return "sentinel"


def _tars(folder: Path) -> list[tuple[str, Path]]:
    return [(split, path) for split in SPLITS for path in sorted(folder.glob(f"{split}*.tar"))]


def _metadata(data: bytes) -> dict[str, Any]:
    try:
        about = json.loads(data)  # Python reads the bare NaN of empty cells
    except ValueError:
        raise CorruptRecording("meta.json is not JSON") from None
    if not isinstance(about, dict):
        raise CorruptRecording("meta.json is not an object")
    return about
