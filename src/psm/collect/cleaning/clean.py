"""Clean stage: listed recordings become places, local times, texts and licences."""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass
from typing import Any

import shapely

from psm.collect.archives.archive import ListedRecording
from psm.collect.buildrun import BuildRun
from psm.collect.candidates import record_of
from psm.collect.catalogue import Outcome
from psm.collect.cleaning.geotags import country_at, place
from psm.collect.cleaning.licences import licence_of
from psm.collect.cleaning.texts import language_of, line, own_text
from psm.collect.columns import Fields, Stage
from psm.collect.plan import BuildPlan
from psm.collect.refusal import Refused
from psm.data.dates import local_time
from psm.geodata.timezones import timezone_at
from psm.parallel import run_all
from psm.progress import track

_BATCH = 512
_FEW = 4 * _BATCH  # that this process cleans before others have started


@dataclass(frozen=True, kw_only=True)
class Strictness:
    """Limits beyond which a recording is refused rather than flagged.

    Attributes:
        worst_accuracy_m: a place that is known worse than this is refused; by default half the
            width of a tile of 224 pixels of 10 m at zoom 5.
        country_within_km: farther than this from any town, the country stays unknown.
        listed: day of the listing; dates after it are unknown.
    """

    worst_accuracy_m: float = 5600.0
    country_within_km: float = 100.0
    listed: datetime.date | None = None


@dataclass(frozen=True, kw_only=True)
class CleanedRecording:
    """A recording's place, time and words after cleaning; ``None`` and empty mean unknown.

    Attributes:
        lat, lon: degrees, in range.
        accuracy_m: radius in which the place lies, as the archive says or the digits show.
        place_flags: of :class:`psm.collect.cleaning.geotags.Flag`.
        year, month, day, hour: local civil time, as far as each part is known; ``hour`` in [0, 24).
        timezone: IANA name; nautical at sea.
        country: ISO 3166 two letters, of the nearest town.
        text: title, description and tags, as one.
        language: of that text, ISO 639-1, or ``und``.
        species: scientific name.
        author: who made it.
        licence: as :func:`psm.collect.cleaning.licences.licence_of` names it.
    """

    lat: float
    lon: float
    accuracy_m: float | None
    place_flags: tuple[str, ...]
    year: int | None
    month: int | None
    day: int | None
    hour: float | None
    timezone: str
    country: str
    text: str
    language: str
    species: str
    author: str
    licence: str


def clean(record: ListedRecording, strictness: Strictness | None = None) -> CleanedRecording:
    """Clean one listed recording; the same record always gives the same answer.

    Raises:
        Refused: its place is missing, impossible or not known well enough.
        MissingExtra: a package of the extra ``collect`` is not installed.
        BrokenPackageData: the table of towns is not there.
    """
    strictness = strictness or Strictness()
    spot = place(
        lat=record.lat,
        lon=record.lon,
        accuracy_m=record.accuracy_m,
        is_obscured=record.is_obscured,
        worst_accuracy_m=strictness.worst_accuracy_m,
    )
    timezone = timezone_at(lat=spot.lat, lon=spot.lon)
    moment = local_time(record.recorded, record.clock, timezone, listed=strictness.listed)
    text = own_text(record.title, record.description, record.tags)
    return CleanedRecording(
        lat=spot.lat,
        lon=spot.lon,
        accuracy_m=spot.accuracy_m,
        place_flags=spot.flags,
        year=moment.year,
        month=moment.month,
        day=moment.day,
        hour=moment.hour,
        timezone=timezone,
        country=country_at(lat=spot.lat, lon=spot.lon, within_km=strictness.country_within_km),
        text=text,
        language=language_of(text),
        species=line(record.species),
        author=line(record.author),
        licence=licence_of(record.licence, source=record.source),
    )


def clean_all(run: BuildRun) -> None:
    """Clean every candidate that is not yet, and refuse those outside of the region."""
    rows = run.catalogue.ready(Stage.CLEAN, ("record",))
    if not rows:
        return
    run.heartbeat.begin(Stage.CLEAN, len(rows))
    workers = 1 if len(rows) <= _FEW else run.workers
    batches = [rows[first : first + _BATCH] for first in range(0, len(rows), _BATCH)]
    cleaned = run_all(_clean_batch, run.plan, batches, workers=workers)
    for outcomes in track(cleaned, "cleaning", len(rows), weight=len, unit="rows"):
        run.catalogue.apply(Stage.CLEAN, outcomes)
        run.heartbeat.count(len(outcomes))
        run.beat()


def strictness_of(plan: BuildPlan) -> Strictness:
    """The strictness that the settings of a build ask for."""
    own_m = plan.config.worst_accuracy_m
    half_a_tile_m = plan.tile_px * plan.gsd_m / 2.0
    return Strictness(
        worst_accuracy_m=half_a_tile_m if own_m is None else own_m, listed=plan.config.date
    )


def _clean_batch(plan: BuildPlan, rows: list[Fields]) -> list[Outcome]:
    return [(row["key"], _clean(plan, row)) for row in rows]


def _clean(plan: BuildPlan, row: Fields) -> dict[str, Any] | Refused:
    try:
        cleaned = clean(record_of(row), strictness_of(plan))
    except Refused as why:
        return why
    region = plan.region
    if region is not None and not shapely.contains_xy(region.geometry, cleaned.lon, cleaned.lat):
        return Refused("outside of the region")
    return asdict(cleaned)
