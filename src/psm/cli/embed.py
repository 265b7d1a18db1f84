"""``psm embed``: the slow half of a map, for any region and imagery."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from psm.cli import options, region_options
from psm.cli.options import PRETRAINED, Model, PrecisionOption
from psm.cli.region_options import Area

if TYPE_CHECKING:
    from psm.mapping.store import Executor

_ASK_FROM_S, _ASK_FROM_BYTES = 60.0, 10**9


class ExecutorName(StrEnum):
    """Names of the executors that embed a store."""

    LOCAL = "local"
    RAY = "ray"


def embed(
    region: Annotated[
        str,
        typer.Argument(help="A place, bbox, circle, file, or globe; see docs/regions.md."),
    ],
    out: Annotated[str, typer.Option(help="The store: a folder, or s3://…, gs://…")],
    spacing: region_options.SpacingOption = None,
    step: region_options.StepOption = None,
    crs: region_options.CrsOption = None,
    land_only: region_options.LandOption = False,
    without: region_options.WithoutOption = None,
    imagery: options.ImageryOption = None,
    imagery_set: options.ImagerySet = None,
    features: options.FeaturesOption = None,
    features_set: options.FeaturesSet = None,
    zoom: Annotated[
        list[int] | None,
        typer.Option(help="Zoom level; may be given several times. The model's first by default."),
    ] = None,
    month: Annotated[int | None, typer.Option(help="Imagery of this month, 1..12.")] = None,
    model: Model = PRETRAINED,
    precision: PrecisionOption = "auto",
    unit: Annotated[
        int | None, typer.Option(help="Cells written together; larger for fewer files.", min=1)
    ] = None,
    executor: Annotated[ExecutorName, typer.Option(help="local, or ray.")] = ExecutorName.LOCAL,
    workers: Annotated[
        int | None,
        typer.Option(help="Encoders: processes here (1 by default), actors on a cluster.", min=1),
    ] = None,
    ray_address: Annotated[
        str | None, typer.Option(help="Of a running cluster, or auto; by default one starts here.")
    ] = None,
    retry: Annotated[
        bool, typer.Option(help="Ask again for imagery that was not answered before.")
    ] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before long work.")] = False,
) -> None:
    """Embed the cells of a region once, for all the maps that are asked of it.

    Says first what it will take. Safe to interrupt or kill at any time: the same command goes on
    where it stopped, and asks again for imagery that was not answered. Examples:

    `psm embed "Vienna, 20km" --spacing 500m --out vienna.zarr`

    `psm embed alps.geojson --imagery "mosaic/*.tif" --zoom 1 --zoom 3 --out s3://bucket/alps.zarr`
    """
    import torch

    from psm.cli.running.models import load_model
    from psm.files import require_room
    from psm.mapping import store
    from psm.mapping.store.place import local_folder

    cells = Area(region, spacing, step, crs, land_only, tuple(without or ())).grid()
    loaded = load_model(model, precision=precision)
    provider = options.open_seen(
        imagery, imagery_set, loaded, month=month, features=(features, features_set)
    )
    who = _executor(executor, workers, ray_address)
    if torch.cuda.is_available() and who.lanes == 1:
        loaded = loaded.to("cuda")
    header = store.plan(loaded, provider, cells, zooms=zoom, month=month, unit=unit)
    guess = store.estimate(out, loaded, provider, cells, header, executor=who, retry=retry)
    typer.echo(f"{out}: {guess}")
    if (folder := local_folder(out)) is not None:
        left = guess.views / max(1, guess.cells * len(header.zooms))
        require_room(folder, int(guess.size_bytes * left))
    is_long = guess.seconds > _ASK_FROM_S or (guess.views and guess.size_bytes > _ASK_FROM_BYTES)
    if is_long and not yes and sys.stdin.isatty() and not typer.confirm("go?"):
        raise typer.Exit(1)
    report = store.embed(out, loaded, provider, cells, header, executor=who, retry=retry)
    for line in report.lines():
        typer.echo(line)


def _executor(name: ExecutorName, workers: int | None, address: str | None) -> Executor:
    from psm.errors import ConfigError
    from psm.mapping.store import LocalExecutor

    if name is ExecutorName.RAY:
        from psm.mapping.store.on_ray import RayExecutor

        return RayExecutor(address=address, workers=workers)
    if address is not None:
        raise ConfigError("--ray-address: needs --executor ray")
    return LocalExecutor(workers or 1)
