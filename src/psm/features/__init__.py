"""Features of places that somebody else computed, as another way of seeing than pixels.

``open_features`` opens what a text names; all of it implements :class:`FeatureProvider`::

    features = open_features("place")
    for answer in features.read(lat=lat, lon=lon):
        ...  # a vector of features.size numbers, or the reason for none
"""

from psm.features.alphaearth import AlphaEarth
from psm.features.beside import SeenWithFeatures, require_alike, seen_through
from psm.features.earthlayers import EarthLayers
from psm.features.geoclip import GeoClip
from psm.features.majortom import MajorTom
from psm.features.opening import computed, open_features
from psm.features.owntable import OwnTable
from psm.features.place import Place
from psm.features.provider import FeatureProvider, Vector, vectors
from psm.features.tessera import Tessera

__all__ = [
    "AlphaEarth",
    "EarthLayers",
    "FeatureProvider",
    "GeoClip",
    "MajorTom",
    "OwnTable",
    "Place",
    "SeenWithFeatures",
    "Tessera",
    "Vector",
    "computed",
    "open_features",
    "require_alike",
    "seen_through",
    "vectors",
]
