"""``psm search``: the best places for a query, the best recordings for a place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from psm.cli import options, query_options, region_options
from psm.cli.options import PRETRAINED, Model, PrecisionOption, settings
from psm.cli.region_options import Area


def search(
    text: query_options.Texts = None,
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
    imagery: options.ImageryOption = "blue-marble",
    imagery_set: options.ImagerySet = None,
    zoom: query_options.Zooms = None,
    raw: query_options.Raw = False,
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
    calibration = query_options.calibration_of(model, raw)
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
        where = query_options.Where(store, exact, area, imagery, imagery_set, zoom, month)
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
