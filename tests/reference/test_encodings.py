"""Dates, places and times as the published loader encodes them, and what is right instead."""

from __future__ import annotations

import datetime
import json

import pytest
import torch

from psm.data.dates import month_and_hour
from psm.encoders.encoding import Encoding
from psm.reference import PublishedEncoding
from tests.reference import recorded
from tests.reference.conftest import Close
from tests.reference.published_code import published_month_and_hour

RECORDED = json.loads((recorded.VECTORS / "g_encodings.json").read_text())
MADE_ON = datetime.datetime.fromisoformat(RECORDED["made_on"]).date()
DATES = [row for row in RECORDED["clean_dates"] if "clean" in row]
PUBLISHED, OURS = PublishedEncoding(), Encoding()


@pytest.mark.parametrize("row", DATES, ids=lambda row: row["input"] or "empty")
def test_dates(row: dict) -> None:
    expected = None if row["clean"] is None else (row["month"], row["hour"])
    assert published_month_and_hour(row["input"], MADE_ON) == expected


def test_places_hours_and_months(close: Close) -> None:
    places = RECORDED["latlong"]
    degrees = torch.tensor([[float(row["lat"]), float(row["long"])] for row in places])
    close(PUBLISHED.place(degrees), torch.tensor([row["latlong"] for row in places]), within=1e-6)
    for name, encode in (("hour", PUBLISHED.hour), ("month", PUBLISHED.month)):
        rows = RECORDED[f"{name}s"]
        values = torch.tensor([float(row[name]) for row in rows])
        expected = torch.tensor([row.get("time", row.get("enc")) for row in rows])
        close(encode(values), expected, within=1e-6)


def apart(encoded: torch.Tensor) -> float:
    return (encoded[0] - encoded[1]).norm().item()


def test_published_poles_coincide_and_ours_do_not() -> None:
    poles = torch.tensor([[90.0, 0.0], [-90.0, 0.0]])
    assert apart(PUBLISHED.place(poles)) < 1e-5
    assert apart(OURS.place(poles)) == pytest.approx(2.0)


def test_published_23_h_is_0_h_and_ours_is_not() -> None:
    hours = torch.tensor([0.0, 23.0])
    assert apart(PUBLISHED.hour(hours)) < 1e-5
    assert apart(OURS.hour(hours)) > 0.2


def test_published_hours_lose_their_minutes_and_ours_do_not() -> None:
    hours = torch.tensor([6.0, 6.9])
    assert apart(PUBLISHED.hour(hours)) == 0.0
    assert apart(OURS.hour(hours)) > 0.2


def test_published_dates_fill_what_is_open_and_ours_do_not() -> None:
    assert published_month_and_hour("2010", MADE_ON) == (MADE_ON.month, 0)
    assert month_and_hour("2010") == (None, None)
