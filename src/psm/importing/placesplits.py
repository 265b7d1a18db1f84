"""Splits of recordings: as their table names them, by place, or all for training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from psm.data.splits import TRAIN, split_by_blocks
from psm.errors import ConfigError, CorruptRecording
from psm.importing import values
from psm.importing.tablereader import TableEntry

_LEAST_IN_TRAIN = 1 / 3
"""Share of the recordings that a split by place must leave for training, to be worth its buffer."""


@dataclass(frozen=True)
class ChosenSplits:
    """The splits of recordings.

    Attributes:
        names: of each recording, as its table writes it, or one of ours.
        note: why nothing is held out though nobody asked for that; empty otherwise.
    """

    names: Sequence[str]
    note: str = ""


def splits_of(entries: Sequence[TableEntry], *, buffer_km: float, all_in: str = "") -> ChosenSplits:
    """Choose the split of each recording.

    Without a column, whole blocks of places go to each split. Places of one region often lie too
    close together for that: then all recordings are for training.

    Args:
        entries: what is known of each recording.
        buffer_km: between the splits, where nobody names them.
        all_in: the split of all recordings, where the user says it.
    """
    if all_in:
        return ChosenSplits([all_in] * len(entries))
    if entries and "split" in entries[0].said:
        return ChosenSplits([entry.said["split"] for entry in entries])
    splits, placed, places = [TRAIN] * len(entries), [], []  # no place: refused in any split
    for number, entry in enumerate(entries):
        if (place := _place(entry)) is not None:
            places.append(place)
            placed.append(number)
    if not placed:
        return ChosenSplits(splits)
    lat_deg, lon_deg = np.array(places).T
    try:
        split = split_by_blocks(lat=lat_deg, lon=lon_deg, seed=0, buffer_km=buffer_km).split
    except ConfigError:
        return ChosenSplits(splits, _all_in_train(places, buffer_km))
    if np.mean(split == TRAIN) < _LEAST_IN_TRAIN:
        return ChosenSplits(splits, _all_in_train(places, buffer_km))
    for number, name in zip(placed, split.tolist(), strict=True):
        splits[number] = name
    return ChosenSplits(splits)


def _place(entry: TableEntry) -> tuple[float, float] | None:
    """Where a recording was made, if it can be used."""
    if entry.problem:
        return None
    try:
        lat = values.degrees(entry.said["latitude"], "latitude", 90.0)
        return lat, values.degrees(entry.said["longitude"], "longitude", 180.0)
    except CorruptRecording:
        return None


def _all_in_train(places: Sequence[tuple[float, float]], buffer_km: float) -> str:
    count = len(set(places))
    lie = "its 1 place cannot" if count == 1 else f"its {count} places lie too close together to"
    return (
        f"all in train: {lie} be split {buffer_km:.3g} km apart, so nothing is held out; "
        "psm adapt judges by folds of places (a column split would say otherwise)"
    )
