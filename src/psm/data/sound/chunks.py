"""Lengths of WAV, RF64, CAF and others whose header is a list of chunks.

A recorder that writes as it records leaves the sizes at the front unset, and fills them in at its
end: one that was switched off before leaves them zero, and others have their own idea of what they
count. The sound is what lies between the end of the header and that of the file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from psm.data.sound.media import Media
from psm.data.sound.splice import Part, Splice
from psm.data.untrusted import FileKind
from psm.errors import UnusableSound

_UNSET = (0, 0xFFFFFFFF)
_UNSET_64 = (0, 2**64 - 1)
_SLIP = 64
"""Bytes by which writers miscount: the header, a tag, a padding byte."""

_FAR = 2**48  # bytes: a size that says nothing
_MOST_CHUNKS = 1000
_TAGS = (b"TAG", b"ID3", b"APETAGEX")
_EXPORT = "export the recording again"


@dataclass(frozen=True)
class Riff:
    """The chunks of a WAV up to its sound.

    Attributes:
        order: of the bytes, as :mod:`struct` has it.
        riff_end, data_end: where the file and the sound end, as the header says; ``None`` where
            it does not.
        data: where the sound begins.
        sizes: where the size of what is kept.
    """

    order: str
    riff_end: int | None
    data_end: int | None
    data: int
    sizes: dict[str, int]


def mended_wav(media: Media) -> Splice | None:
    """A WAV with a header that says how long it is; ``None`` where its own does.

    Raises:
        UnusableSound: it is cut short, or something else follows.
    """
    riff = _riff(media)
    if riff is None:
        return None  # libsndfile says what is wrong
    size = media.size
    _require_whole(media, riff.riff_end, riff.data_end)
    is_64 = "ds64" in riff.sizes
    head = bytearray(media.bytes(media.start, riff.data - media.start))
    end = size
    if riff.data_end is not None and riff.data_end <= size:
        end = riff.data_end
        _require_no_more(media, max(end, min(riff.riff_end or 0, size)))
        if not media.start and head[:4] != b"BW64":
            return None
    if is_64:
        head[:4] = b"RF64"
        at = riff.sizes["ds64"] - media.start
        head[at : at + 16] = struct.pack("<QQ", len(head) - 8 + end - riff.data, end - riff.data)
    elif end - media.start < 2**32:
        for name, value in (("riff", len(head) - 8 + end - riff.data), ("data", end - riff.data)):
            at = riff.sizes[name] - media.start
            head[at : at + 4] = struct.pack(f"{riff.order}I", value)
    return Splice(media.file, bytes(head), (riff.data, end))


def mended_caf(media: Media) -> Splice | None:
    """A CAF whose sound has a size, which may be left out; ``None`` where it has one.

    Raises:
        UnusableSound: it is cut short.
    """
    at = media.start + 8
    for _ in range(_MOST_CHUNKS):
        head = media.bytes(at, 12)
        if len(head) < 12:
            return None
        (length,) = struct.unpack(">q", head[4:])
        if head[:4] == b"data":
            break
        if length < 0:
            return None
        at += 12 + length
    else:
        return None
    rest = media.size - at - 12
    if rest < length:
        raise _cut_short(media.size, media.size + length - rest)
    if length > 4 and not media.start:  # it begins with a count of edits
        return None
    front: list[Part] = [(media.start, at + 4), struct.pack(">q", rest)]
    return Splice(media.file, *front, (at + 12, media.size))


def _riff(media: Media) -> Riff | None:
    head = media.bytes(media.start, 12)
    if len(head) < 12 or head[8:] != b"WAVE":
        return None
    order = ">" if head[:4] == b"RIFX" else "<"
    (said,) = struct.unpack(f"{order}I", head[4:8])
    sizes = {"riff": media.start + 4}
    riff_end = None if said in _UNSET else media.start + 8 + int(said)
    data_64 = 0
    at = media.start + 12
    for _ in range(_MOST_CHUNKS):
        name_size = media.bytes(at, 8)
        if len(name_size) < 8:
            _require_whole(media, riff_end)
            return None
        name, (length,) = name_size[:4], struct.unpack(f"{order}I", name_size[4:])
        if name == b"ds64" and len(ds64 := media.bytes(at + 8, 16)) == 16:
            riff_64, data_64 = struct.unpack("<QQ", ds64)
            riff_end = None if riff_64 in _UNSET_64 else media.start + 8 + riff_64
            sizes["ds64"] = at + 8
        if name == b"data":
            if "ds64" in sizes and length == 0xFFFFFFFF:
                length = 0 if data_64 in _UNSET_64 else data_64
            sizes["data"] = at + 4
            data_end = None if length in _UNSET else at + 8 + length
            if length == 0 and riff_end == media.size and _chunk_end(media, at + 8):
                data_end = at + 8  # there is no sound, and more chunks
            return Riff(order, riff_end, data_end, at + 8, sizes)
        at += 8 + length + length % 2
    return None


def require_whole(media: Media) -> None:
    """Hold the sizes in the head of AIFF, AU and W64, whose sound libsndfile finds without them.

    Raises:
        UnusableSound: it is cut short.
    """
    start = media.start
    head = media.bytes(start, 24)
    if len(head) < 24:
        return
    if media.kind is FileKind.AU:
        at, size = struct.unpack(">II", head[4:12])
        _require_whole(media, None if size in _UNSET else start + at + size)
    elif media.kind is FileKind.W64:
        (size,) = struct.unpack("<Q", head[16:])
        _require_whole(media, None if size in _UNSET_64 else start + size)
    elif media.kind is FileKind.AIFF:
        (size,) = struct.unpack(">I", head[4:8])
        form = None if size in _UNSET else start + 8 + size
        _require_whole(media, form, _ssnd_end(media))


def _ssnd_end(media: Media) -> int | None:
    at = media.start + 12
    for _ in range(_MOST_CHUNKS):
        head = media.bytes(at, 8)
        if len(head) < 8:
            return None
        (length,) = struct.unpack(">I", head[4:])
        if head[:4] == b"SSND":
            return None if length in _UNSET else at + 8 + int(length)
        at += 8 + length + length % 2
    return None


def _require_whole(media: Media, *ends: int | None) -> None:
    """All sizes at once are wrong of a file that is cut short; one of them, of a bad writer."""
    said = [end for end in ends if end is not None and end < _FAR]
    beyond = [end - media.size for end in said if end > media.size]
    if beyond and (max(beyond) > _SLIP or len(beyond) == len(said)):
        raise _cut_short(media.size, media.size + max(beyond))


def _require_no_more(media: Media, end: int) -> None:
    """After its end may come tags, more chunks, zeros, or a few bytes that were miscounted."""
    while end + _SLIP < media.size:
        if media.bytes(end, 8).startswith(_TAGS):
            return
        # A chunk of odd length is followed by a byte that is not counted, if its writer knew.
        following = _chunk_end(media, end) or _chunk_end(media, end + 1)
        if not following:
            break
        end = following
    else:
        return
    while block := media.bytes(end, 2**20):
        if any(block):
            raise UnusableSound("bytes after the end of the WAV", fix=_EXPORT)
        end += len(block)


def _chunk_end(media: Media, at: int) -> int:
    """Where a chunk that begins there ends; 0 where none does."""
    head = media.bytes(at, 8)
    if len(head) < 8 or head[:4] == b"RIFF" or not all(32 <= byte < 127 for byte in head[:4]):
        return 0
    end = at + 8 + int.from_bytes(head[4:], "little")
    return end if end <= media.size else 0


def _cut_short(size: int, said: int) -> UnusableSound:
    return UnusableSound("cut short", detail=f"{size:,} of {said:,} bytes", fix=_EXPORT)
