"""The length of a FLAC by its last frame, where its header leaves it out or says less."""

from __future__ import annotations

from psm.data.sound.media import Media
from psm.data.sound.splice import Splice
from psm.errors import UnusableSound

_STREAMINFO = b"\0\0\0\x22"
_HEAD = 42  # the mark and the first block of metadata
_TOTAL = 2**36 - 1
_TAIL = 1 << 21
"""Bytes from the end in which the last frame begins: 65,535 samples of eight channels at most."""

_BLOCKS = {1: 192, **{n: 576 << n - 2 for n in range(2, 6)}, **{n: 1 << n for n in range(8, 16)}}


def mended(media: Media) -> Splice | None:
    """A FLAC whose header says how long it is; ``None`` where its own does.

    Raises:
        UnusableSound: its end cannot be found, or several are joined in one file.
    """
    head = media.bytes(media.start, _HEAD)
    if len(head) < _HEAD or head[4] & 0x7F or head[5:8] != _STREAMINFO[1:]:
        return None
    _require_one(media)
    packed = int.from_bytes(head[18:26], "big")
    said = packed & _TOTAL
    found = _samples(media, head)
    if said and found <= said:
        return Splice(media.file, (media.start, media.size)) if media.start else None
    if not found:
        raise UnusableSound("cut short", detail="FLAC", fix="export the recording again")
    total = (packed & ~_TOTAL | found).to_bytes(8, "big")
    return Splice(media.file, head[:18] + total + head[26:], (media.start + _HEAD, media.size))


def _require_one(media: Media) -> None:
    at = media.start + 4
    while block := media.bytes(at, 2**20):
        place = block.find(b"fLaC")
        if place >= 0:
            after = media.bytes(at + place + 4, 4)
            if after[:1] in (b"\0", b"\x80") and after[1:] == _STREAMINFO[1:]:
                raise UnusableSound("several recordings in one file", fix="cut them apart")
            at += place + 4
        elif len(block) < 4:
            return
        else:
            at += len(block) - 3


def _samples(media: Media, head: bytes) -> int:
    """Samples up to the end of the last frame; 0 where none is found."""
    largest = int.from_bytes(head[15:18], "big") or _TAIL
    fixed = int.from_bytes(head[10:12], "big")
    channels = (head[20] >> 1 & 7) + 1
    first = max(media.start + _HEAD, media.size - 2 * largest - 256)
    tail = media.bytes(first, media.size - first)
    at = len(tail)
    while (at := tail.rfind(b"\xff", 0, at)) >= 0:
        end = _frame_end(tail[at : at + 16], fixed, channels)
        if end:
            return end
    return 0


def _frame_end(head: bytes, fixed: int, channels: int) -> int:
    """The sample after a frame, if a frame begins there."""
    if len(head) < 6 or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return 0
    block, layout = head[2] >> 4, head[3] >> 4
    if block == 0 or layout > 10 or (2 if layout > 7 else layout + 1) != channels:
        return 0
    # Coded like UTF-8: of a frame where all are of one size, else of its first sample.
    ones = 8 - (head[4] ^ 0xFF).bit_length()
    more = max(0, ones - 1)
    if ones == 1 or ones > 7 or len(head) < 5 + more:
        return 0
    number = head[4] & (0x7F >> ones)
    for byte in head[5 : 5 + more]:
        number = number << 6 | byte & 0x3F
    at = 5 + more
    if block in (6, 7):
        size = int.from_bytes(head[at : at + block - 5], "big") + 1
        at += block - 5
    else:
        size = _BLOCKS[block]
    at += {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if len(head) <= at or _crc8(head[:at]) != head[at]:
        return 0
    return (number if head[1] & 1 else number * fixed) + size


def _crc8(data: bytes) -> int:
    check = 0
    for byte in data:
        check ^= byte
        for _ in range(8):
            check = (check << 1 ^ 7 if check & 0x80 else check << 1) & 0xFF
    return check
