"""Coefficients from the dominance of four sources to pleasantness and eventfulness, made again.

python benchmarks/soundscape_coefficients.py "ISD v1.0 Data.csv"

The table is that of the International Soundscape Database, version 1.0
(doi:10.5281/zenodo.10672568, CC BY 4.0); soundscapy has it in its folder `data`. Complete answers
alone are used; errors are clustered by place, and each place is also predicted from the others.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

SOURCES = {"ssi01": "traffic", "ssi02": "other", "ssi03": "people", "ssi04": "nature"}
ATTRIBUTES = ("pleasant", "vibrant", "eventful", "chaotic", "annoying", "monotonous",
              "uneventful", "calm")  # fmt: skip


def main() -> None:
    """Fit both coordinates and print them."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("table", type=Path)
    table = pd.read_csv(reader.parse_args().table, low_memory=False)
    rated = table[[*SOURCES, *ATTRIBUTES]]
    table = table[((rated >= 1) & (rated <= 5)).all(axis=1)]
    places = table["LocationID"].to_numpy()
    print(f"{len(table):,} complete answers at {len(set(places))} places")
    slant, size = np.sqrt(0.5), 4.0 + np.sqrt(32.0)
    calm, vibrant = table.calm - table.chaotic, table.vibrant - table.monotonous
    coordinates = {
        "pleasant": (table.pleasant - table.annoying + slant * (calm + vibrant)) / size,
        "eventful": (table.eventful - table.uneventful + slant * (vibrant - calm)) / size,
    }
    inputs = np.column_stack([np.ones(len(table)), table[list(SOURCES)]])
    for name, coordinate in coordinates.items():
        y = coordinate.to_numpy()
        found = np.linalg.lstsq(inputs, y, rcond=None)[0]
        left = y - inputs @ found
        inverse = np.linalg.inv(inputs.T @ inputs)
        clusters = [inputs[places == p].T @ left[places == p] for p in set(places)]
        errors = np.sqrt(np.diag(inverse @ sum(np.outer(c, c) for c in clusters) @ inverse))
        print(f"\n{name}: explains {1 - left.var() / y.var():.3f}, leaves ± {left.std():.3f}")
        for term, value, error in zip(("at 0", *SOURCES.values()), found, errors, strict=True):
            print(f"  {term:8s} {value:+.4f} ± {error:.4f}")
        elsewhere = np.empty(len(y))
        for place in set(places):
            other = places != place
            fit = np.linalg.lstsq(inputs[other], y[other], rcond=None)[0]
            elsewhere[~other] = inputs[~other] @ fit
        means = [pd.Series(part).groupby(places).mean() for part in (elsewhere, y)]
        print(f"  means of places left out: correlation {np.corrcoef(*means)[0, 1]:.2f}")


if __name__ == "__main__":
    main()
