"""Options of ``psm evaluate --against``: what was measured, and what is held against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from psm.cli.options import NO_FEATURES, Features, assigned, open_seen
from psm.cli.running.speaking import Document, answer_line

if TYPE_CHECKING:
    from psm.evaluation.against.prediction import Prediction
    from psm.evaluation.against.truth import Truth
    from psm.model import PSM
    from psm.precision import Precision

AgainstOption = Annotated[
    Path | None,
    typer.Option(
        help="Hold a map against this instead: a table of points (CSV, TSV, Parquet) with "
        "latitude, longitude and a value, perhaps month and hour; or a raster (GeoTIFF, NetCDF, "
        "Zarr)."
    ),
]
QueryOption = Annotated[
    list[str] | None,
    typer.Option("--query", help="Of --against: what to ask the model for at these points."),
]
MapOption = Annotated[
    Path | None,
    typer.Option("--map", help="Of --against: a map file instead of a model, .tif, .nc or .zarr."),
]
ValueOption = Annotated[
    str | None, typer.Option("--value", help="Of --against: the column or band that was measured.")
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(help="Of --against: what the table calls a column: latitude=site_y."),
]
BandOption = Annotated[str | None, typer.Option(help="Of --map: its band, by number or name.")]
MonthOption = Annotated[
    int | None, typer.Option(help="Of --against: 1..12, where the points do not say.")
]
HourOption = Annotated[
    float | None, typer.Option(help="Of --against: local hour, where the points do not say.")
]
AnyTimeOption = Annotated[
    bool, typer.Option("--any-time", help="Of --map: also points of other months and hours.")
]
BaselinesOption = Annotated[
    bool,
    typer.Option(help="Of --against: judge what the column alone tells too."),
]


@dataclass(frozen=True)
class Against:
    """What the command line says of a comparison with what was measured."""

    path: Path
    query: list[str] | None
    map_file: Path | None
    value: str | None
    column: list[str] | None
    band: str | None
    month: int | None
    hour: float | None
    any_time: bool
    imagery: str | None
    imagery_set: list[str] | None
    zoom: int | None
    raw: bool
    baselines: bool
    seed: int
    features: Features = NO_FEATURES

    def run(self, model: str, precision: Precision, out: Path) -> Callable[[], Document]:
        """Compare, print the table and write the files.

        Args:
            model: asked for the query.
            precision: that it computes in.
            out: folder of the files.

        Returns:
            What makes the document of ``--json``.

        Raises:
            ConfigError: there is nothing to compare, or the options do not fit.
        """
        from psm.cli.running import documents
        from psm.errors import ConfigError
        from psm.extras import require_installed
        from psm.progress import wide_console

        if (self.query is None) == (self.map_file is None):
            raise ConfigError(
                f"--against {self.path}: hold against it --query TEXT of a model, or --map FILE"
            )
        require_installed("measures", "jinja2", *(["sklearn"] if self.baselines else []))
        from psm.evaluation.against.comparing import compare
        from psm.evaluation.against.judging import comparison_table, write_comparison

        truth, prediction = self._map() if self.map_file is not None else self._asked(
            model, precision
        )  # fmt: skip
        found = compare(truth, prediction, baselines=self.baselines, seed=self.seed)
        files = write_comparison(found, out)
        wide_console().print(comparison_table(found))
        for path in files:
            answer_line(path)
        return lambda: documents.of_comparison(found, files)

    def _map(self) -> tuple[Truth, Prediction]:
        from psm.evaluation.against.judging import of_map

        assert self.map_file is not None
        return of_map(
            self.path, self.map_file, value=self.value, columns=self._columns, band=self.band,
            any_time=self.any_time,
        )  # fmt: skip

    def _asked(self, name: str, precision: Precision) -> tuple[Truth, Prediction]:
        from psm.cli.query_options import calibration_of
        from psm.cli.running.models import load_model
        from psm.evaluation.against.asking import asked_at
        from psm.evaluation.against.judging import MOST_ASKED, truth_of
        from psm.mapping import Query

        query = Query.parse(*(self.query or ()))
        truth = truth_of(self.path, value=self.value, columns=self._columns)
        # What cannot be compared is refused before the model looks at anything.
        truth, _ = truth.at(month=self.month, hour=self.hour).require_enough().drawn(
            self.seed, MOST_ASKED
        )  # fmt: skip
        model: PSM = load_model(name, precision=precision)
        imagery = open_seen(
            self.imagery, self.imagery_set, model, month=self.month, features=self.features
        )
        calibration = calibration_of(name, self.raw)
        asked = asked_at(
            model, imagery, query, truth.points, calibration=calibration, zoom=self.zoom
        )
        return truth, asked

    @property
    def _columns(self) -> dict[str, str]:
        return assigned(self.column, "--column", "latitude=site_y")
