"""What a source of imagery is: pictures of places, whose they are, and why one is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8


@dataclass(frozen=True)
class View:
    """What the encoder is to see of a place: a square around it, north up.

    Attributes:
        size_px: rows and columns.
        gsd_m: metres of ground that a pixel covers, in both directions, at the place itself.
    """

    size_px: int
    gsd_m: float

    @property
    def side_m(self) -> float:
        """Metres from edge to edge."""
        return self.size_px * self.gsd_m


@dataclass(frozen=True, eq=False)
class Picture:
    """A view of one place.

    Attributes:
        pixels: RGB.
        gsd_m: metres of ground that a pixel covers; that of the view, unless the provider could
            not give it.
    """

    pixels: UInt8[np.ndarray, "size size 3"]
    gsd_m: float


class Reason(StrEnum):
    """Why there is no picture of a place. The order is that of the codes in a store."""

    OUTSIDE = "outside of the imagery"
    NO_DATA = "no data in the imagery"
    CLOUD = "clouds"
    FAILED = "not answered"
    UNREADABLE = "not a readable image"

    @property
    def is_passing(self) -> bool:
        """Whether asking again may help."""
        return self is Reason.FAILED


@dataclass(frozen=True)
class NoImagery:
    """There is no picture of a place; the cell stays without data, the job goes on."""

    reason: Reason
    detail: str = ""


@runtime_checkable
class Provider(Protocol):
    """A source of imagery. It can be pickled, and opens what it reads inside of :meth:`read`."""

    @property
    def name(self) -> str:
        """For people, as ``blue-marble``."""
        ...

    @property
    def attribution(self) -> str:
        """Whose data, as it has to stand on a map."""
        ...

    @property
    def licence(self) -> str:
        """SPDX name, or the terms in words."""
        ...

    @property
    def settings(self) -> Mapping[str, object]:
        """All that changes the pixels, ready for JSON; part of a store's fingerprint. No keys."""
        ...

    def read(
        self, *, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"], view: View
    ) -> Iterator[Picture | NoImagery]:
        """What is seen of each place, in the order of the places.

        A picture depends on its place alone, not on the places that were asked for with it. A
        place that cannot be shown is a :class:`NoImagery`; an error is what ends the whole job.
        """
        ...
