"""``psm train``: a model of one's own, from shards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from psm.cli.options import EARTH, Data, Overrides, Seed, settings


def train(
    preset: Annotated[
        str | None,
        typer.Option(
            help="A preset, or a YAML file; earth-tiny, or with --from the model's own recipe."
        ),
    ] = None,
    data: Data = EARTH,
    out: Annotated[Path, typer.Option(help="Folder for the model.")] = Path("runs/model"),
    start: Annotated[
        str | None,
        typer.Option(
            "--from", help="Begin with a trained model: a folder, a hub id, or earth-small."
        ),
    ] = None,
    seed: Seed = 0,
    override: Overrides = None,
    resume: Annotated[bool, typer.Option(help="Go on after a kill.")] = True,
    devices: Annotated[
        str, typer.Option(help="How many, a process on each; auto: all GPUs, or one process.")
    ] = "auto",
    accelerator: Annotated[str, typer.Option(help="auto, gpu or cpu.")] = "auto",
    hold_out: Annotated[
        str | None,
        typer.Option(help="Learn nothing from a region: a bbox, a vector file, a place, a circle."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count, run a step of each phase, write nothing.")
    ] = False,
) -> None:
    """Train a model on shards; run it again after a kill and it resumes.

    Writes `config.yaml`, `model.safetensors`, `log.jsonl` and TensorBoard events into OUT.

    A model of published size on a small GPU: `--set training.micro_batch=16` embeds so many rows
    at once, with the whole batch as negatives all the same; `--set
    training.checkpoint_activations=true` computes layers again rather than keep them. `--dry-run`
    says what it takes, on made-up recordings where DATA has none. Without the hub, `--set
    model.audio_tower.weights=null --set model.text_tower.weights=null` starts CLAP from random
    ones.

    `--from earth-small` begins with the weights of that model, all of them, and takes its settings;
    loss and recipe are its own too, or those of `--preset`. A lower rate keeps more of what it
    knows: `--set training.learning_rate=1e-4 --set training.epochs=5`. The new folder says what
    both learnt from.

    `--hold-out=-82,-56,-34,13` leaves out every recording, of train and val, whose tile shows some
    of South America: what the model says there, it says of a continent that it never saw. The
    region is kept in `config.yaml`, and `psm calibrate` leaves it out too.
    """
    from psm.experiments import load_experiment
    from psm.progress import console
    from psm.training import Start
    from psm.training import dry_run as try_out
    from psm.training import train as run

    changes = settings(override)
    if hold_out is not None:
        import shapely

        from psm.mapping.region import Region

        changes["training.hold_out"] = shapely.to_wkt(Region.parse(hold_out).geometry)
    begin = None if start is None else Start.of(start)
    if begin is None:
        experiment = load_experiment(preset or "earth-tiny", changes)
    else:
        experiment = begin.experiment(preset, changes)
    machine = {"accelerator": accelerator, "devices": devices}
    if dry_run:
        for line in try_out(experiment, data, seed=seed, start=begin, **machine):
            typer.echo(line)
        return
    run(experiment, data, out, seed=seed, start=begin, resume=resume, **machine)
    if not console().quiet:  # as it is in all processes but the first
        typer.echo(f"{out}: trained; measure it with: psm evaluate --model {out} --data {data}")
