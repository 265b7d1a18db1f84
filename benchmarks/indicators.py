"""Indicators held against their truth on the simulated Earth.

python benchmarks/indicators.py [--model earth-small] [--step 3] [--out indicators.json]

Asks for the 28 sounds on the land of the globe at 16 times, with calibrated probabilities, and
compares every indicator that follows from them with its true value in every cell.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from psm import PSM
from psm.calibration import Calibration
from psm.evaluation.indicatortruth import evaluate_indicators, indicator_table
from psm.imagery import BlueMarble
from psm.mapping import Cells, embed_cells
from psm.progress import wide_console


def main() -> None:
    """Ask, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="earth-small")
    parser.add_argument("--step", type=float, default=3.0, help="degrees, of the globe")
    parser.add_argument("--out", type=Path, help="JSON to write")
    options = parser.parse_args()
    model = PSM.from_pretrained(options.model)
    calibration = Calibration.load(options.model)
    zoom = model.config.imagery.zooms[0]
    places = embed_cells(model, BlueMarble(), Cells.globe(options.step), zoom)
    kept = np.ones(len(places.cells), bool)
    if places.not_covered is not None:
        kept = ~places.not_covered
    lat, lon = places.cells.lat[kept], places.cells.lon[kept]
    scores = evaluate_indicators(
        model, places.features[kept], lat=lat, lon=lon, calibration=calibration
    )
    wide_console().print(f"{len(lat):,} cells of {options.step:g}°, all sounds at 16 times")
    wide_console().print(indicator_table(scores))
    if options.out is not None:
        options.out.write_text(json.dumps([score.to_json() for score in scores], indent=1) + "\n")


if __name__ == "__main__":
    main()
