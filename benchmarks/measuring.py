"""Numbers that somebody measured, mapped from few places, against the truth of simulated Earth.

python benchmarks/measuring.py [--regions 20] [--measured 200] [--out measuring.json] [--speed]

In regions that training never saw (test blocks of the build with seed 0), places are measured at
random months and hours: the level of the mix in dB, the number of sounds, the share of biophony,
and two ratings with noise, by how many sounds of nature and of people there are, and by how loud
these are (which hardly varies where nobody lives). Each measurement is of a dozen clips, drawn from
the true distribution. A measure is fitted on them as ``psm measure fit`` does; it and the baselines
then predict the true expected number at other places and times of the region. Prints a Markdown
table: R² over places, averaged over regions with a 95 % interval over regions, the gain over the
best baseline of each region, and the share of new measurements within intervals of 90 %.
``--speed`` times the map of a million cells of a prepared store, but for reading it, instead.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from psm import PSM
from psm.data.worldsplits import split_by_position
from psm.earth.sounds import SOUNDS, Sound
from psm.earth.soundscape import all_sets, log_set_probability, odds
from psm.evaluation.against import BASELINES, Points
from psm.evaluation.intervals import percentile_interval
from psm.geodata.land import land_grid
from psm.geodata.sphere import unit_vectors
from psm.imagery import BlueMarble
from psm.measures.fitting import fit_column
from psm.measures.kernel import inputs_of
from psm.measures.links import Link
from psm.measures.observing import observe
from psm.measures.predictor import Predictor
from psm.measures.regression import Targets, condition, learn
from psm.measures.tables import Column
from psm.seeding import generator

Floats = NDArray[np.float64]

STEP_DEG, NORTH, SOUTH = 0.25, 66.0, -56.0
CLIPS = 12
COLUMNS = ("level", "sounds", "biophony", "rating", "quiet")

BIOPHONY = {
    Sound.DAWN_CHORUS, Sound.SONGBIRDS, Sound.GULLS, Sound.OWLS, Sound.CRICKETS, Sound.CICADAS,
    Sound.FROGS, Sound.DOGS, Sound.ROOSTERS, Sound.CATTLE, Sound.SHEEP, Sound.WOLVES,
}  # fmt: skip
GEOPHONY = {Sound.WAVES, Sound.WIND, Sound.RAIN, Sound.THUNDER, Sound.STREAM}
LEVELS_DB = dict(
    zip(
        SOUNDS,
        (62, 48, 52, 75, 54, 58, 50, 62, 42, 48, 60, 52, 60, 64, 58, 54, 66, 76, 80, 78, 62, 56, 68,
         74, 46, 44, 40, 55),
        strict=True,
    )
)  # fmt: skip
"""How loud each sound is where it is heard, roughly; the background has 35 dB."""


@dataclass(frozen=True, eq=False)
class Region:
    """Places of one region, what was measured there, and what is true.

    Attributes:
        points: where and when.
        means: of the model, ``(n, dim)``.
        measured, truth: by column, ``(n,)``.
    """

    points: Points
    means: torch.Tensor
    measured: dict[str, Floats]
    truth: dict[str, Floats]


def main() -> None:
    """Measure, fit, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="earth-small")
    parser.add_argument("--regions", type=int, default=20)
    parser.add_argument("--measured", type=int, default=200, help="places of each region")
    parser.add_argument("--new", type=int, default=300, help="places that are predicted")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON of every region")
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.speed:
        speed(options.measured)
        return
    start = time.perf_counter()
    model = PSM.from_pretrained(options.model)
    regions = regions_of(model, options.regions, options.measured + options.new, options.seed)
    print(f"{len(regions)} regions seen after {time.perf_counter() - start:.0f} s")
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in COLUMNS}
    for region in regions:
        for name in COLUMNS:
            rows[name].append(judge(region, name, options.measured, options.seed))
    report(rows)
    print(f"{time.perf_counter() - start:.0f} s")
    if options.out is not None:
        options.out.write_text(json.dumps(rows, indent=1))


def drawn_places(count: int, places: int, seed: int) -> Points:
    """Places of compact regions of land in test blocks, region by region, at random times."""
    lat, lon = land_grid(STEP_DEG)
    is_test = split_by_position(lat=lat, lon=lon, seed=0).split == "test"
    kept = is_test & (lat < NORTH) & (lat > SOUTH)
    lat, lon = lat[kept], lon[kept]
    label = kmeans2(unit_vectors(lat=lat, lon=lon), round(1.4 * count), rng=1, minit="++")[1]
    largest = np.argsort(-np.bincount(label), kind="stable")[:count]
    rng = generator(seed, "measuring")
    rows = np.stack(
        [rng.choice(np.flatnonzero(label == one), places, replace=False) for one in largest]
    )
    month, hour = rng.integers(1, 13, rows.shape), rng.uniform(0.0, 24.0, rows.shape)
    return Points.of(
        lat=lat[rows].ravel(), lon=lon[rows].ravel(), month=month.ravel(), hour=hour.ravel()
    )


def regions_of(model: PSM, count: int, places: int, seed: int) -> list[Region]:
    """The regions, each seen by the model and measured."""
    every, rng = drawn_places(count, places, seed), generator(seed, "clips")
    model.coverage = None  # nothing is left out: all of it is judged
    seen = observe(model, BlueMarble(), every)
    found = []
    for number in range(count):
        own = seen.rows // places == number
        points = every.part(seen.rows[own])
        measured, truth = measure(points, rng)
        found.append(Region(points, seen.means[torch.from_numpy(own)], measured, truth))
    return found


def measure(
    points: Points, rng: np.random.Generator
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """What a dozen clips give of each column, and what they would give on average."""
    share, of_clip = _shares(points), _numbers(all_sets(len(SOUNDS)))
    drawn = np.stack(
        [
            np.minimum(np.searchsorted(row, rng.random(CLIPS)), share.shape[1] - 1)
            for row in share.cumsum(1)
        ]
    )
    measured = {name: values[drawn].mean(1) for name, values in of_clip.items()}
    for name in ("rating", "quiet"):
        measured[name] = measured[name] + rng.normal(0.0, 0.3, len(points))
    return measured, {name: share @ values for name, values in of_clip.items()}


def truth_of(points: Points) -> dict[str, Floats]:
    """What clips give of each column on average."""
    share = _shares(points)
    return {name: share @ values for name, values in _numbers(all_sets(len(SOUNDS))).items()}


def _shares(points: Points) -> Floats:
    """Probability of every set of sounds that a clip may hold."""
    chances = odds(lat=points.lat, lon=points.lon, month=points.month, hour=points.hour)
    share = np.exp(log_set_probability(chances, all_sets(len(SOUNDS))))
    return np.asarray(share / share.sum(1, keepdims=True))


def _numbers(sets: NDArray[np.bool_]) -> dict[str, Floats]:
    """Of each set of sounds that a clip may hold."""
    is_bio = np.array([sound in BIOPHONY for sound in SOUNDS])
    is_geo = np.array([sound in GEOPHONY for sound in SOUNDS])
    power = 10.0 ** (np.array([LEVELS_DB[sound] for sound in SOUNDS]) / 10.0)
    count = sets.sum(1)
    nature = sets[:, is_bio | is_geo] @ power[is_bio | is_geo]
    everything = sets @ power
    return {
        "level": 10.0 * np.log10(10.0**3.5 + everything),
        "sounds": count.astype(float),
        "biophony": sets[:, is_bio].sum(1) / count,
        "rating": (sets @ np.where(is_bio | is_geo, 1.0, -1.0)) / count,
        "quiet": 2.0 * (nature / everything) - 1.0,
    }


def judge(region: Region, name: str, measured: int, seed: int) -> dict[str, float]:
    """R² of the truth at new places, of the measure and of each baseline, and the coverage."""
    points, values = region.points, region.measured[name]
    known, new = points.part(slice(measured)), points.part(slice(measured, None))
    column = Column(name, known, values[:measured], -np.inf, np.inf, "1", {})
    fitted = fit_column(column, region.means[:measured], seed=seed, baselines=False)
    said = fitted.predictor.predict(region.means[measured:], new)
    truth = region.truth[name][measured:]
    later = values[measured:]
    found = {
        "measure": r2(truth, said.value),
        "coverage": float(((said.lower <= later) & (later <= said.upper)).mean()),
        "stretch": fitted.predictor.stretch,
    }
    for baseline, make in BASELINES.items():
        found[baseline] = r2(truth, make().fit(known, values[:measured]).predict(new))
    found["gain"] = found["measure"] - max(found[baseline] for baseline in BASELINES)
    return found


def r2(truth: Floats, predicted: Floats) -> float:
    """Share of the variance of the truth that is explained."""
    return float(1.0 - ((predicted - truth) ** 2).mean() / truth.var())


def speed(measured: int) -> None:
    """Time a map of 10^6 cells, from the coefficients of a timetable to value and interval."""
    rng, rank, components, cells, block = generator(0, "speed"), 256, 32, 1_000_000, 8192

    def places(count: int) -> dict[str, Floats]:
        return {
            "lat": rng.uniform(40, 50, count), "lon": rng.uniform(0, 15, count),
            "month": np.full(count, 5.0), "hour": np.full(count, 8.0),
        }  # fmt: skip

    seen = torch.from_numpy(rng.normal(size=(measured, components))) / components**0.5
    values = seen[:, 0] + 0.5 * torch.from_numpy(rng.normal(size=measured))
    targets = Targets((values - values.mean()) / values.std(), torch.zeros(measured) > 0.0)
    inputs = inputs_of(seen, **places(measured))
    posterior = condition(inputs, targets, learn(inputs, targets))
    predictor = Predictor(posterior, torch.zeros(1), torch.zeros(1, 1), Link.of(LEVELS), 60.0, 4.0)
    coefficients = torch.randn(cells, rank).half()
    basis, where = torch.randn(rank, components) / 90.0, places(cells)
    start, cpu = time.perf_counter(), time.process_time()
    for first in range(0, cells, block):
        rows = slice(first, first + block)
        part = coefficients[rows].float() @ basis
        predictor.at(inputs_of(part, **{name: one[rows] for name, one in where.items()}))
    print(
        f"10^6 cells, {measured} measurements, {posterior.explained.shape[1]} directions: "
        f"{time.perf_counter() - start:.1f} s, {time.process_time() - cpu:.1f} s of processor"
    )


LEVELS = np.array([52.5, 61.0])


def report(rows: dict[str, list[dict[str, float]]]) -> None:
    """Print the table."""
    names = ("measure", *BASELINES, "gain", "coverage")
    print(f"\n| | {' | '.join(names)} |\n|---{'|---' * len(names)}|")
    for column, found in rows.items():
        cells = []
        for name in names:
            values = np.array([row[name] for row in found])
            rng = generator(0, "regions")
            draws = values[rng.integers(len(values), size=(2000, len(values)))].mean(1)
            ends = percentile_interval(draws)
            around = "" if ends is None else f" ({ends[0]:.2f} to {ends[1]:.2f})"
            cells.append(f"{values.mean():.3f}{around if name in names[-2:] + names[:1] else ''}")
        print(f"| {column} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
