"""``psm serve``: the explorer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from psm.cli.options import AsLearnt, PrecisionOption, ServedModel


def serve(
    store: Annotated[
        list[str] | None,
        typer.Argument(help="Stores of `psm embed`; the whole Earth at 1° without any."),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(
            help="Folder of `psm measure fit`, or the name of a measure in runs/measures, that is "
            "offered as a map; may be given several times."
        ),
    ] = None,
    model: ServedModel = None,
    raw: AsLearnt = False,
    host: Annotated[str, typer.Option(help="0.0.0.0 to be reached from other machines.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port.", min=0, max=65535)] = 8000,
    key: Annotated[
        str | None,
        typer.Option(envvar="PSM_SERVE_KEY", help="Key that the API wants; none by default."),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(
            help="Origin of another site whose pages may ask; may be given several times."
        ),
    ] = None,
    base: Annotated[
        str, typer.Option(help="Base map: blue-marble, none, or a tile URL with {z}/{x}/{y}.")
    ] = "blue-marble",
    base_attribution: Annotated[
        str, typer.Option(help="What has to stand on the map for such a URL.")
    ] = "",
    vocabulary: Annotated[
        Path | None, typer.Option(help="A text file with a sound in each line, to suggest.")
    ] = None,
    captions: Annotated[
        str | None,
        typer.Option(
            help="A text file with a caption in each line, held against places; else the phrases "
            "that the model learnt from."
        ),
    ] = None,
    step: Annotated[float, typer.Option(help="Cell size of the embedded Earth, degrees.")] = 1.0,
    prepare: Annotated[
        bool, typer.Option(help="Make month and hour interactive, in the background.")
    ] = True,
    threads: Annotated[int | None, typer.Option(help="Of PyTorch; all cores.", min=1)] = None,
    memory: Annotated[
        int, typer.Option(help="Megabytes for answers; tiles take half as much again.", min=1)
    ] = 256,
    rate: Annotated[float, typer.Option(help="Requests a second and client.", min=0.1)] = 100.0,
    proxy: Annotated[
        str | None, typer.Option(help="Address of a proxy whose X-Forwarded-For is believed.")
    ] = None,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="A line of JSON for each request.")
    ] = False,
    precision: PrecisionOption = "auto",
) -> None:
    """Open the explorer: a map of sounds in the browser, and an HTTP API.

    `psm serve` shows the Earth at 1° as it comes with the package, any month and hour at once. For
    another model it is embedded first; it becomes interactive, as stores of your own do, once it is
    prepared in the background, minutes on idle cores and much longer on busy ones. Until then every
    new map takes seconds.

    `psm serve alps.zarr --model runs/alps --key secret --host 0.0.0.0`

    Beside sounds the page maps indicators of a soundscape, and with `--measure` numbers that
    somebody measured, each with its interval; where the next recorder would teach most, it says
    too. The globe that comes with a model answers sounds and indicators alone, a store all of it.

    `psm serve vienna.zarr --measure laeq_db`
    """
    from psm.server.running import run
    from psm.server.settings import Settings

    settings = Settings(
        stores=tuple(store or ()),
        model=model,
        raw=raw,
        measures=tuple(measure or ()),
        vocabulary=vocabulary,
        captions=captions,
        step_deg=step,
        prepare=prepare,
        key=key,
        cors=tuple(cors or ()),
        base=base,
        base_attribution=base_attribution,
        threads=threads,
        cache_mb=memory,
        rate_per_s=rate,
        burst=15.0 * rate,
        access_log=access_log,
    )
    run(settings, host=host, port=port, proxy=proxy, precision=precision)
