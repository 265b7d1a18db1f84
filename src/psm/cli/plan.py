"""``psm plan``: where to listen next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from psm.cli import options, query_options, region_options
from psm.cli.asking import Subject, measured
from psm.cli.options import PRETRAINED, Model, PrecisionOption, Seed
from psm.cli.region_options import Area
from psm.cli.running.speaking import Answer, answer_line, answering, written


@answering
def plan(
    region: Annotated[str, typer.Argument(help="Where: as `psm map --region`.")],
    recorders: Annotated[int, typer.Option(help="Recorders that there are.", min=1)] = 12,
    sites: Annotated[
        int | None,
        typer.Option(help="Sites, if more than recorders: these move by a rota.", min=1),
    ] = None,
    existing: Annotated[
        Path | None,
        typer.Option(help="CSV with columns lat and lon: recorders that are there already."),
    ] = None,
    measure: query_options.MeasureOption = None,
    query: Annotated[
        str | None,
        typer.Option("--query", help="A sound whose map is to become better: frogs."),
    ] = None,
    access: Annotated[
        str | None,
        typer.Option(help="Vector file, FILE or FILE:LAYER: where recorders may stand."),
    ] = None,
    min_distance: Annotated[
        str | None, typer.Option(help="No two sites nearer than this: 500m.")
    ] = None,
    months: Annotated[str, typer.Option(help="Of the survey: 4-7, or 3,6,9,12.")] = "1-12",
    shifts: Annotated[
        int, typer.Option(help="Parts of the day, one for each visit: 4 are of six hours.")
    ] = 1,
    objective: Annotated[
        Literal["error", "information"],
        typer.Option(
            help="What each site is chosen by: the error of the map that it removes, or the "
            "information it gains, which greedy choice is sure to gain 63 % of."
        ),
    ] = "error",
    spacing: region_options.SpacingOption = None,
    crs: region_options.CrsOption = None,
    land_only: Annotated[
        bool,
        typer.Option("--land-only/--sea-too", help="Only cells on land, or those at sea as well."),
    ] = True,
    without_area: region_options.WithoutOption = None,
    store: query_options.StoreOption = None,
    imagery: options.ImageryOption = None,
    imagery_set: options.ImagerySet = None,
    features: options.FeaturesOption = None,
    features_set: options.FeaturesSet = None,
    zoom: query_options.Zooms = None,
    seed: Seed = 0,
    model: Model = PRETRAINED,
    precision: PrecisionOption = "auto",
    out: Annotated[
        list[Path] | None,
        typer.Option(
            help="File to write: .csv, .geojson, .gpx or .png; may be given several times. "
            "A CSV, a GPX and a PNG by default."
        ),
    ] = None,
) -> Answer:
    """Choose the sites at which recorders teach a map most, and when each has one.

    Sites come in the order of what they add: the first removes most of the expected error of the
    map, the second most of what is left. A place teaches about places that look alike, wherever
    they are, and about its neighbours. With `--measure` the kernel and the measurements of a fitted
    number decide, with `--query` the error counts most where the sound is least certain. With a
    `--store`, REGION is the name of the plan alone.

    `psm plan "Vienna, 50km" --recorders 12 --months 4-7 --min-distance 2km`

    `psm plan 15,47,17,49 --recorders 6 --sites 18 --measure laeq_db --existing sites.csv`
    """
    from psm.cli.running.columns import aligned
    from psm.cli.running.models import load_model
    from psm.errors import ConfigError
    from psm.mapping import Moment, Query
    from psm.mapping.region import Region, parse_length
    from psm.mapping.region.vectorfiles import split_layer
    from psm.planning import plan_sites, write_plan
    from psm.planning.surveying import existing_places, months_of, uncertain
    from psm.planning.writing import check_suffix

    if measure is not None and query is not None:
        raise ConfigError("--measure and --query: choose one")
    name = Path("runs/plans") / options.file_name([region])
    paths = out or [name.with_suffix(suffix) for suffix in (".csv", ".gpx", ".png")]
    for path in paths:
        check_suffix(path)
    when = months_of(months)
    there = None if existing is None else existing_places(existing)
    apart_km = 0.0 if min_distance is None else parse_length(min_distance) / 1000.0
    allowed = None if access is None else Region.file(*split_layer(access)).geometry
    subject = Subject(Query.parse(query)) if query is not None else None
    if measure is not None:
        subject = measured(measure)
    loaded = load_model(model, precision=precision)
    calibration = query_options.calibration_of(model, raw=False)
    area = Area(
        None if store is not None else region, spacing, None, crs, land_only,
        tuple(without_area or ()),
    )  # fmt: skip
    where = query_options.Where(
        model, store, False, area, imagery, imagery_set, zoom, when[0], (features, features_set)
    )
    places = where.places(loaded, None)
    weight = None
    if subject is not None and subject.query is not None:
        moments = [Moment(month=month) for month in when[:: max(1, len(when) // 3)]]
        weight = uncertain(subject.maps(loaded, places, moments, calibration), places.cells)
    about = {
        "region": region,
        "for": "any sound" if subject is None else subject.name,
        "model": loaded.config.name,
        "statement": loaded.provenance.statement,
    }
    found = plan_sites(
        loaded, places, sites=sites or recorders, recorders=recorders, months=when,
        measure=None if subject is None else subject.measure, weight=weight, existing=there,
        access=allowed, apart_km=apart_km, shifts=shifts, objective=objective, about=about,
        seed=seed,
    )  # fmt: skip
    for line in aligned(found.rows):
        answer_line(line)
    last = found.sites[-1]
    count = len(found.sites)
    if found.known > 0.0:
        answer_line(f"what is there removes {found.known:.0%} of the expected squared error")
    answer_line(f"with all {count}, {last.left:.0%} of today's expected squared error is left")
    files = [written(write_plan(found, path)) for path in paths]
    return lambda: {
        **about,
        "recorders": found.recorders,
        "objective": objective,
        "months": list(found.months),
        "existing": len(found.existing),
        "known": round(found.known, 6),
        "left": round(last.left, 6),
        "sites": found.rows,
        "files": [str(path) for path in files],
    }
