"""``psm import``: a published checkpoint becomes a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from psm.cli.options import AttentionHeads


def import_(
    checkpoint: Annotated[Path, typer.Argument(help="A published Lightning checkpoint (.ckpt).")],
    out: Annotated[Path, typer.Argument(help="Folder for the model.")],
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="Hub id or folder of the text tower's tokenizer; by default CLAP's, or the one "
            "beside --text-weights."
        ),
    ] = None,
    text_weights: Annotated[
        str,
        typer.Option(help="Sat2Sound: hub id or folder of the T5, which no checkpoint holds."),
    ] = "google/flan-t5-large",
    fields: Annotated[
        str | None,
        typer.Option(
            help="Sat2Sound: fields of the context to keep, as latlon,month, or none; by default "
            "those it was trained with."
        ),
    ] = None,
    imagery: Annotated[
        str | None,
        typer.Option(help="sentinel, bingmap or googleEarth, where the file does not say."),
    ] = None,
    view_px: Annotated[
        int | None,
        typer.Option(help="Pixels that a view is wide, where the file does not say.", min=1),
    ] = None,
    satellite_heads: AttentionHeads = None,
    text_heads: AttentionHeads = None,
) -> None:
    """Turn a published checkpoint into a model folder: safetensors and YAML.

    It may be one of PSM or of Sat2Sound, which its tensors tell. Nothing in the file is run, every
    tensor is accounted for, and the model answers as the published one does. Use it as any
    other: `psm map "frogs" --model OUT`.
    """
    from psm.published.checkpoint import import_checkpoint

    found = import_checkpoint(
        checkpoint,
        out,
        imagery=imagery,
        tokenizer=tokenizer,
        text_weights=text_weights,
        fields=None if fields is None else tuple(part.strip() for part in fields.split(",")),
        view_px=view_px,
        satellite_heads=satellite_heads,
        text_heads=text_heads,
    )
    for what, answer in found.describe().items():
        typer.echo(f"{what:10s} {answer}")
    typer.echo(f"{out}: ready for PSM.from_pretrained")
