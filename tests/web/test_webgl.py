"""Browsers that cannot draw the map, or lose what draws it: the server's picture instead."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import chromium
from tests.web.explorer import Explorer

Open = Callable[..., Explorer]
FROGS = "#q=frogs&m=7&h=22"
_SIZE = "document.querySelector('.picture img')?.naturalWidth ?? 0"


@pytest.fixture
def bare(server: str, browser: Any) -> Iterator[Open]:
    """Opens the page in a Chromium without WebGL."""
    opened: list[Explorer] = []
    another = browser.browser_type.launch(
        executable_path=chromium(), args=["--no-sandbox", "--disable-3d-apis"]
    )

    def make(hash_: str = "", width: int = 1280, height: int = 800) -> Explorer:
        page = another.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(60_000)
        explorer = Explorer(page, server)
        opened.append(explorer)
        explorer.open(hash_)
        return explorer

    yield make
    another.close()
    for explorer in opened:
        assert not explorer.errors, explorer.errors


def keep(e: Explorer, name: str) -> None:
    """A screenshot for whoever asks for it."""
    if folder := os.environ.get("PSM_SCREENSHOTS"):
        e.page.screenshot(path=Path(folder) / f"{name}.png")


def why(e: Explorer, text: str) -> Any:
    return e.page.get_by_role("note").filter(has_text=text)


def test_without_webgl_the_page_says_so_and_shows_the_servers_picture(bare: Open) -> None:
    e = bare()
    assert not e.page.evaluate("!!document.createElement('canvas').getContext('webgl2')")
    why(e, "This browser cannot draw the map").wait_for()
    e.page.get_by_text("Ask for a sound, and the server draws its map here.").wait_for()
    keep(e, "nothing-asked")
    e.ask("frogs")
    picture = e.page.get_by_role("img", name="Map of frogs")
    picture.wait_for()
    assert e.page.evaluate(_SIZE) > 500
    first = picture.get_attribute("src")
    places = e.page.get_by_role("region", name="Best places").get_by_role("listitem")
    assert places.count() >= 3
    for name in ("Zoom in", "Zoom out", "Globe"):
        assert e.page.get_by_role("button", name=name).count() == 0
    keep(e, "frogs")
    e.ask("thunder")
    e.page.get_by_role("img", name="Map of thunder").wait_for()
    assert e.page.get_by_role("img", name="Map of").get_attribute("src") != first
    places.first.get_by_role("button").click()
    e.page.get_by_role("region", name="Chosen place").wait_for()
    e.settle()
    keep(e, "place")
    assert e.violations() == []


def test_two_sides_are_two_pictures(bare: Open) -> None:
    e = bare(FROGS)
    e.page.get_by_role("img", name="Map of frogs").wait_for()
    e.page.get_by_role("button", name="Compare").click()
    e.settle()
    e.page.wait_for_function("document.querySelectorAll('.picture img').length === 2")
    keep(e, "compare")


def test_a_phone_without_webgl(bare: Open) -> None:
    e = bare(FROGS, 390, 844)
    e.page.get_by_role("img", name="Map of frogs").wait_for()
    keep(e, "phone")
    box = e.page.locator(".picture img").bounding_box()
    assert box["width"] > 300
    assert box["height"] > 100


LOSE = """() => document.querySelector('canvas.maplibregl-canvas').getContext('webgl2')
  .getExtension('WEBGL_lose_context').loseContext()"""


def test_a_map_that_lost_its_context_is_made_anew_a_few_times(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    canvas = e.page.locator("canvas.maplibregl-canvas")
    for _ in range(2):
        e.page.evaluate("document.querySelector('canvas.maplibregl-canvas').dataset.old = 'yes'")
        e.page.evaluate(LOSE)
        e.page.locator("canvas.maplibregl-canvas:not([data-old])").wait_for()
        e.settle()
        assert e.page.get_by_role("note").count() == 0
    e.ask("thunder")
    assert e.map_pixels().std() > 3.0
    e.page.evaluate(LOSE)
    why(e, "has lost its graphics context").wait_for()
    e.page.get_by_role("img", name="Map of thunder").wait_for()
    keep(e, "lost")
    e.page.get_by_role("button", name="Try the map again").click()
    canvas.wait_for()
    e.settle()
    assert e.page.get_by_role("note").count() == 0
