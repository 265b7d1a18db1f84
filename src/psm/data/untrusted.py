"""Untrusted media files: checks before they are decoded, and limits on the process that does it.

The server decodes what people send it, a build what archives hand over; both start here. The kind
of file is told by its signature, whatever it is called, and numbers in its header are held against
limits before memory is spent on them.
"""

from __future__ import annotations

import contextlib
from enum import StrEnum

from psm.errors import UnusableSound

try:
    import resource
except ImportError:  # Windows: decoders run unconfined there
    resource = None  # type: ignore[assignment]  # asked for before it is used

HEAD = 4096
"""Bytes from the beginning that are looked at."""

TAIL = 66_000
"""Bytes from the end; a ZIP's directory ends at most so far from it."""


class FileKind(StrEnum):
    """A kind of file with sound in it."""

    WAV = "WAV"
    FLAC = "FLAC"
    OGG = "Ogg"
    MP3 = "MP3"
    AIFF = "AIFF"
    CAF = "CAF"
    MP4 = "MP4 or M4A"
    MATROSKA = "WebM or Matroska"
    AVI = "AVI, no WAV"
    FLV = "Flash video"
    ASF = "WMV or WMA"
    MPEG_PS = "an MPEG programme stream"
    MPEG_TS = "an MPEG transport stream"
    AAC = "raw AAC"
    AMR = "AMR"
    W64 = "Wave64"
    AU = "AU"
    VOC = "VOC"
    NIST = "NIST Sphere"
    AC3 = "AC-3"
    DTS = "DTS"
    WAVPACK = "WavPack"
    TTA = "True Audio"
    APE = "Monkey's Audio"
    MUSEPACK = "Musepack"


EMPTY = "the file is empty"
MOST_CHANNELS = 16
RATES_HZ = (1000, 768_000)
"""Slowest and fastest sample rate: a seismometer, a bat detector."""

ENDLESS_S = 400 * 86_400.0
"""A header that says more says nothing: it was never finished, or it lies."""

SOUND_FILES = frozenset(
    {
        FileKind.WAV, FileKind.FLAC, FileKind.OGG, FileKind.MP3, FileKind.AIFF, FileKind.CAF,
        FileKind.W64, FileKind.AU, FileKind.VOC, FileKind.NIST,
    }
)  # fmt: skip
"""What libsndfile reads, but for some codecs; the others take ffmpeg."""

_KINDS: tuple[tuple[int, bytes, FileKind], ...] = (
    (0, b"fLaC", FileKind.FLAC), (0, b"OggS", FileKind.OGG), (0, b"ID3", FileKind.MP3),
    (0, b"FORM", FileKind.AIFF), (0, b"caff", FileKind.CAF),
    (0, b"\x1a\x45\xdf\xa3", FileKind.MATROSKA), (4, b"ftyp", FileKind.MP4),
    (4, b"moov", FileKind.MP4), (4, b"mdat", FileKind.MP4), (4, b"wide", FileKind.MP4),
    (4, b"free", FileKind.MP4), (4, b"skip", FileKind.MP4),
    (0, b"FLV\x01", FileKind.FLV), (0, b"\x30\x26\xb2\x75", FileKind.ASF),
    (0, b"\0\0\x01\xba", FileKind.MPEG_PS), (0, b"#!AMR", FileKind.AMR),
    (0, b"riff\x2e\x91\xcf\x11", FileKind.W64), (0, b".snd", FileKind.AU),
    (0, b"Creative Voice File", FileKind.VOC), (0, b"NIST_1A", FileKind.NIST),
    (0, b"wvpk", FileKind.WAVPACK), (0, b"TTA1", FileKind.TTA), (0, b"MAC ", FileKind.APE),
    (0, b"MPCK", FileKind.MUSEPACK), (0, b"\x0b\x77", FileKind.AC3),
    (0, b"\x7f\xfe\x80\x01", FileKind.DTS),
)  # fmt: skip
_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"BM", "a BMP picture"),
    (0, b"II*\0", "a TIFF picture"),
    (0, b"MM\0*", "a TIFF picture"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"PK\x05\x06", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ", "an XZ archive"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (0, b"Rar!", "a RAR archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"%PDF", "a PDF"),
    (0, b"MThd", "notes without sound (MIDI)"),
    (0, b"SQLite", "a database"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (0, b"#!/", "a program"),
)
_RIFF = {b"WAVE": FileKind.WAV, b"AVI ": FileKind.AVI}
_PICTURES = (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis")
_TEXTS: tuple[tuple[bytes, str], ...] = (
    (b"#extm3u", "a playlist"), (b"[playlist]", "a playlist"), (b"ffconcat", "a playlist"),
    (b"file ", "a playlist"), (b"http://", "a playlist"), (b"https://", "a playlist"),
    (b"<!doctype html", "a web page"), (b"<html", "a web page"), (b"<svg", "an SVG picture"),
    (b"<?xml", "an XML document"), (b"<asx", "a playlist"), (b"<smil", "a playlist"),
    (b"v=0", "a description of a stream"), (b"{", "JSON"),
)  # fmt: skip
_HIDDEN = (b"%pdf-", b"<html", b"<script", b"<?php", b"<svg", b"<!doctype", b"#extm3u")
_HIDDEN_HEAD = 1024


def sniff(head: bytes, tail: bytes) -> FileKind:
    """The kind of a file by its first :data:`HEAD` and last :data:`TAIL` bytes.

    Raises:
        UnusableSound: it is something else, or two things at once; the message says what.
    """
    kind = _kind(head)
    low = head[:_HIDDEN_HEAD].lower()
    if any(mark in low for mark in _HIDDEN):
        raise UnusableSound("two kinds of file in one")
    if b"PK\x05\x06" in tail and b"PK\x01\x02" in tail:
        raise UnusableSound("a ZIP archive hides in it")
    return kind


def is_plausible(*, channels: int, rate_hz: int) -> bool:
    """Whether a recorder may have written so many channels at that sample rate."""
    return 1 <= channels <= MOST_CHANNELS and RATES_HZ[0] <= rate_hz <= RATES_HZ[1]


def is_cut_short(*, found_s: float, said_s: float) -> bool:
    """Whether less sound was found than a header says; decoders drop a little at the ends."""
    return found_s < 0.98 * said_s - 0.1


def confine(*, memory_mb: int, file_mb: int = 0) -> None:
    """Limit the memory and the files of this process, for good.

    Args:
        memory_mb: beyond what the process has mapped already.
        file_mb: largest file that it may write.
    """
    if resource is None:
        return
    pages = 0
    with contextlib.suppress(OSError), open("/proc/self/statm") as file:
        pages = int(file.read().split()[0])
    if pages:
        most = pages * resource.getpagesize() + memory_mb * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_mb * 2**20, file_mb * 2**20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def allow_cpu(seconds: int) -> None:
    """Let this process compute for so many seconds from now on; then it dies of SIGXCPU."""
    if resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    most = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))


def _kind(head: bytes) -> FileKind:
    if not head:
        raise UnusableSound(EMPTY)
    for at, magic, what in _OTHERS:
        if head[at : at + len(magic)] == magic:
            raise UnusableSound(f"not an audio file but {what}")
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        if head[8:12] not in _RIFF:
            raise UnusableSound("a RIFF file, but no WAV")
        return _RIFF[head[8:12]]
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURES:
        raise UnusableSound("not an audio file but a HEIF picture")
    for at, magic, kind in _KINDS:
        if head[at : at + len(magic)] == magic:
            return kind
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] != 0xFE:
        return FileKind.AAC if head[1] & 0xF6 == 0xF0 else FileKind.MP3
    # Packets of 188 bytes, in camcorders behind four bytes of time each.
    for first, step in ((0, 188), (4, 192)):
        if len(head) > 2 * step + first and set(head[first : first + 2 * step + 1 : step]) == {
            0x47
        }:
            return FileKind.MPEG_TS
    raise UnusableSound(f"not an audio file but {_text(head)}")


def _text(head: bytes) -> str:
    low = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for mark, what in _TEXTS:
        if low.startswith(mark):
            return what
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "text"
    plain = sum(byte in (9, 10, 13) or 32 <= byte < 127 for byte in head)
    return "text" if plain > 0.9 * len(head) else "bytes of no known kind"
