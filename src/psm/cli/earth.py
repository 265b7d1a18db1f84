"""``psm earth``: the simulated Earth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from psm.cli.options import Seed

earth_app = typer.Typer(no_args_is_help=True, help="The simulated Earth: build it, listen to it.")


@earth_app.command("build")
def earth_build(
    out: Annotated[Path, typer.Option(help="Folder for the shards.")] = Path("runs/earth"),
    recordings: Annotated[
        int | None,
        typer.Option(help="How many, all splits together; by default those of the preset.", min=1),
    ] = None,
    preset: Annotated[
        str, typer.Option(help="What is to be trained on it: its sound is framed for that.")
    ] = "earth-tiny",
    seed: Seed = 0,
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.")] = None,
    world: Annotated[
        str,
        typer.Option(help="Any word: a world by other rules, drawn from it; ours by default."),
    ] = "",
    region: Annotated[
        str | None,
        typer.Option(help="Recordings of it alone: a place, a circle, a bbox or a vector file."),
    ] = None,
) -> None:
    """Build the simulated Earth: recordings with tiles, captions and sound, in WebDataset shards.

    The same seed gives the same bytes. Safe to interrupt: shards that are there are kept.

    `psm earth build --world kepler --region 100,-10,125,8 --out runs/kepler`
    """
    from psm.extras import EARTH_MODULES, require_installed

    require_installed("demo", *EARTH_MODULES)
    from psm.earth.builder import EarthPlan, build_earth
    from psm.experiments import load_experiment

    experiment = load_experiment(preset)
    plan = EarthPlan(
        recordings=recordings or experiment.earth.recordings,
        seed=seed,
        audio=experiment.model.audio,
        world=world,
        region=_outline(region),
    )
    counts = build_earth(plan, out, workers=workers)
    typer.echo(f"{out}: " + ", ".join(f"{count} {split}" for split, count in counts.items()))


@earth_app.command("world")
def earth_world(
    name: Annotated[str, typer.Argument(help="Any word, as of `psm earth build --world`.")],
) -> None:
    """Say how a world differs from our Earth: what is heard where and when, how it looks.

    `psm earth world kepler`
    """
    from psm.extras import EARTH_MODULES, require_installed

    require_installed("demo", *EARTH_MODULES)
    from psm.earth.worlds import world_named

    for about, sentences in world_named(name).description.items():
        typer.echo("\n  ".join([about, *sentences]))


@earth_app.command("recaption")
def earth_recaption(
    data: Annotated[Path, typer.Option(help="Folder of a built Earth.")] = Path("runs/earth"),
    out: Annotated[Path, typer.Option(help="Another folder, for the copy.")] = Path(
        "runs/earth-held-out"
    ),
    without: Annotated[
        str | None,
        typer.Option(help="Sounds, with commas between; four of the 28 by default."),
    ] = None,
) -> None:
    """Copy an Earth with captions and labels that never name some sounds, to train on.

    Only the training and validation splits change. `psm evaluate --maps` on the copy reports the
    held-out sounds apart.
    """
    from psm.extras import EARTH_MODULES, require_installed

    require_installed("demo", *EARTH_MODULES)
    from psm.earth.recaption import HELD_OUT, recaption

    names = HELD_OUT if without is None else [name.strip() for name in without.split(",")]
    changed = recaption(data, out, names)
    typer.echo(f"{out}: {changed} recordings no longer named as {', '.join(names)}")


@earth_app.command("listen")
def earth_listen(
    lat: Annotated[float, typer.Argument(help="Latitude, degrees north.")],
    lon: Annotated[float, typer.Argument(help="Longitude, degrees east.")],
    month: Annotated[int, typer.Option(help="1..12")] = 6,
    hour: Annotated[float, typer.Option(help="Local solar time in [0, 24).")] = 6.0,
    out: Annotated[Path, typer.Option(help="WAV file to write.")] = Path("listen.wav"),
    seconds: Annotated[float, typer.Option(help="How long to stay.")] = 20.0,
    seed: Seed = 0,
    world: Annotated[str, typer.Option(help="Name of another world; ours by default.")] = "",
) -> None:
    """Render what a place sounds like at a month and an hour, and say what is likely there.

    `psm earth listen -33.9 18.4 --hour 6`
    """
    from psm.extras import EARTH_MODULES, require_installed

    require_installed("demo", *EARTH_MODULES)
    from psm.earth.listen import listen
    from psm.earth.worlds import world_named

    place = listen(
        lat=lat, lon=lon, month=month, hour=hour, duration_s=seconds, seed=seed,
        world=world_named(world),
    )  # fmt: skip
    place.write(out)
    for sound, chance in list(place.probability.items())[:8]:
        typer.echo(f"{chance:5.0%}  {sound}")
    scenes = " | ".join(", ".join(sounds) for sounds in place.heard)
    typer.echo(f"{out}: {seconds:g} s of {scenes}")


def _outline(region: str | None) -> str:
    """A region as WKT; empty where there is none."""
    if region is None:
        return ""
    import shapely

    from psm.mapping.region import Region

    return str(shapely.to_wkt(Region.parse(region).geometry, rounding_precision=6))
