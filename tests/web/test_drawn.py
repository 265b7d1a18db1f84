"""Maps that the page draws itself from coefficients, and tiles where it cannot."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any
from urllib.request import urlopen

import numpy as np

from tests.web.explorer import Explorer

Open = Callable[..., Explorer]
FROGS = "#q=frogs&m=7&h=22"


def asked(e: Explorer) -> list[str]:
    """Collects the requests to the API from now on."""
    urls: list[str] = []
    e.page.on(
        "request", lambda request: urls.append(request.url) if "/api/" in request.url else None
    )
    return urls


def without_coefficients(e: Explorer) -> None:
    """The page once more, as if the coefficients had got lost on the way."""
    e.page.route("**/coefficients.bin", lambda route: route.abort())
    e.page.reload()
    e.settle()


def let_go(held: list[Any]) -> None:
    """Requests that were held back go on, but for those that the page gave up meanwhile."""
    for route in held:
        with suppress(Exception):  # that of Playwright, which may not be installed
            route.continue_()


def shown(e: Explorer) -> str:
    return str(e.page.locator(".map-a").get_attribute("data-shown"))


def test_moving_the_time_asks_the_server_for_nothing(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    e.page.wait_for_timeout(1500)  # what the cells are called has come too
    urls = asked(e)
    hour = e.page.get_by_role("slider", name="Local hour")
    pictures = []
    for value in (0, 6, 12, 18):
        hour.fill(str(value))
        e.settle()
        assert shown(e).endswith(f"hour={value}")
        pictures.append(e.map_pixels())
    e.page.get_by_role("radio", name="UTC").check(force=True)
    e.page.get_by_role("radio", name="January").check(force=True)
    e.page.get_by_role("radio", name="Both").check(force=True)
    e.page.get_by_label("Colours", exact=True).select_option("viridis")
    e.settle()
    assert urls == []
    assert min(np.abs(a - b).max() for a, b in pairwise(pictures)) > 3.0
    places = e.page.get_by_role("region", name="Best places")
    assert places.get_by_role("listitem").count() >= 3
    assert "January, 18:00 UTC" in places.inner_text()


def test_a_new_text_is_one_small_answer_and_its_colours(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    e.page.wait_for_timeout(1500)
    urls = asked(e)
    e.ask("thunder")
    names = [re.sub(r".*/(\w+)\?.*", r"\1", url) for url in urls]
    # A slow machine also completes the word while it is typed.
    assert sorted(name for name in names if name != "suggestions") == ["answer", "range"]
    with urlopen(next(url for url in urls if "/answer" in url)) as answer:
        assert len(answer.read()) < 4000


def test_the_drawn_map_says_what_the_server_says(explorer: Open) -> None:
    e = explorer(f"{FROGS}&at=45,15")
    e.settle()
    panel = e.page.get_by_role("region", name="Chosen place")
    text = panel.get_by_test_id("value").inner_text()
    drawn = [float(found) for found in re.findall(r"([\d.]+) %", text)]
    query = "text=frogs&month=7&hour=22&lat=45&lon=15"
    with urlopen(f"{e.url}api/v1/stores/world/value?{query}") as answer:
        value = json.load(answer)
    for found, name in zip(drawn, ("probability", "uncertainty"), strict=True):
        assert abs(found - 100.0 * value[name]) < 0.5


def test_without_coefficients_the_same_map_comes_in_tiles(explorer: Open) -> None:
    e = explorer(f"{FROGS}&map=2,40,15")
    e.settle()
    drawn = e.map_pixels()
    assert shown(e).startswith("drawn")
    urls = asked(e)
    without_coefficients(e)
    assert "/tiles/probability/" in shown(e)
    assert any("/tiles/" in url for url in urls)
    assert np.abs(e.map_pixels() - drawn).mean() < 6.0
    with e.page.expect_request(re.compile(r"/tiles/.*hour=1\b")):  # loaded ahead, past midnight
        e.page.get_by_role("button", name="Play through the day").click()
    e.page.get_by_role("button", name="Pause").click()


def test_a_map_that_is_still_computed_is_grey_and_says_so(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    held: list[Any] = []
    e.page.route("**/answer?**", lambda route: held.append(route))
    box = e.page.get_by_role("combobox", name="What to listen for")
    box.fill("thunder")
    box.press("Enter")
    status = e.page.get_by_role("status").filter(has_text="is computed")
    status.wait_for()
    assert re.search(r"thunder, July, 22:00 local time is computed: \w", status.inner_text())
    stale = e.page.locator('.map[data-stale="yes"]')
    assert stale.count() == 1
    e.page.wait_for_timeout(300)
    colours = e.map_pixels()
    assert np.abs(colours.max(-1) - colours.min(-1)).mean() < 25.0
    assert e.violations() == []
    let_go(held)
    status.wait_for(state="detached")
    e.settle()
    assert stale.count() == 0


def test_tiles_on_their_way_are_waited_for_in_grey(explorer: Open) -> None:
    e = explorer(FROGS)
    without_coefficients(e)
    held: list[Any] = []
    e.page.route("**/tiles/**", lambda route: held.append(route))
    e.page.get_by_role("slider", name="Local hour").fill("3")
    e.page.locator('.map[data-stale="yes"]').wait_for()
    e.page.get_by_role("status").filter(has_text="03:00 local time is computed").wait_for()
    let_go(held)
    e.page.unroute_all()
    e.settle()
    assert e.page.locator('.map[data-stale="yes"]').count() == 0


def test_a_globe_and_a_comparison_are_drawn_too(explorer: Open) -> None:
    e = explorer(f"{FROGS}&globe=1&b.q=thunder&b.h=4")
    e.settle()
    assert shown(e).startswith("drawn")
    assert e.page.locator(".map-b").get_attribute("data-shown").startswith("drawn")
    assert e.map_pixels().std() > 3.0
