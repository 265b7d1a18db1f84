"""``psm map``: where something is heard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from psm.cli import options, query_options, region_options
from psm.cli.asking import Subject, indicated, measured, require_calibrated
from psm.cli.options import PRETRAINED, Model, PrecisionOption, file_name
from psm.cli.region_options import Area
from psm.cli.running.speaking import Answer, answering, written

if TYPE_CHECKING:
    from psm.mapping import Moment, SoundscapeMap

_BEST_PLACES = 5


@answering
def draw_map(
    text: query_options.Texts = None,
    measure: query_options.MeasureOption = None,
    indicator: query_options.IndicatorOption = None,
    vocabulary: query_options.VocabularyOption = None,
    without: query_options.Without = None,
    audio: query_options.Audio = None,
    match: query_options.Match = "blend",
    audio_source: query_options.AudioSourceOption = None,
    caption_source: query_options.CaptionSourceOption = None,
    ensemble: query_options.Ensemble = False,
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
    animate: Annotated[
        str | None, typer.Option(help="`hours`, `months` or `both`: for films and cubes.")
    ] = None,
    points: Annotated[
        Path | None,
        typer.Option(help="CSV with columns lat and lon: the values there, beside the first file."),
    ] = None,
    polygons: Annotated[
        str | None,
        typer.Option(
            help="Vector file, FILE or FILE:LAYER: statistics of each area, beside the first file."
        ),
    ] = None,
    truth: Annotated[
        bool,
        typer.Option(
            "--truth",
            help="For one sound on the simulated Earth: the true probabilities too, as FILE.truth "
            "of each file; in pictures beside the map, with the difference.",
        ),
    ] = False,
    uncertainty: Annotated[
        str, typer.Option(help="In pictures: inset, hatch, fade or none.")
    ] = "inset",
    scale: Annotated[
        Literal["sound", "own"],
        typer.Option(
            help="Colours of pictures: `sound`, from 0 to a value that belongs to the sound, so "
            "that its maps can be compared; `own`, stretched over what this map holds."
        ),
    ] = "sound",
    model: Model = PRETRAINED,
    precision: PrecisionOption = "auto",
    out: Annotated[
        list[Path] | None,
        typer.Option(
            help="File to write, its suffix says what: .tif .png .svg .nc .zarr .parquet "
            ".geojson .gif .mp4; may be given several times. A GeoTIFF and a PNG by default."
        ),
    ] = None,
) -> Answer:
    """Draw where a sound would be heard: on the globe, in a region, or in a prepared store.

    Several texts and recordings make one query, see `--match`; `*2` weighs a term, `|` stands
    between wordings of one thing, `--not` excludes a term. Calibrated after `psm calibrate`.
    Examples:

    `psm map "church bells" --month 12 --hour 18`

    `psm map "songbirds*2" "a stream|a brook" --not traffic --region "Vienna, 200km" --month 5`

    `psm map "dawn chorus" --month 5 --animate hours --utc 4 --out dawn.mp4`

    `psm map frogs --store alps.zarr --month 4 --hour 22 --out frogs.tif --out frogs.geojson`

    `psm map --measure laeq_db --region "Vienna, 50km" --month 6 --hour 8`

    `psm map --indicator biophony --month 5 --hour 5`
    """
    from psm import mapping
    from psm.cli.running import documents
    from psm.cli.running.models import load_model
    from psm.earth.worlds import world_named
    from psm.mapping import outputs, search
    from psm.mapping.truth import sound_of

    if measure is not None:
        subject = measured(measure)
    elif indicator is not None:
        subject = indicated(indicator, vocabulary)
    else:
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
        subject = Subject(query)
    moment = mapping.Moment(month=month, hour=hour, utc=utc)
    moments = _moments(animate, moment)
    name = Path("runs/maps") / file_name([subject.name])
    paths = out or [name.with_suffix(".tif"), name.with_suffix(".png")]
    single, series = _by_kind(paths, is_series=bool(moments))
    _require_places(points, polygons)
    loaded = load_model(model, precision=precision)
    if truth and subject.query is not None:
        sound_of(subject.query, world_named(loaded.provenance.world))
    calibration = query_options.calibration_of(model, raw)
    if indicator is not None:
        require_calibrated(calibration, model)
    area = Area(region, spacing, step, crs, land_only, tuple(without_area or ()))
    where = query_options.Where(
        model, store, exact, area, imagery, imagery_set, zoom, month, (features, features_set)
    )
    places = where.places(loaded, subject)
    found = next(subject.maps(loaded, places, [moment], calibration))
    has_own_colours = scale == "own"
    if has_own_colours:
        found = found.with_own_colours()
    files = []
    for path in single:
        is_picture = path.suffix.lower() in (".png", ".svg")
        found.write(path, **({"uncertainty": uncertainty} if is_picture else {}))
        files.append(written(path))
        if truth:
            files.append(written(_write_truth(found, path)))
    files += map(written, _tables(found, points, polygons, paths[0]))
    for path in series:
        maps = subject.maps(loaded, places, moments, calibration)
        outputs.write_moments(maps, moments, path, has_own_colours=has_own_colours)
        files.append(written(path))
    return lambda: documents.of_map(
        found, [place.row for place in search.best_places(found, _BEST_PLACES)], files
    )


def _by_kind(paths: list[Path], *, is_series: bool) -> tuple[list[Path], list[Path]]:
    """The files of one moment, and those of several; a film besides where several have no file."""
    from psm.errors import ConfigError
    from psm.mapping.outputs import check_suffixes
    from psm.mapping.outputs.animate import CUBE_SUFFIXES, FILM_SUFFIXES

    several = (*FILM_SUFFIXES, *CUBE_SUFFIXES)
    series = [path for path in paths if path.suffix.lower() in several and is_series]
    if is_series and not series:
        series = [paths[0].with_suffix(".gif")]
    single = [path for path in paths if path not in series]
    if films := [path for path in single if path.suffix.lower() in FILM_SUFFIXES]:
        raise ConfigError(f"{films[0]}: a film needs --animate hours or months")
    check_suffixes(single)
    return single, series


def _require_places(points: Path | None, polygons: str | None) -> None:
    """Refuse files that cannot be read later, before any work."""
    if points is not None:
        from psm.mapping.outputs.points import read_places

        read_places(points)
    if polygons is not None:
        from psm.mapping.region.vectorfiles import layer_of, split_layer

        layer_of(*split_layer(polygons))


def _write_truth(found: SoundscapeMap, beside: Path) -> Path:
    """Write the truth of a map beside its file; a picture has both and their difference."""
    from psm.mapping.outputs.truthsheet import write_truth_sheet
    from psm.mapping.truth import true_map

    path = beside.with_suffix(f".truth{beside.suffix}")
    if beside.suffix.lower() == ".png":
        return write_truth_sheet(found, true_map(found), path)
    return true_map(found).write(path)


def _tables(
    found: SoundscapeMap, points: Path | None, polygons: str | None, first: Path
) -> Iterator[Path]:
    """Write the values at points and the statistics of polygons beside the first file."""
    from psm.files import atomic_path
    from psm.mapping.outputs.points import sample_file
    from psm.mapping.region.vectorfiles import split_layer

    if points is not None:
        yield sample_file(found, points, first.with_suffix(".points.csv"))
    if polygons is not None:
        path, layer = split_layer(polygons)
        with atomic_path(areas := first.with_suffix(".areas.geojson")) as aside:
            statistics = found.summarise(path, layer=layer, prefix=None).to_crs(4326)
            statistics.assign(**found.told).to_file(aside, driver="GeoJSON")
        yield areas


def _moments(animate: str | None, moment: Moment) -> Sequence[Moment]:
    from psm.errors import ConfigError
    from psm.mapping.outputs import hours_of_day, months_of_year

    is_utc = moment.utc is not None
    match animate:
        case None:
            return ()
        case "hours":
            return hours_of_day(month=moment.month, utc=is_utc)
        case "months":
            return months_of_year(hour=moment.hour, utc=moment.utc)
        case "both":
            days = (hours_of_day(month=month, utc=is_utc) for month in range(1, 13))
            return [each for day in days for each in day]
    raise ConfigError(f"--animate {animate!r}: choose hours, months or both")
