"""Base map: map tiles of the Blue Marble that comes along."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from psm.earth.base import BASE_PAD, BASE_WIDTH, base_grids
from psm.server.tiling import SIDE_PX, pixel_centres

DEEPEST = 5
ATTRIBUTION = "NASA Blue Marble, Natural Earth relief"


@lru_cache(maxsize=1400)  # all there are: some 15 MB
def tile(z: int, x: int, y: int) -> bytes:
    """A tile as WebP.

    Raises:
        BrokenPackageData: the package with the picture is missing or damaged.
    """
    level = 0
    while level < 4 and BASE_WIDTH >> (level + 1) >= SIDE_PX * 2**z:
        level += 1
    source = _reduced(level)
    height, width = source.shape[:2]
    lat, lon = pixel_centres(z, x, y)
    down = (90.0 - lat) / 180.0 * height - 0.5
    across = (lon + 180.0) / 360.0 * width - 0.5
    top, left = np.floor(down).astype(int), np.floor(across).astype(int)
    south, east = (down - top)[:, None, None], (across - left)[None, :, None]
    rows = [np.clip(top + k, 0, height - 1) for k in (0, 1)]
    columns = [np.mod(left + k, width) for k in (0, 1)]
    lines = [source[row].astype(np.float32) for row in rows]
    mixed = lines[0] * (1.0 - south) + lines[1] * south
    pixels = mixed[:, columns[0]] * (1.0 - east) + mixed[:, columns[1]] * east
    out = io.BytesIO()
    Image.fromarray(np.round(pixels).astype(np.uint8)).save(out, "WEBP", quality=82, method=2)
    return out.getvalue()


@lru_cache(maxsize=6)
def _reduced(level: int) -> NDArray[np.uint8]:
    """The picture, halved ``level`` times."""
    if level == 0:
        return np.asarray(base_grids()["imagery"])[:, BASE_PAD:-BASE_PAD]
    finer = _reduced(level - 1)
    rows, columns = finer.shape[0] // 2 * 2, finer.shape[1] // 2 * 2
    halved = np.empty((rows // 2, columns // 2, 3), np.uint8)
    for part in np.array_split(np.arange(rows // 2), 8):  # in strips: an eighth of the memory
        strip = finer[2 * part[0] : 2 * part[-1] + 2, :columns].astype(np.uint16)
        total = strip[::2, ::2] + strip[1::2, ::2] + strip[::2, 1::2] + strip[1::2, 1::2]
        halved[part] = ((total + 2) // 4).astype(np.uint8)
    return halved
