"""Imagery of the real world and of the simulated one, behind one small protocol."""

from psm.imagery.blue_marble import BlueMarble
from psm.imagery.opening import is_simulated, open_imagery
from psm.imagery.provider import MonthRequired, NoImagery, Picture, Provider, Reason, View

__all__ = [
    "BlueMarble",
    "MonthRequired",
    "NoImagery",
    "Picture",
    "Provider",
    "Reason",
    "View",
    "is_simulated",
    "open_imagery",
]
