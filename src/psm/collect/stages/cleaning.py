"""Cleaning: what archives say becomes places, times, words and licences that can be believed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import shapely

from psm.collect.candidates import record_of
from psm.collect.catalogue import Outcome
from psm.collect.cleaning import clean
from psm.collect.columns import Fields, Stage
from psm.collect.plan import Plan
from psm.collect.refusal import Refused
from psm.collect.run import Site
from psm.parallel import run_all
from psm.progress import track

_BATCH = 512
_FEW = 4 * _BATCH  # that this process cleans before others have started


def clean_all(site: Site) -> None:
    """Clean every row that is not, and refuse what lies outside of what is asked for."""
    rows = site.catalogue.ready(Stage.CLEAN, ("record",))
    if not rows:
        return
    site.heartbeat.begin(Stage.CLEAN, len(rows))
    workers = 1 if len(rows) <= _FEW else site.workers
    batches = [rows[first : first + _BATCH] for first in range(0, len(rows), _BATCH)]
    cleaned = run_all(_clean_batch, site.plan, batches, workers=workers)
    for outcomes in track(cleaned, "cleaning", len(rows), weight=len, unit="rows"):
        site.catalogue.apply(Stage.CLEAN, outcomes)
        site.heartbeat.count(len(outcomes))
        site.beat()


def _clean_batch(plan: Plan, rows: list[Fields]) -> list[Outcome]:
    return [(row["key"], _clean(plan, row)) for row in rows]


def _clean(plan: Plan, row: Fields) -> dict[str, Any] | Refused:
    try:
        cleaned = clean(record_of(row), plan.strictness)
    except Refused as why:
        return why
    region = plan.region
    if region is not None and not shapely.contains_xy(region.geometry, cleaned.lon, cleaned.lat):
        return Refused("outside of the region")
    return asdict(cleaned)
