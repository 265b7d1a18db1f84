"""Selecting: which of the recordings are fetched, decided by all of them together."""

from __future__ import annotations

from dataclasses import fields

from psm.collect.columns import Stage
from psm.collect.comparing.selection import Row, Rules, select
from psm.collect.plan import Plan
from psm.collect.refusal import Refused
from psm.collect.run import Site

_COLUMNS = tuple(field.name for field in fields(Row))


def select_all(site: Site) -> None:
    """Choose anew among all rows of the archives that are listed to the end."""
    rows = site.catalogue.ready(Stage.SELECT, _COLUMNS, sources=site.listed())
    if not rows:
        return
    site.heartbeat.begin(Stage.SELECT, len(rows))
    left_out = select([Row(**row) for row in rows], rules(site.plan))
    site.catalogue.decide(Stage.SELECT, {key: Refused(why) for key, why in left_out.items()})
    site.beat()


def rules(plan: Plan) -> Rules:
    """What the settings say about it."""
    config = plan.config
    return Rules(
        licences=frozenset(config.licences),
        months=frozenset(config.months),
        countries=frozenset(config.countries),
        per_species=config.most_per_species,
        quotas={name: s.quota for name, s in config.sources.items() if s.quota is not None},
        limit=config.limit,
        preferred=tuple(config.sources),
        seed=config.seed,
    )
