"""Measures, indicators and plans on the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from psm import checkpoints
from psm.measures import ColumnSettings, fit_measures
from psm.model import PSM
from psm.server import ServerState, Settings
from psm.server.served import open_all
from tests.mapping.store.fakes import PlaceImagery
from tests.measures.conftest import table
from tests.test_calibration import calibration
from tests.web.conftest import serving
from tests.web.explorer import Explorer

Open = Callable[..., Explorer]


@pytest.fixture(scope="module")
def server(world: tuple[PSM, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server with a calibration and a measure."""
    model, url = world
    path = table(tmp_path_factory.mktemp("levels") / "levels.csv")
    path.write_text("\n".join(path.read_text().splitlines()[:31]))
    said = ColumnSettings(unit="dB")
    (made,) = fit_measures(path, ["laeq_db"], model, PlaceImagery(), settings=said, baselines=False)
    about = {"method": "platt", "negative_scale": 3.0, "shift": 1.0, "distances": ()}
    curve = calibration(checkpoints.weights_fingerprint(model), probabilities=(), **about)
    state = ServerState(
        model, open_all((url,), model), Settings(rate_per_s=1e6, burst=1e6),
        calibration=curve, measures=[made.measure],
    )  # fmt: skip
    with serving(state) as address:
        yield address


def test_a_measure_is_chosen_and_has_unit_interval_and_link(explorer: Open) -> None:
    e = explorer("#q=frogs&m=7&h=22")
    e.settle()
    pictures = [e.map_pixels()]
    chooser = e.page.get_by_role("combobox", name="What is mapped")
    chooser.select_option("laeq-db")
    e.settle()
    assert "of=laeq-db" in e.hash
    assert "Fitted to 30 measurements" in e.page.get_by_test_id("quantity").inner_text()
    legend = e.page.get_by_role("region", name="Display and legend")
    ends = legend.get_by_role("img", name=re.compile(r"Colours from −\d+ dB to −\d+ dB"))
    assert ends.is_visible()
    assert legend.get_by_text("Laeq db, dB").is_visible()
    best = e.page.get_by_role("region", name="Best places").get_by_role("listitem").first
    assert re.search(r"−\d+(\.\d)? dB", best.inner_text())
    pictures.append(e.map_pixels())
    for name in ("Interval", "Both"):
        legend.get_by_role("radio", name=name).check(force=True)
        e.settle()
        pictures.append(e.map_pixels())
    for i in range(4):
        for j in range(i):
            assert np.abs(pictures[i] - pictures[j]).mean() > 2.0, (i, j)
    e.click_map(0.5, 0.4)
    panel = e.page.get_by_role("region", name="Chosen place")
    panel.get_by_test_id("interval").wait_for()
    assert re.search(r"−\d.* dB to −\d.* dB", panel.get_by_test_id("interval").inner_text())
    assert "dB to" in panel.locator(".heatmap-note").inner_text()
    assert e.violations() == []
    e.page.reload()
    e.settle()
    assert chooser.input_value() == "laeq-db"
    e.page.get_by_role("button", name="Download").click()
    with e.page.expect_download() as got:
        e.page.get_by_role("button", name=re.compile("GeoTIFF")).click()
    assert got.value.suggested_filename == "laeq-db.tif"
    chooser.select_option("predicted_ndsi")
    e.settle()
    assert legend.get_by_role("img", name="Colours from −1 to 1").is_visible()
    chooser.select_option("")
    e.settle()
    assert e.page.get_by_role("combobox", name="What to listen for").input_value() == "frogs"


def test_sites_are_planned_numbered_and_downloaded(explorer: Open) -> None:
    e = explorer("#of=laeq-db&m=7&h=22", viewport={"width": 390, "height": 844})
    e.settle()
    e.page.get_by_role("button", name="Where to listen next").click()
    panel = e.page.get_by_role("region", name="Where to listen next")
    panel.get_by_role("spinbutton", name="Recorders").fill("3")
    panel.get_by_role("button", name="Plan", exact=True).click()
    sites = panel.get_by_role("listitem")
    sites.first.wait_for()
    assert sites.count() == e.page.locator(".mark-site").count() == 3
    assert re.search(r"1\n.*\nadds [\d.]+ %", sites.first.inner_text())
    assert "For laeq db, among" in panel.inner_text()
    assert e.violations() == []
    with e.page.expect_download() as got:
        panel.get_by_role("button", name="GPX").click()
    assert Path(got.value.path()).read_text().count("<wpt") == 3
    panel.get_by_role("radio", name="Any sound").check(force=True)
    assert e.page.locator(".mark-site.is-old").count() == 3  # of another wish than now
    panel.get_by_role("button", name="Close the plan").click()
    assert e.page.locator(".mark-site").count() == 0


def test_a_map_that_cannot_answer_says_so_in_one_line(explorer: Open) -> None:
    e = explorer()
    e.page.route(
        re.compile("/quantities$"),
        lambda route: route.fulfill(
            json=[{**each, "refusal": "this globe answers queries alone"} for each in
                  route.fetch().json()]
        ),
    )  # fmt: skip
    e.open("#of=laeq-db&m=7&h=22")
    e.page.reload()
    e.settle()
    said = e.page.get_by_role("status").filter(has_text="This globe answers queries alone.")
    assert said.is_visible()
    assert not e.page.get_by_role("button", name="Download").is_enabled()
