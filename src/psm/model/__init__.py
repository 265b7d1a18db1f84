"""The model: what it computes (``psm``), and how it is kept (``stored``)."""

from psm.model.psm import PSM

__all__ = ["PSM"]
