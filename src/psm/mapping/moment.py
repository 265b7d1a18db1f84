"""Moments: a month, with one local hour everywhere or one instant of UTC."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float

from psm.data.context import Context
from psm.data.recording import AUDIO_SOURCES, CAPTION_SOURCES, AudioSource, CaptionSource
from psm.errors import ConfigError, InvalidContext

_Source = TypeVar("_Source", bound=StrEnum)


class Sources(NamedTuple):
    """The archive and the captions that a model is told of; ``None`` stays unknown to it."""

    audio: AudioSource | None = None
    caption: CaptionSource | None = None

    @classmethod
    def named(cls, audio: str | None = None, caption: str | None = None) -> Sources:
        """Of their names.

        Raises:
            ConfigError: a name is none.
        """
        return cls(
            source_named("audio source", audio, AudioSource),
            source_named("caption source", caption, CaptionSource),
        )


def source_named(name: str, value: str | None, known: type[_Source]) -> _Source | None:
    """The source that ``value`` names; ``name`` is for the error.

    Raises:
        ConfigError: it names none.
    """
    if value is None:
        return None
    try:
        return known(value)
    except ValueError:
        raise ConfigError(f"{name} {value!r}: choose one of {', '.join(known)}") from None


UNKNOWN = Sources()


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A time of year and day. What is ``None`` stays unknown to the model.

    Attributes:
        month: 1..12.
        hour: local mean solar time in [0, 24), the same in every cell.
        utc: hour of UTC in [0, 24); each cell has its own local hour, ``utc + lon / 15``.

    Raises:
        InvalidContext: a value is out of range, or both hours are given.
    """

    month: int | None = None
    hour: float | None = None
    utc: float | None = None

    def __post_init__(self) -> None:
        if self.month is not None and self.month not in range(1, 13):
            raise InvalidContext(f"month {self.month} is outside 1..12")
        for name, value in (("hour", self.hour), ("UTC hour", self.utc)):
            if value is not None and not 0.0 <= value < 24.0:
                raise InvalidContext(f"{name} {value:g} is outside [0, 24)")
        if self.hour is not None and self.utc is not None:
            raise InvalidContext("give a local hour or a UTC hour, not both")

    def local_hours(self, lon: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Local mean solar hour at each longitude, in [0, 24); NaN where unknown.

        Args:
            lon: ``(n,)`` degrees east.

        Returns:
            ``(n,)`` hours.
        """
        if self.utc is not None:
            hours = np.mod(self.utc + np.asarray(lon, float) / 15.0, 24.0)
            return np.where(hours < 24.0, hours, 0.0)  # mod may round up to 24 itself
        return np.full(len(lon), np.nan if self.hour is None else self.hour)

    def context(
        self,
        *,
        lat: Float[np.ndarray, " n"],
        lon: Float[np.ndarray, " n"],
        sources: Sources = UNKNOWN,
    ) -> Context:
        """The context of each place at this moment; sources not given stay unknown.

        Args:
            lat, lon: ``(n,)`` degrees.
            sources: archive and captions that the model is told of; unknown by default.

        Returns:
            The context of n places.

        Raises:
            InvalidContext: a place is none.
        """
        audio, caption = sources
        return Context.of(
            lat=lat,
            lon=lon,
            month=self.month,
            hour=self.local_hours(lon),
            audio_source=None if audio is None else AUDIO_SOURCES.index(audio),
            caption_source=None if caption is None else CAPTION_SOURCES.index(caption),
        )

    @property
    def month_name(self) -> str:
        """The month in words."""
        return "any month" if self.month is None else calendar.month_name[self.month]

    @property
    def time_name(self) -> str:
        """The time of day in words."""
        if self.utc is not None:
            return f"{clock(self.utc)} UTC"
        return "any hour" if self.hour is None else f"{clock(self.hour)} local time"

    def __str__(self) -> str:
        return f"{self.month_name} · {self.time_name}"


@dataclass(frozen=True, kw_only=True)
class Moments(Moment):
    """Moments of several maps together: what they have in common, and all of it in words."""

    label: str

    def __str__(self) -> str:
        return self.label


def clock(hour: float) -> str:
    """An hour as hh:mm."""
    minutes = round(hour * 60.0) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
