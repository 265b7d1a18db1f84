"""What people do on the page, for the tests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

AXE = Path(__file__).with_name("axe.min.js")

SETTLED = """() => document.querySelector('.progress')?.dataset.busy === 'no'
  && [...document.querySelectorAll('.map, .picture')].every(
    (map) => map.dataset.settled === 'yes' && map.dataset.drawn !== 'no')"""


class Explorer:
    """The page.

    Args:
        page: of Playwright.
        url: of the server.
    """

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        # A refused script or style is told here only.
        if message.type == "error" and "Content Security Policy" in message.text:
            self.errors.append(message.text)

    def open(self, hash_: str = "") -> None:
        """Load the page with the state of a link."""
        self.page.goto(self.url + hash_)
        self.page.get_by_role("heading", name="How the Earth sounds").wait_for(state="attached")

    def settle(self) -> None:
        """Wait until nothing is asked for and the map shows what it should."""
        self.page.wait_for_timeout(400)  # what waits for the state to rest has begun
        self.page.wait_for_function(SETTLED)

    def ask(self, text: str) -> None:
        """Type a question."""
        box = self.page.get_by_role("combobox", name="What to listen for")
        box.fill(text)
        box.press("Enter")
        self.settle()

    def click_map(self, x: float = 0.5, y: float = 0.4) -> None:
        """Click at a share of the width and the height of the page."""
        size = self.page.viewport_size
        self.page.mouse.click(x * size["width"], y * size["height"])

    def map_pixels(self, width: int = 200, height: int = 160) -> NDArray[np.float64]:
        """What the middle of the map looks like, ``(height, width, 3)``, 0 to 255."""
        size = self.page.viewport_size
        clip = {
            "x": 0.6 * size["width"] - width / 2,
            "y": 0.4 * size["height"] - height / 2,
            "width": width,
            "height": height,
        }
        picture = Image.open(io.BytesIO(self.page.screenshot(clip=clip)))
        return np.asarray(picture.convert("RGB"), np.float64)

    def violations(self) -> list[str]:
        """Serious and critical findings of axe-core."""
        self.page.evaluate(AXE.read_text("utf-8"))  # a script tag would be refused
        found = self.page.evaluate(
            """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
              .filter(({impact}) => impact === 'serious' || impact === 'critical')
              .map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html).join(' | ')}`)"""
        )
        return list(found)

    @property
    def hash(self) -> str:
        """The state in the address."""
        return str(self.page.evaluate("location.hash"))
