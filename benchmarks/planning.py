"""Sites of a plan against random ones and a regular grid, by the truth of the simulated Earth.

python benchmarks/planning.py [--regions 20] [--recorders 12] [--speed]

In the regions of ``benchmarks/measuring.py``, which training never saw, as many recorders stand at
the sites of ``psm plan``, at random places and on a regular grid. Each records a dozen times at
random months and hours; a measure is fitted on that, and its map is compared with the truth at all
places of the region and some moments. Prints a Markdown table: the error of the map (root mean
square) after planning, relative to that of the others, median over regions with the middle half of
them, by column. ``--speed`` times 100 sites among 10^5 cells instead.
"""

from __future__ import annotations

import argparse
import time
import warnings
from itertools import product

import numpy as np
import torch
from measuring import COLUMNS, Floats, drawn_places, measure

from psm import PSM
from psm.evaluation.against import Points
from psm.geodata.sphere import KM_PER_DEGREE, unit_vectors
from psm.imagery import BlueMarble
from psm.inference.batches import location_gaussians
from psm.mapping import EmbeddedCells
from psm.measures.fitting import Axes
from psm.measures.kernel import inputs_of
from psm.measures.links import Link
from psm.measures.observing import embedded_places
from psm.measures.predictor import Predictor
from psm.measures.regression import Targets, condition, learn
from psm.planning import plan_sites
from psm.planning.choosing import Field, choose
from psm.seeding import generator

RECORDINGS = 12
MOMENTS = tuple(product((1, 5, 8, 10), (6.0, 14.0, 22.0)))[::2]


def main() -> None:
    """Plan, measure, fit, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="earth-small")
    parser.add_argument("--regions", type=int, default=20)
    parser.add_argument("--places", type=int, default=500, help="of each region")
    parser.add_argument("--recorders", type=int, default=12)
    parser.add_argument("--draws", type=int, default=3, help="of random places")
    parser.add_argument("--columns", nargs="+", default=list(COLUMNS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.speed:
        speed()
        return
    model = PSM.from_pretrained(options.model)
    model.coverage = None
    every = drawn_places(options.regions, options.places, options.seed)
    places, index = embedded_places(model, BlueMarble(), every)
    index = index.reshape(options.regions, options.places)
    found: dict[str, list[list[float]]] = {name: [] for name in options.columns}
    for number, rows in enumerate(index):
        region = places.part(rows)
        errors = compare(model, region, options.recorders, options.draws, options.columns, number)
        for name, values in errors.items():
            found[name].append(values)
        print(number, {name: np.round(values, 3).tolist() for name, values in errors.items()})
    report(found)


def compare(
    model: PSM, region: EmbeddedCells, recorders: int, draws: int, columns: list[str], seed: int
) -> dict[str, list[float]]:
    """Errors after planning, at random places (their mean) and on a grid, by column."""
    cells, rng = region.cells, generator(seed, "planning")
    plan = plan_sites(model, region, sites=recorders)
    designs = [[site.cell for site in plan.sites]]
    designs += [rng.choice(len(cells), recorders, replace=False).tolist() for _ in range(draws)]
    designs.append(grid(cells.lat, cells.lon, recorders, rng))
    asked = [
        Points.of(lat=cells.lat, lon=cells.lon, month=month, hour=hour) for month, hour in MOMENTS
    ]
    means = [location_gaussians(model, region.features, one.context()).mean for one in asked]
    truth = [measure(one, rng)[1] for one in asked]
    errors: dict[str, list[float]] = {name: [] for name in columns}
    for design in designs:
        rows = np.repeat(design, RECORDINGS)
        points = Points.of(
            lat=cells.lat[rows], lon=cells.lon[rows],
            month=rng.integers(1, 13, len(rows)), hour=rng.uniform(0.0, 24.0, len(rows)),
        )  # fmt: skip
        seen = location_gaussians(
            model, region.features[torch.from_numpy(rows)], points.context()
        ).mean.double()
        measured, _ = measure(points, rng)
        for name in columns:
            predictor = fitted(seen, points, measured[name])
            squares = [
                (predictor.predict(mean.double(), one).value - true[name]) ** 2
                for mean, one, true in zip(means, asked, truth, strict=True)
            ]
            errors[name].append(float(np.sqrt(np.mean(squares))))
    return {
        name: [values[0], float(np.mean(values[1:-1])), values[-1]]
        for name, values in errors.items()
    }


def fitted(means: torch.Tensor, points: Points, values: Floats) -> Predictor:
    """A measure without its folds."""
    link, axes = Link.of(values), Axes.of(means)
    latent = link.forward(values)
    mean, deviation = float(latent.mean()), float(latent.std())
    seen = (means - axes.centre) @ axes.axes
    inputs = inputs_of(seen, lat=points.lat, lon=points.lon, month=points.month, hour=points.hour)
    targets = Targets(
        torch.from_numpy((latent - mean) / deviation), torch.zeros(len(values), dtype=torch.bool)
    )
    return Predictor(
        condition(inputs, targets, learn(inputs, targets)), *axes, link, mean, deviation
    )


def grid(lat: Floats, lon: Floats, count: int, rng: np.random.Generator) -> list[int]:
    """Places next to the nodes of a square grid that has about ``count`` nodes in the region."""
    y = lat * KM_PER_DEGREE
    x = lon * KM_PER_DEGREE * np.cos(np.radians(lat.mean()))
    found: list[int] = []
    for step in np.geomspace(np.ptp(y) + np.ptp(x), 5.0, 200):
        shift = rng.uniform(0.0, step, 2)
        nodes = np.stack([np.floor((y - shift[0]) / step), np.floor((x - shift[1]) / step)], 1)
        middles = (np.unique(nodes, axis=0) + 0.5) * step + shift
        away = np.hypot(middles[:, :1] - y, middles[:, 1:] - x)
        near = away.min(1) < step / 2.0
        found = sorted(set(away[near].argmin(1).tolist()))
        if len(found) >= count:
            break
    return rng.permutation(found)[:count].tolist()


def report(found: dict[str, list[list[float]]]) -> None:
    """Print the table."""
    print("\n| error of the map | of random places | of a regular grid |\n|---|---|---|")
    for name, values in found.items():
        planned, random, regular = np.array(values).T
        cells = []
        for other in (random, regular):
            low, middle, high = np.percentile(1.0 - planned / other, [25, 50, 75])
            cells.append(f"{-middle:+.1%} ({-high:+.1%} to {-low:+.1%})")
        print(f"| {name} | {' | '.join(cells)} |")


def speed() -> None:
    """Time a hundred sites among 10^5 cells with 300 features."""
    rng = generator(0, "speed")
    features = rng.normal(size=(100_000, 300)).astype(np.float32) / 17.0
    lat, lon = rng.uniform(40, 50, 100_000), rng.uniform(0, 15, 100_000)
    start = time.perf_counter()
    field = Field(features, np.full(100_000, 0.05), np.ones(100_000))
    choose(field, unit_vectors(lat=lat, lon=lon), count=100, noise=0.1, apart_km=5.0)
    print(f"100 sites among 100,000 cells: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
