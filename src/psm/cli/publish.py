"""``psm publish``: the explorer as a folder of plain files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from psm.cli.options import AsLearnt, PrecisionOption, ServedModel


def publish(
    out: Annotated[Path, typer.Option(help="Folder; a page published before is replaced.")],
    store: Annotated[
        list[str] | None,
        typer.Argument(help="Stores of `psm prepare`; the globe of the model without any."),
    ] = None,
    model: ServedModel = None,
    raw: AsLearnt = False,
    phrases: Annotated[
        Path | None,
        typer.Option(help="A text file with a sound in each line, which the page can be asked."),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Title of the page.")] = None,
    precision: PrecisionOption = "auto",
) -> None:
    """Write the explorer with its stores as files: any web server shows them, offline too.

    The page draws its maps itself. It can be asked the phrases of a table, and finds the nearest
    one to what is typed. The stores must be prepared, and small enough for a browser: the globe at
    1° is. Measures, indicators and plans take a server, `psm serve`: a folder has none of them.

    `psm publish --out site`, or of a store of your own `psm publish earth.zarr --out site`
    """
    from psm.server import Settings, open_state
    from psm.server.publishing import folder

    folder.require_replaceable(out)
    settings = Settings(
        stores=tuple(store or ()), model=model, raw=raw, vocabulary=phrases, prepare=False
    )
    state = open_state(settings, precision=precision)
    made = folder.publish(state, out, title=title)
    typer.echo(f"{out}: {made.phrases} phrases, {made.size_bytes / 1e6:.1f} MB")
    typer.echo(f"to see it: python -m http.server --bind 127.0.0.1 --directory {out} 8000")
