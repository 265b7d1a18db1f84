"""Splitting: which recordings are held out, decided by all of them together."""

from __future__ import annotations

from psm.collect.columns import Stage
from psm.collect.site import Site
from psm.collect.source import Refused
from psm.collect.splitting import Placed, SplitRules, assign
from psm.data.splits import BUFFER


def split_all(site: Site) -> None:
    """Give every recording that has all it needs a split, or leave it out as buffer."""
    columns = ("source", "lat", "lon")
    places = [Placed(**row) for row in site.catalogue.ready(Stage.SPLIT, columns)]
    config = site.plan.config
    rules = SplitRules(
        **config.splits.model_dump(exclude={"buffer_km"}),
        buffer_km=site.plan.buffer_km,
        seed=config.seed,
    )
    assigned = assign(places, rules)
    in_between = Refused("in the buffer between splits")
    left_out = {key: in_between for key, found in assigned.items() if found.split == BUFFER}
    filled = {key: found._asdict() for key, found in assigned.items() if key not in left_out}
    site.catalogue.decide(Stage.SPLIT, left_out, filled)
