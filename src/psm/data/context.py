"""Context of recordings: place, month, hour and sources, each known or masked by itself.

What is unknown is marked invalid and never stands in for a value. How a network sees these numbers
is :mod:`psm.encoders.encoding`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike
from torch import Tensor

from psm.data.recording import AUDIO_SOURCES, CAPTION_SOURCES, Recording
from psm.errors import InvalidContext

CONTEXT_FIELDS = ("latlon", "month", "hour", "audio_source", "caption_source")


@dataclass(frozen=True)
class Context:
    """A batch of contexts.

    Attributes:
        latlon: latitude and longitude in degrees.
        month: 1..12.
        hour: local, [0, 24).
        audio_source: index in ``AUDIO_SOURCES``.
        caption_source: index in ``CAPTION_SOURCES``.
        valid: which of ``CONTEXT_FIELDS`` are known; the others hold 0.
    """

    latlon: Float[Tensor, "batch 2"]
    month: Float[Tensor, " batch"]
    hour: Float[Tensor, " batch"]
    audio_source: Int[Tensor, " batch"]
    caption_source: Int[Tensor, " batch"]
    valid: Bool[Tensor, "batch 5"]

    @classmethod
    def of(
        cls,
        *,
        lat: ArrayLike,
        lon: ArrayLike,
        month: ArrayLike | None = None,
        hour: ArrayLike | None = None,
        audio_source: ArrayLike | None = None,
        caption_source: ArrayLike | None = None,
    ) -> Context:
        """From places (degrees), months (1..12), local hours [0, 24) and source indices.

        Scalars stand for the whole batch; NaN or a source of -1 means unknown, as does ``None``.

        Raises:
            InvalidContext: a value is out of range.
        """
        lats = np.atleast_1d(np.asarray(lat, float))
        lons = np.atleast_1d(np.asarray(lon, float))
        size = max(len(lats), len(lons))
        lats, lons = _column(lats, size), _column(lons, size)
        months, hours = _column(month, size), _column(hour, size)
        _require("latitude", lats, -90.0, 90.0)
        _require("longitude", lons, -180.0, 180.0)
        _require("month", months, 1.0, 12.0)
        _require("hour", hours, 0.0, 24.0, open_end=True)
        audio = _source("audio source", audio_source, size, len(AUDIO_SOURCES))
        caption = _source("caption source", caption_source, size, len(CAPTION_SOURCES))
        place_known = np.isfinite(lats) & np.isfinite(lons)
        valid = np.stack(
            [place_known, np.isfinite(months), np.isfinite(hours), audio >= 0, caption >= 0], -1
        )
        return cls(
            latlon=_floats(np.where(place_known, [lats, lons], np.nan).T),
            month=_floats(months),
            hour=_floats(hours),
            audio_source=torch.from_numpy(audio.clip(min=0)),
            caption_source=torch.from_numpy(caption.clip(min=0)),
            valid=torch.from_numpy(valid),
        )

    @classmethod
    def of_recordings(cls, recordings: Sequence[Recording]) -> Context:
        """The full context of each recording."""
        return cls.of(
            lat=[r.lat for r in recordings],
            lon=[r.lon for r in recordings],
            month=[np.nan if r.month is None else r.month for r in recordings],
            hour=[np.nan if r.hour is None else r.hour for r in recordings],
            audio_source=[
                -1 if r.audio_source is None else AUDIO_SOURCES.index(r.audio_source)
                for r in recordings
            ],
            caption_source=[CAPTION_SOURCES.index(r.caption_source) for r in recordings],
        )

    def __len__(self) -> int:
        return len(self.valid)

    def rows(self, index: slice | Tensor) -> Context:
        """The contexts at ``index``."""
        return Context(
            self.latlon[index],
            self.month[index],
            self.hour[index],
            self.audio_source[index],
            self.caption_source[index],
            self.valid[index],
        )

    def only(self, *fields: str) -> Context:
        """The same with every field but ``fields`` masked.

        Raises:
            InvalidContext: a field is not one of ``CONTEXT_FIELDS``.
        """
        unknown = set(fields) - set(CONTEXT_FIELDS)
        if unknown:
            raise InvalidContext(
                f"unknown context field {sorted(unknown)[0]!r}: use {', '.join(CONTEXT_FIELDS)}"
            )
        kept = torch.tensor([field in fields for field in CONTEXT_FIELDS])
        return replace(self, valid=self.valid & kept.to(self.valid.device))

    def drop(
        self,
        *,
        field: float,
        everything: float,
        sources: float = 0.0,
        generator: torch.Generator | None = None,
        part: tuple[int, int] = (0, 1),
    ) -> Context:
        """Mask each field of a share ``field`` of the rows, and all fields of ``everything``.

        ``sources`` is the share whose two sources are masked together. ``part`` ``(i, n)`` says
        that these rows are the i-th of n equal parts of a batch: they drop what they would in it.
        """
        rows, fields = self.valid.shape
        number, parts = part
        own = slice(number * rows, (number + 1) * rows)
        kept = torch.rand((parts * rows, fields), generator=generator)[own] >= field
        kept &= torch.rand((parts * rows, 1), generator=generator)[own] >= everything
        kept[:, 3:] &= torch.rand((parts * rows, 1), generator=generator)[own] >= sources
        return replace(self, valid=self.valid & kept.to(self.valid.device))

    def to(self, device: torch.device | str) -> Context:
        """The same on another device."""
        return Context(
            self.latlon.to(device),
            self.month.to(device),
            self.hour.to(device),
            self.audio_source.to(device),
            self.caption_source.to(device),
            self.valid.to(device),
        )


def _column(values: ArrayLike | None, size: int) -> np.ndarray:
    if values is None:
        return np.full(size, np.nan)
    return np.broadcast_to(np.asarray(values, float), (size,)).copy()


def _source(name: str, values: ArrayLike | None, size: int, count: int) -> np.ndarray:
    if values is None:
        return np.full(size, -1, np.int64)
    indices = np.broadcast_to(np.asarray(values, np.int64), (size,)).copy()
    _require(name, indices.astype(float), -1, count - 1)
    return indices


def _require(
    name: str, values: np.ndarray, low: float, high: float, *, open_end: bool = False
) -> None:
    wrong = (values < low) | (values >= high if open_end else values > high)
    if wrong.any():
        bracket = ")" if open_end else "]"
        first = values[wrong][0]
        raise InvalidContext(f"{name} {first:g} is outside [{low:g}, {high:g}{bracket}")


def _floats(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.nan_to_num(values).astype(np.float32))
