"""What the uncertainty says of a continent that training never saw.

python benchmarks/hidden_continent.py --earth runs/demo/earth [--hold-out=-82,-56,-34,13]

Trains a preset without the region (South America) unless --model names a model, calibrates it on
what is left of the validation split, maps the 28 sounds at 16 times over the globe's land, and
compares with the truth of the simulated Earth: how much of the error is found by leaving out cells
in the order of the uncertainty, of the Gaussians' spread alone and of p (1 - p), and how many true
probabilities lie within intervals of 90 %. Prints a Markdown table and draws a map of one sound.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import shapely
import torch
from numpy.typing import NDArray

from psm import PSM
from psm.calibration import Calibration
from psm.data.context import Context
from psm.data.holdout import area_of
from psm.earth.phrases import QUERY_PHRASES
from psm.evaluation.calibrationfit import calibrate
from psm.evaluation.maptruth import HOURS, LIKELY, MONTHS, true_maps
from psm.evaluation.reliability import mean_curve, risk_coverage
from psm.experiments import load_experiment
from psm.gaussian import csd, csd_variance, moments
from psm.imagery import BlueMarble
from psm.inference.batches import location_gaussians, text_gaussians
from psm.inference.uncertaintyfit import fit_from_shards
from psm.mapping import Cells, EmbeddedCells, Moment, Query, embed_cells, map_query
from psm.mapping.region import Region
from psm.training import train
from psm.uncertainty import interval

ORDERS = ("uncertainty", "Gaussians alone", "p(1 - p)")
Maps = NDArray[np.float32]
"""``(sounds, cells at all times)``."""


def main() -> None:
    """Train, calibrate, map, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--earth", type=Path, default=Path("runs/demo/earth"))
    parser.add_argument("--out", type=Path, default=Path("runs/hidden"), help="of the model")
    parser.add_argument("--model", type=Path, help="a trained one, with or without held-out area")
    parser.add_argument("--preset", default="earth-tiny")
    parser.add_argument("--hold-out", default="-82,-56,-34,13")
    parser.add_argument("--step", type=float, default=2.0, help="degrees, of the globe")
    parser.add_argument("--sound", default="ocean waves", help="of the picture")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wkt = shapely.to_wkt(Region.parse(options.hold_out).geometry)
    if options.model is None:
        experiment = load_experiment(options.preset, {"training.hold_out": wkt})
        train(experiment, options.earth, options.out, seed=options.seed)
    folder = options.model or options.out
    model = PSM.from_pretrained(folder)
    if model.uncertainty is None:
        model.uncertainty = fit_from_shards(model, options.earth)
    if model.uncertainty is None:
        sys.exit(f"{options.earth}: its recordings carry no labels of sounds")
    fit, gallery = calibrate(model, options.earth)
    calibration = fit.calibration.with_gallery(gallery)
    zoom = model.config.imagery.zooms[0]
    model.coverage = None  # maps leave out what was hidden; here it is what is judged
    cells = embed_cells(model, BlueMarble(), Cells.globe(options.step), zoom)
    report(model, calibration, cells, wkt)
    found = map_query(
        model, cells, Query(texts=(options.sound,)), Moment(month=7, hour=12.0),
        calibration=calibration,
    )  # fmt: skip
    print(found.write(options.out.parent / f"{options.out.name}-{options.sound}.png"))


@torch.inference_mode()
def report(model: PSM, calibration: Calibration, cells: EmbeddedCells, wkt: str) -> None:
    """Print the table."""
    lat, lon = cells.cells.lat, cells.cells.lon
    queries = text_gaussians(model, list(QUERY_PHRASES.values()))
    assert model.uncertainty is not None
    opinions = model.uncertainty.opinions(queries)
    curves = calibration.curves(queries)
    parts: list[tuple[Maps, ...]] = []
    for month in MONTHS:
        for hour in HOURS:
            context = Context.of(lat=lat, lon=lon, month=month, hour=hour)
            places = location_gaussians(model, cells.features, context)
            distance = csd(places, queries)
            p = curves(distance)
            error = opinions.squared_error(p, csd(places, opinions.gaussians))
            error = error + curves.share_error(distance)
            unsure = csd_variance(places, queries) + curves.variance
            variance = moments(curves.curve, distance + curves.offset, unsure, nodes=7)[1]
            low, high = interval(p, error.sqrt())
            parts.append(tuple(x.T.numpy() for x in (p, error.sqrt(), variance.sqrt(), low, high)))
    p, uncertainty, gaussians, low, high = map(np.hstack, zip(*parts, strict=True))
    truth = true_maps(lat=lat, lon=lon, months=MONTHS, hours=HOURS, sounds=list(QUERY_PHRASES))
    truth = truth.reshape(len(p), -1)
    inside = np.tile(shapely.contains_xy(area_of(wkt), lon, lat), len(MONTHS) * len(HOURS))
    orders = dict(zip(ORDERS, (uncertainty, gaussians, p * (1.0 - p)), strict=True))
    print("\n| | hidden region | rest | globe |\n|---|---|---|---|")
    kept = (inside, ~inside, np.ones_like(inside))
    for name, order in orders.items():
        gains = [_gain(p[:, k], truth[:, k], order[:, k]) for k in kept]
        print(_row(f"risk-coverage gain, by {name}", gains))
    within = (low <= truth) & (truth <= high)
    print(_row("true probabilities within intervals of 90 %", [within[:, k].mean() for k in kept]))
    likely = truth > LIKELY
    print(_row(f"of those above {LIKELY:g}", [within[:, k][likely[:, k]].mean() for k in kept]))
    error = np.abs(p - truth)
    for name, values in (("error", error), ("uncertainty", uncertainty), ("width", high - low)):
        print(_row(f"mean {name}", [values[:, k].mean() for k in kept]))


def _gain(p: Maps, truth: Maps, order: Maps) -> float:
    """Averaged over sounds, as `psm evaluate --maps` does."""
    pairs = zip(np.abs(p - truth), order, strict=True)
    return mean_curve([risk_coverage(error, by) for error, by in pairs]).gain


def _row(name: str, values: list[float]) -> str:
    return f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} |"


if __name__ == "__main__":
    main()
