"""Jobs on several processes: results, errors and lost workers."""

from __future__ import annotations

import os
import signal

import pytest

from psm.errors import ConfigError, WorkerLost
from psm.parallel import run_all


def add(shared: int, job: int) -> tuple[int, str, int]:
    return shared + job, os.environ.get("OMP_NUM_THREADS", ""), os.getpid()


def fail(shared: str, job: int) -> int:
    if shared == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise ConfigError(f"job {job}")


def test_several_processes_share_the_jobs() -> None:
    results = list(run_all(add, 10, [1, 2, 3], workers=2))
    assert sorted(total for total, _, _ in results) == [11, 12, 13]
    assert all(threads == "1" and process != os.getpid() for _, threads, process in results)


def test_one_worker_is_this_process() -> None:
    assert [process for _, _, process in run_all(add, 0, [1, 2], workers=1)] == [os.getpid()] * 2
    assert list(run_all(add, 0, [], workers=4)) == []


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [("raise", ConfigError, "job"), ("kill", WorkerLost, "fewer workers")],
)
def test_errors_arrive_and_lost_workers_are_told(
    how: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        list(run_all(fail, how, [1, 2, 3], workers=2))
