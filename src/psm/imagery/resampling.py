"""Resampling of blocks to a view: a square in local metric around a place, north up.

Local metric is the azimuthal equidistant projection at the place. The view is divided into a few
patches whose corners are exact; inside of a patch the position is interpolated. Shrinking averages
over the ground of a pixel, enlarging is bicubic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from PIL import Image
from pyproj import CRS, Geod, Transformer

from psm.imagery.blocks import Fetch, Level, Pixels
from psm.imagery.provider import NoImagery, Picture, Reason, View

GAPS = 0.02
"""Share of a view that may be missing: it is filled from the nearest pixels."""

MOST_ENLARGED = 4.0
"""A view's pixels are at most this much finer than those of the imagery."""

_MARGIN = 3  # pixels that bicubic interpolation looks beyond a patch
_EARTH = Geod(ellps="WGS84")
_ROUND = {  # projections in which the Earth goes around and around
    "Popular Visualisation Pseudo Mercator",
    "Mercator (variant A)",
    "Mercator (variant B)",
    "Equidistant Cylindrical",
    "Equidistant Cylindrical (Spherical)",
    "Lambert Cylindrical Equal Area",
    "Lambert Cylindrical Equal Area (Spherical)",
}


@dataclass(frozen=True, eq=False)
class Mesh:
    """Mesh of a view: where the corners of its patches lie.

    Attributes:
        x, y: in the units of a crs, or in columns and rows of a level.
        edges: pixels of the view at which patches meet.
    """

    x: Float[np.ndarray, "corners corners"]
    y: Float[np.ndarray, "corners corners"]
    edges: list[int]

    def on(self, level: Level) -> Mesh:
        """In columns and rows of a level."""
        inverse = ~level.transform
        x = inverse.a * self.x + inverse.b * self.y + inverse.c
        y = inverse.d * self.x + inverse.e * self.y + inverse.f
        return Mesh(x, y, self.edges)

    def turned(self, by: float) -> Mesh:
        """Moved along the first axis."""
        return Mesh(self.x + by, self.y, self.edges)

    def extent(self) -> tuple[float, float]:
        """Columns and rows of a level that a pixel of the view covers."""
        size = self.edges[-1]
        by_column = [np.abs(axis[:, -1] - axis[:, 0]).mean() / size for axis in (self.x, self.y)]
        by_row = [np.abs(axis[-1] - axis[0]).mean() / size for axis in (self.x, self.y)]
        return math.hypot(by_column[0], by_row[0]), math.hypot(by_column[1], by_row[1])

    def window(self, level: Level) -> tuple[int, int, int, int] | None:
        """First and last (exclusive) column and row that drawing looks at; none if outside."""
        left, right = math.floor(self.x.min()) - _MARGIN, math.ceil(self.x.max()) + _MARGIN
        top, bottom = math.floor(self.y.min()) - _MARGIN, math.ceil(self.y.max()) + _MARGIN
        if level.shape is not None:
            rows, columns = level.shape
            left, right, top, bottom = (
                max(left, 0), min(right, columns), max(top, 0), min(bottom, rows),
            )  # fmt: skip
        return (left, right, top, bottom) if left < right and top < bottom else None

    def blocks(self, level: Level) -> list[tuple[int, int]]:
        """Rows and columns of the blocks that drawing needs."""
        window = self.window(level)
        if window is None:
            return []
        left, right, top, bottom = window
        side = level.block_px
        return [
            (row, column)
            for row in range(top // side, (bottom - 1) // side + 1)
            for column in range(left // side, (right - 1) // side + 1)
        ]


def mesh(*, lat: float, lon: float, view: View, crs: str) -> Mesh | None:
    """The view's patches in the units of a crs; none where that projection does not reach."""
    edges, azimuth, distance = _ground(view, _patches(view, lat))
    lons, lats, _ = _EARTH.fwd(
        np.full(azimuth.shape, lon), np.full(azimuth.shape, lat), azimuth, distance
    )
    to_crs, turn = projection(crs)
    x, y = to_crs.transform(lons, lats)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    if turn is not None:
        x = x - turn * np.round((x - x[len(x) // 2, len(x) // 2]) / turn)
        if max(np.abs(np.diff(x, axis=0)).max(), np.abs(np.diff(x, axis=1)).max()) > turn / 4:
            return None  # a pole lies in the view
    return Mesh(x, y, edges)


@lru_cache(maxsize=512)
def projection(crs: str) -> tuple[Transformer, float | None]:
    """From longitude and latitude to a crs, and what one turn around the Earth is in it, if any."""
    target = CRS.from_user_input(crs)
    to_crs = Transformer.from_crs("EPSG:4326", target, always_xy=True)
    if target.is_geographic:
        unit = target.axis_info[0].unit_conversion_factor
        return to_crs, 2.0 * math.pi / unit
    operation = target.coordinate_operation
    if operation is None or operation.method_name not in _ROUND:
        return to_crs, None
    middle = to_crs.transform(0.0, 0.0, direction="INVERSE")[0]
    return to_crs, 360.0 * (
        to_crs.transform(middle + 1.0, 0.0)[0] - to_crs.transform(middle, 0.0)[0]
    )


def draw(where: Mesh, level: Level, fetch: Fetch) -> tuple[Pixels, Reason] | NoImagery | None:
    """A view resampled from the blocks of a level, and why pixels of it are missing.

    Args:
        where: in columns and rows of the level.
        level: what the blocks are part of.
        fetch: gives the blocks.

    Returns:
        None where the level has nothing of the view; a block that could not be had makes the
        whole view one that cannot be had.
    """
    window = where.window(level)
    if window is None:
        return None
    left, right, top, bottom = window
    # Blocks side by side: what the view covers and a margin, in the pixels of the level.
    pixels = np.zeros((bottom - top, right - left, 4), np.uint8)
    is_cloud = np.zeros(pixels.shape[:2], bool)
    side, is_empty = level.block_px, True
    for row, column in where.blocks(level):
        block = fetch(row, column)
        if isinstance(block, NoImagery):
            return block
        if block is None:
            continue
        # The part of the block that lies in the window, and where it belongs there.
        y, x = row * side - top, column * side - left
        cut = np.s_[max(-y, 0) : bottom - top - y, max(-x, 0) : right - left - x]
        part = block.pixels[cut]
        place = np.s_[max(y, 0) : max(y, 0) + part.shape[0], max(x, 0) : max(x, 0) + part.shape[1]]
        pixels[place] = part
        if block.is_cloud is not None:
            is_cloud[place] = block.is_cloud[cut]
        is_empty = False
    if is_empty:
        return None
    # One reason for the whole view: clouds, if most of what is missing lies under them.
    is_clouded = 2 * np.count_nonzero(is_cloud) > np.count_nonzero(pixels[..., 3] == 0)
    why = Reason.CLOUD if is_clouded else Reason.NO_DATA
    return _warp(pixels, where.x - left, where.y - top, where.edges), why


def over(first: Pixels, second: Pixels) -> Pixels:
    """The first picture, and the second one where the first has no data."""
    if (first[..., 3] == 255).all():
        return first
    share = first[..., 3:].astype(np.float32) / 255.0
    rest = (1.0 - share) * (second[..., 3:].astype(np.float32) / 255.0)
    whole = share + rest
    colours = (share * first[..., :3] + rest * second[..., :3]) / np.maximum(whole, 1e-6)
    return np.round(np.concatenate([colours, 255.0 * whole], -1)).astype(np.uint8)


def finish(pixels: Pixels, view: View, why: Reason = Reason.NO_DATA) -> Picture | NoImagery:
    """The picture, its small gaps filled from the nearest pixels."""
    is_missing = pixels[..., 3] < 128
    share = float(is_missing.mean())
    if share > GAPS:
        return NoImagery(why, f"{share:.0%} of the view is missing")
    colours = pixels[..., :3]
    if share > 0.0:
        from scipy import ndimage  # a third of a second, and most views have no gaps

        nearest = ndimage.distance_transform_edt(
            is_missing, return_distances=False, return_indices=True
        )
        colours = colours[tuple(nearest)]
    return Picture(np.ascontiguousarray(colours), view.gsd_m)


def too_coarse(where: Mesh) -> NoImagery | None:
    """Why imagery of this level is too coarse for the view, if it is."""
    finest = min(where.extent())
    if finest * MOST_ENLARGED >= 0.98:
        return None
    return NoImagery(
        Reason.NO_DATA, f"the imagery's pixels are {1.0 / finest:.1f} times those of the view"
    )


def _warp(
    pixels: Pixels, x: Float[np.ndarray, "n n"], y: Float[np.ndarray, "n n"], edges: list[int]
) -> Pixels:
    size = edges[-1]
    # 1. How much the view shrinks: pixels of the imagery that one of its pixels steps over, along
    # its rows and down. So many samples are taken of each pixel and averaged.
    across = np.hypot(np.diff(x, axis=1), np.diff(y, axis=1)).sum(1).max() / size
    down = np.hypot(np.diff(x, axis=0), np.diff(y, axis=0)).sum(0).max() / size
    times_x, times_y = (max(1, math.ceil(step - 0.02)) for step in (across, down))
    # 2. Without gaps there is no alpha to carry along.
    image = Image.fromarray(pixels)
    is_whole = (
        bool((pixels[..., 3] == 255).all())
        and x.min() >= 0.0
        and y.min() >= 0.0
        and x.max() <= pixels.shape[1]
        and y.max() <= pixels.shape[0]
    )
    if is_whole:
        image = image.convert("RGB")
    # 3. Each patch of the view is a quadrilateral of the imagery; Pillow interpolates inside of it.
    patches = [
        (
            (
                edges[j] * times_x, edges[i] * times_y,
                edges[j + 1] * times_x, edges[i + 1] * times_y,
            ),
            (
                x[i, j], y[i, j], x[i + 1, j], y[i + 1, j],
                x[i + 1, j + 1], y[i + 1, j + 1], x[i, j + 1], y[i, j + 1],
            ),
        )
        for i in range(len(edges) - 1)
        for j in range(len(edges) - 1)
    ]  # fmt: skip
    # 4. Bicubic where the view enlarges; where it shrinks, the average does the smoothing.
    is_smaller = max(times_x, times_y) > 1
    drawn = image.transform(
        (size * times_x, size * times_y),
        Image.Transform.MESH,
        patches,
        Image.Resampling.BILINEAR if is_smaller else Image.Resampling.BICUBIC,
    )
    if is_smaller:
        drawn = drawn.reduce((times_x, times_y))
    return np.asarray(drawn.convert("RGBA"))


def _patches(view: View, lat: float) -> int:
    """Patches along a side, so that positions are right to about a twentieth of a pixel."""
    bend = min(1.0 / max(math.cos(math.radians(lat)), 1e-3), 100.0)
    needed = math.sqrt(view.side_m * view.size_px * bend / 2.5e6)
    return next((n for n in (2, 4, 8, 16) if n >= needed), 32)


@lru_cache(maxsize=64)
def _ground(
    view: View, patches: int
) -> tuple[list[int], Float[np.ndarray, "n n"], Float[np.ndarray, "n n"]]:
    """Pixels at which patches meet; azimuth (degrees) and distance (m) of their corners."""
    size = view.size_px
    edges = sorted({round(size * i / patches) for i in range(patches + 1)})
    east = (np.asarray(edges) - size / 2.0)[None, :] * view.gsd_m
    south = (np.asarray(edges) - size / 2.0)[:, None] * view.gsd_m
    east, south = np.broadcast_arrays(east, south)
    return edges, np.degrees(np.arctan2(east, -south)), np.hypot(east, south)
