"""Draw the pictures of ``docs/outputs.md``: ``python docs/make_outputs.py MODEL``.

``MODEL`` is a folder that ``psm train`` or ``psm demo`` wrote, or a hub id.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from rasterio.transform import Affine

from psm import PSM
from psm.earth.layers import Layers
from psm.imagery import BlueMarble
from psm.mapping import Cells, Frame, Moment, Query, embed_cells, map_query

FOLDER = Path(__file__).parent
STEP_M = 15_000.0
COLOURS = 128


def land_around(*, lat: float, lon: float, rows: int, columns: int) -> Cells:
    """The cells on land of a raster centred on a place, in the equal-area projection around it."""
    crs = f"+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m"
    left, top = -columns * STEP_M / 2.0, rows * STEP_M / 2.0
    frame = Frame(crs, Affine(STEP_M, 0.0, left, 0.0, -STEP_M, top), (rows, columns))
    row, column = (at.ravel() for at in np.indices(frame.shape))
    everywhere = Cells(frame, row, column)
    return everywhere.part(Layers.load().at(lat=everywhere.lat, lon=everywhere.lon).is_land)


def shrink(path: Path) -> None:
    """Fewer colours, for a repository."""
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def main() -> None:
    """Two regions, two ways to draw uncertainty."""
    model = PSM.from_pretrained(sys.argv[1])
    zoom = model.config.imagery.zooms[0]
    for name, cells, words, moment, uncertainty in (
        (
            "outputs-inset.png",
            land_around(lat=46.5, lon=11.0, rows=70, columns=110),
            "sheep bells",
            Moment(month=7, hour=9.0),
            "inset",
        ),
        (
            "outputs-hatch.png",
            land_around(lat=-41.0, lon=173.0, rows=100, columns=80),
            "waves on a beach",
            Moment(month=1, hour=12.0),
            "hatch",
        ),
    ):
        embedded = embed_cells(model, BlueMarble(), cells, zoom)
        found = map_query(model, embedded, Query(texts=(words,)), moment)
        shrink(found.write(FOLDER / name, width_px=1000, uncertainty=uncertainty))


if __name__ == "__main__":
    main()
