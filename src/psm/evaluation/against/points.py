"""Points: places with a month and an hour, at which something was measured or is predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from psm.data.context import Context
from psm.data.recording import AUDIO_SOURCES, CAPTION_SOURCES
from psm.geodata.sphere import unit_vectors
from psm.mapping.moment import UNKNOWN, Sources


@dataclass(frozen=True, eq=False)
class Points:
    """N places, each with a month and an hour as far as they are known.

    Attributes:
        lat, lon: ``(n,)`` degrees.
        month: ``(n,)`` 1..12, NaN where unknown.
        hour: ``(n,)`` local hours in [0, 24), NaN where unknown.
    """

    lat: Float[np.ndarray, " n"]
    lon: Float[np.ndarray, " n"]
    month: Float[np.ndarray, " n"]
    hour: Float[np.ndarray, " n"]

    @classmethod
    def of(
        cls,
        *,
        lat: ArrayLike,
        lon: ArrayLike,
        month: ArrayLike | None = None,
        hour: ArrayLike | None = None,
    ) -> Self:
        """Points of anything that broadcasts to N; ``None`` and NaN are unknown.

        Args:
            lat, lon: degrees.
            month: 1..12.
            hour: local hours in [0, 24).

        Returns:
            The points, as float arrays of one length.

        Raises:
            InvalidContext: a value is out of range.
        """
        given = [np.nan if one is None else np.asarray(one, float) for one in (month, hour)]
        columns = np.broadcast_arrays(
            *(np.atleast_1d(np.asarray(one, float)) for one in (lat, lon, *given))
        )
        found = cls(*(np.array(column) for column in columns))
        found.context()
        return found

    def __len__(self) -> int:
        return len(self.lat)

    @property
    def vectors(self) -> Float[np.ndarray, "n 3"]:
        """The places as unit vectors."""
        return unit_vectors(lat=self.lat, lon=self.lon)

    def part(self, index: slice | Bool[np.ndarray, " n"] | Int[np.ndarray, " some"]) -> Self:
        """Some of the points.

        Args:
            index: a slice, a mask or numbers.

        Returns:
            The chosen ones, in the order of the index.
        """
        return type(self)(self.lat[index], self.lon[index], self.month[index], self.hour[index])

    def context(self, sources: Sources = UNKNOWN) -> Context:
        """As a model is told of them.

        Args:
            sources: archive and captions that it is told of; unknown by default.

        Returns:
            The context of n points.

        Raises:
            InvalidContext: a value is out of range.
        """
        audio, caption = sources
        return Context.of(
            lat=self.lat,
            lon=self.lon,
            month=self.month,
            hour=self.hour,
            audio_source=None if audio is None else AUDIO_SOURCES.index(audio),
            caption_source=None if caption is None else CAPTION_SOURCES.index(caption),
        )
