"""From cells to image features, once: the slow half of a map, kept on disk for the next query.

A store is a folder named by a fingerprint of everything that changes the features, with one file
for each chunk of cells. Files are moved into place when complete, so that a killed run goes on
where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import ArrayLike
from torch import Tensor

from psm.data.recording import AudioSource, CaptionSource
from psm.earth.cache import cache_folder
from psm.errors import ConfigError
from psm.files import atomic_path
from psm.gaussian import Gaussian
from psm.inference import image_features, location_gaussians
from psm.mapping.cells import Cells
from psm.mapping.moment import Moment
from psm.model import PSM
from psm.progress import track

_VERSION = 1
_CHUNK = 1024
_STORES_KEPT = 12


@runtime_checkable
class Views(Protocol):
    """Any source of imagery: :class:`psm.earth.tiles.Imagery`, or another with this method."""

    def views(
        self, *, lat: ArrayLike, lon: ArrayLike, zoom: int, size: int
    ) -> UInt8[np.ndarray, "n size size 3"]:
        """RGB views centred on the places, north up."""
        ...


@dataclass(frozen=True, eq=False)
class EmbeddedCells:
    """Cells with the image features that a model sees there, before fusion with any context."""

    cells: Cells
    features: Float[Tensor, "n dim"]
    zoom: int

    def locations(
        self,
        model: PSM,
        moment: Moment,
        *,
        audio_source: AudioSource | None = None,
        caption_source: CaptionSource | None = None,
    ) -> Gaussian:
        """Location Gaussians of the cells at a moment: place known, sources only where given."""
        context = moment.context(
            lat=self.cells.lat,
            lon=self.cells.lon,
            audio_source=audio_source,
            caption_source=caption_source,
        )
        return location_gaussians(model, self.features, context)


def embed_cells(
    model: PSM, imagery: Views, cells: Cells, zoom: int = 1, *, store: Path | None = None
) -> EmbeddedCells:
    """Image features of every cell, read from the store where they are already there.

    Args:
        model: in evaluation mode.
        imagery: where the views come from.
        cells: the places.
        zoom: one of the zoom levels that the model was trained on.
        store: folder of all stores; the user's cache by default.

    Raises:
        ConfigError: the model does not know the zoom level.
    """
    config = model.config.imagery
    if zoom not in config.zooms:
        known = ", ".join(map(str, config.zooms))
        raise ConfigError(f"zoom {zoom}: {model.config.name} knows {known}")
    root = store if store is not None else cache_folder() / "maps"
    folder = root / fingerprint(model, imagery, cells, zoom)
    folder.mkdir(parents=True, exist_ok=True)
    folder.touch()
    if store is None:
        _forget_old(folder)
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(cells), _CHUNK)]
    parts = {}
    for rows in chunks:
        part = _read(folder, rows, (len(cells.lat[rows]), model.config.dim))
        if part is not None:
            parts[rows.start] = part
    missing = [rows for rows in chunks if rows.start not in parts]
    views = _views_ahead(imagery, cells, missing, zoom, config.view_px)
    if missing:
        views = track(views, f"embed {len(cells)} cells", len(missing))
    for rows, pictures in zip(missing, views, strict=True):
        part = image_features(model, pictures, config.gsd_m * zoom).cpu().numpy()
        with atomic_path(folder / _name(rows)) as aside:
            np.save(aside, part, allow_pickle=False)
        parts[rows.start] = part
    features = np.concatenate([parts[rows.start] for rows in chunks])
    return EmbeddedCells(cells, torch.from_numpy(features), zoom)


def fingerprint(model: PSM, imagery: Views, cells: Cells, zoom: int) -> str:
    """A short name of all that changes the features: weights, view, places and imagery."""
    config = model.config
    settings = {
        "version": _VERSION,
        "imagery": f"{type(imagery).__qualname__} {getattr(imagery, 'version', '')}",
        "model": [config.imagery.model_dump(), config.satellite.model_dump(), config.dim],
        "zoom": zoom,
        "frame": [cells.frame.crs, *cells.frame.transform, *cells.frame.shape],
        "precision": model.precision,
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(cells.flat, np.int64).tobytes())
    for name, tensor in sorted(model.satellite.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().float().contiguous().numpy().tobytes())
    return f"z{zoom}-{digest.hexdigest()[:24]}"


def _views_ahead(
    imagery: Views, cells: Cells, chunks: Sequence[slice], zoom: int, size: int
) -> Iterator[np.ndarray]:
    """Views of each chunk; the next chunk is drawn in a thread while this one is encoded."""

    def draw(rows: slice) -> np.ndarray:
        return imagery.views(lat=cells.lat[rows], lon=cells.lon[rows], zoom=zoom, size=size)

    with ThreadPoolExecutor(1) as pool:
        coming: Future[np.ndarray] | None = None
        for rows in [*chunks, None]:
            ready, coming = coming, None if rows is None else pool.submit(draw, rows)
            if ready is not None:
                yield ready.result()


def _name(rows: slice) -> str:
    return f"cells-{rows.start:07d}.npy"


def _read(folder: Path, rows: slice, shape: tuple[int, int]) -> Float[np.ndarray, "n dim"] | None:
    try:
        part: Float[np.ndarray, "n dim"] = np.load(folder / _name(rows), allow_pickle=False)
    except (OSError, ValueError, EOFError):  # absent, or cut short by a full disk: made anew
        return None
    return part if part.shape == shape and np.isfinite(part).all() else None


def _forget_old(current: Path) -> None:
    # Every newly trained model leaves a store of some 20 MB: only those used last are kept.
    others = [path for path in current.parent.iterdir() if path.is_dir() and path != current]
    others.sort(key=lambda path: path.stat().st_mtime)
    for folder in others[: max(0, len(others) - _STORES_KEPT + 1)]:
        shutil.rmtree(folder, ignore_errors=True)
