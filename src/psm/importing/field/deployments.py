"""Tables of deployments: at which site a recorder stood, from when to when.

Columns are found by their names, in English and German; those of Camtrap DP and perch-hoplite are
among them. What cannot be decided is not guessed: an :class:`Unplaced` says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from psm.data import delimited, filenames
from psm.data.dates import day_comes_first
from psm.data.recorders.note import place_of
from psm.errors import ConfigError
from psm.importing.field.stays import Bound, bound_of, is_inside
from psm.importing.tablereader import SYNONYMS, column_names, match_columns, recordings_of

COLUMNS: dict[str, tuple[str, ...]] = {
    "recorder": ("recorder_id", "device", "device_id", "serial", "serial_number", "unit", "unit_id",
                 "aru", "aru_id", "logger", "logger_id", "sensor", "sensor_id", "camera_id",
                 "audiomoth", "audiomoth_id", "songmeter", "gerät", "geraet", "rekorder"),
    "deployment": ("deployment_id", "deployment_name", "folder", "directory", "ordner"),
    "site": ("site_name", "site_id", "location_name", "station", "station_id", "plot", "plot_id",
             "point", "locality", "location", "location_id", "standort", "ort", "name"),
    "latitude": (*SYNONYMS["latitude"], "breite", "breitengrad", "geographische_breite"),
    "longitude": (*SYNONYMS["longitude"], "länge", "laenge", "längengrad", "geographische_länge"),
    "start": ("from", "begin", "start_date", "date_start", "begin_date", "deployed", "deployed_on",
              "deployment_start", "deployment_date", "date_deployed", "deploy_date", "installed",
              "set_up", "beginn", "anfang", "von"),
    "start_time": ("time_start", "begin_time", "deployed_time", "deployment_time"),
    "end": ("to", "until", "end_date", "date_end", "retrieved", "retrieved_on", "deployment_end",
            "retrieval_date", "date_retrieved", "collected", "removed", "ende", "bis"),
    "end_time": ("time_end", "retrieved_time", "retrieval_time"),
    "split": SYNONYMS["split"],
}  # fmt: skip
"""Other names of the columns by ours. Case, blanks and underscores do not matter."""

_WHOSE = ("recorder", "deployment", "site")

UNKNOWN_RECORDER = "no place: its recorder is in no row of the deployments"
NO_TIME = "no time, by which its site is chosen"
TWO_SITES = "its recorder stood at two sites at once"
NOWHERE = "its recorder stood nowhere at that time"
EITHER_ORDER = "its site depends on whether the deployments write the day or the month first"
NEAR_AN_END = "too near the end of a deployment for a clock without offset"


@dataclass(frozen=True, kw_only=True)
class Stay:
    """A row of the table: one recorder at one place.

    Attributes:
        names: of the recorder, the deployment and the site, where the table has them.
        lat, lon: degrees.
        spans: begin and end, open where ``None``; two where day and month may be exchanged.
        split: as the table writes it; empty where it does not.
        line: of the table.
    """

    names: Mapping[str, str]
    lat: float
    lon: float
    spans: tuple[tuple[Bound | None, Bound | None], ...]
    split: str = ""
    line: int = 0

    @property
    def site(self) -> str:
        """What the place is called."""
        return self.names.get("site") or self.names.get("deployment", "")

    def holds(self, clock: datetime, offset: timedelta | None) -> bool | None:
        """Whether the recorder stood here at that time; ``None`` where nobody can tell."""
        found = {is_inside(clock, offset, begin, end, self.lon) for begin, end in self.spans}
        return found.pop() if len(found) == 1 else None


@dataclass(frozen=True)
class Unplaced:
    """Why the site of a recording cannot be decided.

    Attributes:
        reason: alike for recordings that are alike.
        detail: about this one.
    """

    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Deployments:
    """A table of deployments.

    Attributes:
        path: of the table.
        stays: its rows.
        problems: lines that cannot be used, each with the reason.
    """

    path: Path
    stays: tuple[Stay, ...]
    problems: tuple[tuple[int, str], ...] = ()
    _by_name: dict[str, dict[str, list[Stay]]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for whose in _WHOSE:
            named = self._by_name.setdefault(whose, {})
            for stay in self.stays:
                if name := filenames.folded(stay.names.get(whose, "")):
                    named.setdefault(name, []).append(stay)

    def place_of(
        self, names: Iterable[str], clock: datetime | None, offset: timedelta | None = None
    ) -> Stay | Unplaced:
        """The site at which a recorder stood.

        Args:
            names: what the recorder may be called, the likeliest first: by its header, the name of
                the file, the folders.
            clock: of the recording, if it is known.
            offset: of that clock from UTC, if it is known; by default it is the site's own.
        """
        names = [name for name in names if name]
        for whose in _WHOSE:
            for name in names:
                if stays := self._by_name[whose].get(filenames.folded(name)):
                    return _decided(name, stays, clock, offset)
        return Unplaced(UNKNOWN_RECORDER, ", ".join(names))


def read_deployments(path: Path, chosen: Mapping[str, str] | None = None) -> Deployments:
    """Read a table of deployments (CSV, TSV, Parquet).

    Args:
        path: of the table. It needs places, and recorders, deployments (folders) or sites.
        chosen: columns by our names, where theirs do not tell.

    Raises:
        ConfigError: it is no such table.
    """
    names = column_names(path)
    columns = match_columns(
        names, chosen or {}, str(path), needed=("latitude", "longitude"), known=COLUMNS
    )
    if not any(name in columns for name in _WHOSE):
        raise ConfigError(
            f"{path}: no column that names recorders, deployments or sites among "
            f"{', '.join(names)[:200]}; call one of them recorder"
        )
    entries = list(recordings_of(path, columns))
    if not entries:
        raise ConfigError(f"{path}: the table of deployments has no rows")
    texts = [_times(entry.said) for entry in entries]
    day_first = day_comes_first(text for pair in texts for text in pair)
    orders = (True, False) if day_first is None else (day_first,)
    stays, problems = [], []
    for entry, (begin, end) in zip(entries, texts, strict=True):
        found = entry.problem or _stay(entry.said, begin, end, orders, entry.line)
        if isinstance(found, str):
            problems.append((entry.line, found))
        else:
            stays.append(found)
    return Deployments(path, tuple(stays), tuple(problems))


def _times(said: Mapping[str, str]) -> tuple[str, str]:
    """Begin and end, each of a column or of two, one with the day and one with the time."""
    begin, end = (
        " ".join(filter(None, (said.get(side), said.get(f"{side}_time"))))
        for side in ("start", "end")
    )
    return begin, end


def _stay(
    said: Mapping[str, str], begin: str, end: str, orders: Sequence[bool], line: int
) -> Stay | str:
    """A row, or why it is none."""
    lat, lon = delimited.degrees(said["latitude"]), delimited.degrees(said["longitude"])
    if lat is None or lon is None or place_of(lat, lon) is None:
        return "no place: latitude and longitude are no degrees"
    names = {whose: said[whose] for whose in _WHOSE if said.get(whose)}
    if not names:
        return "names no recorder, deployment or site"
    spans = []
    for day_first in orders:
        bounds = [bound_of(begin, day_first=day_first), bound_of(end, day_first=day_first)]
        wrong = next((bound for bound in bounds if isinstance(bound, str)), None)
        if wrong is None:
            first, last = (bound for bound in bounds if not isinstance(bound, str))
            if first is not None and last is not None and last.at < first.at:
                wrong = f"ends before it begins: {begin} to {end}"
            else:
                spans.append((first, last))
    if not spans:
        return str(wrong)
    return Stay(
        names=names, lat=lat, lon=lon, spans=tuple(dict.fromkeys(spans)),
        split=said.get("split", ""), line=line,
    )  # fmt: skip


def _decided(
    name: str, stays: Sequence[Stay], clock: datetime | None, offset: timedelta | None
) -> Stay | Unplaced:
    if clock is None:
        return stays[0] if len(_places(stays)) == 1 else Unplaced(NO_TIME, name)
    verdicts = [(stay, stay.holds(clock, offset)) for stay in stays]
    sure = [stay for stay, holds in verdicts if holds]
    open_ = [stay for stay, holds in verdicts if holds is None]
    when = f"{name} at {clock.isoformat(' ', 'minutes')}"
    if len(_places([*sure, *open_])) > 1 and sure:
        sites = " and ".join(dict.fromkeys(stay.site for stay in (*sure, *open_)))
        return Unplaced(TWO_SITES, f"{when}: {sites}")
    if sure:
        return sure[0]
    if open_:
        reason = EITHER_ORDER if any(len(stay.spans) > 1 for stay in open_) else NEAR_AN_END
        return Unplaced(reason, when)
    return Unplaced(NOWHERE, f"{when}, out {_out(stays)}; is its clock right?")


def _places(stays: Iterable[Stay]) -> set[tuple[float, float]]:
    return {(stay.lat, stay.lon) for stay in stays}


def _out(stays: Sequence[Stay]) -> str:
    """When the recorder was out, in words."""
    return ", ".join(
        f"{'…' if begin is None else begin.at.date()} to {'…' if end is None else end.at.date()}"
        for stay in stays
        for begin, end in stay.spans[:1]
    )
