"""The published WebDataset shards of GeoSound and SoundingEarth.

Their log-mels are pickled tensors, read through an allow-list: a tensor may be rebuilt from its
storage, and nothing else may be called. Of the five of a recording the first is taken. Tiles stay
the JPEG they were.
"""

from __future__ import annotations

import io
import json
import pickle
import tarfile
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import _utils as torch_utils

from psm.data.shards import RawSample
from psm.data.tars import Span, samples_of, spans
from psm.errors import ConfigError, CorruptRecording, CorruptShard, ForeignPickle, MissingData
from psm.experiments import load_experiment
from psm.files import atomic_path
from psm.importing import values
from psm.importing.contents import content_hashes
from psm.importing.dataset import SHARD_SIZE, DatasetPart, ForeignDataset, Format, ImportOptions
from psm.importing.framing import largest_view_px
from psm.importing.published.metadata import (
    PublishedCaptions,
    own_caption,
    published_caption,
    times_known,
)
from psm.published.sizes import IMAGERY, imagery_named

SPLITS = ("train", "val", "test")

_MEL = "audio_mel1.pyd"
_MEMBERS = ("meta.json", "image.jpg", _MEL)


@dataclass(frozen=True)
class PublishedShards(ForeignDataset):
    """The shards in a folder.

    Args:
        folder: holds ``train*.tar``, ``val*.tar`` and ``test*.tar``.
        gsd_m: metres per pixel of the tiles, at the equator where they are of Bing.
        captions: of captioning models; without them a recording keeps its own text.
        tile_px: the least side of a tile.
        shard_size: recordings of one of our shards.
        imagery: what the tiles are; by default what the names of the tars say.

    Raises:
        MissingData: there are no such shards.
    """

    folder: Path
    gsd_m: float
    captions: PublishedCaptions = field(default_factory=PublishedCaptions)
    tile_px: int = 1
    shard_size: int = SHARD_SIZE
    imagery: str | None = None

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
        """Names and content of the shards, and what is asked of them."""
        return {
            "format": "published shards",
            "rules": values.RULES,
            "tars": content_hashes((path for _, path in _tars(self.folder)), self.folder),
            "gsd_m": self.gsd_m,
            "captions": self.captions.checksum(),
            "tile_px": self.tile_px,
            "shard_size": self.shard_size,
        }

    def parts(self, cache: Path) -> list[DatasetPart]:
        """Pieces of the tars; where they begin is found once and kept in ``cache``."""
        parts = []
        for number, (split, path) in enumerate(_tars(self.folder)):
            for piece, span in enumerate(self._spans(path, cache / f"{path.stem}.index.json")):
                parts.append(DatasetPart(f"{number:03d}{piece:05d}", (split, path, span)))
        return parts

    def rows(self, part: DatasetPart) -> Iterator[tuple[str, Any]]:
        """Members of each sample."""
        _, path, span = part.place
        for members in samples_of(path, span, _MEMBERS):
            yield members["__key__"], members

    def sample(self, part: DatasetPart, name: str, row: Any) -> RawSample:
        """Metadata, tile and unpickled log-mel of one sample."""
        missing = [member for member in _MEMBERS if member not in row]
        if missing:
            raise CorruptRecording(f"no {missing[0]}")
        about = _metadata(row["meta.json"])
        archive, _, _ = name.partition("-")
        is_soundingearth = "long_key" in about
        if is_soundingearth:
            archive, name = "aporee", f"aporee-{name}"
        text = values.plain(about.get("caption" if is_soundingearth else "text"))
        own = own_caption(text)
        if self.captions.as_published:
            own = published_caption(text, is_soundingearth=is_soundingearth)
        caption_source, caption = self.captions.of(name, own)
        audio_source = values.archive(archive)
        date = values.plain(about.get("date_recorded" if is_soundingearth else "date"))
        recording = values.recording(
            key=name,
            lat=about.get("latitude"),
            lon=about.get("longitude"),
            audio_source=audio_source,
            caption_source=caption_source,
            caption=caption,
            split=part.place[0],
            licence=values.plain(about.get("licenseurl")) or "unknown",
            gsd_m=self.gsd_m,
            **times_known(date, audio_source),
        )
        gsd_m = values.gsd_m(self.gsd_m, self._imagery, recording.lat)
        recording = replace(recording, gsd_m=gsd_m)
        tile = values.tile(row["image.jpg"], "image.jpg", self.tile_px)
        mel = tensor_from_pickle(row[_MEL], _MEL)
        if mel.ndim != 3 or not np.isfinite(mel).all():
            raise CorruptShard(f"{_MEL}: not finite windows x frames x bands")
        return RawSample(recording, tile, mel.astype(np.float16))

    @property
    def _imagery(self) -> str | None:
        return self.imagery or _imagery_in_names(self.folder)

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
    if name := _imagery_in_names(folder):
        return name
    for _, path in _tars(folder)[:1]:
        whole = Span(0, path.stat().st_size)
        first = next(samples_of(path, whole, ("meta.json",)), {})
        if b'"long_key"' in first.get("meta.json", b""):
            return "googleEarth"
    return "sentinel"


def _imagery_in_names(folder: Path) -> str | None:
    for _, path in _tars(folder)[:1]:
        return next((name for name in IMAGERY if name in path.name), None)
    return None


def tensor_from_pickle(data: bytes, name: str) -> NDArray[np.float32]:
    """The tensor that ``data`` holds, as an array; ``name`` is for the error.

    Raises:
        ForeignPickle: it asks for anything but a tensor.
        CorruptShard: it is broken, or holds no tensor of floats.
    """
    try:
        tensor = _TensorsOnly(io.BytesIO(data), name).load()
    except ForeignPickle:
        raise
    except Exception as problem:
        # Damaged opcodes make the unpickler raise almost anything; nothing of ours runs inside.
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise CorruptShard(f"{name}: not a pickled tensor ({reason})") from None
    if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
        raise CorruptShard(f"{name}: holds {type(tensor).__name__}, not a tensor of floats")
    return np.array(tensor.detach().float().numpy())


class _TensorsOnly(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, name: str) -> None:
        super().__init__(stream)
        self.name = name

    def find_class(self, module: str, name: str) -> Any:
        match module, name:
            case "torch._utils", "_rebuild_tensor_v2":
                return torch_utils._rebuild_tensor_v2
            case "torch.storage", "_load_from_bytes":
                return self._storage
            case "collections", "OrderedDict":
                return OrderedDict
        raise ForeignPickle(f"{self.name}: refused, it wants to call {module}.{name}")

    def _storage(self, data: bytes) -> Any:
        # A storage is a pickle within the pickle: PyTorch's own allow-list reads it.
        try:
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as problem:
            first = str(problem).splitlines()[0]
            raise ForeignPickle(
                f"{self.name}: refused, its storage is no storage ({first})"
            ) from None


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


def _is_ours(tar: Path) -> bool:
    try:
        with tarfile.open(tar) as archive:
            return any((archive.next() or tar).name.endswith(".mel.npy") for _ in range(3))
    except (tarfile.TarError, OSError, EOFError):
        raise CorruptShard(f"{tar}: not a readable tar") from None


def _recognises(origin: str) -> bool:
    folder = Path(origin)
    found = _tars(folder) if folder.is_dir() else []
    if found and _is_ours(found[0][1]):
        raise ConfigError(f"{folder}: holds shards of ours already; train on them as they are")
    return bool(found)


def _open(origin: str, options: ImportOptions) -> PublishedShards:
    imagery = options.imagery or imagery_of(Path(origin))
    gsd_m = imagery_named(imagery, origin).gsd_m
    experiment = load_experiment(options.preset) if options.preset else None
    is_published = experiment is not None and experiment.model.reference
    captions = PublishedCaptions(as_published=is_published)
    if options.captions is not None:
        captions = PublishedCaptions.load(options.captions, as_published=is_published)
    tile_px = 1 if experiment is None else largest_view_px(experiment)
    return PublishedShards(Path(origin), gsd_m, captions, tile_px, imagery=imagery)


SHARDS = Format(
    name="shards",
    whose="of shards",
    example="published shards (train*.tar)",
    options=frozenset({"captions"}),
    recognises=_recognises,
    open=_open,
)
"""Shards of the published system."""
