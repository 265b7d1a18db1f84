"""Features of a whole split before fusion and heads, kept on disk shard by shard.

Shards are encoded one after the other, so that a split need not fit in memory. Each finished shard
can be kept on disk; an evaluation that was interrupted, or asks the same features for something
else, goes on from there, and costs fusion, heads and ranks alone.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from psm.checkpoints import hash_tensors
from psm.config import ModelConfig
from psm.data.context import Context
from psm.data.framing import require_framed
from psm.data.recording import Recording
from psm.data.shards import read_shard, shard_paths
from psm.data.views import view_of_tile
from psm.encoders.tokens import stacked
from psm.errors import CacheNotKept, CorruptRecording, OutputError
from psm.files import atomic_path, require_folder
from psm.gaussian import Gaussian, concatenate
from psm.inference.placefeatures import place_features, require_kept
from psm.model import PSM
from psm.oserrors import one_line
from psm.progress import track
from psm.reference import (
    published_byte_view,
    published_context,
    published_order,
    published_tile_px,
    published_view,
)

_VERSION = 1
"""Changes whenever the same weights and shards would give other features."""

_BATCH, _FUSED_BATCH = 64, 1024


@dataclass(frozen=True)
class SplitFeatures:
    """Features of a split, row i of everything being recording i.

    Attributes:
        recordings: the metadata.
        images: of the views at each zoom, before fusion.
        audio: of the recordings, before the head.
        text: of their captions, before the head.
    """

    recordings: tuple[Recording, ...]
    images: Mapping[int, Float[Tensor, "n dim"]]
    audio: Float[Tensor, "n audio"]
    text: Float[Tensor, "n text"]

    def __len__(self) -> int:
        return len(self.recordings)


@torch.inference_mode()
def raw_locations(
    model: PSM, features: SplitFeatures, zoom: int, fields: Sequence[str]
) -> Gaussian:
    """Raw Gaussians (:meth:`Gaussian.unit` normalises them) of the locations seen at ``zoom``.

    Args:
        model: that the features are of.
        features: of a split.
        zoom: one of those the split was encoded at.
        fields: the context fields that are told, as far as they are known.
    """
    known = published_context if model.config.reference else Context.of_recordings
    context = known(features.recordings).only(*fields)
    return _gaussians(
        lambda rows: model.location_head.raw(
            model.location_features(
                features.images[zoom][rows].to(model.device), context.rows(rows)
            )
        ),
        len(features),
    )


@torch.inference_mode()
def raw_audio(model: PSM, features: SplitFeatures) -> Gaussian:
    """Raw Gaussians of the recordings."""
    return _gaussians(
        lambda rows: model.audio_head.raw(features.audio[rows].to(model.device)), len(features)
    )


@torch.inference_mode()
def raw_text(model: PSM, features: SplitFeatures) -> Gaussian:
    """Raw Gaussians of their captions."""
    return _gaussians(
        lambda rows: model.text_head.raw(features.text[rows].to(model.device)), len(features)
    )


def encode_split(
    model: PSM,
    folder: Path,
    split: str = "test",
    *,
    zooms: Sequence[int],
    keep: Path | None = None,
) -> SplitFeatures:
    """Encode all recordings of a split.

    Args:
        model: in evaluation mode, on any device.
        folder: of shards.
        split: which of them.
        zooms: at which the tiles are seen; an imported model sees them as the published one does.
        keep: folder for the features of finished shards, which are not encoded again.

    Warns:
        CacheNotKept: they cannot be written there, and will be encoded again the next time.

    Raises:
        MissingData: no shards.
        CorruptShard: a member cannot be read.
        CorruptRecording: the recordings of a shard do not fit together.
        ConfigError: tiles are too small for a zoom, or sound is framed for another model.
    """
    paths = shard_paths(folder, split)
    require_kept(model.config, folder)
    is_turned = model.config.reference and _has_shrunk_first(folder)
    kept = {}
    if keep is not None:
        identity = _identity(model, zooms, is_turned=is_turned)
        kept = {path: keep / _name(path, identity) for path in paths}
        for stale in set(keep.glob("*.safetensors")) - set(kept.values()):
            with suppress(OSError):  # a read-only disk
                stale.unlink()
    read = {path: _read(note, zooms) for path, note in kept.items()}
    parts = {path: part for path, part in read.items() if part is not None}
    missing = [path for path in paths if path not in parts]
    ahead = _ahead(missing, model.config, zooms, is_turned=is_turned)
    opened = track(ahead, f"encoding {split}", len(missing))
    for path, shard in zip(missing, opened, strict=True):
        parts[path] = _encode(model, shard)
        if path in kept and not _keep(parts[path], kept[path]):
            kept = {}
    return _join([parts[path] for path in paths], zooms)


@dataclass(frozen=True)
class _Shard:
    """What is encoded of a shard: ``views`` and ``gsd_m`` by zoom, no tiles, which are large."""

    recordings: tuple[Recording, ...]
    views: Mapping[int, Tensor]
    gsd_m: Mapping[int, Tensor]
    mels: Tensor
    features: Tensor | None


def _open(path: Path, config: ModelConfig, zooms: Sequence[int], is_turned: bool) -> _Shard:
    recordings, mels = [], []
    features: list[np.ndarray | None] = []
    views: dict[int, list[Tensor]] = {zoom: [] for zoom in zooms}
    for sample in read_shard(path):
        recordings.append(sample.recording)
        features.append(sample.features)
        mels.append(published_order(sample.mel) if is_turned else sample.mel)
        for zoom in zooms:
            views[zoom].append(_view(config, sample.tile, zoom))
    shapes = {mel.shape for mel in mels}
    if len(shapes) > 1:
        raise CorruptRecording(f"{path}: log-mels of different shapes {sorted(shapes)}")
    require_framed(path.parent, mels[0].shape, config.audio)
    gsd_m = [config.imagery.gsd_m if config.reference else r.gsd_m for r in recordings]
    return _Shard(
        recordings=tuple(recordings),
        views={zoom: torch.stack(seen) for zoom, seen in views.items()},
        gsd_m={zoom: torch.tensor(gsd_m) * zoom for zoom in zooms},
        mels=torch.from_numpy(np.stack(mels)),
        features=_features(config, recordings, features),
    )


def _features(
    config: ModelConfig, recordings: Sequence[Recording], kept: Sequence[np.ndarray | None]
) -> Tensor | None:
    """What the model reads of each place beside pixels, if anything."""
    size = next((len(one) for one in kept if one is not None), 0)
    blank = np.full(size, np.nan, np.float32)
    rows = [blank if one is None else one for one in kept]
    found = place_features(config, recordings, np.stack(rows) if size else None)
    return None if found is None else torch.from_numpy(found)


def _view(config: ModelConfig, tile: UInt8[np.ndarray, "side side 3"], zoom: int) -> Tensor:
    imagery = config.imagery
    if config.reference:
        seen = published_byte_view if config.has_tokens else published_view
        return seen(tile, zoom=zoom, tile_px=published_tile_px(imagery.name), size=imagery.view_px)
    return torch.tensor(view_of_tile(tile, zoom=zoom, size=imagery.view_px)).permute(2, 0, 1)


@torch.inference_mode()
def _encode(model: PSM, shard: _Shard) -> SplitFeatures:
    size, device = len(shard.recordings), model.device
    captions = [recording.caption for recording in shard.recordings]

    def images(zoom: int) -> Tensor:
        views, gsd_m = shard.views[zoom], shard.gsd_m[zoom]
        return _batched(
            lambda rows: model.image_features(
                views[rows].to(device),
                gsd_m[rows].to(device),
                None if shard.features is None else shard.features[rows].to(device),
            ),
            size,
        )

    return SplitFeatures(
        recordings=shard.recordings,
        images={zoom: images(zoom) for zoom in shard.views},
        audio=_batched(lambda rows: model.audio_features(shard.mels[rows].to(device)), size),
        text=_batched(lambda rows: model.text_features(captions[rows]), size),
    )


def _batched(encode: Callable[[slice], Tensor], size: int) -> Tensor:
    return stacked([encode(rows).float().cpu() for rows in _slices(size, _BATCH)])


def _gaussians(encode: Callable[[slice], Gaussian], size: int) -> Gaussian:
    parts = [encode(rows) for rows in _slices(size, _FUSED_BATCH)]
    return concatenate([Gaussian(part.mean.cpu(), part.log_var.cpu()) for part in parts])


def _slices(size: int, step: int) -> list[slice]:
    return [slice(start, start + step) for start in range(0, size, step)]


def _ahead(
    paths: Sequence[Path], config: ModelConfig, zooms: Sequence[int], *, is_turned: bool
) -> Iterator[_Shard]:
    """Each shard; the next one is read in a thread while this one is encoded."""
    with ThreadPoolExecutor(1) as pool:
        coming: Future[_Shard] | None = None
        for path in [*paths, None]:
            ready = coming
            coming = None if path is None else pool.submit(_open, path, config, zooms, is_turned)
            if ready is not None:
                yield ready.result()


def _join(parts: Sequence[SplitFeatures], zooms: Sequence[int]) -> SplitFeatures:
    return SplitFeatures(
        recordings=tuple(recording for part in parts for recording in part.recordings),
        images={zoom: torch.cat([part.images[zoom] for part in parts]) for zoom in zooms},
        audio=torch.cat([part.audio for part in parts]),
        text=stacked([part.text for part in parts]),
    )


def _keep(part: SplitFeatures, path: Path) -> bool:
    """Write a part for the next time; a disk that cannot take it is said, and no error."""
    try:
        require_folder(path.parent)
        _write(part, path)
    except (OSError, OutputError) as problem:
        told = one_line(problem) if isinstance(problem, OSError) else str(problem)
        warnings.warn(f"{told}. Features are not kept for the next time", CacheNotKept, 2)
        return False
    return True


def _write(part: SplitFeatures, path: Path) -> None:
    tensors = {"audio": part.audio, "text": part.text}
    tensors |= {f"image.{zoom}": values for zoom, values in part.images.items()}
    about = json.dumps([recording.to_json() for recording in part.recordings])
    with atomic_path(path) as aside:
        save_file({k: v.contiguous() for k, v in tensors.items()}, aside, {"recordings": about})


def _read(path: Path, zooms: Sequence[int]) -> SplitFeatures | None:
    """A part that was kept; ``None`` where it is absent or was cut short."""
    try:
        with safe_open(path, framework="pt") as stored:
            about = json.loads(stored.metadata()["recordings"])
            return SplitFeatures(
                recordings=tuple(map(Recording.from_json, about)),
                images={zoom: stored.get_tensor(f"image.{zoom}") for zoom in zooms},
                audio=stored.get_tensor("audio"),
                text=stored.get_tensor("text"),
            )
    except (OSError, SafetensorError):
        return None


def _has_shrunk_first(folder: Path) -> bool:
    """Whether shards hold CLAP's fused windows in our order, as the note of their import says."""
    try:
        framing = json.loads((folder / "import" / "source.json").read_text())["framing"]
        return bool(framing["fused"] and framing["shrunk_first"])
    except (OSError, ValueError, KeyError, TypeError):  # none: of the published shards, say
        return False


def _identity(model: PSM, zooms: Sequence[int], *, is_turned: bool) -> bytes:
    """A hash of all that features depend on beside the shards, the words of the tokenizer too."""
    settings: list[Any] = [_VERSION, model.precision, _settings(model.config), list(zooms)]
    settings += ["turned"] if is_turned else []
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    digest.update(model.text.vocabulary().encode())
    hash_tensors(digest, model.state_dict())
    return digest.digest()


def _settings(config: ModelConfig) -> dict[str, Any]:
    """The settings of a model under the names that the first features on disk were hashed with."""
    settings = config.model_dump(mode="json")
    for tower in ("satellite", "audio_tower", "text_tower"):
        settings[tower]["source"] = settings[tower].pop("weights")
    return settings


def _name(shard: Path, identity: bytes) -> str:
    about = shard.stat()
    digest = hashlib.sha256(identity + f"{about.st_size} {about.st_mtime_ns}".encode())
    return f"{shard.stem}-{digest.hexdigest()[:16]}.safetensors"
