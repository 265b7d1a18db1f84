"""Estimate of views, bytes and seconds before a region is embedded."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from psm.imagery import Picture, Provider
from psm.inference.batches import image_features
from psm.inference.placefeatures import features_of
from psm.mapping.store.fingerprint import CellBlocks, flat_blocks
from psm.mapping.store.header import Header
from psm.model import PSM

TRIAL_CELLS = 32


@dataclass(frozen=True)
class Estimate:
    """Work and space that an embedding takes.

    Attributes:
        cells: of the region.
        views: still to be read and encoded, over all zoom levels.
        size_bytes: of the finished store.
        seconds: for these views.
    """

    cells: int
    views: int
    size_bytes: int
    seconds: float

    def __str__(self) -> str:
        """``12,480 cells, 12,480 views, 3.1 GB, about 40 min``."""
        size, time_left = _bytes(self.size_bytes), in_words(self.seconds)
        return f"{self.cells:,} cells, {self.views:,} views, {size}, about {time_left}"


def estimate(
    model: PSM, provider: Provider, cells: CellBlocks, header: Header, views: int, *, lanes: int = 1
) -> Estimate:
    """Time some views of the first cells, at every zoom level, and reckon up.

    Reading and encoding overlap, so that the slower of the two counts. Cells that cannot be read
    count too: a region partly without imagery takes less than this says.

    Args:
        model: in evaluation mode.
        provider: of the imagery.
        cells: all of them.
        header: of the store.
        views: still to be done.
        lanes: encoders that work at once.

    Raises:
        PSMError: the imagery cannot be read at all.
    """
    seconds = 0.0
    if views:
        flat = _sample(cells)
        lat, lon = cells.frame.places(*np.divmod(flat, cells.frame.shape[1]))
        rates = []
        for zoom in header.zooms:
            view = header.view(zoom)
            warm = list(provider.read(lat=lat[:1], lon=lon[:1], view=view))  # opens what it needs
            start = time.perf_counter()
            answers = [*warm, *provider.read(lat=lat[1:], lon=lon[1:], view=view)]
            reading = time.perf_counter() - start
            seen = [answer for answer in answers if isinstance(answer, Picture)]
            shape = (len(flat), view.size_px, view.size_px, 3)
            pixels = np.stack([one.pixels for one in seen]) if seen else np.zeros(shape, np.uint8)
            features = _features(model, seen, len(pixels))
            first = None if features is None else features[:1]
            image_features(model, pixels[:1], view.gsd_m, features=first)
            start = time.perf_counter()
            image_features(model, pixels, view.gsd_m, features=features)
            encoding = time.perf_counter() - start
            rates.append(max(reading / max(1, len(flat) - 1), encoding / len(pixels)))
        seconds = views * float(np.mean(rates)) / lanes
    return Estimate(header.cells, views, header.size_bytes, seconds)


def _features(
    model: PSM, seen: Sequence[Picture], count: int
) -> Float32[np.ndarray, "n numbers"] | None:
    """What the model reads of the places beside pixels, or zeros where none was seen."""
    wanted = model.config.satellite.features
    if wanted is None:
        return None
    if not seen:
        return np.zeros((count, wanted.size), np.float32)
    return np.stack([features_of(one, model.config) for one in seen])


def _sample(cells: CellBlocks) -> Int64[np.ndarray, " n"]:
    first = next(flat_blocks(cells))
    return first[np.linspace(0, len(first) - 1, min(TRIAL_CELLS, len(first))).astype(np.int64)]


def _bytes(count: int) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"


def in_words(seconds: float) -> str:
    """``40 s``, ``12 min``, ``3 h``, ``2 days``."""
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600.0:
        return f"{seconds / 60.0:.0f} min"
    return f"{seconds / 3600.0:.0f} h" if seconds < 48 * 3600.0 else f"{seconds / 86400.0:.0f} days"
