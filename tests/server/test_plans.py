"""Plans over HTTP: the sites of the library, made beside other answers, and as files."""

from __future__ import annotations

import csv
import io
import threading
import time
from typing import Any
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from psm.mapping import Timetable
from psm.model import PSM
from psm.planning import plan_sites
from psm.server import ServerState
from psm.server.planning.jobs import PlanJobs
from psm.server.planning.schemas import PlanParams

WORLD = "/api/v1/stores/world"
EUROPE = {"west": -20, "south": 30, "east": 60, "north": 70}


def done(asked: TestClient, params: dict[str, Any]) -> dict[str, Any]:
    """The plan, asked for until it is done."""
    for _ in range(200):
        got = asked.get(f"{WORLD}/plan", params=params)
        assert got.status_code in (200, 202), got.text
        if got.status_code == 200:
            return dict(got.json())
        time.sleep(0.05)
    raise AssertionError("not done in time")


def test_sites_are_those_of_the_library(asked: TestClient, state: ServerState, model: PSM) -> None:
    found = done(asked, {"recorders": 4, "months": "4-6", "min_distance_km": 1500})
    assert (found["is_done"], found["progress"], found["seconds_left"]) == (True, 1.0, 0.0)
    assert found["target"] == "any sound"
    places = state.stores["world"].places
    assert isinstance(places, Timetable)
    plan = plan_sites(model, places, sites=4, months=(4, 5, 6), apart_km=1500.0)
    assert [(site["lat"], site["lon"]) for site in found["sites"]] == [
        (row["lat"], row["lon"]) for row in plan.rows
    ]
    assert found["left"] == pytest.approx(plan.sites[-1].left, abs=1e-5)


def test_a_plan_keeps_to_the_extent_and_to_what_is_asked(asked: TestClient) -> None:
    plain = done(asked, {"recorders": 3, **EUROPE})
    assert 20 < plain["cells"] < 60
    assert all(-20 <= s["lon"] <= 60 and 30 <= s["lat"] <= 70 for s in plain["sites"])
    measured = done(asked, {"recorders": 3, "quantity": "laeq-db", **EUROPE})
    assert measured["target"] == "laeq db"
    assert measured["known"] > plain["known"] == 0.0
    for target in ({"text": "frogs", "month": 5, "hour": 22}, {"quantity": "biophony"}):
        aimed = done(asked, {"recorders": 3, **target, **EUROPE})
        assert aimed["target"] == ("“frogs”" if "text" in target else "share of biophony")
        assert aimed["left"] < 1.0
    across = done(asked, {"recorders": 2, "west": 170, "south": -60, "east": -160, "north": 60})
    assert all(abs(site["lon"]) > 155 for site in across["sites"])


def test_a_plan_is_a_table_and_waypoints(asked: TestClient) -> None:
    params = {"recorders": 2, **EUROPE}
    rows = list(csv.DictReader(io.StringIO(asked.get(f"{WORLD}/plan.csv", params=params).text)))
    assert [row["site"] for row in rows] == ["1", "2"]
    got = asked.get(f"{WORLD}/plan.gpx", params=params)
    assert got.headers["Content-Disposition"].startswith('attachment; filename="plan-world.gpx"')
    points = ElementTree.fromstring(got.text).findall("{*}wpt")
    assert [point.get("lat") for point in points] == [row["lat"] for row in rows]


def test_what_cannot_be_planned_is_said_in_one_line(asked: TestClient) -> None:
    for params, words in (
        ({"west": 1}, "west, south, east and north"),
        ({"months": "13"}, "months 13"),
        ({"text": "frogs", "quantity": "biophony"}, "not both"),
        ({"west": 3, "east": 4, "south": 2, "north": 3}, "show another part"),
        ({"recorders": 9, "min_distance_km": 20000}, "there is room for 1 of 9 sites: ask for"),
    ):
        got = asked.get(f"{WORLD}/plan", params=params)  # type: ignore[arg-type]
        while got.status_code == 202:
            got = asked.get(f"{WORLD}/plan", params=params)  # type: ignore[arg-type]
        assert got.status_code == 422, params
        assert words in got.json()["detail"]


def test_other_questions_have_their_turn_and_progress_is_told(
    state: ServerState, model: PSM
) -> None:
    """While the model looks at cells for a plan, whatever else is asked of it comes in between."""
    place = state.stores["world"].places
    jobs, go = PlanJobs(state.worker), threading.Event()
    turns: list[float] = []

    class Slow:
        cells, zoom, attribution, licence = place.cells, 1, "", ""
        not_covered = None

        def part(self, _: Any) -> Any:
            return self

        def components(self, *asked: Any) -> Any:
            go.wait(5.0)
            turns.append(time.monotonic())
            return place.components(*asked)

    jobs.start()
    try:
        job = jobs.job("k", Slow(), 10, lambda seen: plan_sites(model, seen, sites=1, months=(5,)))  # type: ignore[arg-type]
        assert jobs.job("k", Slow(), 10, lambda _: pytest.fail("made twice")) is job  # type: ignore[arg-type]
        assert job.seconds_left is None
        other = state.worker.submit(time.monotonic)
        go.set()
        job.future.result(20.0)
        assert other.result(1.0) < turns[-1]  # before the last turn of the plan
        assert job.progress == 1.0
    finally:
        jobs.close()


def test_the_months_of_a_survey_may_run_over_the_new_year() -> None:
    assert PlanParams(months="11-2").survey == (11, 12, 1, 2)
