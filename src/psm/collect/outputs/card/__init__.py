"""The data card: a README in the style of the hub, with a map and charts of what was collected."""

from psm.collect.outputs.card.writing import write

__all__ = ["write"]
