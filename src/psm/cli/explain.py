"""``psm explain``: where in the view of a place something is heard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from psm.cli import options, query_options
from psm.cli.options import PRETRAINED, Model, PrecisionOption, file_name
from psm.cli.running.speaking import Answer, answer_line, answering, written

Lat = Annotated[float, typer.Argument(help="Degrees north.")]
Lon = Annotated[float, typer.Argument(help="Degrees east.")]


@answering
def explain(
    lat: Lat,
    lon: Lon,
    text: query_options.Texts = None,
    without: query_options.Without = None,
    audio: query_options.Audio = None,
    match: query_options.Match = "blend",
    audio_source: query_options.AudioSourceOption = None,
    caption_source: query_options.CaptionSourceOption = None,
    ensemble: query_options.Ensemble = False,
    month: query_options.Month = None,
    hour: query_options.Hour = None,
    utc: query_options.Utc = None,
    imagery: options.ImageryOption = None,
    imagery_set: options.ImagerySet = None,
    zoom: Annotated[
        int | None, typer.Option(help="Zoom level of the view: 1 is the closest.")
    ] = None,
    raw: query_options.Raw = False,
    model: Model = PRETRAINED,
    precision: PrecisionOption = "auto",
    out: Annotated[
        list[Path] | None,
        typer.Option(
            help="File to write, its suffix says what: .png .tif .json; may be given several "
            "times. A PNG by default."
        ),
    ] = None,
) -> Answer:
    """Draw where in the satellite view of a place a sound would be heard.

    The view is moved until each part of it lies in the middle, and the model answers as for any
    place: the heat map is the match probability were the place there. Its colours belong to the
    sound, as those of `psm map`, so that a view without it stays pale. A model with a codebook
    shows how each patch of the view scores the codes of the words instead.

    `psm explain 48.2 16.4 traffic`

    `psm explain 43.3 5.4 "ocean waves" --month 1 --zoom 3 --out waves.png --out waves.tif`

    `psm explain 47.3 11.4 --audio brook.wav`
    """
    from psm import mapping
    from psm.cli.running import documents
    from psm.cli.running.models import load_model
    from psm.explaining import explain as explain_place
    from psm.explaining import write_explanation

    query = mapping.Query.parse(
        *(text or ()),
        without=without or (),
        audio=audio or (),
        together=match,
        templates=mapping.TEMPLATES if ensemble else (),
        audio_source=audio_source,
        caption_source=caption_source,
    )
    query_options.require_recordings(query)
    moment = mapping.Moment(month=month, hour=hour, utc=utc)
    loaded = load_model(model, precision=precision)
    query.require_recordings(loaded)
    found = explain_place(
        loaded,
        options.open_seen(imagery, imagery_set, loaded, month=month),
        query,
        moment,
        lat=lat,
        lon=lon,
        zoom=zoom,
        calibration=query_options.calibration_of(model, raw),
    )
    name = f"{lat:.2f}_{lon:.2f}.{file_name([query.slug])}.png"
    low, high = found.range
    north, east = found.place_of(*found.peak)
    answer_line(
        f"{query.label}: {low:.3g} to {high:.3g}, highest at {north:.3f}, {east:.3f} "
        f"({found.found.quantity.long_name})"
    )
    paths = out or [Path("runs/explained") / name]
    files = [written(write_explanation(found, path)) for path in paths]
    return lambda: documents.of_explanation(found, files)
