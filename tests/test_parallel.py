"""Jobs on several processes: results, errors and lost workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

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


def test_this_process_keeps_its_threads_while_others_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    for _, threads, _ in run_all(add, 0, range(6), workers=2):
        assert threads == "1"
        assert os.environ["OMP_NUM_THREADS"] == "7"
        assert "OPENBLAS_NUM_THREADS" not in os.environ


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


def sign_in(folder: str, _job: int) -> None:
    Path(folder, str(os.getpid())).touch()
    time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc who is there")
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom psm.parallel import run_all\nfrom tests.test_parallel import sign_in\n"
        "if __name__ == '__main__':\n"
        "    list(run_all(sign_in, sys.argv[1], range(100_000), workers=2))\n"
    )
    script = tmp_path / "job.py"
    script.write_text(code)
    folder = tmp_path / "workers"
    folder.mkdir()
    paths = os.pathsep.join(["src", ".", os.environ.get("PYTHONPATH", "")])
    parent = subprocess.Popen(
        [sys.executable, str(script), str(folder)],
        env={**os.environ, "PYTHONPATH": paths},
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: len(list(folder.iterdir())) == 2)
    parent.kill()
    parent.wait()
    workers = [path.name for path in folder.iterdir()]
    wait_until(lambda: not any(is_running(pid) for pid in workers))


def is_running(pid: str) -> bool:
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(is_so: Callable[[], bool]) -> None:
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError("it never came to be so")
