"""The protocol of a provider of features, and its answers: a vector, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32

from psm.imagery.provider import NoImagery

Vector: TypeAlias = Float32[np.ndarray, " numbers"]
"""Features of one place, finite."""


@runtime_checkable
class FeatureProvider(Protocol):
    """Provider of features of places that somebody else computed, or a function of where they are.

    The sister of :class:`psm.imagery.Provider`: it answers every place, in order, with a vector or
    with the reason for none, and tells in ``settings`` all that changes the vectors. It travels to
    other processes by pickle, so that files are opened inside of :meth:`read`. A new one is a class
    of this shape and a line of ``opening.py``; its constructor takes the text behind ``KIND:``, if
    it needs any, then its options by keyword.
    """

    is_simulated: ClassVar[bool]
    """Whether it is of the simulated Earth."""

    @property
    def name(self) -> str:
        """The kind, as ``aef``; what a model's settings call it."""
        ...

    @property
    def version(self) -> str:
        """Of the features, where there are several that must not be mixed; else empty."""
        ...

    @property
    def size(self) -> int:
        """Numbers a place."""
        ...

    @property
    def attribution(self) -> str:
        """Whose data, in the words that they ask for."""
        ...

    @property
    def licence(self) -> str:
        """SPDX name, or the terms in words."""
        ...

    @property
    def settings(self) -> Mapping[str, object]:
        """All that changes the vectors, ready for JSON; ``provider`` is the kind."""
        ...

    @property
    def has_seasons(self) -> bool:
        """Whether features of another month would say something else."""
        ...

    @property
    def year(self) -> int | None:
        """That the features are of; ``None`` where they are of none, or it is not known."""
        ...

    def read(
        self, *, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"]
    ) -> Iterator[Vector | NoImagery]:
        """What is known of each place, in the order of the places.

        Args:
            lat: degrees north, -90 to 90.
            lon: degrees east, -180 to 180.

        Returns:
            An iterator of as many answers as places.

        Raises:
            ConfigError: the files are not what they should be.
        """
        ...


def vectors(
    provider: FeatureProvider, *, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"]
) -> Float32[np.ndarray, "n numbers"]:
    """Features of many places as one array; rows of NaN where there are none.

    Args:
        provider: of the features.
        lat, lon: degrees.
    """
    found = np.full((len(lat), provider.size), np.nan, np.float32)
    for row, answer in enumerate(provider.read(lat=lat, lon=lon)):
        if not isinstance(answer, NoImagery):
            found[row] = answer
    return found
