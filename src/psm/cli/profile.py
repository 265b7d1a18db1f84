"""``psm profile``: what one place sounds like through the day and the year."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from psm.cli import options, query_options
from psm.cli.options import PRETRAINED, Model, PrecisionOption, file_name
from psm.cli.running.speaking import Answer, answer_line, answering, written

_SAID = 5

Lat = Annotated[float, typer.Argument(help="Degrees north.")]
Lon = Annotated[float, typer.Argument(help="Degrees east.")]


@answering
def profile(
    lat: Lat,
    lon: Lon,
    sound: Annotated[
        list[str] | None,
        typer.Option(help="A sound to ask for; may be given several times. 28 by default."),
    ] = None,
    vocabulary: Annotated[
        Path | None,
        typer.Option(
            help="A text file with a sound in each line instead; of indicators a CSV with columns "
            "sound, class and source."
        ),
    ] = None,
    measure: query_options.MeasureOption = None,
    indicator: Annotated[
        list[str] | None,
        typer.Option(
            help="A number of the whole soundscape instead, as biophony; `all` shows every one. "
            "May be given several times."
        ),
    ] = None,
    most: Annotated[int, typer.Option(help="Sounds in the picture.", min=1, max=28)] = 12,
    imagery: options.ImageryOption = None,
    imagery_set: options.ImagerySet = None,
    features: options.FeaturesOption = None,
    features_set: options.FeaturesSet = None,
    zoom: Annotated[int | None, typer.Option(help="Zoom level of the imagery.")] = None,
    raw: query_options.Raw = False,
    model: Model = PRETRAINED,
    precision: PrecisionOption = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            help="PNG or SVG to write; all numbers as JSON beside it. Of indicators the numbers "
            "are a CSV, which may be all that is written."
        ),
    ] = None,
) -> Answer:
    """Draw what a place sounds like at every hour and month.

    `psm profile -3.1 -60.0`

    `psm profile 48.2 16.4 --sound "church bells" --sound traffic`

    `psm profile 48.2 16.4 --measure laeq_db`

    `psm profile 48.2 16.4 --indicator all --out vienna.csv`
    """
    from psm.cli.running import documents
    from psm.cli.running.columns import aligned
    from psm.cli.running.models import load_model
    from psm.errors import ConfigError
    from psm.mapping.outputs.profileplot import write_profile
    from psm.mapping.profile import profile as profile_place

    if indicator:
        from psm.cli.indicators import profile_of_indicators

        return profile_of_indicators(
            indicator, model, precision, imagery, imagery_set, (features, features_set),
            lat=lat, lon=lon, zoom=zoom, vocabulary=vocabulary, out=out,
        )  # fmt: skip
    if out is not None and out.suffix.lower() == ".csv":
        raise ConfigError(f"{out}: only indicators are written as CSV; write .png or .svg")
    if measure is not None:
        from psm.measures import Measure, profile_measure
        from psm.measures.profileplot import to_json, write_measure_profile

        asked = Measure.load(measure)
        loaded = load_model(model, precision=precision)
        seen = options.open_seen(imagery, imagery_set, loaded, features=(features, features_set))
        numbers = profile_measure(asked, loaded, seen, lat=lat, lon=lon, zoom=zoom)
        path = out or Path("runs/profiles") / f"{lat:.2f}_{lon:.2f}.{file_name([asked.name])}.png"
        drawn = write_measure_profile(asked, seen, numbers, path, lat=lat, lon=lon)
        document = to_json(asked, numbers, lat=lat, lon=lon)
        highest = document["highest"]
        answer_line(
            f"{asked.name} is highest in month {highest['month']} at {highest['hour']} h: "
            f"{highest['value']:.4g} {asked.about.unit}"
        )
        files = [written(one) for one in drawn]
        return lambda: {**document, "files": [str(one) for one in files]}
    texts = _vocabulary(sound, vocabulary)
    loaded = load_model(model, precision=precision)
    found = profile_place(
        loaded,
        options.open_seen(imagery, imagery_set, loaded, features=(features, features_set)),
        texts,
        lat=lat,
        lon=lon,
        zoom=zoom,
        calibration=query_options.calibration_of(model, raw),
    )
    path = out or Path("runs/profiles") / f"{lat:.2f}_{lon:.2f}.png"
    sounds = documents.sounds_of(found)
    for line in aligned(sounds[:_SAID]):
        answer_line(line)
    write_profile(found, path, most=most)
    table = found.write_json(path.with_suffix(".json"))
    files = [written(path), written(table)]
    return lambda: documents.of_profile(found, files)


def _vocabulary(sounds: list[str] | None, path: Path | None) -> list[str]:
    from psm.earth.phrases import QUERY_PHRASES
    from psm.errors import ConfigError, MissingData

    if sounds and path:
        raise ConfigError("--sound and --vocabulary: choose one")
    if sounds:
        return [" ".join(sound.split()) for sound in sounds]
    if path is None:
        return list(QUERY_PHRASES.values())
    try:
        lines = [" ".join(line.split()) for line in path.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as problem:
        raise MissingData(f"{path}: not readable as a vocabulary ({problem})") from None
    if not any(lines):
        raise ConfigError(f"{path}: no sounds in it; write one in each line")
    return [line for line in lines if line]
