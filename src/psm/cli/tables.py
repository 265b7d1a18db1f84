"""``psm tables``: the results of several models, joined into the papers' tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def tables(
    results: Annotated[
        list[Path], typer.Argument(help="Folders or files of psm evaluate --protocol.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the joined tables.")] = Path("runs/tables"),
) -> None:
    """Join the results of several models, baselines and imageries into the papers' tables.

    Models that were asked the same of the same recordings share a table. Each protocol has tables
    of its own: what a folder holds of PSM's, Sat2Sound's and MTEB's is read together.
    """
    from psm.evaluation.protocols.joining import read_every, write_every

    for names in write_every(read_every(results), out):
        typer.echo(f"{out}: {names}")
