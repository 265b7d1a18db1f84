"""Imagery of the real world and of the simulated one, behind one small protocol.

``open_imagery`` opens what a text names; the classes below are what it opens. All of them are
:class:`Provider`, and a class of your own that is one too may stand wherever a provider is taken:

    imagery = open_imagery("scenes/*.tif")
    for seen in imagery.read(lat=lat, lon=lon, view=View(size_px=224, gsd_m=10.0)):
        print(seen.reason if isinstance(seen, NoImagery) else seen.pixels.shape)
"""

from psm.imagery.blue_marble import BlueMarble
from psm.imagery.maptiles import MapTiles
from psm.imagery.opening import is_simulated, open_imagery
from psm.imagery.provider import MonthRequired, NoImagery, Picture, Provider, Reason, View
from psm.imagery.rasters import Rasters
from psm.imagery.stac import Stac

__all__ = [
    "BlueMarble",
    "MapTiles",
    "MonthRequired",
    "NoImagery",
    "Picture",
    "Provider",
    "Rasters",
    "Reason",
    "Stac",
    "View",
    "is_simulated",
    "open_imagery",
]
