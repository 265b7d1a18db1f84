"""Sites of a plan against random ones and a regular grid, by the truth of the simulated Earth.

python benchmarks/planning.py [--regions 20] [--recorders 12] [--speed]

In the regions of ``benchmarks/measuring.py``, which training never saw, as many recorders stand at
the sites of ``psm plan``, at random places and on a regular grid. Each gives the average of a
column over the year, with a noise of a fifth of its deviation over the region. A map is made of
these few numbers by the kernel that stands for any sound (they cannot teach another one), and
compared with the true average at all places of the region. Prints a Markdown table: the error of
the map (root mean square) after planning against that of the others, median over regions with the
middle half of them, by column. ``--speed`` times 100 sites among 10^5 cells instead.
"""

from __future__ import annotations

import argparse
import time
import warnings
from itertools import product

import numpy as np
import torch
from measuring import COLUMNS, Floats, drawn_places, truth_of

from psm import PSM
from psm.evaluation.against import Points
from psm.evaluation.against.asking import embedded_places
from psm.geodata.sphere import KM_PER_DEGREE, unit_vectors
from psm.imagery import BlueMarble
from psm.inference.batches import location_gaussians
from psm.mapping import EmbeddedCells
from psm.measures.fitting import Axes
from psm.measures.kernel import NAMES, Inputs, inputs_of
from psm.measures.regression import Targets, condition
from psm.planning import plan_sites
from psm.planning.choosing import Field, choose
from psm.planning.features import ANY_SOUND
from psm.planning.plan import RECORDINGS
from psm.seeding import generator

MOMENTS = tuple(product((1, 4, 7, 10), (5.0, 12.0, 21.0)))
NOISE = 0.2
"""Of a recorder's average, in deviations of the column over the region."""


def main() -> None:
    """Plan, measure, fit, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="earth-small")
    parser.add_argument("--regions", type=int, default=20)
    parser.add_argument("--places", type=int, default=500, help="of each region")
    parser.add_argument("--recorders", type=int, default=12)
    parser.add_argument("--draws", type=int, default=10, help="of random places, and of grids")
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
        errors = compare(model, places.part(rows), options, generator(number, "planning"))
        for name, values in errors.items():
            found[name].append(values)
        print(number, {name: np.round(values, 3).tolist() for name, values in errors.items()})
    report(found)


def compare(
    model: PSM, region: EmbeddedCells, options: argparse.Namespace, rng: np.random.Generator
) -> dict[str, list[float]]:
    """Errors after planning, at random places and on grids (their means), by column."""
    cells, count, draws = region.cells, options.recorders, options.draws
    plan = plan_sites(model, region, sites=count)
    at_random = [rng.choice(len(cells), count, replace=False).tolist() for _ in range(draws)]
    on_grid = [grid(cells.lat, cells.lon, count, rng) for _ in range(draws)]
    asked = [
        Points.of(lat=cells.lat, lon=cells.lon, month=month, hour=hour) for month, hour in MOMENTS
    ]
    means = torch.stack(
        [location_gaussians(model, region.features, one.context()).mean for one in asked]
    ).mean(0)
    axes = Axes.of(means.double())
    unknown = np.full(len(cells), np.nan)
    inputs = inputs_of(
        (means.double() - axes.centre) @ axes.axes,
        lat=cells.lat, lon=cells.lon, month=unknown, hour=unknown,
    )  # fmt: skip
    truths = [truth_of(one) for one in asked]
    errors: dict[str, list[float]] = {}
    for name in options.columns:
        truth = np.mean([one[name] for one in truths], axis=0)
        measured = truth + rng.normal(0.0, NOISE * truth.std(), len(truth))

        def error(sites: list[int], truth: Floats = truth, measured: Floats = measured) -> float:
            found = mapped(inputs, sites, measured[sites])
            return float(np.sqrt(np.mean((found - truth) ** 2)))

        errors[name] = [
            error([site.cell for site in plan.sites]),
            float(np.mean([error(sites) for sites in at_random])),
            float(np.mean([error(sites) for sites in on_grid])),
        ]
    return errors


def mapped(inputs: Inputs, sites: list[int], values: Floats) -> Floats:
    """The map of a few numbers by the kernel that stands for any sound."""
    logs = torch.tensor([ANY_SOUND[name] for name in NAMES], dtype=torch.float64).log()
    logs[-1] -= np.log(RECORDINGS)
    mean, deviation = float(values.mean()), float(values.std()) + 1e-12
    targets = Targets(
        torch.from_numpy((values - mean) / deviation), torch.zeros(len(values), dtype=torch.bool)
    )
    posterior = condition(inputs.rows(torch.tensor(sites)), targets, logs)
    return mean + deviation * posterior.at(inputs)[0].numpy()


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
