"""``psm prepare``: makes a store answer any month and hour at once."""

from __future__ import annotations

from typing import Annotated

import typer

from psm.cli import query_options
from psm.cli.options import PRETRAINED, Model, PrecisionOption


def prepare(
    store: Annotated[str, typer.Argument(help="A store of `psm embed`.")],
    zoom: query_options.Zooms = None,
    sample: Annotated[
        int, typer.Option(help="Cells that are fused at every month and hour.", min=2)
    ] = 2048,
    rank: Annotated[int, typer.Option(help="Numbers kept a cell, two bytes each.", min=1)] = 512,
    seen: Annotated[
        int, typer.Option(help="Times at which every other cell is fused.", min=1)
    ] = 16,
    model: Model = PRETRAINED,
    precision: PrecisionOption = "auto",
) -> None:
    """Make month and hour of a store interactive: after this, any map takes under a second.

    Says what it takes, fuses a sample of cells at all times and every other cell at a few, keeps
    what follows from them for all others, then compares with exact maps and says how near they are.
    Safe to interrupt: the same command goes on.

    `psm prepare alps.zarr`
    """
    from psm.cli.running.models import load_model
    from psm.mapping import Store, Timetable, agreement
    from psm.mapping import prepare as prepare_store
    from psm.mapping.timetable.estimate import estimate

    loaded = load_model(model, precision=precision)
    found = Store.open(store)
    for level in zoom or found.zooms:
        guess = estimate(found, loaded, level, sample=sample, seen=seen)
        typer.echo(f"{store}, zoom {level}: {guess}")
        prepare_store(found, loaded, level, sample=sample, rank=rank, seen=seen)
        measured = agreement(Timetable(found, loaded, level), loaded)
        typer.echo(f"{store}, zoom {level}: {measured}")
