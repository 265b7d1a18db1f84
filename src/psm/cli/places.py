"""``psm profile`` and ``psm search``: one place through the year, and the best places."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from psm.cli import asking, options
from psm.cli.area import Area
from psm.cli.options import PRETRAINED, Model, PrecisionOption, settings

Lat = Annotated[float, typer.Argument(help="Degrees north.")]
Lon = Annotated[float, typer.Argument(help="Degrees east.")]


def profile(
    lat: Lat,
    lon: Lon,
    sound: Annotated[
        list[str] | None,
        typer.Option(help="A sound to ask for; may be given several times. 28 by default."),
    ] = None,
    vocabulary: Annotated[
        Path | None, typer.Option(help="A text file with a sound in each line instead.")
    ] = None,
    most: Annotated[int, typer.Option(help="Sounds in the picture.", min=1, max=28)] = 12,
    imagery: options.ImageryOption = "blue-marble",
    imagery_set: options.ImagerySet = None,
    zoom: Annotated[int | None, typer.Option(help="Zoom level of the imagery.")] = None,
    raw: asking.Raw = False,
    model: Model = PRETRAINED,
    precision: PrecisionOption = "auto",
    out: Annotated[
        Path | None, typer.Option(help="PNG or SVG to write; all numbers as JSON beside it.")
    ] = None,
) -> None:
    """Draw what a place sounds like at every hour and month.

    `psm profile -- -3.1 -60.0`

    `psm profile 48.2 16.4 --sound "church bells" --sound traffic`
    """
    from psm import PSM
    from psm.imagery import open_imagery
    from psm.mapping.outputs.profileplot import write_profile
    from psm.mapping.profile import profile as profile_place

    texts = _vocabulary(sound, vocabulary)
    loaded = PSM.from_pretrained(model, precision=precision)
    found = profile_place(
        loaded,
        open_imagery(imagery, **settings(imagery_set)),
        texts,
        lat=lat,
        lon=lon,
        zoom=zoom,
        calibration=asking.calibration_of(model, raw),
    )
    path = out or Path("runs/profiles") / f"{lat:.2f}_{lon:.2f}.png"
    for row in found.loudest(5):
        month, hour = found.peak(row)
        typer.echo(f"{found.probability[row].max():.2f}  {texts[row]} (month {month}, {hour} h)")
    typer.echo(write_profile(found, path, most=most))
    typer.echo(found.write_json(path.with_suffix(".json")))


def search(
    text: asking.Texts = None,
    without: asking.Without = None,
    audio: asking.Audio = None,
    match: asking.Match = "blend",
    month: asking.Month = None,
    hour: asking.Hour = None,
    utc: asking.Utc = None,
    region: options.RegionOption = None,
    spacing: options.SpacingOption = None,
    step: options.StepOption = None,
    crs: options.CrsOption = None,
    land_only: options.LandOption = False,
    without_area: options.WithoutOption = None,
    store: asking.StoreOption = None,
    exact: asking.Exact = False,
    imagery: options.ImageryOption = "blue-marble",
    imagery_set: options.ImagerySet = None,
    zoom: asking.Zooms = None,
    raw: asking.Raw = False,
    place: Annotated[
        str | None,
        typer.Option(help="LAT,LON: the best recordings for this place instead, see --gallery."),
    ] = None,
    gallery: Annotated[
        Path | None, typer.Option(help="Folder of shards whose recordings are searched.")
    ] = None,
    split: Annotated[str, typer.Option(help="Of the gallery: train, val or test.")] = "test",
    count: Annotated[int, typer.Option(help="Results, at most.", min=1)] = 20,
    apart: Annotated[
        str | None, typer.Option(help="No two results nearer than this: 50km.")
    ] = None,
    model: Model = PRETRAINED,
    precision: PrecisionOption = "auto",
    out: Annotated[
        Path | None, typer.Option(help="GeoJSON to write, besides the table on screen.")
    ] = None,
) -> None:
    """Find the best places for a query, or the best recordings for a place.

    `psm search "frogs at night" --month 4 --hour 22 --apart 500km`

    `psm search --place 48.2,16.4 --month 6 --hour 5 --gallery runs/demo/earth`
    """
    from psm import PSM, mapping
    from psm.errors import ConfigError
    from psm.mapping.region import parse_length
    from psm.mapping.search import best_places

    apart_km = 0.0 if apart is None else parse_length(apart) / 1000.0
    moment = mapping.Moment(month=month, hour=hour, utc=utc)
    if (place is None) != (gallery is None):
        raise ConfigError("--place and --gallery go together: a place, and recordings to search")
    loaded = PSM.from_pretrained(model, precision=precision)
    calibration = asking.calibration_of(model, raw)
    if place is not None and gallery is not None:
        from psm.imagery import open_imagery
        from psm.mapping.galleries import parse_place, search_recordings

        lat, lon = parse_place(place)
        results = search_recordings(
            loaded,
            open_imagery(imagery, month=month, **settings(imagery_set)),
            gallery,
            split=split,
            lat=lat,
            lon=lon,
            zoom=zoom[0] if zoom else None,
            moment=moment,
            calibration=calibration,
            count=count,
            apart_km=apart_km,
        )
        rows = [
            {
                "probability": round(found.probability, 4),
                "lat": found.recording.lat,
                "lon": found.recording.lon,
                "key": found.recording.key,
                "caption": found.recording.caption,
            }
            for found in results
        ]
    else:
        query = mapping.Query.parse(
            *(text or ()), without=without or (), audio=audio or (), together=match
        )
        area = Area(region, spacing, step, crs, land_only, tuple(without_area or ()))
        where = asking.Where(store, exact, area, imagery, imagery_set, zoom, month)
        places = where.places(loaded, query)
        soundscape = mapping.map_query(loaded, places, query, moment, calibration=calibration)
        rows = [
            {
                "probability": round(found.probability, 4),
                "uncertainty": round(found.uncertainty, 4),
                "lat": round(found.lat, 5),
                "lon": round(found.lon, 5),
            }
            for found in best_places(soundscape, count, apart_km=apart_km)
        ]
    for row in rows:
        typer.echo("  ".join(f"{value}" for value in row.values()))
    if out is not None:
        typer.echo(_write_points(rows, out))


def _write_points(rows: list[dict[str, object]], path: Path) -> Path:
    from psm.files import atomic_path

    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [row["lon"], row["lat"]]},
            "properties": {name: row[name] for name in row if name not in ("lat", "lon")},
        }
        for row in rows
    ]
    with atomic_path(path) as aside:
        aside.write_text(json.dumps({"type": "FeatureCollection", "features": features}) + "\n")
    return path


def _vocabulary(sounds: list[str] | None, path: Path | None) -> list[str]:
    from psm.earth.vocabulary import QUERY_PHRASES
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
