"""``psm adapt``: a trained model that learns somebody's own recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from psm.cli import options
from psm.cli.options import PRETRAINED, Seed


def adapt(
    data: Annotated[Path, typer.Argument(help="Folder of shards, as of `psm data import`.")],
    start: Annotated[
        str, typer.Option("--from", help="Model to begin with: a folder, a hub id, earth-small.")
    ] = PRETRAINED,
    out: Annotated[Path, typer.Option(help="Folder for the model and the report.")] = Path(
        "runs/adapted"
    ),
    learn: Annotated[
        Literal["auto", "heads", "last", "all"],
        typer.Option(
            help="What learns: heads and fusion, the last blocks too, or everything. auto: what so "
            "many recordings can teach, as folds of places show."
        ),
    ] = "auto",
    imagery: Annotated[
        str | None,
        typer.Option(
            "--imagery",
            help="For maps of the region in the report: blue-marble, a raster file or pattern, "
            "xyz:…, stac:…; Blue Marble by default where the model sees that.",
        ),
    ] = None,
    imagery_set: options.ImagerySet = None,
    features: options.FeaturesOption = None,
    features_set: options.FeaturesSet = None,
    seed: Seed = 0,
    resume: Annotated[bool, typer.Option(help="Go on after a kill.")] = True,
) -> None:
    """Adapt a trained model to your own recordings, and report whether it is any better.

    From a folder of recorders to maps, in three commands:

    `psm data import CARD runs/mine --deployments sites.csv --detections birdnet/ --imagery
    blue-marble --preset earth-small`

    `psm adapt runs/mine`

    `psm map "nightingale" --model runs/adapted --region "Vienna, 50km" --month 5 --hour 4`

    Sites are cut into groups; each is judged by a model that learnt from the others. What gains
    there is learnt from all recordings; where nothing gains, the model stays as it was. OUT
    receives the model with its calibration, `report.html` and `report.json`. 30 recordings at 3
    places are the least, 200 at a dozen places a good beginning. Run it again after a kill and it
    goes on.
    """
    from psm.adaptation import adapt as run
    from psm.adaptation import write_report
    from psm.adaptation.report import say
    from psm.earth.manifest import world_name
    from psm.features import seen_through
    from psm.imagery import open_imagery
    from psm.training import Start

    begin = Start.of(start)
    own = f"blue-marble:{world_name(data)}".rstrip(":") if begin.sees_blue_marble else None
    chosen, given = imagery or own, options.settings(imagery_set)
    seen = None if chosen is None else open_imagery(chosen, **given)
    given_features = options.open_named(features, features_set)
    if seen is not None or begin.model.satellite.kind == "features":
        seen = seen_through(begin.model, seen, given_features)
    learns = None if learn == "auto" else learn
    done = run(begin, data, out, learns=learns, seed=seed, resume=resume)
    say(done, write_report(done, seen))
