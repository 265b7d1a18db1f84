"""Turns come no faster than allowed: of threads, of processes, and after being killed."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.errors import ConfigError
from psm.http import RateLimits, StoredRateLimiter, TooManyRequests

DAY_S = 86_400.0


class Clock:
    """A clock that goes on when somebody sleeps; remembers at which times turns came."""

    def __init__(self, now: float = 1.6e9) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def pace_of(path: Path, clock: Clock, **limits: float) -> StoredRateLimiter:
    kept = RateLimits(**{"requests_per_s": 1.0, **limits})
    return StoredRateLimiter(path, kept, clock=clock, sleep=clock.sleep)


def turns(path: Path, clock: Clock, idle: list[float], **limits: float) -> list[float]:
    """When turns come to somebody who is idle in between, and is started anew each time."""
    came = []
    for seconds in idle:
        clock.now += seconds
        with suppress(TooManyRequests):
            pace_of(path, clock, **limits).wait()
            came.append(clock.now)
    return came


@given(idle=st.lists(st.floats(0.0, 3.0), min_size=2, max_size=40), per_s=st.floats(0.25, 20.0))
def test_no_two_turns_come_faster_than_allowed_even_after_restarts(
    tmp_path_factory: pytest.TempPathFactory, idle: list[float], per_s: float
) -> None:
    path = tmp_path_factory.mktemp("pace") / "archive.json"
    came = turns(path, Clock(), idle, requests_per_s=per_s)
    gaps = [later - earlier for earlier, later in itertools.pairwise(came)]
    assert min(gaps) >= 1.0 / per_s - 1e-6
    assert len(came) == len(idle)


@given(
    idle=st.lists(st.sampled_from([0.0, 1.0, 850.0, 7000.0, 50_000.0]), min_size=5, max_size=60),
    per_day=st.integers(1, 12),
)
def test_no_day_has_more_requests_than_allowed_wherever_it_begins(
    tmp_path_factory: pytest.TempPathFactory, idle: list[float], per_day: int
) -> None:
    path = tmp_path_factory.mktemp("pace") / "archive.json"
    came = turns(path, Clock(), idle, requests_per_day=per_day)
    for first in came:
        assert sum(first <= one < first + DAY_S for one in came) <= per_day


def test_after_a_day_there_are_turns_again(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "archive.json"
    assert len(turns(path, clock, [0.0] * 5, requests_per_day=3)) == 3
    assert len(turns(path, clock, [DAY_S + 900.0, 0.0], requests_per_day=3)) == 2


def test_a_few_seconds_before_there_is_room_again_it_waits(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "archive.json"
    quarter_ends = (clock.now // 900 + 1) * 900
    turns(path, clock, [0.0], requests_per_day=1)
    clock.now = quarter_ends + DAY_S - 5.0
    assert turns(path, clock, [0.0], requests_per_day=1) == [quarter_ends + DAY_S]


def test_what_does_not_count_has_turns_when_the_day_is_used_up(tmp_path: Path) -> None:
    clock = Clock()
    pace = pace_of(tmp_path / "archive.json", clock, requests_per_day=1)
    pace.wait()
    pace.wait(counts=False)
    with pytest.raises(TooManyRequests, match="allows in a day") as refused:
        pace.wait()
    assert refused.value.may_pass
    assert "min" in refused.value.detail


def test_bytes_of_a_day_are_limited_too(tmp_path: Path) -> None:
    clock = Clock()
    pace = pace_of(tmp_path / "archive.json", clock, bytes_per_day=1000)
    pace.wait(counts=False)
    pace.took(999)
    pace.wait(counts=False)
    pace.took(1)
    with pytest.raises(TooManyRequests, match="allows in a day"):
        pace.wait(counts=False)
    clock.now += DAY_S + 900.0
    pace.wait(counts=False)


def test_a_hold_holds_after_a_restart(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "archive.json"
    pace_of(path, clock).hold(100.0)
    began = clock.now
    pace_of(path, clock).wait()
    assert clock.now == began + 100.0
    pace_of(path, clock).hold(1000.0)
    with pytest.raises(TooManyRequests, match="asks to wait"):
        pace_of(path, clock).wait()


def test_threads_share_the_turns(tmp_path: Path) -> None:
    clock = Clock()
    came: list[float] = []
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            came.append(clock.now + seconds)

    limits = RateLimits(requests_per_s=10.0)
    paces = [
        StoredRateLimiter(tmp_path / "a.json", limits, clock=clock, sleep=sleep) for _ in range(2)
    ]
    threads = [
        threading.Thread(target=lambda p=pace: [p.wait() for _ in range(20)]) for pace in paces * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    came.sort()
    assert len(came) == 80
    assert all(b - a >= 0.1 - 1e-6 for a, b in itertools.pairwise(came))


def test_a_hold_reaches_those_who_wait_already(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "archive.json"
    pace_of(path, clock).wait()
    began = clock.now

    def sleep(seconds: float) -> None:
        if clock.now == began:  # meanwhile another thread is told to wait
            pace_of(path, clock).hold(30.0)
        clock.sleep(seconds)

    StoredRateLimiter(path, RateLimits(requests_per_s=1.0), clock=clock, sleep=sleep).wait()
    assert clock.now == began + 30.0


_TAKE_TURNS = """
import sys
from pathlib import Path
from psm.http import RateLimits, StoredRateLimiter
pace = StoredRateLimiter(Path(sys.argv[1]), RateLimits(requests_per_s=20.0))
while True:
    pace.wait()
    print("turn", flush=True)
"""


def test_processes_that_are_killed_do_not_forget(tmp_path: Path) -> None:
    began, turns = time.monotonic(), 0
    command = [sys.executable, "-c", _TAKE_TURNS, str(tmp_path / "archive.json")]
    for kill_after in (3, 1, 4):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(kill_after):
                process.stdout.readline()
            process.kill()
            turns += kill_after + len(process.stdout.readlines())
    assert turns - 1 <= (time.monotonic() - began) * 20.0
    assert json.loads((tmp_path / "archive.json").read_text())["next"] > time.time() - 60


@pytest.mark.parametrize("content", ["", "{", "[]", '{"next": "x", "spent": {}}', '{"spent": 3}'])
def test_a_broken_file_is_begun_anew(tmp_path: Path, content: str) -> None:
    path = tmp_path / "archive.json"
    path.write_text(content)
    pace_of(path, Clock()).wait()
    assert json.loads(path.read_text())["next"] > 1.6e9


def test_a_clock_that_was_set_back_stops_nobody(tmp_path: Path) -> None:
    path = tmp_path / "archive.json"
    pace_of(path, Clock(2.6e9)).wait()
    pace_of(path, Clock()).wait()


def test_the_file_stays_small(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "archive.json"
    turns(path, clock, [450.0] * 300)
    assert path.stat().st_size < 4096


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot keep the pace"):
        pace_of(tmp_path / "file" / "archive.json", Clock()).wait()
