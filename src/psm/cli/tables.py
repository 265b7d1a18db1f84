"""``psm tables``: the results of several models, joined into the paper's tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def tables(
    results: Annotated[
        list[Path], typer.Argument(help="Folders or files of psm evaluate --protocol psm2024.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the joined tables.")] = Path("runs/tables"),
) -> None:
    """Join the results of several models, baselines and imageries into the paper's tables.

    Models that were asked the same of the same recordings share a table.
    """
    from psm.evaluation.psm2024 import read_results
    from psm.evaluation.suite import write_tables

    write_tables(read_results(results), out)
    typer.echo(f"{out}: psm2024.json, psm2024.md, psm2024.tex")
