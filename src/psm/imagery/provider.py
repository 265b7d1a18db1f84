"""The protocol of an imagery provider, and its answers: a picture, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32, UInt8

from psm.errors import ConfigError


@dataclass(frozen=True)
class View:
    """A view that is asked for: a square around a place, north up.

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
        features: of the place, where :mod:`psm.features` puts them beside the pixels.
    """

    pixels: UInt8[np.ndarray, "size size 3"]
    gsd_m: float
    features: Float32[np.ndarray, " numbers"] | None = None


class Reason(StrEnum):
    """Reasons for no picture of a place. The order is that of the codes in a store."""

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
    """There is no picture of a place; the cell stays without data, the job goes on.

    Attributes:
        reason: why.
        detail: about this one place.
        answer: what a server answered, alike for all that fail alike: ``HTTP 500``.
    """

    reason: Reason
    detail: str = ""
    answer: str = ""


class MonthRequired(ConfigError):
    """There is imagery of every month, none of the whole year, and no month was named."""


@runtime_checkable
class Provider(Protocol):
    """Provider of imagery. A new one is a class of this shape and a line of ``opening.py``.

    What an implementer must do: answer every place, in order, with a square of ``view.size_px``
    pixels, north up, centred on the place, ``view.gsd_m`` metres a pixel on the ground (or say its
    own ``gsd_m`` in the picture); tell in ``settings`` all that changes the pixels. Whatever comes
    as blocks of some projection gets its views from :mod:`psm.imagery.resampling`.

    It travels to other processes by pickle, so that files and connections are opened inside of
    :meth:`read`. Its constructor takes the text behind ``KIND:``, then ``month`` and whatever
    options it has by keyword; it raises :class:`MonthRequired` where it cannot do without a month.
    """

    is_simulated: ClassVar[bool]
    """Whether it shows the simulated Earth, whose sounds are known at every place."""

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
        """All that changes the pixels, ready for JSON; part of a store's fingerprint.

        ``provider`` is the kind, as in the table of ``opening.py``. Keys and tokens stay out.
        """
        ...

    @property
    def has_seasons(self) -> bool:
        """Whether the imagery of another month would show something else."""
        ...

    def read(
        self, *, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"], view: View
    ) -> Iterator[Picture | NoImagery]:
        """What is seen of each place, in the order of the places.

        A picture depends on its place alone, not on the places that were asked for with it. A
        place that cannot be shown is a :class:`NoImagery`; an error is what ends the whole job.

        Args:
            lat: degrees north, -90 to 90.
            lon: degrees east, -180 to 180.
            view: size and resolution, of all places alike.

        Returns:
            An iterator of as many answers as places, which may be read ahead of its consumer.

        Raises:
            ConfigError: no such view can be had of any place, or a key is not accepted.
        """
        ...
