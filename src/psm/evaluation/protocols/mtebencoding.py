"""Features of the media of a task, kept on disk part by part: a killed evaluation goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from safetensors import SafetensorError, safe_open
from torch import Tensor

from psm.checkpoints import weights_fingerprint
from psm.data.sound.reading import decode_audio
from psm.data.views import decode_image
from psm.evaluation.protocols.mtebdata import Media
from psm.gaussian import Gaussian
from psm.inference.batches import image_features, location_gaussians, picture_px
from psm.model import PSM
from psm.progress import track
from psm.reference import published_tile_px, published_view
from psm.tensorfiles import write_tensors

TILE_GSD_M = 0.2
"""Metres per pixel of SoundingEarth's images, as its authors say: alike at every latitude."""

_PART = 32
_VERSION = 1
_DIGEST = 16


class EncodedMedia(NamedTuple):
    """Media in the space of a model.

    Attributes:
        gaussians: ``(n, dim)``.
        content: ``(n,)`` hashes of the pixels or samples: equal media have equal ones.
    """

    gaussians: Gaussian
    content: list[bytes]


def encode_media(model: PSM, media: Media, keep: Path, label: str) -> EncodedMedia:
    """Encode images as locations that nothing is told of, or recordings.

    Args:
        model: in evaluation mode, on any device.
        media: of a task.
        keep: folder for the features of finished parts, which are not encoded again.
        label: of these media, for the bar and the files.

    Raises:
        CorruptShard, CorruptRecording: media that cannot be read; the error names them.
    """
    identity = _identity(model, media)
    features, content = [], []
    total = -(-len(media) // _PART)
    for number, part in enumerate(track(media.parts(_PART), f"encoding {label}", total)):
        path = keep / f"{label}-{identity}-{number:05}.safetensors"
        found = _read(path, len(part))
        if found is None:
            found = _encode(model, media.modality, part)
            write_tensors(path, {"features": found[0], "content": found[1]}, {})
        features.append(found[0])
        content += [bytes(row) for row in found[1].numpy()]
    return EncodedMedia(_gaussians(model, media.modality, torch.cat(features)), content)


@torch.inference_mode()
def _encode(
    model: PSM, modality: str, part: list[tuple[str, bytes]]
) -> tuple[Tensor, UInt8[Tensor, "n 16"]]:
    """Features before fusion or head, and a hash of what was decoded."""
    digests = []
    if modality == "audio":
        framing = model.config.framing
        mels = []
        for name, data in part:
            waveform = decode_audio(data, framing.audio.sample_rate_hz, name)
            digests.append(_digest(waveform))
            mels.append(torch.from_numpy(framing.mel(waveform)))
        found = model.audio_features(torch.stack(mels).to(model.device))
    else:
        tiles = [decode_image(data, name) for name, data in part]
        digests = [_digest(tile) for tile in tiles]
        found = _seen(model, tiles)
    return found.float().cpu(), torch.from_numpy(np.stack(digests))


def _seen(model: PSM, tiles: list[UInt8[np.ndarray, "side side 3"]]) -> Float[Tensor, "n dim"]:
    """Image features of views of tiles: as wide as the model's, or as wide as the tile is."""
    imagery = model.config.imagery
    zoom = imagery.zooms[0]
    if model.config.reference:
        tile_px = published_tile_px(imagery.name)
        views = [
            published_view(tile, zoom=zoom, tile_px=tile_px, size=imagery.view_px) for tile in tiles
        ]
        gsd_m = torch.full((len(tiles),), imagery.gsd_m * zoom)
        return model.image_features(
            torch.stack(views).to(model.device), gsd_m.to(model.device)
        ).cpu()
    size = picture_px(model.config)
    wanted = round(size * imagery.gsd_m * zoom / TILE_GSD_M)
    cut = [_cut(tile, min(wanted, *tile.shape[:2]), size) for tile in tiles]
    sides = np.array([min(wanted, *tile.shape[:2]) for tile in tiles], float)
    return image_features(model, np.stack(cut), sides * TILE_GSD_M / size)


def _cut(
    tile: UInt8[np.ndarray, "height width 3"], side: int, size: int
) -> UInt8[np.ndarray, "size size 3"]:
    top, left = ((length - side) // 2 for length in tile.shape[:2])
    crop = tile[top : top + side, left : left + side]
    if side == size:
        return crop
    return np.asarray(Image.fromarray(crop).resize((size, size), Image.Resampling.BICUBIC))


@torch.inference_mode()
def _gaussians(model: PSM, modality: str, features: Tensor) -> Gaussian:
    if modality == "image":
        found = location_gaussians(model, features)
    else:
        found = model.audio_head(features.to(model.device))
    return Gaussian(found.mean.cpu(), found.log_var.cpu()).unit()


def _digest(values: np.ndarray) -> UInt8[np.ndarray, 16]:
    digest = hashlib.sha256(str(values.shape).encode())
    digest.update(np.ascontiguousarray(values).tobytes())
    return np.frombuffer(digest.digest()[:_DIGEST], np.uint8)


def _identity(model: PSM, media: Media) -> str:
    """A hash of all that features depend on: weights, settings, the files and who is in them."""
    files = [(path.name, path.stat().st_size) for path in _files(media.table.paths)]
    settings = model.config.model_dump(mode="json")
    about = [_VERSION, _PART, model.precision, settings, media.modality, files, media.ids]
    text = json.dumps([weights_fingerprint(model), *about], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _files(paths: Iterable[Path]) -> list[Path]:
    return [
        file
        for path in paths
        for file in (sorted(path.rglob("*.arrow")) if path.is_dir() else [path])
    ]


def _read(path: Path, size: int) -> tuple[Tensor, Tensor] | None:
    """A part that was kept; ``None`` where it is absent or was cut short."""
    try:
        with safe_open(path, framework="pt") as stored:
            found = stored.get_tensor("features"), stored.get_tensor("content")
    except (OSError, SafetensorError):
        return None
    return found if len(found[0]) == len(found[1]) == size else None
