"""Commands killed at random, and on disks that fill: is what comes of it the undisturbed result?

python benchmarks/disks.py [train prepare import collect demo] [--on /dev/shm]
                           [--kills 20] [--sizes 10] [--seed 0]

Each job runs once undisturbed. Then it runs in a folder on the file system ``--on``, which should
not be that of temporary files: a rename between the two is a copy. There it is killed (``SIGKILL``)
at random moments and started again until it is done. Last, it runs on small disks (tmpfs, which
takes root) of random sizes, where it has to end with one line; with more room the same command
goes on. Every result must have the bytes of the undisturbed one, times apart. Processes start from
one that has loaded the libraries, so that kills fall on the work and not on imports.
"""

from __future__ import annotations

import argparse
import csv
import fnmatch
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import soundfile
import yaml

from psm.seeding import generator

START = multiprocessing.get_context("forkserver")
TINY = ("--preset", "earth-tiny", "--seed", "1")
QUICK = ("--set", "training.batch_size=16", "--set", "training.epochs=3")
OWN = ("*lock", "*lock.json", "*tfevents*", "*log.jsonl", "*seconds.json")
"""Files that hold times, or who is at work."""
ROOM = "4G"
"""What a small disk is given to go on with."""


@dataclass(frozen=True)
class Job:
    """A command that may be interrupted.

    Attributes:
        arguments: of ``psm``, for a folder that it writes into.
        own: patterns of the files that are the command's own and no result, beside :data:`OWN`.
        prepare: what has to lie in the folder before.
    """

    arguments: Callable[[Path], list[str]]
    own: tuple[str, ...]
    prepare: Callable[[Path], object] = lambda _: None


def jobs(inputs: Path) -> dict[str, Job]:
    """The jobs by name; what they start from is in ``inputs``."""
    recordings, earth, store = inputs / "recordings", inputs / "earth", inputs / "store.zarr"
    return {
        "train": Job(
            lambda out: ["train", *TINY, *QUICK, "--data", str(earth), "--out", str(out)],
            ("resume/*",),
        ),
        "prepare": Job(
            lambda out: ["prepare", str(out / "store.zarr"), "--sample", "64", "--seen", "4"],
            (),
            lambda out: shutil.copytree(store, out / "store.zarr"),
        ),
        "import": Job(
            lambda out: ["data", "import", str(recordings), str(out), "--imagery", "blue-marble",
                         "--preset", "earth-tiny", "--workers", "2"],
            (),
        ),
        "collect": Job(
            lambda out: ["collect", "build", str(out), "--config", str(inputs / "build.yaml"),
                         "--workers", "2"],
            ("catalogue.*", "build.json"),
        ),
        "demo": Job(
            lambda out: ["demo", *TINY, "--out", str(out), "--set", "earth.recordings=240",
                         "--set", "earth.map_step_deg=20", "--set", "training.epochs=1",
                         "--set", "training.batch_size=32"],
            ("report.*", "model/resume/*"),
        ),
    }  # fmt: skip


def make_inputs(folder: Path) -> None:
    """Recordings with a table, shards to train on, a store, settings of a build."""
    rng = generator(0, "disks")
    recordings = folder / "recordings"
    recordings.mkdir(parents=True)
    with (recordings / "table.csv").open("w", newline="") as file:
        table = csv.writer(file)
        columns = (
            "audio",
            "latitude",
            "longitude",
            "date",
            "caption",
            "author",
            "licence",
            "split",
        )
        table.writerow(columns)
        for index in range(60):
            seconds, name = rng.uniform(4, 9), f"r{index:03d}.wav"
            time_s = np.arange(int(seconds * 32_000)) / 32_000
            tone = 0.2 * np.sin(2 * np.pi * rng.uniform(200, 6000) * time_s)
            soundfile.write(
                recordings / name, tone + 0.02 * rng.standard_normal(time_s.size), 32_000
            )
            latitude, longitude = rng.uniform(45, 50), rng.uniform(5, 20)
            row = (f"{latitude:.4f}", f"{longitude:.4f}", f"2024-05-{1 + index % 28:02d} 06:30")
            table.writerow((name, *row, f"a tone, number {index}", "A. Author", "CC0-1.0", "train"))
    (folder / "build.yaml").write_text(
        yaml.safe_dump(
            {
                "sources": {"local": {"options": {"folder": str(recordings)}}},
                "preset": "earth-tiny",
                "imagery": {"source": "blue-marble", "options": {}},
                "splits": {"val": 0, "test": 0},
                "date": "2026-01-01",
            }
        )
    )
    for arguments in (
        ["earth", "build", "--out", str(folder / "earth"), "--recordings", "160", "--seed", "1"],
        ["embed", "16,46,18,48", "--spacing", "10km", "--imagery", "blue-marble", "--yes",
         "--out", str(folder / "store.zarr")],
    ):  # fmt: skip
        outcome = finish(begin(arguments, folder / "log"), folder / "log")
        if outcome.status:
            sys.exit(f"the inputs could not be made: {outcome.said}")


@dataclass(frozen=True)
class Outcome:
    """How a process ended, and what it wrote on the terminal."""

    status: int
    said: str

    @property
    def errors(self) -> list[str]:
        """Lines of the message with which a command gives up."""
        return [line for line in self.said.splitlines() if re.match(r"\s*(error|psm)\b", line)]


def run(arguments: list[str], log: Path) -> None:
    """The command in this process, with its words in a file."""
    from psm.cli import main

    # Unlinked by nobody, and outside of the disk that fills.
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.argv = ["psm", *arguments]
    main()


def begin(arguments: list[str], log: Path) -> BaseProcess:
    """Start the command."""
    process = START.Process(target=run, args=(arguments, log))
    process.start()
    return process


def finish(process: BaseProcess, log: Path) -> Outcome:
    """Wait for the end of a command."""
    process.join()
    return Outcome(process.exitcode or 0, log.read_text(errors="replace"))


def results(folder: Path, own: tuple[str, ...]) -> dict[str, bytes]:
    """All files of a result with their bytes, but the command's own."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    names = {str(path.relative_to(folder)): path for path in found}
    return {
        name: path.read_bytes()
        for name, path in names.items()
        if not any(fnmatch.fnmatch(name, pattern) for pattern in (*own, *OWN))
    }


def differences(expected: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    """Names of the files that are not the same."""
    return sorted(name for name in expected | found if expected.get(name) != found.get(name))


def entries(folder: Path) -> int:
    """How many files and folders a folder holds, while somebody is at work in it."""
    return sum(len(names) + len(folders) for _, folders, names in os.walk(folder))


def killed(
    job: Job, expected: dict[str, bytes], took_s: float, base: Path, kills: int, seed: int
) -> list[str]:
    """Kill and start again until so many kills struck; what is wrong in the end."""
    rng = generator(seed, "kills")
    wrong: list[str] = []
    struck = rounds = 0
    log = base.parent / f"{base.name}.log"
    while struck < kills:
        rounds += 1
        out = base / f"killed-{rounds}"
        out.mkdir(parents=True)
        job.prepare(out)
        before = entries(out)
        while True:
            process = begin(job.arguments(out), log)
            while process.is_alive() and entries(out) == before:
                time.sleep(0.001)
            if struck < kills:
                process.join(float(rng.uniform(0.0, 4.0 * took_s / kills)))
                process.kill()
            outcome = finish(process, log)
            if outcome.status != -signal.SIGKILL:
                break
            struck += 1
            before = -1  # what is there was written: any moment from the first counts
        if outcome.status:
            wrong.append(f"round {rounds} ended with {outcome.status}: {outcome.said[-600:]}")
        elif differ := differences(expected, results(out, job.own)):
            wrong.append(f"round {rounds} differs in {', '.join(differ[:6])}")
        shutil.rmtree(out)
    print(f"    {struck} kills in {rounds} rounds", flush=True)
    return wrong


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[None]:
    """A file system of its own in memory, of so many bytes."""
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def filled(
    job: Job, expected: dict[str, bytes], peak: int, base: Path, sizes: int, seed: int
) -> list[str]:
    """Run on disks that are too small, give them room, run again; what is wrong."""
    rng = generator(seed, "sizes")
    wrong: list[str] = []
    log = base.parent / f"{base.name}.log"
    full = 0
    for number in range(sizes):
        place = base / f"disk-{number}"
        begins_with = base / f"begin-{number}"
        begins_with.mkdir(parents=True)
        job.prepare(begins_with)
        least = sum(path.stat().st_size + 4096 for path in begins_with.rglob("*"))
        size = least + int(rng.uniform(8_192, max(16_384, 0.95 * (peak - least))))
        with small_disk(place, size):
            out = place / "out"
            shutil.copytree(begins_with, out)
            outcome = finish(begin(job.arguments(out), log), log)
            if outcome.status == 0:
                print(f"    {size / 1e6:.2f} MB: was enough", flush=True)
            else:
                full += 1
                last = outcome.said.strip().splitlines()[-1] if outcome.said.strip() else ""
                print(f"    {size / 1e6:.2f} MB: {last[-150:]}", flush=True)
                if "Traceback" in outcome.said or outcome.status < 0 or not last:
                    wrong.append(f"{size} bytes: {outcome.status}, {outcome.said[-1500:]}")
            subprocess.run(["mount", "-o", f"remount,size={ROOM}", place], check=True)
            outcome = finish(begin(job.arguments(out), log), log)
            if outcome.status:
                wrong.append(f"{size} bytes, then room: {outcome.said[-600:]}")
            elif differ := differences(expected, results(out, job.own)):
                wrong.append(f"{size} bytes, then room: differs in {', '.join(differ[:6])}")
    print(f"    {full} of {sizes} disks filled", flush=True)
    return wrong


def told(faults: list[str]) -> list[str]:
    """The faults, once they are printed."""
    for fault in faults:
        print(f"    WRONG {fault}", flush=True)
    return faults


def main() -> None:
    """Try each job and say what is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("jobs", nargs="*", help="by default all")
    parser.add_argument("--on", type=Path, default=Path("/dev/shm"))
    parser.add_argument("--kills", type=int, default=20, help="of each job")
    parser.add_argument("--sizes", type=int, default=10, help="of disks for each job")
    parser.add_argument("--seed", type=int, default=0)
    said = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    START.set_forkserver_preload(["psm.cli", "psm.training", "psm.mapping.store", "psm.imagery"])
    with (
        tempfile.TemporaryDirectory() as temporary,
        tempfile.TemporaryDirectory(dir=said.on) as elsewhere,
    ):
        here, there = Path(temporary), Path(elsewhere)
        if here.stat().st_dev == there.stat().st_dev:
            print(f"{said.on} is the file system of temporary files: renames are no copies there")
        make_inputs(here / "inputs")
        known = jobs(here / "inputs")
        wrong: list[str] = []
        for name in said.jobs or known:
            job, log = known[name], here / f"{name}.log"
            out = there / f"{name}-calm"
            out.mkdir()
            job.prepare(out)
            before = entries(out)
            process = begin(job.arguments(out), log)
            while process.is_alive() and entries(out) == before:
                time.sleep(0.001)
            start = time.monotonic()
            outcome = finish(process, log)
            took_s = time.monotonic() - start
            if outcome.status:
                sys.exit(f"{name}: failed undisturbed: {outcome.said[-1000:]}")
            expected = results(out, job.own)
            peak = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
            shutil.rmtree(out)
            print(f"{name}: {len(expected)} files, {peak / 1e6:.1f} MB, {took_s:.1f} s", flush=True)
            wrong += told(killed(job, expected, took_s, there / name, said.kills, said.seed))
            if os.geteuid() == 0:
                small = here / f"{name}-disks"
                wrong += told(filled(job, expected, peak, small, said.sizes, said.seed))
            else:
                print("    no small disks: mounting them takes root")
    sys.exit(f"{len(wrong)} wrong" if wrong else 0)


if __name__ == "__main__":
    main()
