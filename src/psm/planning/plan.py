"""Plan of a survey: where recorders teach most, which month each site has one, what each adds."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Float
from shapely.geometry.base import BaseGeometry

from psm.errors import ConfigError, RowsLeftOut
from psm.geodata.gazetteer import near
from psm.geodata.sphere import unit_vectors
from psm.mapping.distances import EmbeddedRegion
from psm.mapping.moment import Moment
from psm.measures.measure import Measure
from psm.model import PSM
from psm.planning.choosing import Field, Objective, Site, choose
from psm.planning.features import features_of
from psm.planning.rota import Visit, balanced_rota

HOURS = (5.0, 12.0, 21.0)
"""Of the day that cells are seen at: morning, noon and evening."""

RECORDINGS = 12
"""Independent recordings that a site is expected to give, by which its noise is divided."""

_MOST_MONTHS = 3  # of those asked for that cells are seen in


@dataclass(frozen=True, eq=False)
class Plan:
    """Sites in the order of what they add.

    Attributes:
        places: the cells that were chosen among.
        sites: chosen, the first adds most.
        visits: which of them has a recorder when.
        existing: ``(m, 2)`` latitude and longitude of recorders that are there already.
        known: share of the expected squared error of an empty map that is removed already, by
            recorders that are there and by what a measure was fitted on.
        error: ``(n,)`` expected error left in each cell, a share of that of an empty map.
        months: of the survey.
        recorders: that stand at the same time.
        objective: by which sites were chosen.
        about: what was asked, for the metadata of files.
    """

    places: EmbeddedRegion
    sites: Sequence[Site]
    visits: Sequence[Visit]
    existing: Float[np.ndarray, "m 2"]
    known: float
    error: Float[np.ndarray, " n"]
    months: tuple[int, ...]
    recorders: int
    objective: Objective
    about: Mapping[str, str]

    @property
    def rows(self) -> list[dict[str, object]]:
        """A row for each site: where, what it adds, and when it has a recorder."""
        cells, found = self.places.cells, []
        for number, site in enumerate(self.sites):
            lat, lon = float(cells.lat[site.cell]), float(cells.lon[site.cell])
            own = [visit for visit in self.visits if visit.site == number]
            hours = ["{}-{}".format(*visit.hours) for visit in own]
            found.append(
                {
                    "site": number + 1,
                    "lat": round(lat, 5),
                    "lon": round(lon, 5),
                    "adds": round(site.adds, 4),
                    "left": round(site.left, 4),
                    "months": _spans([visit.month for visit in own]),
                    "hours": " ".join(hours[:1] if len(set(hours)) == 1 else hours),
                    "place": near(lat=lat, lon=lon) or "",
                }
            )
        return found


def plan_sites(
    model: PSM,
    places: EmbeddedRegion,
    *,
    sites: int,
    recorders: int | None = None,
    months: Sequence[int] = tuple(range(1, 13)),
    measure: Measure | None = None,
    weight: Float[np.ndarray, " n"] | None = None,
    existing: Float[np.ndarray, "m 2"] | None = None,
    access: BaseGeometry | None = None,
    apart_km: float = 0.0,
    shifts: int = 1,
    objective: Objective = "error",
    about: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Plan:
    """Choose sites, and when each has a recorder.

    Args:
        model: in evaluation mode.
        places: embedded cells of a region, or its timetable.
        sites: how many to choose.
        recorders: that there are; by default one for each site.
        months: of the survey, 1..12.
        measure: what is to be mapped better: its kernel decides, and what it was fitted on counts
            as known. By default any sound, of which nothing is known.
        weight: ``(n,)`` how much an error in each cell matters; by default its area.
        existing: ``(m, 2)`` latitude and longitude of recorders that are there already.
        access: where recorders may stand, in longitude and latitude; everywhere by default.
        apart_km: least distance between two sites.
        shifts: parts of the day, of which a recorder runs one in each month.
        objective: ``error`` or ``information``, see :mod:`psm.planning.choosing`.
        about: what was asked, for the metadata of files.
        seed: of the landmarks.

    Returns:
        The plan.

    Warns:
        RowsLeftOut: some recorders that are there stand outside of the region.

    Raises:
        ConfigError: there is no room for so many sites, or a number is out of range.
        CheckpointMismatch: the measure was fitted with another model.

    Example:
        >>> plan = plan_sites(model, embedded, sites=12, months=(4, 5, 6, 7))
        >>> [site["place"] for site in plan.rows]
    """
    _require(sites, recorders, months, shifts)
    if measure is not None:
        measure.require_model(model)
    seen, size = _with_imagery(model, places)
    cells = seen.cells
    features = features_of(model, seen, _moments(months), measure, seed=seed)
    area = cells.frame.row_km2[cells.rows] * (1.0 if weight is None else weight[size])
    field = Field(features.cells, features.own, area)
    whole, before = field.error, field.variance
    if len(features.measured):
        field.told(features.measured, features.noise)
    noise = features.noise / RECORDINGS
    vectors = unit_vectors(lat=cells.lat, lon=cells.lon)
    there = np.empty((0, 2)) if existing is None else np.asarray(existing, float).reshape(-1, 2)
    taken = _cells_of(seen, there)
    if outside := len(there) - len(taken):
        warnings.warn(
            f"{outside} of {len(there)} recorders that are there stand outside of the region and "
            "count for nothing",
            RowsLeftOut,
            stacklevel=2,
        )
    for cell in taken:
        field.measure(cell, noise)
    known = 1.0 - field.error / whole
    found = choose(
        field, vectors, count=sites, noise=noise, may=_within(seen, access), taken=taken,
        apart_km=apart_km, objective=objective,
    )  # fmt: skip
    at_once = sites if recorders is None else min(recorders, sites)
    return Plan(
        seen,
        found,
        balanced_rota(sites, at_once, months, shifts=shifts),
        there,
        known,
        np.sqrt(field.variance / np.maximum(before, 1e-12)),
        tuple(months),
        at_once,
        objective,
        dict(about or {}),
    )


def looks_of(months: Sequence[int]) -> int:
    """How often a plan asks the model of each cell: for an estimate of its work.

    Args:
        months: of the survey.

    Returns:
        Moments that cells are seen at, and once more for which have imagery.
    """
    return len(_moments(months)) + 1


def _moments(months: Sequence[int]) -> list[Moment]:
    picked = [months[round(at)] for at in np.linspace(0, len(months) - 1, _MOST_MONTHS)]
    return [Moment(month=month, hour=hour) for month in dict.fromkeys(picked) for hour in HOURS]


def _spans(months: Sequence[int]) -> str:
    """Months as people write them: ``4-7``, ``3 6 9``."""
    runs: list[list[int]] = []
    for month in months:
        if runs and month == runs[-1][-1] + 1:
            runs[-1].append(month)
        else:
            runs.append([month])
    return " ".join(
        f"{run[0]}-{run[-1]}" if len(run) > 2 else " ".join(map(str, run)) for run in runs
    )


def _require(sites: int, recorders: int | None, months: Sequence[int], shifts: int) -> None:
    if sites < 1 or (recorders is not None and recorders < 1):
        raise ConfigError("a plan needs at least one recorder and one site")
    if not months or not all(month in range(1, 13) for month in months):
        raise ConfigError(f"months {list(months)}: 1..12, at least one")
    if shifts < 1 or 24 % shifts:
        raise ConfigError(f"{shifts} shifts: a day has 1, 2, 3, 4, 6, 8, 12 or 24 equal ones")


def _with_imagery(
    model: PSM, places: EmbeddedRegion
) -> tuple[EmbeddedRegion, Float[np.ndarray, " n"]]:
    """The cells that were seen, and their rows."""
    import torch

    one = torch.zeros(model.config.dim, 1)
    blank = places.components(model, Moment(), one, slice(0, len(places.cells)))[:, 0].isnan()
    rows = np.flatnonzero(~blank.numpy())
    if not len(rows):
        raise ConfigError("no cell of the region has imagery that the model covers")
    return (places if len(rows) == len(blank) else places.part(rows)), rows


def _cells_of(places: EmbeddedRegion, existing: Float[np.ndarray, "m 2"]) -> list[int]:
    """Rows of the cells that hold recorders; those outside of the region do not count."""
    cells = places.cells
    row, column = cells.frame.index(lat=existing[:, 0], lon=existing[:, 1])
    numbers = {flat: at for at, flat in enumerate(cells.flat.tolist())}
    width = cells.frame.shape[1]
    found = [numbers.get(r * width + c) for r, c in zip(row.tolist(), column.tolist(), strict=True)]
    return [at for at, r in zip(found, row.tolist(), strict=True) if at is not None and r >= 0]


def _within(places: EmbeddedRegion, access: BaseGeometry | None) -> np.ndarray:
    cells = places.cells
    if access is None:
        return np.ones(len(cells), bool)
    shapely.prepare(access)
    inside = np.asarray(shapely.contains_xy(access, cells.lon, cells.lat))
    if not inside.any():
        raise ConfigError("no cell of the region lies where --access allows a recorder")
    return inside
