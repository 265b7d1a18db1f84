"""Measures from a table: every column fitted, judged, written into a folder with its report."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from psm.checkpoints import weights_fingerprint
from psm.errors import ConfigError, RowsLeftOut
from psm.evaluation.against.points import Points
from psm.files import sha256_of
from psm.imagery import Provider
from psm.measures.fitting import FittedColumn, fit_column
from psm.measures.links import LinkKind
from psm.measures.measure import About, Fitted, Measure, hyperparameters
from psm.measures.observing import Observed, observe
from psm.measures.tables import Column, Measurements, column_of, read_measurements
from psm.model import PSM

NO_IMAGERY = "no imagery of the place, or the model does not cover it"
"""Why a row is left out that has a place."""

_SHOWN = 3  # reasons in a warning


@dataclass(frozen=True)
class ColumnSettings:
    """What a user says of columns; the same for all that are fitted together.

    Attributes:
        unit: of the numbers.
        low, high: ends of the range; by default those of the unit.
        link: a :class:`psm.measures.links.LinkKind`; by default as the numbers suggest.
        floor: of the recorder: numbers at or below it say no more than that.
    """

    unit: str = "1"
    low: float | None = None
    high: float | None = None
    link: str | None = None
    floor: float | None = None


@dataclass(frozen=True, eq=False)
class FittedMeasure:
    """A measure, and what it was judged by.

    Attributes:
        measure: what to keep.
        fitted: the column, its predictions at places left out, and scores.
    """

    measure: Measure
    fitted: FittedColumn


def fit_measures(
    table: str | Path,
    columns: Sequence[str],
    model: PSM,
    imagery: Provider,
    *,
    settings: ColumnSettings | None = None,
    chosen: Mapping[str, str] | None = None,
    zoom: int | None = None,
    seed: int = 0,
    baselines: bool = True,
) -> list[FittedMeasure]:
    """Fit columns of a table of places.

    Args:
        table: CSV, TSV or Parquet with latitude, longitude, perhaps a date, month or hour, and
            columns of numbers.
        columns: their names.
        model: in evaluation mode.
        imagery: that places are seen by.
        settings: unit, range, link and floor of the columns.
        chosen: columns by our names, where they are called otherwise than anybody would guess.
        zoom: one of the model's zoom levels; by default its first.
        seed: of the folds.
        baselines: whether the baselines are fitted too.

    Returns:
        A fitted measure for each column, in their order.

    Warns:
        RowsLeftOut: some rows cannot be used.

    Raises:
        MissingData: there is no such file, or no imagery of any place.
        ConfigError: it is no such table, or a column holds nothing that could be mapped.
        MissingExtra: scikit-learn, of the baselines, is not installed.

    Example:
        >>> made = fit_measures("levels.csv", ["laeq_db"], model, BlueMarble(),
        ...                     settings=ColumnSettings(unit="dB"))
        >>> made[0].measure.save(Path("runs/measures/laeq_db"))
    """
    path, said = Path(table), settings or ColumnSettings()
    if said.link is not None and said.link not in list(LinkKind):
        raise ConfigError(f"--link {said.link}: choose {', '.join(LinkKind)}")
    read = read_measurements(path, columns, chosen)
    ready = [_column(read, name, said) for name in columns]
    observed = observe(model, imagery, read.points, zoom)
    made = []
    for column in ready:
        seen, means = _seen(read, column, observed, said)
        _warn(path, seen)
        fitted = fit_column(
            seen, means, link=said.link, floor=said.floor, seed=seed, baselines=baselines
        )
        made.append(FittedMeasure(_measure(fitted, path, model, imagery, zoom), fitted))
    return made


def _column(read: Measurements, name: str, said: ColumnSettings) -> Column:
    return column_of(read, name, unit=said.unit, low=said.low, high=said.high)


def _seen(
    read: Measurements, column: Column, observed: Observed, said: ColumnSettings
) -> tuple[Column, torch.Tensor]:
    """The rows of a column that the model could see, and their means."""
    there = np.zeros(len(read.points), bool)
    there[observed.rows] = True
    if not there.all():
        hidden = int((~there & np.isfinite(read.columns[column.name])).sum())
        numbers = {**read.columns, column.name: np.where(there, read.columns[column.name], np.nan)}
        left_out = {**read.left_out, **({NO_IMAGERY: hidden} if hidden else {})}
        rest = Measurements(
            read.origin, read.points, numbers, read.lines, left_out, read.not_numbers
        )
        column = _column(rest, column.name, said)
    values = read.columns[column.name][observed.rows]
    with np.errstate(invalid="ignore"):
        kept = np.isfinite(values) & (values >= column.low) & (values <= column.high)
    return column, observed.means[torch.from_numpy(kept)]


def _warn(path: Path, column: Column) -> None:
    if not column.left_out:
        return
    count = sum(column.left_out.values())
    shown = [f"{n}: {reason}" for reason, n in list(column.left_out.items())[:_SHOWN]]
    more = ", ..." if len(column.left_out) > _SHOWN else ""
    warnings.warn(
        f"{path}: {count} row{'s are' if count > 1 else ' is'} left out of {column.name!r} "
        f"({'; '.join(shown)}{more})",
        RowsLeftOut,
        stacklevel=3,
    )


def _measure(
    fitted: FittedColumn, path: Path, model: PSM, imagery: Provider, zoom: int | None
) -> Measure:
    column, predictor, points = fitted.column, fitted.predictor, fitted.column.points
    places = np.unique(np.round(np.stack([points.lat, points.lon]), 5), axis=1)
    ours = fitted.scores["measure"].of
    scores = {
        "r2": ours["r2"].value,
        "spearman": ours["spearman"].value,
        "coverage": ours["coverage"].value,
        **{f"r2 of {name}": found.of["r2"].value for name, found in fitted.scores.items()
           if name != "measure"},
    }  # fmt: skip
    about = About(
        name=column.name,
        unit=column.unit,
        low=_end(predictor.link.low),
        high=_end(predictor.link.high),
        link=predictor.link.kind,
        inset=predictor.link.inset,
        mean=predictor.mean,
        deviation=predictor.deviation,
        method="Gaussian process on what the model sees, with what is left over of place and time; "
        "intervals stretched to hold 90 % at places left out",
        shrink=predictor.shrink,
        stretch=predictor.stretch,
        hyperparameters=hyperparameters(predictor.posterior),
        fitted=Fitted(
            table=path.name,
            sha256=sha256_of(path),
            rows=len(column.values),
            places=places.shape[1],
            left_out=dict(column.left_out),
            months=int(np.isfinite(points.month).sum()),
            hours=int(np.isfinite(points.hour).sum()),
            censored=int(fitted.censored.sum()),
            floor=fitted.floor,
            box=_box(points),
        ),
        model=model.config.name,
        weights=weights_fingerprint(model),
        imagery=model.config.imagery.name,
        zoom=model.config.imagery.zooms[0] if zoom is None else zoom,
        attribution=imagery.attribution,
        licence=imagery.licence,
        scores={name: round(value, 4) for name, value in scores.items() if np.isfinite(value)},
        provenance=model.provenance,
    )
    return Measure(about, predictor)


def _box(points: Points) -> tuple[float, float, float, float]:
    west, south, east, north = (
        round(float(end), 5)
        for end in (points.lon.min(), points.lat.min(), points.lon.max(), points.lat.max())
    )
    return west, south, east, north


def _end(value: float) -> float | None:
    return value if np.isfinite(value) else None
