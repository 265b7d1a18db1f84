"""What a model says of queries that it cannot know.

python benchmarks/familiarity.py --model earth-small [--recordings FOLDER] [--step 3]

Asks for 28 sounds and other wordings of them, and for nonsense, other languages and things that no
recording of the simulated Earth holds. Prints how well familiarity tells the two apart (AUC), how
many of each count as unfamiliar, and the highest probability of each on a map of the globe at 16
times. With --recordings, a folder with a manifest.csv (file, sound): recordings whose `sound` is
empty hold no sound that the model knows.
"""

from __future__ import annotations

import argparse
import csv
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from psm import PSM
from psm.calibration import Calibration
from psm.earth.phrases import QUERY_PHRASES
from psm.errors import UnfamiliarQuery
from psm.evaluation.maptruth import HOURS, MONTHS
from psm.imagery import BlueMarble
from psm.mapping import Cells, EmbeddedCells, Moment, Query, embed_cells
from psm.mapping.compare import map_queries

OTHER_WORDINGS = (
    "toads croaking in a pond", "surf at the seaside", "a babbling creek", "a thunderclap",
    "kids playing and chatting", "a jet plane overhead", "cathedral bells", "a bonfire at night",
    "rain on a tin roof", "birdsong at sunrise", "an express train", "howling wolves at night",
    "a traffic jam", "mooing cows in a meadow", "lambs", "a jackhammer drilling",
)  # fmt: skip
UNKNOWN = (
    "asdfgh qwerty", "xkcd zzzz plugh", "lorem ipsum dolor sit amet", "12345", "blue whales",
    "the stock market", "quantum mechanics", "democracy", "my favourite colour is green",
    "differential equations", "a piano concerto", "an electric guitar solo", "an opera singer",
    "a lion roaring", "whale song underwater", "a submarine sonar", "typing on a keyboard",
    "a basketball game", "income tax return", "chocolate cake recipe", "Kirchenglocken",
    "les oiseaux chantent", "lluvia en el tejado", "love",
)  # fmt: skip


def main() -> None:
    """Ask, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="earth-small")
    parser.add_argument("--recordings", type=Path, help="a folder with a manifest.csv")
    parser.add_argument("--step", type=float, default=3.0, help="degrees, of the globe")
    options = parser.parse_args()
    model = PSM.from_pretrained(options.model)
    if model.familiarity is None:
        sys.exit(f"{options.model} does not know what it is familiar with: run `psm calibrate`")
    warnings.simplefilter("ignore", UnfamiliarQuery)
    cells = embed_cells(model, BlueMarble(), Cells.globe(options.step))
    calibration = Calibration.find(options.model)
    known = [Query(texts=(text,)) for text in (*QUERY_PHRASES.values(), *OTHER_WORDINGS)]
    unknown = [Query(texts=(text,)) for text in UNKNOWN]
    report("texts", model, calibration, cells, known, unknown)
    if options.recordings is not None:
        with (options.recordings / "manifest.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        heard: dict[bool, list[Query]] = {True: [], False: []}
        for row in rows:
            heard[bool(row["sound"])].append(Query(audio=(options.recordings / row["file"],)))
        report("recordings", model, calibration, cells, heard[True], heard[False])
    print(f"base rate: {model.familiarity.base_rate:.4f}")


def report(
    kind: str,
    model: PSM,
    calibration: Calibration | None,
    cells: EmbeddedCells,
    known: Sequence[Query],
    unknown: Sequence[Query],
) -> None:
    """Print every query and how well the known are told from the unknown."""
    queries = [*known, *unknown]
    moments = [Moment(month=month, hour=float(hour)) for month in MONTHS for hour in HOURS]
    highest, familiarity = np.zeros(len(queries)), np.zeros(len(queries))
    maps = map_queries(model, cells, queries, moments, calibration=calibration)
    for number, found in enumerate(maps):
        row = number % len(queries)
        assert found.familiarity is not None
        highest[row] = max(highest[row], np.nanmax(found.values()))
        familiarity[row] = found.familiarity.least.familiarity
        if number < len(queries):
            mark = "" if found.is_familiar else "unfamiliar"
            print(f"{familiarity[row]:.3f}  {mark:10}  {found.query.label}")
    is_known = np.arange(len(queries)) < len(known)
    is_familiar = familiarity >= 0.05
    above = familiarity[is_known][:, None] - familiarity[~is_known][None]
    print(f"\n| {kind} | {len(known)} known | {len(unknown)} unknown |\n|---|---|---|")
    print("| unfamiliar |", share(~is_familiar[is_known]), "|", share(~is_familiar[~is_known]), "|")
    print(f"| highest p, median | {np.median(highest[is_known]):.3f} |", end=" ")
    print(f"{np.median(highest[~is_known]):.3f} |")
    print(f"| AUC | {(above > 0).mean() + 0.5 * (above == 0).mean():.3f} | |")
    if not is_familiar.all():
        print(f"| highest p of what is unfamiliar | {highest[~is_familiar].max():.4f} | |\n")


def share(mask: np.ndarray) -> str:
    """As 3 of 44."""
    return f"{int(mask.sum())} of {len(mask)}"


if __name__ == "__main__":
    main()
