"""``psm presets``: what can be trained by name."""

from __future__ import annotations

import typer


def list_presets() -> None:
    """List the presets that come with the package."""
    from psm.experiments import load_experiment, presets

    for name in presets():
        typer.echo(f"{name:24} {load_experiment(name).summary}")
