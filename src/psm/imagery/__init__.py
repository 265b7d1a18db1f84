"""Imagery of the real world and of the simulated one, behind one small protocol."""

from psm.imagery.blue_marble import BlueMarble
from psm.imagery.opening import open_imagery
from psm.imagery.provider import NoImagery, Picture, Provider, Reason, View

__all__ = ["BlueMarble", "NoImagery", "Picture", "Provider", "Reason", "View", "open_imagery"]
