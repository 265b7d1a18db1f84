"""Training: :func:`train` makes a model of an experiment and shards, :func:`dry_run` what it takes.

Example:
    >>> from pathlib import Path
    >>> from psm.experiments import load_experiment
    >>> from psm.training import train
    >>> experiment = load_experiment("earth-tiny", {"training.epochs": 2})
    >>> model = train(experiment, Path("runs/earth"), Path("runs/model"))  # doctest: +SKIP
"""

from psm.training.dryrun import dry_run
from psm.training.run import train
from psm.training.starting import Start

__all__ = ["Start", "dry_run", "train"]
