"""Splits of a table: its own, by place, or all for training where places are too close together."""

from __future__ import annotations

import numpy as np

from psm.data.splits import split_by_blocks
from psm.importing.placesplits import splits_of
from psm.importing.tablereader import TableEntry

SENTINEL_BUFFER_KM = 4.8


def entries(count: int, side_km: float, **more: str) -> list[TableEntry]:
    """Places in a square."""
    at = 45.0 + np.random.default_rng(0).uniform(0.0, side_km / 111.2, (count, 2))
    return [
        TableEntry(n, {"latitude": f"{lat:.5f}", "longitude": f"{lon:.5f}", **more})
        for n, (lat, lon) in enumerate(at.tolist())
    ]


def test_places_far_enough_apart_are_split_by_place() -> None:
    found = splits_of(entries(100, 200.0), buffer_km=SENTINEL_BUFFER_KM)
    assert {"train", "val", "test"} <= set(found.names)
    assert not found.note


def test_twelve_places_of_a_park_are_all_for_training() -> None:
    found = splits_of(entries(12, 8.0), buffer_km=SENTINEL_BUFFER_KM)
    assert set(found.names) == {"train"}
    assert "its 12 places lie too close together to be split 4.8 km apart" in found.note
    assert "psm adapt judges by folds of places" in found.note


def test_a_split_whose_buffer_would_take_most_of_the_training_is_none() -> None:
    crowded = entries(100, 18.0)
    lat, lon = ([float(one.said[name]) for one in crowded] for name in ("latitude", "longitude"))
    counts = split_by_blocks(lat=lat, lon=lon, seed=0, buffer_km=SENTINEL_BUFFER_KM).counts
    assert counts["train"] < 34 < counts["buffer"]
    found = splits_of(crowded, buffer_km=SENTINEL_BUFFER_KM)
    assert set(found.names) == {"train"}
    assert "all in train: its 100 places" in found.note


def test_a_column_and_the_word_of_the_user_go_before_places() -> None:
    told = entries(12, 8.0, split="TEST")
    assert splits_of(told, buffer_km=1.0).names == ["TEST"] * 12
    assert splits_of(told, buffer_km=1.0, all_in="train").names == ["train"] * 12


def test_rows_that_cannot_be_used_do_not_count_as_places() -> None:
    lost = [TableEntry(99, {"latitude": "9", "longitude": "9"}, problem="no audio"),
            TableEntry(98, {"latitude": "north", "longitude": "9"})]  # fmt: skip
    found = splits_of([*lost, *entries(12, 8.0)], buffer_km=SENTINEL_BUFFER_KM)
    assert "its 12 places" in found.note
    assert len(found.names) == 14
    assert splits_of(lost, buffer_km=1.0) == splits_of(lost, buffer_km=1.0, all_in="train")
