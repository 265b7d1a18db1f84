from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from psm.collect.outputs.recordings import BuiltRecording
from psm.data.dates import month_and_hour

NOWHERE = Path("nowhere")


def row(**changes) -> BuiltRecording:
    values = {
        "key": "aporee-1", "source": "aporee", "id": "1", "lat": 0.0, "lon": 0.0,
        "caption": "waves", "caption_source": "meta", "split": "train", "cell": "N00E000",
        "clip": NOWHERE, "mel": NOWHERE, "tile": NOWHERE, "tile_gsd_m": 10.0,
    }  # fmt: skip
    return BuiltRecording(**{**values, **changes})


def maybe(values):
    return st.none() | values


@given(
    year=maybe(st.integers(1900, 2030)),
    month=maybe(st.integers(1, 12)),
    day=maybe(st.integers(1, 28)),
    minutes=maybe(st.integers(0, 24 * 60 - 1)),
)
def test_a_date_says_what_is_known_and_nothing_else(year, month, day, minutes):
    hour = None if minutes is None else minutes / 60
    written = row(year=year, month=month, day=day, hour=hour).date
    read_month, read_hour = month_and_hour(written)
    assert read_month == month
    assert (read_hour is None) == (hour is None)
    assert hour is None or abs(read_hour - hour) < 1e-9


def test_archives_that_a_model_does_not_know_are_none():
    assert row(source="inaturalist").audio_source == "inat"
    assert row(source="xenocanto").audio_source is None
