"""``psm search``: the best places for a query, the best recordings for a place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from psm.cli import options, query_options, region_options
from psm.cli.asking import Subject, measured
from psm.cli.options import PRETRAINED, Model, PrecisionOption
from psm.cli.region_options import Area
from psm.cli.running.speaking import Answer, answer_line, answering, written

if TYPE_CHECKING:
    from psm.mapping import Moment
    from psm.mapping.search import FoundPlace, FoundRecording


@answering
def search(
    text: query_options.Texts = None,
    measure: query_options.MeasureOption = None,
    without: query_options.Without = None,
    audio: query_options.Audio = None,
    match: query_options.Match = "blend",
    month: query_options.Month = None,
    hour: query_options.Hour = None,
    utc: query_options.Utc = None,
    region: region_options.RegionOption = None,
    spacing: region_options.SpacingOption = None,
    step: region_options.StepOption = None,
    crs: region_options.CrsOption = None,
    land_only: region_options.LandOption = False,
    without_area: region_options.WithoutOption = None,
    store: query_options.StoreOption = None,
    exact: query_options.Exact = False,
    imagery: options.ImageryOption = None,
    imagery_set: options.ImagerySet = None,
    features: options.FeaturesOption = None,
    features_set: options.FeaturesSet = None,
    zoom: query_options.Zooms = None,
    raw: query_options.Raw = False,
    place: Annotated[
        str | None,
        typer.Option(help="LAT,LON: the best recordings for this place instead, see --gallery."),
    ] = None,
    gallery: Annotated[
        Path | None,
        typer.Option(
            "--gallery",
            "--data",
            help="Folder of shards whose recordings, or captions, are searched.",
        ),
    ] = None,
    captions: Annotated[
        str | None,
        typer.Option(
            help="Of --place: captions instead, of a text with one a line, or `gallery`: those of "
            "--gallery, without it the phrases that the model learnt from."
        ),
    ] = None,
    audio_source: query_options.AudioSourceOption = None,
    caption_source: query_options.CaptionSourceOption = None,
    split: Annotated[str, typer.Option(help="Of the gallery: train, val or test.")] = "test",
    count: Annotated[int, typer.Option(help="Results, at most.", min=1)] = 20,
    apart: Annotated[
        str | None, typer.Option(help="No two results nearer than this: 50km.")
    ] = None,
    model: Model = PRETRAINED,
    precision: PrecisionOption = "auto",
    out: Annotated[
        Path | None, typer.Option(help="GeoJSON or CSV to write, besides the table on screen.")
    ] = None,
) -> Answer:
    """Find the best places for a query, or the best recordings or captions for a place.

    `psm search "frogs at night" --month 4 --hour 22 --apart 500km`

    `psm search --measure laeq_db --region "Vienna, 50km" --month 6 --hour 8 --apart 5km`

    `psm search --place 48.2,16.4 --month 6 --hour 5 --gallery runs/demo/earth`

    `psm search --place 48.2,16.4 --month 6 --hour 5 --captions phrases.txt`
    """
    from psm.cli.running import documents
    from psm.cli.running.columns import aligned
    from psm.cli.running.models import load_model
    from psm.errors import ConfigError
    from psm.mapping import Moment, Query
    from psm.mapping.outputs.points import write_places
    from psm.mapping.region import parse_length
    from psm.mapping.search import best_places, parse_place, search_recordings
    from psm.provenance import TAG

    apart_km = 0.0 if apart is None else parse_length(apart) / 1000.0
    moment = Moment(month=month, hour=hour, utc=utc)
    if place is not None and captions is not None:
        return _captions_for(
            place, captions, gallery, split, moment, (audio_source, caption_source), model,
            precision, imagery, imagery_set, _one_zoom(zoom, "--captions"), count, out, raw=raw,
        )  # fmt: skip
    if (place is None) != (gallery is None):
        raise ConfigError(
            "--place and --gallery go together: a place, and recordings to search (or --captions)"
        )
    subject = None
    if place is None and measure is not None:
        subject = measured(measure)
    elif place is None:
        query = Query.parse(*(text or ()), without=without or (), audio=audio or (), together=match)
        query_options.require_recordings(query)
        subject = Subject(query)
    loaded = load_model(model, precision=precision)
    calibration = query_options.calibration_of(model, raw)
    found: Sequence[FoundPlace | FoundRecording]
    soundscape = None
    if place is not None and gallery is not None:
        lat, lon = parse_place(place)
        level = _one_zoom(zoom, "--gallery")
        found = search_recordings(
            loaded,
            options.open_seen(
                imagery, imagery_set, loaded, month=month, features=(features, features_set)
            ),
            gallery,
            split=split,
            lat=lat,
            lon=lon,
            zoom=level,
            moment=moment,
            calibration=calibration,
            count=count,
            apart_km=apart_km,
        )
    else:
        assert subject is not None
        area = Area(region, spacing, step, crs, land_only, tuple(without_area or ()))
        where = query_options.Where(
            model, store, exact, area, imagery, imagery_set, zoom, month, (features, features_set)
        )
        places = where.places(loaded, subject)
        soundscape = next(subject.maps(loaded, places, [moment], calibration))
        found = best_places(soundscape, count, apart_km=apart_km)
    rows = [result.row for result in found]
    for line in aligned(rows):
        answer_line(line)
    files = []
    if out is not None:
        told = {TAG: loaded.provenance.tag} if soundscape is None else soundscape.told
        write_places(rows, out, told=told)
        files.append(written(out))
    if soundscape is not None:
        return lambda: documents.of_map(soundscape, rows, files)
    return lambda: documents.of_recordings(rows, moment, loaded, files)


def _captions_for(
    place: str,
    captions: str,
    gallery: Path | None,
    split: str,
    moment: Moment,
    sources: tuple[str | None, str | None],
    model: str,
    precision: options.PrecisionOption,
    imagery: str | None,
    imagery_set: list[str] | None,
    zoom: int | None,
    count: int,
    out: Path | None,
    *,
    raw: bool,
) -> Answer:
    """Rank captions for a place, print and write them."""
    from psm.cli.running import documents
    from psm.cli.running.columns import aligned
    from psm.cli.running.models import load_model
    from psm.mapping.captionsearch import captions_of, search_captions
    from psm.mapping.moment import Sources
    from psm.mapping.outputs.points import write_places
    from psm.mapping.search import parse_place
    from psm.provenance import TAG

    lat, lon = parse_place(place)
    told = Sources.named(*sources)
    loaded = load_model(model, precision=precision)
    texts = captions_of(loaded, captions, gallery, split)
    provider = options.open_seen(imagery, imagery_set, loaded, month=moment.month)
    found = search_captions(
        loaded, provider, texts, lat=lat, lon=lon, moment=moment, sources=told, zoom=zoom,
        calibration=query_options.calibration_of(model, raw), count=count,
    )  # fmt: skip
    rows = [one.row for one in found]
    for line in aligned(rows):
        answer_line(line)
    files = []
    if out is not None:
        placed = [{**row, "lat": lat, "lon": lon} for row in rows]
        write_places(placed, out, told={TAG: loaded.provenance.tag})
        files.append(written(out))
    return lambda: documents.of_captions(rows, (lat, lon), moment, loaded, files)


def _one_zoom(zooms: list[int] | None, asked: str) -> int | None:
    from psm.errors import ConfigError

    if zooms and len(zooms) > 1:
        raise ConfigError(f"{asked}: a place is seen at one --zoom, not {len(zooms)}")
    return zooms[0] if zooms else None
