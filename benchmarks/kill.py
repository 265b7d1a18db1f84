"""`kill -9` of `psm embed` at random moments: is the store that comes of it the undisturbed one?

python benchmarks/kill.py [--kills 20] [--step 4] [--seed 0]

One store is embedded without disturbance. Another is embedded by processes that are killed at
random, each going on where the one before was cut off, then by one that is let be. Both are
compared byte by byte, and after every kill whatever is done must be there as it will be in the end.
Processes start from one that has loaded the libraries, so that kills fall on the work and not on
imports; the model is small, with random weights.
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
import tempfile
import time
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import torch

from psm import PSM
from psm.errors import MissingData
from psm.experiments import load_experiment
from psm.mapping.store import Store
from psm.seeding import generator


def command(out: Path, model: Path, step: float) -> list[str]:
    """What is killed."""
    return [
        "psm", "embed", "globe", "--step", f"{step:g}", "--imagery", "blue-marble",
        "--zoom", "1", "--zoom", "3", "--unit", "64", "--yes",
        "--model", str(model), "--out", str(out),
    ]  # fmt: skip


def run(arguments: list[str]) -> None:
    """The command in this process, which says nothing."""
    from psm.cli import main

    sys.argv = arguments
    with open("/dev/null", "w") as nowhere:
        sys.stdout = sys.stderr = nowhere
        main()


def files(folder: Path) -> dict[str, bytes]:
    """All files with their bytes."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def state(place: Path, whole: Store) -> str:
    """How far a cut store is, and whether what is done is right."""
    left = len(list(place.rglob("*.partial")))
    try:
        store = Store.open(place)
    except MissingData as problem:
        return "no store yet" if "no store" in str(problem) else "creation cut off"
    done = wrong = 0
    for zoom in store.zooms:
        is_done = store.status(zoom) > 0
        done += int(is_done.sum())
        same = store.features(zoom).view(np.uint16) == whole.features(zoom).view(np.uint16)
        wrong += int((~same[is_done].all(axis=1)).sum())
    return f"{done} of {2 * len(store)} views done, {wrong} wrong, {left} partial files left"


def main() -> None:
    """Kill, resume, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--step", type=float, default=4.0, help="of the cells, degrees")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = generator(options.seed, "kills")
    start = multiprocessing.get_context("forkserver")
    start.set_forkserver_preload(["psm.cli", "psm.mapping.store", "psm.imagery"])
    with tempfile.TemporaryDirectory() as folder:
        model, whole, cut = (Path(folder) / name for name in ("model", "whole.zarr", "cut.zarr"))
        torch.manual_seed(0)
        experiment = load_experiment("earth-tiny")
        PSM(experiment.model).eval().save_pretrained(model, experiment)
        begin(start, command(Path(folder) / "warm.zarr", model, 30.0)).join()
        process = begin(start, command(whole, model, options.step))
        wait_for_work(process, whole)
        before = time.monotonic()
        process.join()
        took = time.monotonic() - before
        undisturbed = Store.open(whole)
        print(f"undisturbed: {2 * len(undisturbed)} views in {took:.1f} s", flush=True)
        killed = finished = 0
        while killed < options.kills:
            process = begin(start, command(cut, model, options.step))
            wait_for_work(process, cut)
            moment = float(rng.uniform(0.0, 2.0 * took / options.kills))
            process.join(moment)
            process.kill()
            process.join()
            if process.exitcode != -signal.SIGKILL:  # done before its moment came: start over
                finished += 1
                check(whole, cut)
                cut.rename(Path(folder) / f"finished-{finished}.zarr")
                continue
            killed += 1
            print(
                f"kill {killed:2d}, {moment:4.2f} s into the work: {state(cut, undisturbed)}",
                flush=True,
            )
        begin(start, command(cut, model, options.step)).join()
        check(whole, cut)
        print(
            f"{killed} kills, {1 + finished} stores: identical to the undisturbed one, "
            f"{len(files(whole))} files, {sum(map(len, files(whole).values())) / 1e6:.1f} MB"
        )


def begin(start: ForkServerContext, arguments: list[str]) -> BaseProcess:
    """Start the command."""
    process = start.Process(target=run, args=(arguments,))
    process.start()
    return process


def wait_for_work(process: BaseProcess, place: Path) -> None:
    """Until something is written: the model is loaded and the trial for the estimate done."""
    before = len(list(place.rglob("*")))
    while process.is_alive() and len(list(place.rglob("*"))) == before:
        time.sleep(0.0005)


def check(whole: Path, cut: Path) -> None:
    """Compare two stores to the byte."""
    expected, found = files(whole), files(cut)
    if expected != found:
        differ = [n for n in expected.keys() | found.keys() if expected.get(n) != found.get(n)]
        sys.exit(f"not the undisturbed store: {', '.join(sorted(differ)[:5])}")


if __name__ == "__main__":
    main()
