"""Firefox, spoken to by WebDriver BiDi, which it understands itself: no driver has to be installed.

https://w3c.github.io/webdriver-bidi/
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

_NAMES = ("firefox", "firefox-esr")
_ADDRESS = re.compile(r"ws://\S+")
_START_S, _ANSWER_S = 60.0, 120.0


def installed() -> str | None:
    """Path of a Firefox, ``None`` where there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class FirefoxPage:
    """One tab.

    Args:
        connection: to the browser.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self._connection, self._sent = connection, 0
        self._call("session.new", capabilities={})
        self._tab = self._call("browsingContext.getTree")["contexts"][0]["context"]

    def open(self, url: str) -> None:
        """Load an address."""
        self._call("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page: a string, a number, a truth or nothing."""
        answer = self._call(
            "script.evaluate", target={"context": self._tab}, expression=script, awaitPromise=True
        )
        assert answer["type"] == "success", answer
        return answer["result"].get("value")

    def wait_for(self, script: str, *, seconds: float = 60.0) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.evaluate(f"Boolean({script})"):
            assert time.monotonic() < end, f"not within {seconds:g} s: {script}"
            time.sleep(0.1)

    def _call(self, method: str, **params: object) -> Any:
        self._sent += 1
        self._connection.send(json.dumps({"id": self._sent, "method": method, "params": params}))
        while True:  # events come in between
            answer = json.loads(self._connection.recv(timeout=_ANSWER_S))
            if answer.get("id") == self._sent:
                assert answer["type"] == "success", answer
                return answer["result"]


@contextmanager
def opened(path: str, profile: Path) -> Iterator[FirefoxPage]:
    """A Firefox with one tab, while this block runs.

    Args:
        path: of the program.
        profile: an empty folder.
    """
    command = [path, "--headless", "--no-remote", "--profile", str(profile)]
    log = profile / "errors.txt"
    with log.open("w") as errors:
        process = subprocess.Popen([*command, "--remote-debugging-port=0"], stderr=errors)
    try:
        end = time.monotonic() + _START_S
        while (found := _ADDRESS.search(log.read_text(errors="replace"))) is None:
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < end, f"Firefox did not start within {_START_S:g} s"
            time.sleep(0.05)
        with connect(f"{found.group()}/session", max_size=None) as connection:
            yield FirefoxPage(connection)
    finally:
        process.terminate()
        process.wait(30)
