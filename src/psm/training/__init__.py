"""Training: ``train`` is the verb, the rest is how."""

from psm.training.dryrun import dry_run
from psm.training.run import train

__all__ = ["dry_run", "train"]
