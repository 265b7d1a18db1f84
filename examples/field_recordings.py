"""A trial on real sound: does a model trained on the simulated Earth recognise field recordings?

Takes a folder with audio files and a ``manifest.csv`` (columns ``file`` and ``caption``); ranks all
captions for every recording and prints how often the right one comes first or among the first five.

    python examples/field_recordings.py FOLDER --model runs/demo/model --maps 3
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch

from psm import PSM
from psm.gaussian import concatenate, csd
from psm.imagery import BlueMarble
from psm.mapping import Cells, Moment, Query, embed_cells, map_query


def main() -> None:
    """Rank captions, print a table, draw the maps of the first few recordings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="runs/demo/model")
    parser.add_argument("--maps", type=int, default=0, help="draw the maps of so many recordings")
    parser.add_argument("--out", type=Path, default=Path("runs/field-recordings"))
    arguments = parser.parse_args()
    with (arguments.folder / "manifest.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    model = PSM.from_pretrained(arguments.model)
    audio = concatenate(
        [Query(audio=(arguments.folder / row["file"],)).gaussian(model) for row in rows]
    )
    with torch.inference_mode():
        distance = csd(audio, model.encode_text([row["caption"] for row in rows])).numpy()
    order = distance.argsort(axis=1)
    ranks = (order == np.arange(len(rows))[:, None]).argmax(axis=1) + 1
    for row, rank, best in zip(rows, ranks, order[:, 0], strict=True):
        guess = "" if rank == 1 else f"  taken for: {rows[best]['caption']}"
        print(f"{rank:3d}  {row['caption']}{guess}")
    for top in (1, 5):
        print(f"top-{top}: {(ranks <= top).sum()} of {len(rows)} (chance {top})")
    if arguments.maps:
        embedded = embed_cells(model, BlueMarble(), Cells.globe())
        for row in rows[: arguments.maps]:
            query = Query(audio=(arguments.folder / row["file"],))
            found = map_query(model, embedded, query, Moment(month=7, hour=6.0))
            print(found.to_png(arguments.out / f"{Path(row['file']).stem}.png"))


if __name__ == "__main__":
    main()
