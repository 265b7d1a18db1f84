"""Arrays on disk: views and log-mel windows that are read from their shards, row by row.

They are indexed as the arrays in memory are, as far as training and evaluation do.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float16, Float32, UInt8

from psm.data.members import FEATURES, MEL, TILE, view_name
from psm.data.tars import MemberIndex
from psm.data.views import decode_image, view_of_tile
from psm.errors import CorruptRecording, CorruptShard

_EXPONENT = np.uint16(0x7C00)
"""Bits of a float16 that are all set in NaN and infinity: many times faster than isfinite."""

Index = int | np.integer[Any] | slice | np.ndarray


@dataclass(frozen=True)
class ViewsOnDisk:
    """The views of one zoom, ``(n, view_px, view_px, 3)``, cut from the tile where none are stored.

    Attributes:
        members: of the split.
        zoom: of the views.
        view_px: their side.
    """

    members: MemberIndex
    zoom: int
    view_px: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape, as of a numpy array."""
        return len(self), self.view_px, self.view_px, 3

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, index: Index) -> UInt8[np.ndarray, "*rows size size 3"]:
        return _rows(index, len(self), self.read, self.shape[1:], np.uint8)

    def read(self, row: int) -> UInt8[np.ndarray, "size size 3"]:
        """The view of one recording.

        Raises:
            CorruptShard: it cannot be read.
        """
        return read_views(self.members, row, (self.zoom,), self.view_px)[0]


def read_views(
    members: MemberIndex, row: int, zooms: Sequence[int], view_px: int
) -> list[UInt8[np.ndarray, "size size 3"]]:
    """The views of one recording, those that are not stored cut from its tile, decoded once.

    Raises:
        CorruptShard: one cannot be read.
        ConfigError: the tile is too small for a zoom.
    """
    tile: np.ndarray | None = None
    views = []
    for zoom in zooms:
        name = view_name(zoom, view_px)
        if members.has(name, row):
            view = _decode(members, row, name)
            if view.shape != (view_px, view_px, 3):
                raise CorruptShard(f"{members.where(row)}: {name} is of another size than it says")
        else:
            tile = _decode(members, row, TILE) if tile is None else tile
            view = view_of_tile(tile, zoom=zoom, size=view_px)
        views.append(view)
    return views


def _decode(members: MemberIndex, row: int, suffix: str) -> UInt8[np.ndarray, "height width 3"]:
    (data,) = members.read(row, suffix)
    try:
        return decode_image(data, suffix)
    except CorruptRecording as problem:
        raise CorruptShard(f"{members.where(row)}: {problem}") from None


@dataclass(frozen=True)
class MelsOnDisk:
    """Log-mel windows, ``(n, windows, frames, bands)``: as many a row as the longest recording has.

    A shorter recording's windows are repeated in their order. ``mels[row, start:stop]`` reads those
    windows and no others.

    Raises:
        CorruptShard: a recording has none, or the first is not what it should be.
        CorruptRecording: the log-mels do not have one size of window.
    """

    members: MemberIndex

    def __post_init__(self) -> None:
        wrong = np.flatnonzero((self._bytes % self._window_bytes != 0) | (self._bytes <= 0))
        if wrong.size:
            raise CorruptRecording(
                f"{self.members.where(int(wrong[0]))}: its log-mel has windows of another size "
                f"than the {self.shape[-2]} x {self.shape[-1]} of the first recording"
            )

    @cached_property
    def _window(self) -> tuple[int, int, int]:
        """Bytes of the header, frames and bands, which are those of the first recording."""
        sizes = self.members.sizes(MEL)
        (data,) = self.members.read(0, MEL, (0, min(int(sizes[0]), 4096)))
        stream = io.BytesIO(data)
        try:
            if np.lib.format.read_magic(stream) != (1, 0):
                raise ValueError("an unusual version of the format")
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
            if len(shape) != 3 or dtype != np.float16 or 0 in shape:
                raise ValueError("not float16 windows x frames x bands")
        except (ValueError, struct.error) as problem:
            reason = str(problem).splitlines()[0]
            raise CorruptShard(f"{self.members.where(0)}: {MEL}: {reason}") from None
        return stream.tell(), shape[1], shape[2]

    @cached_property
    def _bytes(self) -> np.ndarray:
        return self.members.sizes(MEL) - self._window[0]

    @cached_property
    def _window_bytes(self) -> int:
        return 2 * self._window[1] * self._window[2]

    @cached_property
    def counts(self) -> np.ndarray:
        """Windows of each recording."""
        return self._bytes // self._window_bytes

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape, as of a numpy array."""
        return len(self), int(self.counts.max()), *self._window[1:]

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(
        self, index: Index | tuple[Index, slice]
    ) -> Float16[np.ndarray, "*rows windows frames bands"]:
        rows, windows = index if isinstance(index, tuple) else (index, slice(None))
        wanted = range(self.shape[1])[windows]
        shape = (len(wanted), *self.shape[2:])
        return _rows(rows, len(self), lambda row: self.read(row, wanted), shape, np.float16)

    def read(self, row: int, windows: range) -> Float16[np.ndarray, "windows frames bands"]:
        """Some windows of one recording.

        Raises:
            CorruptShard: they cannot be read, or are not finite.
        """
        (start, frames, bands), size = self._window, self._window_bytes
        count = int(self.counts[row])
        within = [window % count for window in windows]
        spans = [(start + window * size, start + (window + 1) * size) for window in within]
        if within == list(range(within[0], within[0] + len(within))):
            spans = [(spans[0][0], spans[-1][1])]  # one stretch, read at once
        head, *parts = self.members.read(row, MEL, (0, start), *spans)
        if head != _header(count, frames, bands, start):
            raise CorruptShard(
                f"{self.members.where(row)}: {MEL} is not float16, {count} x {frames} x {bands}"
            )
        mel = np.frombuffer(b"".join(parts), np.float16).reshape(len(within), frames, bands)
        if ((mel.view(np.uint16) & _EXPONENT) == _EXPONENT).any():
            raise CorruptShard(f"{self.members.where(row)}: {MEL} holds NaN or infinite values")
        return mel


@dataclass(frozen=True)
class FeaturesOnDisk:
    """Features of places that somebody else computed, ``(n, numbers)``; NaN where there are none.

    Attributes:
        members: of the split, of which one recording has them at least.
    """

    members: MemberIndex

    @classmethod
    def of(cls, members: MemberIndex) -> FeaturesOnDisk | None:
        """Those of a split; ``None`` where no recording has any."""
        has_some = FEATURES in members.spans and (members.spans[FEATURES][:, 0] >= 0).any()
        return cls(members) if has_some else None

    @cached_property
    def _size(self) -> int:
        first = int(np.flatnonzero(self.members.spans[FEATURES][:, 0] >= 0)[0])
        return len(parse_features(self.members.read(first, FEATURES)[0], self.members.where(first)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape, as of a numpy array."""
        return len(self), self._size

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, index: Index) -> Float32[np.ndarray, "*rows numbers"]:
        return _rows(index, len(self), self.read, self.shape[1:], np.float32)

    def read(self, row: int) -> Float32[np.ndarray, " numbers"]:
        """The numbers of one place.

        Raises:
            CorruptShard: they cannot be read, or are more or fewer than those of the first.
        """
        if not self.members.has(FEATURES, row):
            return np.full(self._size, np.nan, np.float32)
        where = self.members.where(row)
        found = parse_features(self.members.read(row, FEATURES)[0], where)
        if len(found) != self._size:
            raise CorruptShard(
                f"{where}: {FEATURES} has {len(found)} numbers, others {self._size}; write them "
                "anew with `psm data features`"
            )
        return found


def parse_features(data: bytes, where: str) -> Float32[np.ndarray, " numbers"]:
    """The numbers of one place.

    Raises:
        CorruptShard: they are not finite float32 numbers in a row.
    """
    try:
        vector: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise CorruptShard(f"{where}: {FEATURES}: {reason}") from None
    if vector.ndim != 1 or vector.dtype != np.float32 or not np.isfinite(vector).all():
        raise CorruptShard(f"{where}: {FEATURES} is not a row of finite float32 numbers")
    return vector


def _header(windows: int, frames: int, bands: int, size: int) -> bytes:
    """Header of the ``.npy`` file of such an array, to compare with without parsing."""
    stream = io.BytesIO()
    about = {"descr": "<f2", "fortran_order": False, "shape": (windows, frames, bands)}
    np.lib.format.write_array_header_1_0(stream, about)
    return stream.getvalue().ljust(size)


def _rows(
    index: Index,
    size: int,
    read: Callable[[int], np.ndarray],
    shape: tuple[int, ...],
    dtype: type,
) -> np.ndarray:
    """Index rows as numpy would, each read by ``read``."""
    if isinstance(index, int | np.integer):
        return read(range(size)[int(index)])
    rows = np.arange(size)[index]
    found: np.ndarray = np.empty((len(rows), *shape), dtype)
    for place, row in enumerate(rows.tolist()):
        found[place] = read(row)
    return found
