"""Whether heat maps inside of a view point at what makes the sound.

python benchmarks/explaining.py --model earth-small [--places 120] [--zoom 1 --zoom 3] [--seed 2]

Draws places anywhere on land whose view holds some of a painted class (1 to 30 % of it): towns and
main roads for traffic, rivers for a stream, the sea's shore for waves. Prints how often the highest
cell of the heat map lies on the class (pointing game) and the AUC of its pixels, with intervals
over places, beside chance (the share of the class), the middle of the view, and the heat maps of
the other two sounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from psm import PSM
from psm.calibration import Calibration
from psm.earth.layers import Layers
from psm.earth.paint import GroundSquare
from psm.earth.phrases import QUERY_PHRASES
from psm.earth.sounds import Sound
from psm.errors import MissingData
from psm.evaluation.intervals import CellBootstrap
from psm.evaluation.pointing import auc, painted_class, points_right
from psm.explaining import Explanation, SeenView
from psm.explaining.recentring import features_of_parts, heat_of
from psm.imagery import BlueMarble
from psm.mapping import Moment, Query
from psm.mapping.profile import picture_of
from psm.progress import console
from psm.seeding import generator

SOUNDS = (Sound.TRAFFIC, Sound.STREAM, Sound.WAVES)
SOUTH, NORTH = -56.0, 72.0
LEAST, MOST = 0.01, 0.30
MOMENT = Moment(month=5, hour=12.0)


def main() -> None:
    """Draw places, explain, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="earth-small")
    parser.add_argument("--places", type=int, default=120, help="of each sound")
    parser.add_argument("--zoom", type=int, action="append", help="of the views; all by default")
    parser.add_argument("--seed", type=int, default=2, help="of the places; 1 chose the method")
    options = parser.parse_args()
    model = PSM.from_pretrained(options.model)
    console().quiet = True
    print(
        "| zoom | sound | pointing game | chance | times chance | the middle | other sounds | AUC |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for zoom in options.zoom or model.config.imagery.zooms:
        report(model, Calibration.find(options.model), zoom, options.places, options.seed)


def report(model: PSM, calibration: Calibration | None, zoom: int, count: int, seed: int) -> None:
    """Print a row of every sound at one zoom level."""
    queries = {sound: Query(texts=(QUERY_PHRASES[sound],)) for sound in SOUNDS}
    encoded = {sound: query.encode(model) for sound, query in queries.items()}
    rows: dict[Sound, list[tuple[float, ...]]] = {sound: [] for sound in SOUNDS}
    left_out = 0
    for lat, lon in land(seed):
        square = GroundSquare(lat, lon, model.config.imagery.view_px, float(zoom))
        masks = {sound: painted_class(sound, square) for sound in SOUNDS}
        wanted = [
            sound
            for sound in SOUNDS
            if len(rows[sound]) < count and LEAST <= masks[sound].mean() <= MOST
        ]
        if not wanted:
            continue
        picture = picture_of(model, BlueMarble(), lat=lat, lon=lon, zoom=zoom)
        view = SeenView(lat, lon, picture.pixels, picture.gsd_m, zoom)
        try:
            features = features_of_parts(model, view)
        except MissingData:  # a place that the model does not cover
            left_out += 1
            continue
        found = {
            sound: Explanation.of(
                model, view, queries[sound], MOMENT,
                heat_of(model, view, features, queries[sound], encoded[sound], MOMENT, calibration),
            )
            for sound in SOUNDS
        }  # fmt: skip
        for sound in wanted:
            mask = masks[sound]
            hits = {
                other: points_right(each.peak, len(each.values), mask)
                for other, each in found.items()
            }
            others = np.mean([hit for other, hit in hits.items() if other != sound])
            middle = points_right((0, 0), 1, mask)
            rows[sound].append(
                (
                    hits[sound],
                    float(mask.mean()),
                    middle,
                    float(others),
                    auc(found[sound].values, mask),
                )
            )
        if all(len(each) == count for each in rows.values()):
            break
    for sound, each in rows.items():
        hit, chance, middle, others, area = np.array(each).T
        bootstrap = CellBootstrap(range(len(each)))
        times = np.percentile(bootstrap.means(hit) / bootstrap.means(chance), [2.5, 97.5])
        print(
            f"| {zoom} | {sound} | {with_interval(bootstrap, hit)} | {chance.mean():.3f} "
            f"| {hit.mean() / chance.mean():.1f} ({times[0]:.1f} to {times[1]:.1f}) "
            f"| {middle.mean():.2f} | {others.mean():.2f} | {with_interval(bootstrap, area)} |",
            flush=True,
        )
    print(f"\nzoom {zoom}: {left_out} places left out, which the model does not cover\n")


def with_interval(bootstrap: CellBootstrap, values: np.ndarray) -> str:
    """A mean and its interval of 95 % over places."""
    low, high = bootstrap.interval(values) or (np.nan, np.nan)
    return f"{values.mean():.2f} ({low:.2f} to {high:.2f})"


def land(seed: int) -> Iterator[tuple[float, float]]:
    """Places evenly over land and its shores, without end."""
    rng = generator(seed, "explained places")
    ends = np.sin(np.radians([SOUTH, NORTH]))
    while True:
        lat = np.degrees(np.arcsin(rng.uniform(*ends, 256)))
        lon = rng.uniform(-180.0, 180.0, 256)
        layers = Layers.load().at(lat=lat, lon=lon)
        kept = layers.is_land | (layers.coast_km <= 10.0)
        yield from zip(lat[kept].tolist(), lon[kept].tolist(), strict=True)


if __name__ == "__main__":
    main()
