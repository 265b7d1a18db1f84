"""The truth beside the map, which only the simulated Earth has."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from tests.web.explorer import Explorer

Open = Callable[..., Explorer]


def shown(e: Explorer) -> str:
    return str(e.page.locator(".map-a").get_attribute("data-shown"))


def test_the_truth_and_the_difference_stand_beside_the_map(explorer: Open) -> None:
    e = explorer("#q=frogs&m=7&h=22&truth=truth&at=45,15")
    e.settle()
    assert shown(e) == "truth month=7&hour=22"
    pictures = [e.map_pixels()]
    legend = e.page.get_by_role("region", name="Display and legend")
    assert "rules of the simulated Earth say, not the real one" in legend.inner_text()
    figures = legend.get_by_test_id("agreement").inner_text()
    assert re.search(
        r"Mean .+ % on the map, .+ % in truth; .* rank correlation -?\d\.\d\d", figures
    )
    assert re.search(r"\d %", e.page.get_by_test_id("true-value").inner_text())
    legend.get_by_role("radio", name="Difference").check(force=True)
    e.settle()
    assert shown(e) == "difference month=7&hour=22"
    assert "truth=difference" in e.hash
    assert e.page.get_by_role(
        "img", name=re.compile("map too low, to .* map too high")
    ).is_visible()
    pictures.append(e.map_pixels())

    held: list[Any] = []
    e.page.route("**/truth?**", lambda route: held.append(route))
    e.page.get_by_role("slider", name="Local hour").fill("3")
    e.page.locator('.map-a[data-stale="yes"]').wait_for()  # no truth of another hour
    assert legend.get_by_test_id("agreement").count() == 0
    e.page.wait_for_timeout(500)
    assert shown(e).endswith("hour=22")
    held[-1].continue_()
    e.settle()
    assert shown(e) == "difference month=7&hour=3"
    legend.get_by_role("radio", name="Map").check(force=True)
    e.settle()
    assert "truth=" not in e.hash
    pictures.append(e.map_pixels())
    assert min(np.abs(a - b).mean() for a, b in pairwise(pictures)) > 2.0

    e.ask("frogs, thunder")  # no single sound: there is no truth of it
    assert legend.get_by_role("radio", name="Truth").count() == 0
