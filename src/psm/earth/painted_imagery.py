"""The imagery of the simulated Earth: Blue Marble with painted towns, roads and rivers."""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy import ndimage

from psm.earth import paint
from psm.earth.base import BASE_HEIGHT, BASE_PAD, BASE_WIDTH, base_grids
from psm.earth.worlds.look import Look
from psm.errors import ConfigError, InvalidContext
from psm.seeding import generator

TILE_SIZE = 320
VIEW_SIZE = 64
GSD_M = 1000.0
"""Ground sample distance of a tile and of the zoom-1 view."""

ZOOMS = (1, 3, 5)

_NOISE_SIZE = 1024
_PERIOD = 15  # a multiple of every zoom: the noise can be averaged down once for all places
_NOISE_STRENGTH = 0.05
_DENSE = 0.05
_RIVER = np.array([38.0, 66.0, 104.0], np.float32)
_ROAD = np.array([176.0, 168.0, 156.0], np.float32)
_TOWN = np.array([158.0, 152.0, 150.0], np.float32)


class PaintedImagery:
    """Tiles and views at any place. Use :meth:`load`, which opens the base imagery once."""

    def __init__(self, look: Look | None = None) -> None:
        self._base: NDArray[np.uint8] = base_grids()["imagery"]
        self._look = look

    @classmethod
    def load(cls, look: Look | None = None) -> PaintedImagery:
        """The shared instance: of our Earth, or of a world that looks otherwise.

        Raises:
            BrokenPackageData: a data package is missing or damaged.
        """
        return _load(look)

    def tile(self, *, lat: float, lon: float) -> NDArray[np.uint8]:
        """The tile around a place: ``(320, 320, 3)`` RGB, 1 km per pixel, north up.

        Local metric: a pixel is 1 km wide along the parallel through the centre.
        """
        return self._seen(lat, lon, TILE_SIZE, GSD_M / 1000.0)

    def views(
        self, *, lat: ArrayLike, lon: ArrayLike, zoom: int = 1, size: int = VIEW_SIZE
    ) -> NDArray[np.uint8]:
        """Views of N places at one zoom, drawn at that zoom: ``(N, size, size, 3)`` RGB.

        The same, within a few grey levels, as the tile's centre crop of ``64 * zoom`` pixels
        averaged down to ``size`` pixels, at a fraction of the cost.

        Raises:
            ConfigError: a zoom or size that a tile cannot give.
        """
        if zoom not in ZOOMS or not 1 <= size <= VIEW_SIZE * zoom:
            most = VIEW_SIZE * zoom
            raise ConfigError(f"view: zoom {zoom} (one of {ZOOMS}), size {size} (1..{most})")
        lats, lons = np.broadcast_arrays(
            np.atleast_1d(np.asarray(lat, float)), np.atleast_1d(np.asarray(lon, float))
        )
        gsd_km = VIEW_SIZE * zoom / size * GSD_M / 1000.0
        views = np.empty((len(lats), size, size, 3), np.uint8)
        for i, (y, x) in enumerate(zip(lats.tolist(), lons.tolist(), strict=True)):
            views[i] = self._seen(y, x, size, gsd_km)
        return views

    def _seen(self, lat: float, lon: float, size: int, gsd_km: float) -> NDArray[np.uint8]:
        picture = self._render(lat, lon, size, gsd_km)
        return picture if self._look is None else self._look.applied(picture, lat=lat)

    def _render(self, lat: float, lon: float, size: int, gsd_km: float) -> NDArray[np.uint8]:
        if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
            raise InvalidContext(f"no imagery at latitude {lat:g}, longitude {lon:g}")
        square = paint.GroundSquare(lat, lon, size, gsd_km)
        if gsd_km > 1.0 and paint.town_share(square) > _DENSE:
            # Overlapping towns do not average linearly: draw the whole crop, then shrink it.
            full = Image.fromarray(self._render(lat, lon, round(size * gsd_km), 1.0))
            return np.asarray(full.resize((size, size), Image.Resampling.BOX))
        picture = self._ground(square)
        fine, smooth = self._texture(square)
        _blend(picture, _RIVER, paint.rivers(square))
        _blend(picture, _ROAD, 0.8 * paint.roads(square))
        built = paint.towns(square)
        # The smooth noise frays the edges, the fine one is the pattern of blocks and gardens.
        cover = built * (0.85 + 0.15 * smooth) + built * (1.0 - built) * smooth
        _blend(picture, _TOWN, 0.9 * cover)
        picture *= (1.0 + fine * (_NOISE_STRENGTH + 0.10 * cover))[..., None]
        return np.clip(picture, 0.0, 255.0).astype(np.uint8)

    def _ground(self, square: paint.GroundSquare) -> NDArray[np.float32]:
        """The base imagery resampled to the square, float32 0..255."""
        per_degree = BASE_WIDTH / 360.0
        half_rows = square.half_deg * per_degree
        half_columns = min(half_rows / square.shrink, BASE_PAD - 4.0)
        row = (90.0 - square.lat) * per_degree
        column = (square.lon + 180.0) * per_degree + BASE_PAD
        top, bottom = max(int(row - half_rows) - 3, 0), min(int(row + half_rows) + 4, BASE_HEIGHT)
        left, right = int(column - half_columns) - 3, int(column + half_columns) + 4
        left, right = max(left, 0), min(right, self._base.shape[1])
        crop = np.ascontiguousarray(self._base[top:bottom, left:right])
        # Beyond a pole the square keeps the outermost row; the poles are ice or ice-covered sea.
        above = max(int(np.ceil(top - (row - half_rows))), 0)
        below = max(int(np.ceil(row + half_rows - bottom)), 0)
        if above or below:
            crop = np.pad(crop, ((above, below), (0, 0), (0, 0)), mode="edge")
        y, x = row - top + above, column - left
        box = (x - half_columns, y - half_rows, x + half_columns, y + half_rows)
        shape = (square.size, square.size)
        picture = Image.fromarray(crop).resize(shape, Image.Resampling.BICUBIC, box)
        return np.array(picture, np.float32)

    def _texture(
        self, square: paint.GroundSquare
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The place's own fine and smooth noise, averaged down to the square's pixels."""
        key = crc32(f"{square.lat:.5f} {square.lon:.5f}".encode())
        span = round(square.size * square.gsd_km)
        margin, room = (TILE_SIZE - span) // 2, (_NOISE_SIZE - TILE_SIZE) // _PERIOD
        top, left = key % room * _PERIOD + margin, key // room % room * _PERIOD + margin
        zoom = round(square.gsd_km)
        if zoom * square.size == span and zoom in ZOOMS:
            phase = margin % zoom
            fine, smooth = _noise(zoom, phase)
            y, x = (top - phase) // zoom, (left - phase) // zoom
            return (
                fine[y : y + square.size, x : x + square.size],
                smooth[y : y + square.size, x : x + square.size],
            )
        fine, smooth = _noise()
        window = np.s_[top : top + span, left : left + span]
        return _shrink(fine[window], square.size), _shrink(smooth[window], square.size)


def _shrink(noise: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    image = Image.fromarray(np.ascontiguousarray(noise))
    return np.asarray(image.resize((size, size), Image.Resampling.BOX))


@lru_cache(maxsize=8)
def _load(look: Look | None) -> PaintedImagery:
    return PaintedImagery(look)


@lru_cache(maxsize=8)
def _noise(zoom: int = 1, phase: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fine noise (standard deviation 1) and smooth noise within [-1, 1], averaged down by zoom.

    ``phase`` is the row and column that the averaging starts at.
    """
    if zoom > 1:
        size = (_NOISE_SIZE - phase) // zoom
        fine, smooth = (noise[phase : phase + size * zoom, phase : phase + size * zoom]
                        for noise in _noise())  # fmt: skip
        return _shrink(fine, size), _shrink(smooth, size)
    rng = generator(0, "tile noise")
    white = rng.standard_normal((2, _NOISE_SIZE, _NOISE_SIZE)).astype(np.float32)
    layers = []
    for noise, sigma in zip(white, (0.5, 2.5), strict=True):
        soft = ndimage.gaussian_filter(noise, sigma, mode="wrap")
        layers.append((soft / soft.std()).astype(np.float32))
    return layers[0], np.tanh(layers[1])


def _blend(
    picture: NDArray[np.float32], colour: NDArray[np.float32], cover: NDArray[np.float32]
) -> None:
    if cover.any():
        change = colour - picture
        change *= cover[..., None]
        picture += change
