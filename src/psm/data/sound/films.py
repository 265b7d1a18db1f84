"""Whether a film is whole whose sound is shorter than its pictures, or than other sounds."""

from __future__ import annotations

import struct

from psm.data.sound import ffmpeg
from psm.data.sound.media import Media
from psm.data.untrusted import FileKind, is_cut_short

_MOST_BOXES = 100_000
_FLV_TAG = 11
_FLV_KINDS = (8, 9, 18)


def is_whole(media: Media, file: int, said_s: float, *, has_more: bool) -> bool:
    """Whether nothing is missing at its end.

    Args:
        media: whose sound is shorter than the file.
        file: descriptor of it.
        said_s: how long it says it is.
        has_more: there is more in it than that sound.
    """
    if media.kind is FileKind.MP4:
        return has_more and _mp4_is_whole(media)
    if media.kind is FileKind.FLV:
        return has_more and _flv_is_whole(media)
    return not is_cut_short(found_s=ffmpeg.reached_s(file, media.kind), said_s=said_s)


def _mp4_is_whole(media: Media) -> bool:
    at = media.start
    for _ in range(_MOST_BOXES):
        head = media.bytes(at, 16)
        if len(head) < 8:
            break
        (size,) = struct.unpack(">I", head[:4])
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack(">Q", head[8:])
        if size == 0:  # to the end of the file
            return True
        if size < 8:
            return False
        at += size
    return at == media.size


def _flv_is_whole(media: Media) -> bool:
    """Each tag is followed by its size."""
    size = int.from_bytes(media.bytes(media.size - 4, 4), "big")
    tag = media.bytes(max(0, media.size - 4 - size), _FLV_TAG)
    if len(tag) < _FLV_TAG or tag[0] not in _FLV_KINDS:
        return False
    return int.from_bytes(tag[1:4], "big") + _FLV_TAG == size
