"""A build that is killed again and again, beside one that is not: are they the same in the end?"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as parquet
import yaml

from tests.collect.loopback import SECRETS, Archives, archives

_OWN = ("catalogue.duckdb", "catalogue.duckdb.wal", "catalogue.parquet")
_LONGEST_S = 1800
_FIRST_S = 2.0  # of work before the first kill: no build of the trial is done by then


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What came of it.

    Attributes:
        recordings: that the archives have.
        packed: of them, in the data set.
        kills: that struck a running build.
        calm_s: of work of the build that was left alone.
        killed_s: of all runs of the other one.
        calm_asked, killed_asked: requests by archive.
        past_limit: requests past the rate limit of an archive, in both.
        compared: files of the data set, with clips and tiles.
        different: names of those that are not the same, or only in one of both.
        rows_differ: keys of rows of the catalogue that are not the same.
        secrets_in: files that hold a credential, the output of the builds among them.
    """

    recordings: int
    packed: int
    kills: int
    calm_s: float
    killed_s: float
    calm_asked: dict[str, int]
    killed_asked: dict[str, int]
    past_limit: dict[str, int]
    compared: int
    different: tuple[str, ...]
    rows_differ: tuple[str, ...]
    secrets_in: tuple[str, ...]

    @property
    def is_well(self) -> bool:
        """Nothing is different, past a limit, or told that should not be."""
        wrong = (self.different, self.rows_differ, self.secrets_in, sum(self.past_limit.values()))
        return self.packed > 0 and not any(wrong)


def trial(
    folder: Path,
    *,
    recordings: int,
    kills: int,
    seed: int = 0,
    requests_per_s: float = 50.0,
    workers: tuple[int, int] = (2, 2),
) -> Figures:
    """Build twice from the same archives, once undisturbed and once killed at random moments.

    Args:
        folder: for both builds, empty.
        recordings: of all archives together.
        kills: to strike.
        seed: of the recordings and the moments.
        requests_per_s: that each archive allows.
        workers: processes of the undisturbed build, and of the other one.
    """
    with archives(recordings, seed, requests_per_s=requests_per_s) as server:
        config = _settings(server, folder)
        calm, killed = folder / "calm", folder / "killed"
        calm_s = _undisturbed(config, calm, workers[0])
        calm_asked = Counter(asked.archive for asked in server.asked)
        past_limit = Counter(server.past_limit)
        server.asked.clear()
        server._failed.clear()
        begun = time.monotonic()
        struck = _kill_often(config, killed, workers[1], kills, calm_s, random.Random(seed))
        killed_s = time.monotonic() - begun
        killed_asked = Counter(asked.archive for asked in server.asked)
        past_limit = Counter(server.past_limit)
    files = {build: _files(build) for build in (calm, killed)}
    names = files[calm].keys() | files[killed].keys()
    rows = {build: _rows(build) for build in (calm, killed)}
    return Figures(
        recordings=recordings,
        packed=sum(row["state"] == "packed" for row in rows[calm].values()),
        kills=struck,
        calm_s=calm_s,
        killed_s=killed_s,
        calm_asked=dict(calm_asked),
        killed_asked=dict(killed_asked),
        past_limit=dict(past_limit),
        compared=len(names),
        different=tuple(sorted(n for n in names if files[calm].get(n) != files[killed].get(n))),
        rows_differ=tuple(
            sorted(
                key
                for key in rows[calm].keys() | rows[killed].keys()
                if rows[calm].get(key) != rows[killed].get(key)
            )
        ),
        secrets_in=_with_secrets(folder),
    )


def _settings(server: Archives, folder: Path) -> Path:
    options = server.options(folder / "tables")
    settings = {
        "sources": {name: {"options": given} for name, given in options.items()},
        "preset": "earth-tiny",
        "imagery": {"source": "blue-marble", "options": {}},
        "splits": {"val": 0.1, "test": 0.2},
        "shard_size": 64,
        "date": "2026-01-01",
    }
    path = folder / "build.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def _start(config: Path, out: Path, workers: int) -> subprocess.Popen[bytes]:
    command = ["psm.cli", "collect", "build", str(out), "--config", str(config)]
    with (out.parent / f"{out.name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", *command, "--workers", str(workers)],
            stdout=log,
            stderr=log,
            env={**os.environ, **SECRETS, "PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,
        )


def _undisturbed(config: Path, out: Path, workers: int) -> float:
    """Build; the seconds of work, without those in which the command loads what it needs."""
    build = _start(config, out, workers)
    _wait_for_work(out, build)
    begun = time.monotonic()
    _finish(build)
    return time.monotonic() - begun


def _finish(build: subprocess.Popen[bytes]) -> None:
    if build.wait(_LONGEST_S) != 0:
        raise AssertionError(f"the build ended with {build.returncode}")


def _kill_often(
    config: Path, out: Path, workers: int, kills: int, calm_s: float, chance: random.Random
) -> int:
    """Kill the build at random moments of its work, then let it end; how many kills struck.

    Half of the time only the command itself is killed, and its helpers have to notice.
    """
    struck = 0
    longest_s = 1.5 * calm_s / (kills + 1)
    build = _start(config, out, workers)
    while struck < kills:
        _wait_for_work(out, build)
        try:
            # The first comes early: the calm build may have met a busier machine than this one.
            first_s = min(_FIRST_S, 0.25 * longest_s)
            build.wait(chance.uniform(0.0, longest_s if struck else first_s))
        except subprocess.TimeoutExpired:
            kill = chance.choice((os.kill, os.killpg))
            kill(build.pid, signal.SIGKILL)
            build.wait()
            struck += 1
            build = _start(config, out, workers)
        else:
            break
    _finish(build)
    return struck


def _wait_for_work(out: Path, build: subprocess.Popen[bytes]) -> None:
    """Before that a build only loads what it needs, and there is nothing to disturb."""
    status = out / "status.json"
    before = status.stat().st_mtime_ns if status.exists() else 0
    while build.poll() is None and not (status.exists() and status.stat().st_mtime_ns != before):
        time.sleep(0.02)


def _files(build: Path) -> dict[str, str]:
    return {
        str(path.relative_to(build)): sha256(path.read_bytes()).hexdigest()
        for path in build.rglob("*")
        if path.is_file() and path.name not in _OWN
    }


def _rows(build: Path) -> dict[str, dict[str, object]]:
    rows = parquet.read_table(build / "catalogue.parquet").to_pylist()
    return {row["key"]: row for row in rows}


def _with_secrets(folder: Path) -> tuple[str, ...]:
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if any(secret.encode() in content for secret in SECRETS.values()):
                found.append(str(path.relative_to(folder)))
    return tuple(sorted(found))
