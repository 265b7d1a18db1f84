"""The page in Firefox, where one is installed: it opens, answers, and follows the time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.explorer import SETTLED
from tests.web.firefox import FirefoxPage, installed, opened

FROGS = "#q=frogs&m=7&h=22"
VALUE = "document.querySelector('[data-testid=value]')?.textContent"


@pytest.fixture
def page(server: str, tmp_path: Path) -> Iterator[FirefoxPage]:
    path = installed()
    if path is None:
        pytest.skip("the page in Firefox: it is not installed (apt-get install -y firefox-esr)")
    with opened(path, tmp_path) as firefox:
        firefox.open(f"{server}{FROGS}&at=46.5,8")
        firefox.wait_for(f"({SETTLED})()")
        yield firefox


def test_the_page_works_in_firefox(page: FirefoxPage) -> None:
    page.wait_for(VALUE)
    assert "%" in page.evaluate(VALUE)
    shown = ".map canvas, .picture img"  # without WebGL the figure of the server
    assert page.evaluate(f"document.querySelectorAll('{shown}').length") >= 1
    page.evaluate(
        """(() => {
          const slider = document.querySelector('input[type=range][aria-label="Local hour"]');
          slider.value = '10';
          for (const kind of ['input', 'change'])
            slider.dispatchEvent(new Event(kind, {bubbles: true}));
        })()"""
    )
    page.wait_for("location.hash.includes('h=10')")
    page.wait_for(f"({SETTLED})()")
    assert "%" in page.evaluate(VALUE)
    trouble = "[...document.querySelectorAll('[role=alert]')].map((e) => e.textContent).join()"
    assert page.evaluate(trouble) == ""
