"""Features of the place alone: Fourier features of the unit vector on the sphere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from psm.features.provider import Vector
from psm.geodata.sphere import unit_vectors
from psm.imagery.provider import NoImagery
from psm.seeding import generator

_SCALES = (0.5, 1.5, 4.5)
"""Standard deviations of the frequencies, turns an Earth radius: waves of some 7,000, 2,500 and
800 km. Climates are as wide; what is finer, 10,000 recordings do not teach."""
_WAVES = 32
"""Directions of each scale."""


class Place:
    """Where it is, and nothing else: no file, no picture, every place on Earth.

    The unit vector on the sphere has no seam at 180° and two different poles. Its Fourier features
    are sines and cosines of waves in random directions, of three scales (Tancik et al. 2020,
    Fourier features let networks learn high frequency functions in low dimensional domains).
    """

    name = "place"
    version = "1"
    size = 3 + 2 * _WAVES * len(_SCALES)
    attribution = ""
    licence = ""
    has_seasons = False
    year = None
    is_simulated: ClassVar[bool] = False

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
        """
        unit = unit_vectors(lat=lat, lon=lon)
        phase = 2.0 * np.pi * unit @ _frequencies().T
        yield from np.concatenate([unit, np.sin(phase), np.cos(phase)], 1).astype(np.float32)


@cache
def _frequencies() -> Float[np.ndarray, "waves 3"]:
    """Wave vectors, turns an Earth radius; the same in every process, for ever."""
    drawn = generator(0, "waves of a place").standard_normal((len(_SCALES), _WAVES, 3))
    return np.concatenate([scale * some for scale, some in zip(_SCALES, drawn, strict=True)])
