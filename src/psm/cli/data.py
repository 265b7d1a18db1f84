"""``psm data``: imports recordings, stores their views, audits shards, measures sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from psm.cli.indices import data_indices
from psm.cli.options import (
    CutOption,
    DeploymentsOption,
    DetectionsOption,
    FeaturesOption,
    FeaturesSet,
    ImagerySet,
    LeastOption,
    LeastScoreOption,
    Preset,
    assigned,
    settings,
)

if TYPE_CHECKING:
    from psm.importing import ImportReport

data_app = typer.Typer(no_args_is_help=True, help="Other people's data sets: take them over.")
data_app.command("indices")(data_indices)


@data_app.command("import")
def data_import(
    origin: Annotated[
        str,
        typer.Argument(
            metavar="DATASET",
            help="Hub id, folder of published shards, folder with a table, or with recordings.",
        ),
    ],
    out: Annotated[Path, typer.Argument(help="Folder for our shards.")],
    format: Annotated[
        str | None,
        typer.Option(help="hub, shards, table or recorders, where it is taken for another."),
    ] = None,
    imagery: Annotated[
        str | None,
        typer.Option(
            help="What the tiles are: sentinel (default), bingmap or googleEarth. For a table "
            "without tiles where they come from: stac:…, xyz:…, raster files (a pattern in quotes, "
            "as 'sentinel/*.tif'), blue-marble."
        ),
    ] = None,
    imagery_set: ImagerySet = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="What will train on it: frames the sound, says how large a tile must be. "
            "By default the published preset of the imagery."
        ),
    ] = None,
    captions: Annotated[
        Path | None, typer.Option(help="Folder with the published captions and their scores.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="Name a table's column: audio=wav_file")
    ] = None,
    gsd: Annotated[
        float | None, typer.Option(help="Metres per pixel of a table's tiles.", min=0.001)
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(
            help="Take a split of another name: extra=train (hub data sets). Of your own "
            "recordings, what all are for: all=train."
        ),
    ] = None,
    deployments: DeploymentsOption = None,
    detections: DetectionsOption = None,
    least: LeastOption = None,
    least_score: LeastScoreOption = None,
    cut: CutOption = None,
    shrunk_last: Annotated[
        bool, typer.Option("--shrunk-last", help="Order CLAP's windows as published mels do.")
    ] = False,
    features: FeaturesOption = None,
    features_set: FeaturesSet = None,
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try again what was refused.")] = False,
) -> None:
    """Turn other people's recordings into our shards.

    DATASET is recognised: `MVRL/GeoSound` or `MVRL/SoundingEarth` on the hub (or Parquet files of
    that schema), a folder of their published WebDataset shards, or your own recordings: a folder
    with audio files and a CSV or Parquet table, or one as recorders leave it, with time and place
    in headers, names or a table of deployments and with tables of detections for captions.

    `psm data import CARD OUT --deployments sites.csv --detections birdnet/ --preset earth-small
    --imagery 'sentinel/*.tif' --gsd 10`

    `psm data import CARD OUT --detections labels.txt --least 0.8 --cut 30 --split all=train`

    Safe to interrupt: the same command goes on where it stopped. What cannot be used is refused,
    counted by reason in OUT/import/report.json and listed in OUT/import/refused.csv.
    """
    from psm.errors import MissingData
    from psm.importing import ImportOptions, convert, open_dataset

    options = ImportOptions(
        imagery=imagery,
        imagery_options=settings(imagery_set),
        preset=preset,
        captions=captions,
        columns=assigned(column, "--column", "audio=wav_file"),
        gsd_m=gsd,
        revision=revision,
        splits=splits_named(split),
        deployments=deployments,
        detections=detections,
        least=least,
        least_score=least_score,
        cut=cut,
        shrunk_first=not shrunk_last,
    )
    dataset = open_dataset(origin, options, format=format)
    typer.echo(f"{origin}: {dataset.describe()}")
    if credit := dataset.tile_credit():
        terms = credit["licence"]
        if terms == "unknown":
            terms = "licence unknown; --imagery-set licence=NAME says it"
        typer.echo(f"tiles: {credit['attribution']} ({terms})")
    report = convert(dataset, out, workers=workers, retry=retry)
    for reason, count in report.refused.most_common():
        typer.echo(f"refused {count:6d}  {reason}")
    for reason, count in report.unknown.most_common():
        typer.echo(f"unknown {count:6d}  {reason}")
    for line in overlap_lines(report):
        typer.echo(line)
    if not report.imported:
        ((reason, count),) = report.refused.most_common(1) or [("no recordings", 0)]
        raise MissingData(
            f"{out}: nothing could be used: {reason} ({count} times); import/refused.csv says which"
        )
    counts = ", ".join(f"{count} {split}" for split, count in report.imported.items())
    typer.echo(f"{out}: {counts}")
    if features is not None:
        store_features(out, features, features_set)


def overlap_lines(report: ImportReport) -> list[str]:
    """What the summary says of splits whose tiles share ground."""
    lines = [
        f"overlap {count:6d} of {report.imported[held_out]} {held_out} recordings have a tile that "
        f"shares ground with one of {other}"
        for held_out, others in report.overlaps.items()
        for other, count in others.items()
    ]
    if lines:
        lines.append(
            "What is measured on these is partly remembered. Without a column split, places are "
            "split with a buffer; of a single park rather take all for training (--split "
            "all=train): psm adapt judges by folds of places."
        )
    return lines


def splits_named(given: list[str] | None) -> dict[str, str]:
    """Our splits by theirs, as ``--split extra=train`` gives them."""
    from psm.errors import ConfigError
    from psm.importing.values import SPLITS

    found = assigned(given, "--split", "all=train")
    for theirs, ours in found.items():
        if ours not in SPLITS:
            raise ConfigError(f"--split {theirs}={ours}: choose train, val or test")
    return {theirs: SPLITS[ours] for theirs, ours in found.items()}


@data_app.command("views")
def data_views(
    folder: Annotated[Path, typer.Argument(help="Folder of our shards.")],
    preset: Preset = "psm-sentinel",
) -> None:
    """Cut the views that a preset trains on and store them beside the tiles of the shards.

    Worth it for large tiles, which otherwise are decoded at every step. Safe to interrupt: the same
    command goes on where it stopped.
    """
    from psm.data.storedviews import add_views
    from psm.experiments import load_experiment

    imagery = load_experiment(preset).model.imagery
    written = add_views(folder, zooms=imagery.zooms, view_px=imagery.view_px)
    typer.echo(f"{folder}: {written} shards written anew, all have the views of {preset}")


@data_app.command("features")
def data_features(
    folder: Annotated[Path, typer.Argument(help="Folder of our shards.")],
    features: FeaturesOption = None,
    features_set: FeaturesSet = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write them in the place of other features.")
    ] = False,
) -> None:
    """Store what others computed of the places of recordings beside their tiles.

    For models that see places through features, with `model.satellite.kind=features` or `both`.
    `psm data features runs/mine --features 'aef:annual/2023/33N/*.vrt'`

    `psm data features runs/mine --features tessera:v1.1.zarr --features-set year=2024`

    A place without features stays without, counted by reason. `features.json` beside the shards
    says whose features they are, and on which terms. Safe to interrupt: the same command goes on
    where it stopped.
    """
    from psm.errors import ConfigError

    if features is None:
        raise ConfigError("--features: name what is to be stored, as aef:FILES or mine.npz")
    store_features(folder, features, features_set, replace=replace)


def store_features(
    folder: Path, features: str, given: list[str] | None, *, replace: bool = False
) -> None:
    """Store features in shards, and say of how many places there are some."""
    from psm.features import open_features
    from psm.inference.placefeatures import keep_features

    provider = open_features(features, **settings(given))
    counts = keep_features(provider, folder, replace=replace)
    for reason, count in counts.most_common():
        if reason:
            typer.echo(f"without features {count:6d}  {reason}")
    year = "" if provider.year is None else f" of {provider.year}"
    typer.echo(
        f"{folder}: {counts['']} places with {provider.size} features of "
        f"{provider.name} {provider.version}".rstrip()
        + f"{year} ({provider.licence})"
    )
    if not counts[""]:
        from psm.errors import MissingData

        raise MissingData(f"{folder}: no place has features; are these files of the same region?")


@data_app.command("audit")
def data_audit(
    folder: Annotated[Path, typer.Argument(help="Folder of our shards.")],
    list_: Annotated[
        int, typer.Option("--list", help="Offending pairs of a kind to list.", min=1)
    ] = 20,
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.")] = None,
) -> None:
    """Prove that no two splits share a place, a recording or a tile; else list what they share.

    Tiles are squares on the sphere, as wide as their pixels times their metres per pixel. Exits
    with 1 where two splits share anything.
    """
    from psm.data.audit import audit

    found = audit(folder, workers=workers)
    for split, count in found.recordings.items():
        typer.echo(
            f"{split:5}  {count:8d} recordings, tiles up to {found.widest_km[split]:.3g} km wide"
        )
    for (a, b), gap_km in found.gap_km.items():
        typer.echo(f"{a} and {b}: nearest places {gap_km:.1f} km apart")
    for shared, count in found.repeated.items():
        if count:
            typer.echo(f"within a split, the same {shared} again: {count}")
    if not found.leaks:
        typer.echo(f"{folder}: no two splits share a place, a recording or a tile")
        return
    for (a, b, shared), count in found.counts.items():
        typer.echo(f"\n{a} and {b} share {count} times: {shared}", err=True)
        pairs = [
            one for one in found.leaks if (one.split, one.other_split, one.shared) == (a, b, shared)
        ]
        for one in pairs[:list_]:
            detail = f"  {one.detail}" if one.detail else ""
            typer.echo(f"  {one.key}  {one.other_key}{detail}", err=True)
        if count > list_:
            typer.echo(f"  and {count - list_} more; --list {count} shows all", err=True)
    raise typer.Exit(1)
