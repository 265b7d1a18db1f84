"""Maps of many cells: another hour and another query, against fusing every cell anew.

python benchmarks/mapping.py --model runs/small [--cells 10000 100000 1000000]

The baseline is the published algorithm: every query fuses all cells in float32, then scores them;
its time is that of a sample, for its cost a cell does not depend on their number. Real features of
a coarse globe are embedded, prepared and repeated, so that a million cells take seconds to make.
Each size runs in a process of its own, whose peak memory is its own.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from million import make_store

from psm import PSM, mapping
from psm.gaussian import csd
from psm.imagery import BlueMarble
from psm.inference.batches import location_gaussians, text_gaussians
from psm.mapping.store import Store, embed, plan
from psm.mapping.store.creation import create_array
from psm.mapping.timetable import Timetable, agreement, prepare
from psm.mapping.timetable.preparation import group_name

MOMENT, OTHER = mapping.Moment(month=5, hour=6.0), mapping.Moment(month=11, hour=17.5)
QUERY, ANOTHER = "dawn chorus of birds", "ocean waves"
BASELINE_CELLS = 4096
REPEATS = 5


def main() -> None:
    """Prepare a few cells, then measure each size, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="runs/small")
    parser.add_argument("--cells", type=int, nargs="+", default=[10**4, 10**5, 10**6])
    parser.add_argument("--step", type=float, default=3.0, help="degrees of the globe repeated")
    parser.add_argument("--keep", type=Path, help="folder to keep the prepared cells in")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        few = prepare_few(options.model, (options.keep or Path(folder)) / "few.zarr", options.step)
        for count in options.cells:
            path = Path(folder) / f"{count}.zarr"
            repeat(options.model, few, path, count)
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                found = pool.submit(measure, options.model, path).result()
            show(count, found)


def prepare_few(source: str, path: Path, step_deg: float) -> Path:
    """A globe of few cells, embedded and prepared; says how near it is to exact maps."""
    model = PSM.from_pretrained(source, precision="auto")
    cells = mapping.Cells.globe(step_deg)
    store = embed(path, model, BlueMarble(), cells, plan(model, BlueMarble(), cells)).store
    start = time.perf_counter()
    prepare(store, model)
    took = time.perf_counter() - start
    print(f"{len(store):,} cells prepared in {took:.0f} s", flush=True)
    print(agreement(Timetable(store, model), model), flush=True)
    return path


def repeat(source: str, few: Path, path: Path, count: int) -> None:
    """A prepared store of ``count`` cells whose features and coefficients are those of a few."""
    model, known = PSM.from_pretrained(source), Store.open(few)
    zoom = known.zooms[0]
    store = make_store(path, count, model=model, features=known.features(zoom))
    old: Any = known.group[group_name(zoom)]
    new: Any = store.group.create_group(group_name(zoom), attributes=dict(old.attrs))
    for name in ("mean", "basis", "spread_mean", "spread_basis", "seen", "gain"):
        values = np.asarray(old[name])
        chunks = (1, *values.shape[1:]) if values.ndim > 1 else values.shape
        new.create_array(name, data=values, chunks=chunks)
    every = np.asarray(old["coefficients"])
    rank, unit = every.shape[1], store.header.unit
    kept = create_array(new, "coefficients", (count, rank), (unit, rank), "float16", np.nan)
    for start in range(0, count, unit):
        rows = np.arange(start, min(start + unit, count))
        kept[start : start + unit] = every[rows % len(every)]
    done = create_array(new, "done", (count,), (unit,), "uint8", 0)
    done[:] = np.ones(count, np.uint8)


def measure(source: str, path: Path) -> dict[str, float]:
    """Seconds of each step, the best of several, and the peak of memory in GB."""
    model = PSM.from_pretrained(source)
    store = Store.open(path)
    place = store.cells.part(slice(0, min(BASELINE_CELLS, len(store))))
    features = torch.from_numpy(store.features(store.zooms[0], slice(0, len(place)))).float()
    query, other = text_gaussians(model, [QUERY]), text_gaussians(model, [ANOTHER])

    def published() -> torch.Tensor:
        context = MOMENT.context(lat=place.lat, lon=place.lon)
        return -csd(location_gaussians(model, features, context), query)

    found = {"published": best(published, 3) * len(store) / len(place)}
    start = time.perf_counter()
    held = Timetable(store, model)
    found["open"] = time.perf_counter() - start
    start = time.perf_counter()
    held.distances(model, query, OTHER)
    found["first"] = time.perf_counter() - start
    for name, asked, moment in (
        ("hour", query, OTHER),
        ("query", other, MOMENT),
        ("instant", query, mapping.Moment(month=5, utc=4.25)),
    ):
        found[name] = best(lambda q=asked, m=moment: held.distances(model, q, m))  # type: ignore[misc]
    start = time.perf_counter()
    soundscape = mapping.map_query(model, held, mapping.Query(texts=(QUERY,)), MOMENT)
    found["map"] = time.perf_counter() - start
    start = time.perf_counter()
    soundscape.to_png(path.with_suffix(".png"))
    found["png"] = time.perf_counter() - start
    start = time.perf_counter()
    soundscape.to_cog(path.with_suffix(".tif"))
    found["cog"] = time.perf_counter() - start
    found["peak_gb"] = peak_gb()
    found["kb_a_cell"] = held.size_bytes / len(store) / 1024
    array: Any = store.group[group_name(held.zoom)]["coefficients"]  # type: ignore[index]
    rows = torch.from_numpy(np.asarray(array)).float()
    found["bandwidth"] = best(lambda: rows.sum())
    return found


def peak_gb() -> float:
    """Most memory of this process alone; ``getrusage`` would count what started it as well."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024**2
    return float("nan")


def best(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """The shortest of several runs, after one that does not count."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def show(count: int, found: dict[str, float]) -> None:
    """Print one size."""
    per_cell = {name: 1e6 * found[name] / count for name in ("published", "hour", "query")}
    print(
        f"{count:,} cells, {found['kb_a_cell']:.1f} KB each, peak {found['peak_gb']:.1f} GB\n"
        f"  published: {found['published']:.1f} s a map ({per_cell['published']:.0f} µs a cell)\n"
        f"  another hour {found['hour']:.3f} s ({per_cell['hour']:.2f} µs a cell), "
        f"{found['published'] / found['hour']:,.0f}x; the first one {found['first']:.2f} s\n"
        f"  another query {found['query']:.3f} s, {found['published'] / found['query']:,.0f}x; "
        f"an instant of UTC {found['instant']:.3f} s; "
        f"summing the same numbers {found['bandwidth']:.3f} s\n"
        f"  open {found['open']:.2f} s; map with probability and "
        f"uncertainty {found['map']:.2f} s, PNG {found['png']:.1f} s, COG {found['cog']:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
