"""What people come for: a question, a time, a place, a comparison, a link."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.web.explorer import Explorer

Open = Callable[..., Explorer]
FROGS = "#q=frogs&m=7&h=22"


def test_an_example_becomes_a_map_with_legend_and_places(explorer: Open) -> None:
    e = explorer()
    e.settle()
    before = e.map_pixels()
    e.page.get_by_role("button", name="frogs croaking").click()
    e.settle()
    assert np.abs(e.map_pixels() - before).mean() > 5.0
    assert "q=frogs+croaking" in e.hash
    assert e.page.get_by_role("region", name="Best places").get_by_role("listitem").count() >= 3
    assert e.page.get_by_role("img", name=re.compile("Colours from")).is_visible()
    announced = e.page.get_by_test_id("announcement").inner_text()
    assert re.search(r"frogs croaking, .*: \d places, best ", announced)


def test_what_the_model_does_not_know_is_said_and_drawn_pale(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    full = e.map_pixels()

    def strange(route: Any) -> None:
        answer = route.fetch()
        said = {"statement": "“frogs” is unlike anything that tiny has learnt", "terms": []}
        known = {"familiarity": 0.0, "is_familiar": False, "nearest": [], **said}
        route.fulfill(response=answer, json={**answer.json(), "familiarity": known})

    e.page.route("**/answer?*", strange)
    e.page.reload()
    e.settle()
    e.page.get_by_role("status").filter(has_text="unlike anything that tiny has learnt.").wait_for()
    pale = e.map_pixels()
    assert pale.std() < 0.8 * full.std()
    e.page.unroute_all()
    e.ask("thunder")
    assert e.page.get_by_role("status").filter(has_text="unlike").count() == 0


def test_suggestions_are_taken_with_the_keyboard(explorer: Open) -> None:
    e = explorer()
    box = e.page.get_by_role("combobox", name="What to listen for")
    box.press_sequentially("-wind, chur")
    options = e.page.get_by_role("listbox").get_by_role("option")  # not those of the choosers
    options.first.wait_for()
    first = options.first.inner_text()
    assert "chur" in first
    box.press("ArrowDown")
    assert options.first.get_attribute("aria-selected") == "true"
    box.press("Enter")
    e.settle()
    assert box.input_value() == f"{first}, -wind"
    assert e.page.get_by_role("button", name="Allow wind again").is_visible()
    e.page.get_by_role("button", name="Allow wind again").click()
    assert "not=" not in e.hash


def test_moving_the_hour_and_the_month_changes_the_map(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    night = e.map_pixels()
    e.page.get_by_role("slider", name="Local hour").fill("11")
    e.settle()
    noon = e.map_pixels()
    assert np.abs(noon - night).max() > 3.0
    assert "h=11" in e.hash
    e.page.get_by_role("radio", name="January").check(force=True)
    e.settle()
    assert np.abs(e.map_pixels() - noon).max() > 3.0
    e.page.get_by_role("radio", name="UTC").check(force=True)
    e.settle()
    assert "utc=11" in e.hash
    e.page.get_by_role("radio", name="Any hour").check(force=True)
    assert "h=any" in e.hash
    e.page.get_by_role("radio", name="Local").check(force=True)
    assert "h=11" in e.hash  # as before


def test_playing_moves_the_time_and_stops(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    e.page.get_by_role("button", name="Play through the day").click()
    e.page.wait_for_function("() => document.querySelector('#hour').value === '1'")  # past midnight
    e.page.get_by_role("button", name="Pause").click()
    e.settle()
    assert not re.search(r"[#&]h=22(&|$)", e.hash)


def test_uncertainty_and_both_are_other_pictures(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    pictures = [e.map_pixels()]
    for name in ("Uncertainty", "Both"):
        e.page.get_by_role("radio", name=name).check(force=True)
        e.settle()
        pictures.append(e.map_pixels())
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(pictures[i] - pictures[j]).mean() > 2.0


def test_a_place_has_a_value_a_rhythm_and_sounds(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    e.click_map(0.5, 0.4)
    panel = e.page.get_by_role("region", name="Chosen place")
    panel.get_by_test_id("value").wait_for()
    assert re.search(r"\d %", panel.get_by_test_id("value").inner_text())
    panel.get_by_test_id("top-sounds").wait_for()
    chart = panel.get_by_role("application")
    chart.focus()
    chart.press("ArrowLeft")
    chart.press("ArrowUp")
    e.settle()
    assert "m=6" in e.hash
    assert "h=21" in e.hash
    canvas = panel.locator("canvas")
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": box["width"] - 2, "y": 5})  # the last hour of January
    e.settle()
    assert "m=1&" in e.hash
    assert "h=23" in e.hash
    e.page.keyboard.press("Escape")
    assert panel.count() == 0


def test_the_list_of_places_opens_one(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    first = e.page.get_by_role("region", name="Best places").get_by_role("button").first
    first.press("Enter")
    e.page.get_by_role("region", name="Chosen place").wait_for()
    assert "at=" in e.hash


def test_two_times_are_compared_with_a_divider(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    e.page.get_by_role("button", name="Compare").click()
    e.settle()
    assert e.page.locator(".map").count() == 2
    assert "b.h=10" in e.hash
    divider = e.page.get_by_role("slider", name="Divider between A and B")
    divider.press("ArrowRight")
    assert divider.get_attribute("aria-valuenow") == "52"
    e.ask("rain")  # two times of one sound
    assert "#q=rain&" in e.hash
    assert "b.q=rain&" in e.hash
    e.page.get_by_role("radio", name="Two sounds").check(force=True)
    e.ask("thunder")  # the new side is the one being changed, at the time of the other
    assert "#q=rain&m=7&h=22&b.q=thunder&b.m=7&b.h=22" in e.hash
    e.page.get_by_role("slider", name="Local hour").fill("5")
    e.settle()
    assert "h=5&b.q=thunder&b.m=7&b.h=5" in e.hash
    for name, which in (("Best places", "a"), ("Best places of B", "b")):
        rows = e.page.get_by_role("region", name=name, exact=True).get_by_role("listitem")
        assert rows.count() == e.page.locator(f".map-{which} .mark-best").count() >= 3
    e.page.get_by_role("checkbox", name="same colours on both sides").uncheck()
    e.settle()
    assert "scale=own" in e.hash
    e.page.get_by_role("button", name="Compare").click()
    assert e.page.locator(".map").count() == 1


def test_a_link_brings_everything_back_and_so_does_back(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    e.ask("thunder, -rain")
    e.page.get_by_role("radio", name="Both").check(force=True)
    e.settle()
    e.page.get_by_role("button", name="Share").click()
    e.page.get_by_role("button", name="Share").get_by_text("Link copied").wait_for()
    link = e.page.evaluate("navigator.clipboard.readText()")
    other = explorer("#" + link.partition("#")[2])
    other.settle()
    box = other.page.get_by_role("combobox", name="What to listen for")
    assert box.input_value() == "thunder, -rain"
    assert other.page.get_by_role("radio", name="Both").is_checked()
    # Not the same to the pixel: the link holds the view rounded.
    assert np.abs(other.map_pixels() - e.map_pixels()).mean() < 2.0
    e.page.go_back()
    e.page.go_back()
    e.settle()
    assert e.page.locator("#search").input_value() == "frogs"


def test_a_recording_is_asked_with(explorer: Open, recording: Path) -> None:
    e = explorer(FROGS)
    with e.page.expect_response(re.compile("/api/v1/audio$")) as sent:
        e.page.get_by_label("File with a recording").set_input_files(recording)
    assert sent.value.status == 201
    card = e.page.get_by_test_id("recording")
    card.get_by_role("img", name="Waveform").wait_for()
    e.settle()
    assert card.get_by_role("listitem").count() >= 3
    assert re.search("audio=[0-9a-f]{32}", e.hash)
    assert "q=frogs" not in e.hash
    card.get_by_role("button", name="Remove dawn.wav").click()
    assert card.count() == 0


def test_the_microphone_sends_a_wav(explorer: Open) -> None:
    e = explorer()
    e.settle()
    e.page.get_by_role("button", name="Record with the microphone").click()
    stop = e.page.get_by_role("button", name="Stop recording")
    stop.wait_for()
    e.page.wait_for_timeout(1200)
    with e.page.expect_response(re.compile("/api/v1/audio$")) as sent:
        stop.click()
    assert sent.value.status == 201, sent.value.text()
    upload = sent.value.json()
    assert upload["name"] == "microphone.wav"  # the server reads no WebM
    assert 0.3 < upload["duration_s"] < 6.0
    e.page.get_by_test_id("recording").wait_for()


def test_maps_are_downloaded(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    e.page.get_by_role("button", name="Download").click()
    with e.page.expect_download() as got:
        e.page.get_by_role("button", name=re.compile("GeoTIFF")).click()
    assert got.value.suggested_filename.endswith(".tif")
    assert Path(got.value.path()).read_bytes()[:4] in (b"II*\0", b"MM\0*")


def test_the_globe_and_the_theme_change(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    e.page.get_by_role("button", name="Globe").click()
    assert "globe=1" in e.hash
    e.page.get_by_role("button", name="Dark colours").click()
    e.settle()
    assert e.page.locator("html").get_attribute("data-theme") == "dark"
    assert e.page.get_by_label("Colours", exact=True).input_value() == "magma"
