"""``psm data indices``: acoustic indices and sound levels of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from psm.cli.options import DeploymentsOption, assigned
from psm.cli.running.speaking import Answer, answer_line, answering, written

_SAID = 8


@answering
def data_indices(
    origin: Annotated[
        Path,
        typer.Argument(
            metavar="RECORDINGS",
            help="Folder of recordings, CSV or Parquet table that names them, or folder of shards.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Table to write: .csv or .parquet.")] = Path(
        "runs/indices.csv"
    ),
    every: Annotated[
        str | None,
        typer.Option(help="Cut recordings into clips of so many seconds, as 60; whole by default."),
    ] = None,
    deployments: DeploymentsOption = None,
    calibration: Annotated[
        str | None,
        typer.Option(
            help="dB that turn full scale into sound pressure, as 118.5; or a column of the table "
            "that has them. Levels are then given in dB re 20 µPa too."
        ),
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(help="Resample to so many Hz first, so that recorders can be compared."),
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="Name a table's column: audio=wav_file")
    ] = None,
    split: Annotated[str, typer.Option(help="Of shards: train, val or test.")] = "*",
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.")] = None,
) -> Answer:
    """Add acoustic indices and sound levels to recordings: a row for each, with place and time.

    ACI, ADI, AEI, BI, NDSI and H by scikit-maad; levels Leq, LAeq, LA10, LA50 and LA90, in dB of
    full scale, and absolute where a calibration is known. What cannot be known is empty, and the
    column `problem` says why. All settings stand in TABLE.yaml.

    `psm data indices CARD --deployments sites.csv --every 60 --out indices.csv`

    `psm data indices recordings.csv --calibration gain_db --out indices.parquet`

    Safe to interrupt: the same command goes on where it stopped. The table can be mapped:
    `psm measure fit indices.csv --column ndsi`.
    """
    from psm.errors import MissingData
    from psm.indices import IndexSettings, open_source, write_indices
    from psm.indices.sources import SourceOptions
    from psm.progress import console
    from psm.yamlfiles import parse

    settings = parse(IndexSettings, {"rate_hz": rate}, "--rate")
    options = SourceOptions(
        every_s=None if every is None else _seconds(every, settings.longest_s),
        deployments=deployments,
        calibration=calibration,
        columns=assigned(column, "--column", "audio=wav_file"),
        split=split,
    )
    source = open_source(origin, options)
    for note in source.notes:
        console().print(note)
    report = write_indices(source, out, settings, origin=origin, workers=workers)
    if report.kept:
        console().print(f"{report.kept} rows were there from an earlier run")
    for reason, count in report.reasons.most_common(_SAID):
        answer_line(f"{count:6d}  {reason}")
    if len(report.rates_hz) > 1:
        rates = ", ".join(f"{rate_hz} Hz ({n})" for rate_hz, n in report.rates_hz.most_common())
        console().print(
            f"sample rates differ: {rates}; ACI, AEI and H of different rates cannot be compared, "
            "say --rate"
        )
    if report.unreadable == report.rows:
        (reason, _), *_ = report.reasons.most_common(1) or [("no clips", 0)]
        raise MissingData(f"{origin}: no clip has a sound that can be measured: {reason}")
    answer_line(f"{report.rows - report.unreadable} of {report.rows} clips measured")
    files = [written(out), written(report.settings)]
    return lambda: {
        "rows": report.rows,
        "measured": report.rows - report.unreadable,
        "reasons": dict(report.reasons.most_common()),
        "rates_hz": {f"{rate_hz}": n for rate_hz, n in report.rates_hz.items()},
        "files": [f"{path}" for path in files],
    }


def _seconds(text: str, longest_s: float) -> float:
    """Seconds, as 60, 60s or 1min.

    Raises:
        ConfigError: it is no such length.
    """
    from psm.data import delimited
    from psm.errors import ConfigError

    plain, factor = text.strip().lower(), 1.0
    for unit, worth in (("min", 60.0), ("s", 1.0)):
        if plain.endswith(unit):
            plain, factor = plain.removesuffix(unit), worth
            break
    value = delimited.number(plain)
    if value is None or not 1.0 <= value * factor <= longest_s:
        raise ConfigError(f"--every {text!r}: seconds from 1 to {longest_s:g}, as 60")
    return value * factor
