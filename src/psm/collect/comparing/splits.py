"""Splitting: which recordings are held out, decided by all of them together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from psm.collect.columns import Stage
from psm.collect.plan import Plan
from psm.collect.refusal import Refused
from psm.collect.run import Site
from psm.collect.splitting import Assigned, Placed, assign
from psm.data.splits import BUFFER, IN_BUFFER, TRAIN, HoldOutRules, cell_names


def split_all(site: Site) -> None:
    """Give every recording that has all it needs a split, or leave it out as buffer."""
    rows = site.catalogue.ready(Stage.SPLIT, ("source", "lat", "lon"))
    assigned = _assign([Placed(**row) for row in rows], site.plan)
    in_between = Refused(IN_BUFFER)
    left_out = {key: in_between for key, found in assigned.items() if found.split == BUFFER}
    filled = {key: found._asdict() for key, found in assigned.items() if key not in left_out}
    site.catalogue.decide(Stage.SPLIT, left_out, filled)


def _assign(places: Sequence[Placed], plan: Plan) -> dict[str, Assigned]:
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
