"""Split stage: gives every complete recording a split, or leaves it out as buffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from psm.collect.buildrun import BuildRun
from psm.collect.columns import Stage
from psm.collect.plan import BuildPlan
from psm.collect.refusal import Refused
from psm.data.splits import BUFFER, IN_BUFFER, TRAIN, HoldOutRules, cell_names, split_by_cells


@dataclass(frozen=True, slots=True)
class SplitCandidate:
    """The fields of a recording that decide about its split."""

    key: str
    lat: float
    lon: float
    source: str


class SplitAndCell(NamedTuple):
    """Split of a recording, or ``"buffer"``, and its cell."""

    split: str
    cell: str


def assign(places: Sequence[SplitCandidate], rules: HoldOutRules) -> dict[str, SplitAndCell]:
    """Split and cell of every recording, by its key: the same in whatever order they come.

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
    return {place.key: SplitAndCell(split, cell) for place, split, cell in pairs}


def split_all(run: BuildRun) -> None:
    """Give every recording that has all it needs a split, or leave it out as buffer."""
    rows = run.catalogue.ready(Stage.SPLIT, ("source", "lat", "lon"))
    assigned = _assign([SplitCandidate(**row) for row in rows], run.plan)
    in_between = Refused(IN_BUFFER)
    left_out = {key: in_between for key, found in assigned.items() if found.split == BUFFER}
    filled = {key: found._asdict() for key, found in assigned.items() if key not in left_out}
    run.catalogue.decide(Stage.SPLIT, left_out, filled)


def _assign(places: Sequence[SplitCandidate], plan: BuildPlan) -> dict[str, SplitAndCell]:
    splits = plan.config.splits
    if splits.test or splits.val:
        rules = HoldOutRules(
            **splits.model_dump(exclude={"buffer_km"}),
            buffer_km=plan.buffer_km,
            seed=plan.config.seed,
        )
        return assign(places, rules)
    lat, lon = (np.array([getattr(place, name) for place in places]) for name in ("lat", "lon"))
    cells = cell_names(lat, lon, splits.cell_deg)
    return {p.key: SplitAndCell(TRAIN, str(cell)) for p, cell in zip(places, cells, strict=True)}
