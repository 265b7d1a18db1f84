"""Split stage: gives every complete recording a split, or leaves it out as buffer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from psm.collect.buildrun import BuildRun
from psm.collect.columns import Stage
from psm.collect.plan import BuildPlan
from psm.collect.refusal import Refused
from psm.collect.splitting import Assigned, Placed, assign
from psm.data.splits import BUFFER, IN_BUFFER, TRAIN, HoldOutRules, cell_names


def split_all(run: BuildRun) -> None:
    """Give every recording that has all it needs a split, or leave it out as buffer."""
    rows = run.catalogue.ready(Stage.SPLIT, ("source", "lat", "lon"))
    assigned = _assign([Placed(**row) for row in rows], run.plan)
    in_between = Refused(IN_BUFFER)
    left_out = {key: in_between for key, found in assigned.items() if found.split == BUFFER}
    filled = {key: found._asdict() for key, found in assigned.items() if key not in left_out}
    run.catalogue.decide(Stage.SPLIT, left_out, filled)


def _assign(places: Sequence[Placed], plan: BuildPlan) -> dict[str, Assigned]:
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
    return {p.key: Assigned(TRAIN, str(cell)) for p, cell in zip(places, cells, strict=True)}
