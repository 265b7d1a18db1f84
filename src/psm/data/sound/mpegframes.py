"""Counts the frames of an MP3: only they say how long it is.

An MP3 is frames one after another. One may stand in front that says how many follow (Xing, Info, or
VBRI); where none does, libsndfile and others guess from the first ones, which is wrong by any
factor for a variable bitrate, and where files were joined it counts the first of them alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

from psm.data.sound.media import Media
from psm.data.sound.splice import Part, Splice
from psm.data.untrusted import is_cut_short
from psm.errors import UnusableSound

_RATES_HZ = (44_100, 48_000, 32_000)
_V1, _V2, _V25 = 3, 2, 0
_LAYER_1, _LAYER_2, LAYER_3 = 3, 2, 1
_KBIT: dict[tuple[bool, int], tuple[int, ...]] = {
    (True, _LAYER_1): (0, *range(32, 449, 32)),
    (True, _LAYER_2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, LAYER_3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, _LAYER_1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, _LAYER_2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, LAYER_3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_DELAY = 529  # samples that a decoder takes off the beginning of what a Xing frame precedes
_MOST_BYTES = 2**30


@dataclass(frozen=True)
class _Frame:
    """The header of a frame.

    Attributes:
        version, layer: of MPEG, as coded.
        size: bytes.
        samples, rate_hz: of the sound in it.
        is_mono: else there are two channels.
    """

    version: int
    layer: int
    size: int
    samples: int
    rate_hz: int
    is_mono: bool

    @property
    def kin(self) -> tuple[int, int, int]:
        """What all frames of a file have alike."""
        return self.version, self.layer, self.rate_hz

    @property
    def xing_at(self) -> int:
        """Where a Xing header stands in a frame."""
        if self.version == _V1:
            return 4 + (17 if self.is_mono else 32)
        return 4 + (9 if self.is_mono else 17)


@dataclass(frozen=True)
class CountedMP3:
    """The frames of an MP3.

    Attributes:
        first: header of the first frame.
        frames: with sound in them.
        said: by the frame that stands in front; ``None`` without one, 0 where it does not tell.
        delay: samples that an encoder put before the sound, by that frame.
        ranges: bytes of them, one range after another.
    """

    first: bytes
    frames: int
    said: int | None
    delay: int
    ranges: tuple[tuple[int, int], ...]

    @property
    def samples(self) -> int:
        """Of all frames."""
        return self.frames * self.frame.samples

    @property
    def frame(self) -> _Frame:
        """What the first header says."""
        frame = _frame(self.first)
        assert frame is not None
        return frame

    def is_read_whole(self, samples: int) -> bool:
        """Whether a decoder that promises so many samples reads all frames."""
        if self.said:
            return abs(self.said - self.frames) <= 1
        return self.said is None and 0 <= samples - self.samples <= 2 * self.frame.samples

    def require_whole(self) -> None:
        """Refuse an MP3 that has fewer frames than it says.

        Raises:
            UnusableSound: it is cut short.
        """
        frame_s = self.frame.samples / self.frame.rate_hz
        found_s, said_s = self.frames * frame_s, (self.said or 0) * frame_s
        if is_cut_short(found_s=found_s, said_s=said_s):
            raise UnusableSound(
                "cut short", detail=f"{found_s:.1f} s of {said_s:.1f} s",
                fix="export the recording again",
            )  # fmt: skip


def count(media: Media) -> CountedMP3 | None:
    """Count the frames of an MP3; ``None`` where it has none whose length can be told."""
    if media.size > _MOST_BYTES:
        return None
    data = media.bytes(0, media.size)
    at = _next(data, _behind_tag(data, 0), None)
    frame = _frame(data[at : at + 4])
    if frame is None:
        return None
    first, kin, frames, delay = data[at : at + 4], frame.kin, 0, 0
    said: int | None = None
    ranges: list[tuple[int, int]] = []
    begin = at
    while True:
        frame = _frame(data[at : at + 4])
        if frame is None or frame.kin != kin or at + frame.size > len(data):
            ranges.append((begin, at))
            at = begin = _next(data, _behind_tag(data, at), kin)
            if at >= len(data):
                break
            continue
        told = _told(data, at, frame)
        if told is None:
            frames += 1
        else:  # it holds no sound
            ranges.append((begin, at))
            begin = at + frame.size
            if frames == 0 and said is None:
                said, delay = told, _delay(data, at, frame)
        at += frame.size
    return CountedMP3(
        first, frames, said, delay, tuple(part for part in ranges if part[0] < part[1])
    )


def counted(media: Media, found: CountedMP3) -> tuple[Splice, int]:
    """The MP3 with a frame in front that says how long it is, and how much to leave off then.

    A silent frame follows that one: a decoder takes 529 samples off what comes after it.
    """
    frame, head = found.frame, bytearray(found.first)
    head[1] |= 1  # no checksum
    head[2] = 14 << 4 | head[2] & 0x0C  # the largest frame of that rate
    largest = _frame(bytes(head))
    assert largest is not None
    silent = bytes(head).ljust(largest.size, b"\0")
    says = bytes(head).ljust(frame.xing_at, b"\0") + b"Xing"
    says += struct.pack(">II", 1, found.frames + 1)
    parts: list[Part] = [says.ljust(largest.size, b"\0"), silent, *found.ranges]
    return Splice(media.file, *parts), frame.samples - _DELAY + found.delay


@lru_cache(maxsize=4096)  # few of them differ
def _frame(head: bytes) -> _Frame | None:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    rate, kbit = head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or layer == 0 or rate == 3 or kbit in (0, 15):
        return None
    is_v1 = version == _V1
    rate_hz = _RATES_HZ[rate] >> {_V1: 0, _V2: 1, _V25: 2}[version]
    bits = 1000 * _KBIT[is_v1, layer][kbit]
    padding = head[2] >> 1 & 1
    if layer == _LAYER_1:
        samples, size = 384, (12 * bits // rate_hz + padding) * 4
    else:
        samples = 576 if layer == LAYER_3 and not is_v1 else 1152
        size = samples // 8 * bits // rate_hz + padding
    return _Frame(version, layer, size, samples, rate_hz, head[3] >> 6 == 3) if size > 4 else None


def _told(data: bytes, at: int, frame: _Frame) -> int | None:
    """How many frames a frame says that there are, 0 if not that; ``None`` of one with sound."""
    if frame.layer != LAYER_3:
        return None
    for place in (at + frame.xing_at, at + frame.xing_at + 2):  # behind a checksum
        if data[place : place + 4] in (b"Xing", b"Info"):
            flags, frames = struct.unpack(">II", data[place + 4 : place + 12].ljust(8, b"\0"))
            return int(frames) if flags & 1 else 0
    if data[at + 36 : at + 40] == b"VBRI":
        return 0  # libsndfile does not read it
    return None


def _delay(data: bytes, at: int, frame: _Frame) -> int:
    """Samples before the sound, as encoders note them behind a Xing header."""
    note = data[at + frame.xing_at + 120 : at + frame.xing_at + 144]
    if len(note) < 24 or note[:4] not in (b"LAME", b"Lavc", b"Lavf", b"GOGO"):
        return 0
    return (note[21] << 4 | note[22] >> 4) + _DELAY


def _next(data: bytes, at: int, kin: tuple[int, int, int] | None) -> int:
    """Where the next frame begins that another follows, or the end."""
    while (at := data.find(b"\xff", at)) >= 0:
        frame = _frame(data[at : at + 4])
        if frame is not None and kin in (None, frame.kin):
            after = at + frame.size
            following = _frame(data[after : after + 4])
            if (following is not None and following.kin == frame.kin) or after == len(data):
                return at
        at += 1
    return len(data)


def _behind_tag(data: bytes, at: int) -> int:
    """Behind a tag that begins there, or there."""
    while data[at : at + 3] == b"ID3":
        sizes = data[at + 6 : at + 10]
        if len(sizes) < 4 or max(sizes) > 127:
            break
        at += 10
        at += sum(byte << shift for byte, shift in zip(sizes, (21, 14, 7, 0), strict=True))
    return at
