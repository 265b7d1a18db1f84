"""The model: what it computes (``network``), and how it is kept (``stored``)."""

from psm.model.network import PSM

__all__ = ["PSM"]
