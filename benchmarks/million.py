"""A store of a million cells: opening it, seeing that nothing is left to do, reading all of it.

python benchmarks/million.py [--cells 10000 100000 1000000] [--dim 512]

:func:`make_store` makes such a store from a small set of features, repeated; other benchmarks of
maps use it too.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from rasterio.transform import Affine

from psm import PSM
from psm.config import ModelConfig
from psm.experiments import load_experiment
from psm.geodata.frame import Indices
from psm.imagery import NoImagery, Picture, View
from psm.mapping import Frame
from psm.mapping.store import Store, embed, plan
from psm.mapping.store.creation import create_store
from psm.mapping.store.status import EMBEDDED
from psm.seeding import generator

CENTRE = (48.2, 16.4)


class Square:
    """``count`` cells of 250 m around Vienna, row by row, in blocks."""

    def __init__(self, count: int) -> None:
        side = int(np.ceil(np.sqrt(count)))
        crs = f"+proj=laea +lat_0={CENTRE[0]} +lon_0={CENTRE[1]} +ellps=WGS84 +units=m"
        transform = Affine(250.0, 0.0, -125.0 * side, 0.0, -250.0, 125.0 * side)
        self.frame = Frame(crs, transform, (side, side))
        self.count = count

    def blocks(self, size: int = 4096) -> Iterator[tuple[Indices, Indices]]:
        """Rows and columns."""
        for start in range(0, self.count, size):
            flat = np.arange(start, min(start + size, self.count))
            yield tuple(np.divmod(flat, self.frame.shape[1]))  # type: ignore[misc]


class Nowhere:
    """Imagery that nobody may ask for: all is there."""

    name, attribution, licence = "none", "made up", "CC0-1.0"
    has_seasons, is_simulated = False, False
    settings: Mapping[str, object] = {"provider": "none"}

    def read(self, *, lat: object, lon: object, view: View) -> Iterator[Picture | NoImagery]:
        """Fail."""
        raise AssertionError(f"nothing was left to read: {lat}, {lon}, {view}")


def make_store(
    path: Path,
    cells: int,
    *,
    model: PSM,
    features: Float[np.ndarray, "few dim"] | None = None,
    zooms: tuple[int, ...] | None = None,
) -> Store:
    """A finished store of ``cells`` cells at ``path``, whose features repeat a few.

    Args:
        path: where; what is there already is kept if it is the same.
        cells: how many.
        model: whose store it is.
        features: real ones, as :attr:`EmbeddedCells.features`; by default made up, seeded.
        zooms: by default the model's first.
    """
    square = Square(cells)
    header = plan(model, Nowhere(), square, zooms=zooms, unit=1024)
    store = create_store(path, header, square)
    if features is None:
        features = generator(0, "features").normal(size=(4096, header.dim))
    few = np.asarray(features, np.float16)
    for unit in store.undone():
        rows = store.rows(unit)
        count = rows.stop - rows.start
        store.write(
            unit,
            few[np.arange(rows.start, rows.stop) % len(few)],
            np.full(count, EMBEDDED, np.uint8),
        )
    return store


def small_model(dim: int) -> PSM:
    """The smallest satellite encoder, with features of ``dim`` values."""
    torch.manual_seed(0)
    config = load_experiment("earth-tiny").model.model_dump() | {"dim": dim}
    return PSM(ModelConfig.model_validate(config)).eval()


def measure(path: Path, dim: int) -> dict[str, float]:
    """Seconds by step, the most memory that resuming took above what was there, and the size."""
    model = small_model(dim)
    square = Square(len(Store.open(path)))
    seconds: dict[str, float] = {}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def timed(name: str, start: float) -> None:
        seconds[name] = time.perf_counter() - start

    start = time.perf_counter()
    store = Store.open(path)
    timed("open", start)
    start = time.perf_counter()
    header = plan(model, Nowhere(), square, zooms=store.zooms, unit=store.header.unit)
    report = embed(path, model, Nowhere(), square, header)
    timed("resume", start)
    if report.views:
        sys.exit("something was left to do")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    zoom = store.zooms[0]
    block = np.empty((16384, store.header.dim), np.float16)
    for name in ("first", "stream"):
        start = time.perf_counter()
        for row in range(0, len(store), len(block)):
            rows = slice(row, min(row + len(block), len(store)))
            store.features(zoom, rows, out=block[: rows.stop - rows.start])
        timed(name, start)
    start = time.perf_counter()
    every = store.features(zoom)
    timed("all", start)
    again = np.empty_like(every)
    again[:] = 0
    start = time.perf_counter()
    np.copyto(again, every)
    timed("copy", start)
    return seconds | {"resume_mb": peak, "before_mb": before, "gb": every.nbytes / 1e9}


def main() -> None:
    """Measure each size, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[10**4, 10**5, 10**6])
    parser.add_argument("--dim", type=int, default=512)
    options = parser.parse_args()
    for count in options.cells:
        show(count, options.dim)


def show(count: int, dim: int) -> None:
    """Measure one size, and print."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.zarr"
        start = time.perf_counter()
        make_store(path, count, model=small_model(dim))
        made = time.perf_counter() - start
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # whose peak is its own
            found = pool.submit(measure, path, dim).result()
    each, size = 1e6 * found["resume"] / count, found["gb"]
    print(
        f"{count:9,d} cells x {dim}: made in {made:.1f} s, opened in {found['open']:.3f} s\n"
        f"  resume with nothing to do {found['resume']:.2f} s, {each:.2f} µs a cell, "
        f"peak {found['resume_mb']:.0f} MB above the {found['before_mb']:.0f} MB of the model\n"
        f"  read in blocks {found['stream']:.2f} s, {size / found['stream']:.1f} GB/s; "
        f"into new memory {found['all']:.2f} s, {size / found['all']:.1f} GB/s; "
        f"copied in memory {found['copy']:.2f} s, {size / found['copy']:.1f} GB/s",
        flush=True,
    )


if __name__ == "__main__":
    main()
