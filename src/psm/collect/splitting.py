"""Which recordings are held out, and what they still have in common with training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from psm.collect.outputs.recordings import BuiltRecording
from psm.data.splits import TEST, TRAIN, VAL, HoldOutRules, split_by_cells


@dataclass(frozen=True, slots=True)
class Placed:
    """What of a recording decides about its split."""

    key: str
    lat: float
    lon: float
    source: str


class Assigned(NamedTuple):
    """The split of a recording, or ``"buffer"``, and its cell."""

    split: str
    cell: str


def assign(places: Sequence[Placed], rules: HoldOutRules) -> dict[str, Assigned]:
    """Split and cell of every recording, by its key: the same whatever their order.

    Raises:
        ConfigError: they lie in too few cells, or too close together, to be kept apart.
    """
    if not places:
        return {}
    found = split_by_cells(
        lat=[place.lat for place in places],
        lon=[place.lon for place in places],
        group=[place.source for place in places],
        rules=rules,
    )
    pairs = zip(places, found.split.tolist(), found.cell.tolist(), strict=True)
    return {place.key: Assigned(split, cell) for place, split, cell in pairs}


@dataclass(frozen=True)
class Leakage:
    """What a held-out split has in common with training.

    Attributes:
        split: val or test.
        kind: species or recordist.
        names: how many of them the split has.
        shared: how many of those are in training too.
        recordings: of the split, by those that are shared.
        share: of the recordings of the split whose species or recordist is known.
    """

    split: str
    kind: str
    names: int
    shared: int
    recordings: int
    share: float


def leakage(rows: Iterable[BuiltRecording]) -> list[Leakage]:
    """What val and test share with training.

    Two archives may have a recordist of the same name: these count as two.
    """
    found: dict[tuple[str, str], list[object]] = {}
    for row in rows:
        if row.species:
            found.setdefault(("species", row.split), []).append(row.species)
        if row.author:
            found.setdefault(("recordist", row.split), []).append((row.source, row.author))
    report = []
    for split in (VAL, TEST):
        for kind in ("species", "recordist"):
            inside, known = found.get((kind, split), []), set(found.get((kind, TRAIN), []))
            shared = [name for name in inside if name in known]
            share = len(shared) / len(inside) if inside else 0.0
            report.append(
                Leakage(split, kind, len(set(inside)), len(set(shared)), len(shared), share)
            )
    return report
