"""``psm measure``: any number that somebody measured, fitted so that it can be mapped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from psm.cli import options
from psm.cli.options import PRETRAINED, Model, PrecisionOption, Seed
from psm.cli.running.speaking import Answer, answer_line, answering, written

measure_app = typer.Typer(
    no_args_is_help=True, help="Any number that somebody measured at places, as a map."
)


@measure_app.command("fit")
@answering
def fit(
    table: Annotated[
        Path, typer.Argument(help="CSV, TSV or Parquet: places, times, columns of numbers.")
    ],
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="A column of numbers; may be given several times. `latitude=Y` says which column "
            "is the latitude; likewise longitude, date, time, month, hour."
        ),
    ] = None,
    unit: Annotated[str, typer.Option(help="Of the numbers: dB, Hz, %; 1: none.")] = "1",
    range_: Annotated[
        str | None,
        typer.Option(
            "--range", help="LOW,HIGH: smallest and largest possible number; one may be left empty."
        ),
    ] = None,
    link: Annotated[
        str | None,
        typer.Option(
            help="identity (levels), log (counts, positive numbers) or logit (shares); by default "
            "as the numbers suggest."
        ),
    ] = None,
    floor: Annotated[
        float | None,
        typer.Option(help="Floor of the recorder: a number at or below it says no more than that."),
    ] = None,
    imagery: options.ImageryOption = None,
    imagery_set: options.ImagerySet = None,
    features: options.FeaturesOption = None,
    features_set: options.FeaturesSet = None,
    zoom: Annotated[int | None, typer.Option(help="Zoom level of the imagery.")] = None,
    baselines: Annotated[bool, typer.Option(help="Judge baselines that see nothing, too.")] = True,
    seed: Seed = 0,
    model: Model = PRETRAINED,
    precision: PrecisionOption = "auto",
    out: Annotated[
        Path, typer.Option(help="Folder; every column gets one of its own in it.")
    ] = Path("runs/measures"),
) -> Answer:
    """Fit a column of numbers to what the model sees of their places, months and hours.

    A sound level, an acoustic index, a rating of a walk, a count of species: whatever stands in a
    table beside places. The measure is judged at places left out, beside the mean, the usual value
    of the month and hour, kriging of the column alone and boosted trees on place and time; its
    intervals of 90 % are made to hold 90 % there. OUT/COLUMN receives `measure.safetensors`,
    `measure.yaml`, `report.html` and `report.json`. 20 rows at 5 places are the least, 200 a good
    beginning, 100,000 no trouble.

    `psm measure fit levels.csv --column laeq_db --unit dB`

    `psm measure fit walks.csv --column pleasant --range -1,1 --column species --link log`

    `psm map --measure laeq_db --region "Vienna, 50km" --month 6 --hour 8`
    """
    from psm.cli.running.columns import aligned
    from psm.cli.running.models import load_model
    from psm.errors import ConfigError
    from psm.measures import ColumnSettings, fit_measures
    from psm.measures.measure import folder_name
    from psm.measures.report import answer, numbers_of, rows_of, write_measure

    named = [one for one in column or () if "=" not in one]
    if not named:
        raise ConfigError("--column: name the column of numbers that is to be mapped")
    chosen = options.assigned([c for c in column or () if "=" in c], "--column", "latitude=Y")
    low, high = _ends(range_)
    said = ColumnSettings(unit=unit, low=low, high=high, link=link, floor=floor)
    loaded = load_model(model, precision=precision)
    made = fit_measures(
        table, named, loaded,
        options.open_seen(imagery, imagery_set, loaded, features=(features, features_set)),
        settings=said, chosen=chosen, zoom=zoom, seed=seed, baselines=baselines,
    )  # fmt: skip
    files = []
    for one in made:
        for line in aligned(list(rows_of(one))):
            answer_line(line)
        answer_line(answer(one))
        for path in write_measure(one, out / folder_name(one.measure.name)):
            files.append(written(path))
    return lambda: {
        "measures": [numbers_of(one) for one in made], "files": [str(path) for path in files]
    }  # fmt: skip


def _ends(text: str | None) -> tuple[float | None, float | None]:
    """Low and high of ``-1,1``, ``0,`` or ``,10``."""
    from psm.errors import ConfigError

    if text is None:
        return None, None
    parts = text.split(",")
    try:
        low, high = (float(part) if part.strip() else None for part in parts)
    except ValueError:
        raise ConfigError(f"--range {text}: write LOW,HIGH, as -1,1 or 0,") from None
    return low, high
