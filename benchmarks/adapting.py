"""Adapting to foreign worlds: few recordings of a region, from zero-shot to the truth.

python benchmarks/adapting.py --from earth-small [--worlds kepler vulcan tatooine] [--sizes 50 200]

Builds one region of each world once, draws so many of its recordings, and judges at held-out places
of the region, by retrieval (R@10%, place, month and hour told) and by maps against the truth of the
world: the model as it is, adapted, and one that learns from scratch. Goes on after a kill, run by
run; prints Markdown tables, and --json keeps every number.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from psm import PSM
from psm.adaptation import Adaptation, adapt
from psm.calibration import Calibration
from psm.data.shards import Sample, read_shard, shards_in, write_shard
from psm.earth import MANIFEST_NAME
from psm.earth.builder import EarthPlan, build_earth
from psm.earth.sounds import SOUNDS
from psm.earth.worlds import World, world_named
from psm.evaluation.maptruth import evaluate_maps
from psm.evaluation.retrieval import SOURCE_FREE, evaluate_retrieval
from psm.experiments import load_experiment
from psm.files import atomic_path
from psm.imagery import open_imagery
from psm.inference.split import encode_split
from psm.mapping import embed_cells
from psm.mapping.region import Region
from psm.seeding import generator
from psm.training import Start, train

ZERO, ADAPTED, SCRATCH = "zero-shot", "adapted", "from scratch"
NEW = "adapted to the new sounds"
OF_NEW = 200  # recordings that hold them, as far as there are so many
CELLS = 800
HELD_OUT = 0.12  # of what is drawn: what a training from scratch validates on
MOST_EPOCHS, LEAST_EPOCHS, SEEN = 120, 12, 40_000

Row = dict[str, Any]


def main() -> None:
    """Build, learn, judge, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--from", dest="start", default="earth-small")
    parser.add_argument("--worlds", nargs="+", default=["kepler", "vulcan", "tatooine"])
    parser.add_argument("--region", default="5,43,25,55", help="of every world: a box, a place")
    parser.add_argument("--sizes", nargs="+", type=int, default=[50, 200, 1000, 5000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recordings", type=int, default=7500, help="built in each region")
    parser.add_argument("--preset", default="earth-tiny", help="what learns from scratch")
    parser.add_argument("--scratch-seeds", type=int, default=3, help="0 leaves that out")
    parser.add_argument("--runs", type=Path, default=Path("runs/adapting"))
    parser.add_argument("--json", type=Path, help="file for every number")
    options = parser.parse_args()
    rows = list(measured(options))
    print("\n".join(["", *table(rows)]))
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


def measured(options: argparse.Namespace) -> Iterator[Row]:
    """A row for each world, size, seed and way of learning; zero-shot once a world."""
    start = Start.of(options.start)
    for name in options.worlds:
        world, runs = world_named(name), options.runs / name
        judge = Judge(world, built(world, options), Region.parse(options.region), runs)
        yield judge.of(ZERO, 0, 0, partial(PSM.from_pretrained, start.folder), start.folder)
        for size, seed in product(options.sizes, range(options.seeds)):
            out = runs / f"{size}-{seed}"
            few = drawn(judge.earth, out / "recordings", size, seed)
            yield judge.adapted(ADAPTED, size, seed, start, few, out)
            if seed < options.scratch_seeds:
                recipe = {
                    "training.epochs": int(np.clip(SEEN // size, LEAST_EPOCHS, MOST_EPOCHS)),
                    "training.batch_size": min(128, size // 4),
                }
                experiment = load_experiment(options.preset, recipe)
                scratch = partial(train, experiment, few, out / "scratch", seed=seed)
                yield judge.of(SCRATCH, size, seed, scratch, out / "scratch")
        out = runs / "new"
        few = drawn(judge.earth, out / "recordings", OF_NEW, 0, holding=judge.new)
        yield judge.adapted(NEW, OF_NEW, 0, start, few, out)


def built(world: World, options: argparse.Namespace) -> Path:
    """The region of a world, framed for the start."""
    audio = PSM.from_pretrained(options.start).config.audio
    region = shapely.to_wkt(Region.parse(options.region).geometry)
    folder: Path = options.runs / world.name / "earth"
    plan = EarthPlan(recordings=options.recordings, audio=audio, world=world.name, region=region)
    build_earth(plan, folder)
    return folder


def drawn(earth: Path, folder: Path, size: int, seed: int, holding: Collection[str] = ()) -> Path:
    """So many recordings of a region, most to learn from and some to validate on; no test place.

    Those that hold certain sounds come first.
    """
    if (folder / MANIFEST_NAME).is_file():
        return folder
    paths = [*shards_in(earth, "train"), *shards_in(earth, "val")]
    held = [[not set(holding).isdisjoint(sample.recording.sounds)
             for sample in read_shard(path)] for path in paths]  # fmt: skip
    counts = [len(of_shard) for of_shard in held]
    order = generator(seed, "adapting").permutation(sum(counts))
    first_come = np.argsort(~np.concatenate(held).astype(bool)[order], kind="stable")
    order = order[first_come][:size]
    kept = {int(row): number for number, row in enumerate(order)}
    found: dict[int, Sample] = {}
    first = 0
    for path, count in zip(paths, counts, strict=True):
        for row, sample in enumerate(read_shard(path), first):
            if row in kept:
                found[kept[row]] = sample
        first += count
    least = int(HELD_OUT * len(found))
    for split, numbers in (("val", range(least)), ("train", range(least, len(found)))):
        write_shard(
            folder / f"{split}-00000.tar",
            [replace(one, recording=replace(one.recording, split=split))
             for one in (found[number] for number in numbers)],
        )  # fmt: skip
    shutil.copy(earth / MANIFEST_NAME, folder / MANIFEST_NAME)  # last: now it is whole
    return folder


class Judge:
    """Judges models at held-out places of a region, and keeps what it found.

    Args:
        world: that the region is of.
        earth: the built region.
        region: that is mapped.
        runs: folder of the results.
    """

    def __init__(self, world: World, earth: Path, region: Region, runs: Path) -> None:
        self.world, self.earth, self.runs = world, earth, runs
        spacing_m = 1000.0 * float(np.sqrt(region.area_km2 / CELLS))
        self.cells = region.grid(spacing_m, land_only=True).cells()
        self.new = {str(sound) for sound in world.sounds if sound not in SOUNDS}

    def adapted(self, way: str, size: int, seed: int, start: Start, few: Path, out: Path) -> Row:
        """The row of a start that adapts to some recordings."""
        learn = partial(adapt, start, few, out / "adapted", seed=seed)
        return self.of(way, size, seed, learn, out / "adapted")

    def of(
        self, way: str, size: int, seed: int, learn: Callable[[], PSM | Adaptation], folder: Path
    ) -> Row:
        """The row of a model, which learns now if it has not been judged already."""
        kept = self.runs / f"{way.replace(' ', '-')}-{size}-{seed}.json"
        if not kept.is_file():
            began = time.monotonic()
            learnt = learn()
            seconds = time.monotonic() - began
            model = learnt.model if isinstance(learnt, Adaptation) else learnt
            row = {"world": self.world.name, "way": way, "size": size, "seed": seed,
                   "seconds": round(seconds, 1), **self.scores(model, folder, way)}  # fmt: skip
            with atomic_path(kept) as aside:
                aside.write_text(json.dumps(row, indent=1) + "\n")
        values: Row = json.loads(kept.read_text())
        return values

    def scores(self, model: PSM, folder: Path, way: str) -> Row:
        """R@10% and map truth of a model."""
        zoom = model.config.imagery.zooms[0]
        model.coverage = None  # all are asked about the same cells
        keep = None if way == SCRATCH else self.runs / "features"  # towers mostly stay as they are
        features = encode_split(model, self.earth, zooms=(zoom,), keep=keep)
        report = evaluate_retrieval(model, features, zoom=zoom, world=self.world)
        rows = [
            row for row in (*report.rows, *report.reference)
            if row.query == SOURCE_FREE and row.restriction == "all"
        ]  # fmt: skip
        imagery = open_imagery(f"blue-marble:{self.world.name}")
        embedded = embed_cells(model, imagery, self.cells, zoom, store=self.runs / "stores")
        maps = evaluate_maps(
            model, embedded.features, lat=self.cells.lat, lon=self.cells.lon,
            calibration=Calibration.find(folder), world=self.world,
        )  # fmt: skip
        return {
            "recall": {f"{row.model}, {row.direction}": row.r_at_10pct for row in rows},
            "spearman": maps.median("spearman"),
            "auc": maps.median("auc"),
            "new": {score.sound: score.auc for score in maps.sounds if score.sound in self.new},
        }


def table(rows: Sequence[Row]) -> list[str]:
    """Means over worlds and seeds, with the standard error of the difference to zero-shot."""
    zero = {row["world"]: row for row in rows if row["way"] == ZERO}
    lines = [
        "| recordings | | R@10% location → sound | R@10% sound → location | map Spearman "
        "| of the way to the truth | AUC of new sounds | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for size, way in dict.fromkeys((row["size"], row["way"]) for row in rows):
        some = [row for row in rows if (row["size"], row["way"]) == (size, way)]
        first = [zero[row["world"]] for row in some]
        cells = [f"{size:,}", way]
        for direction in ("image_to_audio", "audio_to_image"):
            pairs = [(_recall(a, direction), _recall(b, direction))
                     for a, b in zip(some, first, strict=True)]  # fmt: skip
            cells.append(_mean(pairs))
        cells.append(_mean([(a["spearman"], b["spearman"])
                            for a, b in zip(some, first, strict=True)]))  # fmt: skip
        way_there = [(a["spearman"] - b["spearman"]) / (1.0 - b["spearman"])
                     for a, b in zip(some, first, strict=True)]  # fmt: skip
        new = [value for row in some for value in row["new"].values() if value is not None]
        cells += [f"{np.mean(way_there):.0%}", f"{np.mean(new):.2f}" if new else "–",
                  f"{np.mean([row['seconds'] for row in some]):.0f}"]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _recall(row: Row, direction: str) -> float:
    own = next(v for k, v in row["recall"].items()
               if k.endswith(direction) and not k.startswith(("chance", "oracle")))  # fmt: skip
    return float(own)


def _mean(pairs: Sequence[tuple[float, float]]) -> str:
    """The mean, and the mean gain with twice its standard error over runs."""
    one, other = np.array(pairs).T
    gain = one - other
    if not gain.any():
        return f"{one.mean():.3f}"
    error = 2.0 * gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else float("nan")
    return f"{one.mean():.3f} ({gain.mean():+.3f} ± {error:.3f})"


if __name__ == "__main__":
    main()
