"""A whole record: every part of it cleaned, always alike."""

from __future__ import annotations

import datetime
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.collect.archives.archive import ListedRecording
from psm.collect.cleaning.clean import CleanedRecording, Strictness, clean
from psm.collect.refusal import Refused
from psm.data.dates import Clock

BLACKBIRD = ListedRecording(
    source="inaturalist",
    id="12345",
    url="https://example.org/12345.mp3",
    lat=52.51234,
    lon=13.40987,
    accuracy_m=12.0,
    recorded="2020-08-31T23:30:00Z",
    clock=Clock.UTC,
    title="IMG_1234.JPG",
    description="A <b>blackbird</b> sings in the garden &amp; a dog barks",
    tags=("geo:lat=52", "garden", "evening"),
    species=" Turdus  merula ",
    author="Jane &lt;3",
    licence="cc-by-nc",
)


def test_every_part_is_cleaned() -> None:
    assert clean(BLACKBIRD) == CleanedRecording(
        lat=52.51234,
        lon=13.40987,
        accuracy_m=12.0,
        place_flags=(),
        year=2020,
        month=9,
        day=1,
        hour=1.5,
        timezone="Europe/Berlin",
        country="DE",
        text="A blackbird sings in the garden & a dog barks. evening",
        language="en",
        species="Turdus merula",
        author="Jane <3",
        licence="CC-BY-NC-4.0",
    )


def test_strictness_decides_what_is_refused() -> None:
    coarse = ListedRecording(source="aporee", id="1", url="u", lat=52.0, lon=13.0)
    with pytest.raises(Refused, match="place too coarse"):
        clean(coarse)
    assert clean(coarse, Strictness(worst_accuracy_m=1e6)).place_flags == ("coarse",)
    early = Strictness(listed=datetime.date(2020, 1, 1))
    assert clean(BLACKBIRD, early).month is None


TEXT = st.text(max_size=60)
RECORDS = st.builds(
    ListedRecording,
    source=st.sampled_from(["aporee", "yfcc"]),
    id=st.just("1"),
    url=st.just("u"),
    lat=st.none() | st.floats(),
    lon=st.floats(-180, 180),
    recorded=TEXT,
    clock=st.sampled_from(Clock),
    title=TEXT,
    description=TEXT,
    tags=st.lists(TEXT, max_size=3).map(tuple),
    licence=TEXT,
)


@given(RECORDS)
def test_a_record_is_cleaned_or_refused_and_nothing_else(record: ListedRecording) -> None:
    try:
        found = clean(record)
    except Refused:
        return
    assert found == clean(pickle.loads(pickle.dumps(record)))
    found.text.encode()
