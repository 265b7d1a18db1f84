"""One process at a time in a folder; whoever comes second is told who is there."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from psm import locking
from psm.errors import ConfigError
from psm.locking import alone_in

HOLDS = """
import sys, time
from pathlib import Path
from psm.locking import alone_in
with alone_in(Path(sys.argv[1]), "working"):
    print("holds", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path: Path) -> subprocess.Popen[str]:
    """A process that holds the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "holds\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_another_process_is_named_and_a_kill_frees_the_folder(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    with (
        pytest.raises(ConfigError, match=rf"process {other.pid} \(.*\) is working here; wait"),
        alone_in(tmp_path, "working"),
    ):
        pass
    other.send_signal(signal.SIGKILL)
    other.wait()
    with alone_in(tmp_path, "working"):
        assert json.loads((tmp_path / "lock.json").read_text())["pid"] == os.getpid()
    assert not (tmp_path / "lock.json").exists()


@pytest.mark.parametrize(
    ("holder", "who"),
    [
        ({"pid": 1, "host": "another.example"}, "process 1 of another.example is"),
        ({}, "another process is"),
        (None, "another process is"),
    ],
)
def test_holders_elsewhere_and_unknown_ones(
    tmp_path: Path, holder: dict[str, object] | None, who: str
) -> None:
    with alone_in(tmp_path, "working"):
        path = tmp_path / locking.HOLDER_NAME
        path.write_text("" if holder is None else json.dumps(holder))
        with pytest.raises(ConfigError, match=who), alone_in(tmp_path, "working"):
            pass


def test_what_a_killed_process_left_running_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    acquire = locking.FileLock.acquire

    def noted(self: object, timeout: float) -> object:
        waited.append(timeout)
        return acquire(self, timeout=min(timeout, 0.1))  # type: ignore[arg-type]

    monkeypatch.setattr(locking.FileLock, "acquire", noted)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with alone_in(tmp_path, "working"):
        about = {"pid": gone.pid, "host": socket.gethostname()}
        (tmp_path / locking.HOLDER_NAME).write_text(json.dumps(about))
        with pytest.raises(ConfigError), alone_in(tmp_path, "working"):
            pass
    assert waited == [0, 0, locking._ENDING_S]
