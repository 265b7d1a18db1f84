"""How near the maps that a page draws from coefficients are to those of the store, and how large.

    psm prepare earth.zarr
    python benchmarks/coefficients.py earth.zarr [--model earth-small] [--exact]

Ranks the cells of a prepared store by their distance to 28 sounds, and to phrases that nothing was
fitted to, at several months and hours, local and UTC; once by the coefficients, once by the
timetable, or with ``--exact`` by fusion. Prints the rank correlation of each kind, that of the
variance, and the sizes.
"""

from __future__ import annotations

import argparse
import itertools
import json

import numpy as np
import torch
from scipy.stats import spearmanr

from psm.earth.phrases import QUERY_PHRASES
from psm.inference.batches import text_gaussians
from psm.mapping import Moment, Store, Timetable
from psm.mapping.store.status import EMBEDDED
from psm.mapping.timetable.coefficientfile import unpack
from psm.mapping.timetable.preparation import stored_coefficients
from psm.model import PSM

UNSEEN = (
    "a helicopter", "children laughing", "whales singing", "somebody playing the piano",
    "market at noon", "a lawn mower", "hyenas", "monks chanting", "bubbling mud", "applause",
)  # fmt: skip
MONTHS, HOURS = (1, 4, 7, 10), (0.0, 4.0, 8.0, 12.0, 16.0, 20.0)
GOOD = 0.995


@torch.inference_mode()
def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store")
    parser.add_argument("--model", default="earth-small")
    parser.add_argument("--exact", action="store_true", help="compare with fusion")
    args = parser.parse_args()
    model, store = PSM.from_pretrained(args.model), Store.open(args.store)
    zoom = store.zooms[0]
    kept = stored_coefficients(store, model, zoom)
    if kept is None:
        raise SystemExit(f"{args.store}: no coefficients; run `psm prepare {args.store}`")
    places = store.embedded(zoom) if args.exact else Timetable(store, model, zoom)
    timetable = unpack(kept.file)
    header = len(json.dumps(kept.file.header))
    print(
        f"{len(timetable.coefficients):,} cells: {len(kept.file.arrays) / 1e6:.2f} MB gzip, "
        f"header {header / 1e3:.1f} kB"
    )
    rows = np.flatnonzero(store.status(zoom) == EMBEDDED)
    rows = rows[np.argsort(store.index()[rows])]
    lon = store.cells.lon[rows]
    for kind, texts in (("known", tuple(QUERY_PHRASES.values())), ("unseen", UNSEEN)):
        queries = text_gaussians(model, texts)
        modes = kept.projection(queries)
        for clock in ("hour", "utc"):
            ranks, spreads = [], []
            for month, hour in itertools.product(MONTHS, HOURS):
                moment = Moment(month=month, **{clock: hour})
                exact = [part.numpy()[rows] for part in places.distances(model, queries, moment)]
                for k in range(len(texts)):
                    found = timetable.distances(
                        modes, k, month=month, hours=moment.local_hours(lon)
                    )
                    for into, a, b in zip((ranks, spreads), found, exact, strict=True):
                        into.append(spearmanr(a, b[:, k]).statistic)
            clocks = "local hours" if clock == "hour" else "UTC"
            print(f"{kind} sounds, {clocks}: distance {words(ranks)}; variance {words(spreads)}")
        print(f"{kind} sounds: at most {modes.left_over.max():.1e} of a map lies beyond the modes")


def words(ranks: list[float]) -> str:
    """Median, 5 % quantile and lowest, and how many are good."""
    found = np.array(ranks)
    return (
        f"{np.median(found):.4f} / {np.quantile(found, 0.05):.4f} / {found.min():.4f}, "
        f"{np.mean(found >= GOOD):.1%} of {len(found)} maps at least {GOOD}"
    )


if __name__ == "__main__":
    main()
