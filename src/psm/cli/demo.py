"""``psm demo``: the main job, from a simulated Earth to a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from psm.cli.options import Overrides, Preset, Seed, settings


def demo(
    out: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("runs/demo"),
    preset: Preset = "earth-tiny",
    seed: Seed = 0,
    override: Overrides = None,
) -> None:
    """Build an Earth, train on it, evaluate, map six queries, write a report.

    Safe to interrupt: the same command goes on where it stopped. The result is `OUT/report.html`.
    """
    from psm.extras import EARTH_MODULES, require_installed

    require_installed("demo", "lightning", "tensorboard", *EARTH_MODULES)
    from psm.demo import run_demo
    from psm.experiments import load_experiment
    from psm.training.corpora import require_weights

    require_weights(load_experiment(preset, settings(override)).model)
    run_demo(out, preset=preset, seed=seed, overrides=settings(override))
