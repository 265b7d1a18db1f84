"""Training: ``train`` is the verb, the rest is how."""

from psm.training.run import train

__all__ = ["train"]
