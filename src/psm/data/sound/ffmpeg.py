"""Confined ffmpeg: decodes sound from videos and from formats that libsndfile does not know.

It gets one open file and opens none itself: the only protocols are that descriptor and a pipe, so
that neither a playlist nor a reference inside of a film leads anywhere. The container is the one
that its first bytes say and no other, and of the codecs only those of sound are let in. It is a
process of its own: a file that breaks it breaks nothing else.
"""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from types import TracebackType

import numpy as np
from jaxtyping import Float32

from psm.data.untrusted import FileKind
from psm.errors import MissingExtra, UnusableSound
from psm.extras import install_line, require

_CONTAINERS = {
    FileKind.WAV: "wav", FileKind.OGG: "ogg", FileKind.AIFF: "aiff", FileKind.CAF: "caf",
    FileKind.MP4: "mov", FileKind.MATROSKA: "matroska", FileKind.AVI: "avi", FileKind.FLV: "flv",
    FileKind.ASF: "asf", FileKind.MPEG_PS: "mpeg", FileKind.MPEG_TS: "mpegts",
    FileKind.AAC: "aac", FileKind.AMR: "amr", FileKind.MP3: "mp3", FileKind.W64: "w64",
    FileKind.AU: "au", FileKind.VOC: "voc", FileKind.NIST: "nistsphere", FileKind.AC3: "ac3",
    FileKind.DTS: "dts", FileKind.WAVPACK: "wv", FileKind.TTA: "tta", FileKind.APE: "ape",
    FileKind.MUSEPACK: "mpc8",
}  # fmt: skip
_CODECS = (
    "aac,aac_latm,ac3,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_swf,adpcm_yamaha,alac,amrnb,amrwb,"
    "ape,dca,eac3,flac,g726,gsm,gsm_ms,mp1,mp1float,mp2,mp2float,mp3,mp3float,mpc8,nellymoser,"
    "opus,pcm_alaw,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,pcm_mulaw,pcm_s16be,pcm_s16le,pcm_s24be,"
    "pcm_s24le,pcm_s32be,pcm_s32le,pcm_s8,pcm_u8,qdm2,speex,tta,vorbis,wavpack,wmalossless,wmapro,"
    "wmav1,wmav2,wmavoice"
)
EXTRA = "audio"
"""The extra that brings ffmpeg."""

TOO_SLOW = "takes too long to decode"
_DURATION = re.compile(rb"^  Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)", re.M)
_START = re.compile(rb"^  Duration: .*, start: (\d+\.\d+)", re.M)
_SOUND = re.compile(rb"^  Stream #0:\d+.*: Audio: (.*)$", re.M)
_STREAMS = re.compile(rb"^  Stream #0:\d+(?!.*\(attached pic\))", re.M)
_REACHED = re.compile(rb"time=(\d+):(\d\d):(\d\d(?:\.\d+)?)")
_OLD = b"Unrecognized option 'fd'"
_AU_HEAD = 24
_CPU_S = 60
_MOST_AT_ONCE = 2**29  # bytes that it may ask memory for at a time
_MOST_ERRORS = 0.05  # share of packets that may be broken


@dataclass(frozen=True)
class About:
    """What ffmpeg finds at the beginning of a file.

    Attributes:
        said_s: how long it says it is; ``None`` where it does not say.
        has_more: whether there are moving pictures or other sounds, which may last longer.
    """

    said_s: float | None
    has_more: bool


def about(file: int, kind: FileKind) -> About:
    """Length of a file with sound, as it says.

    Raises:
        UnusableSound: it cannot be read, or is silent film.
        MissingExtra: there is no ffmpeg here.
    """
    # It ends with an error, since there is no output, and says what it found before that.
    found = _told(file, kind)
    if b"\nInput #0, " not in b"\n" + found:
        raise UnusableSound("not readable as sound", detail=f"{kind}: {_last_line(found)}")
    if not _SOUND.search(found):
        raise UnusableSound("a film without sound", detail=str(kind))
    # Of raw streams it tells a guess from the bitrate.
    is_guess = kind in (FileKind.AAC, FileKind.AC3, FileKind.DTS, FileKind.MP3, FileKind.AMR)
    said = None if is_guess else _DURATION.search(found)
    said_s, start = _seconds(said), _START.search(found)
    if kind is FileKind.MATROSKA and said_s is not None and start is not None:
        said_s -= float(start[1])  # it says when the end comes
    return About(said_s, len(_STREAMS.findall(found)) > 1)


def reached_s(file: int, kind: FileKind) -> float:
    """How far the pictures and sounds of a film reach, without decoding them."""
    output = ("-map", "0", "-ignore_unknown", "-c", "copy", "-f", "null", "-")
    found = list(_REACHED.finditer(_told(file, kind, *output, stats=True)))
    return _seconds(found[-1]) or 0.0 if found else 0.0


class Stream(AbstractContextManager["Stream"]):
    """The first sound stream of a file, decoded.

    Args:
        file: descriptor.
        kind: of the file.

    Attributes:
        rate_hz, channels: of it.

    Raises:
        UnusableSound: it cannot be decoded.
    """

    def __init__(self, file: int, kind: FileKind) -> None:
        self._kind = kind
        self._process = subprocess.Popen(
            [*_reading(kind), "-max_error_rate", str(_MOST_ERRORS), "-i", "fd:",
             "-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1",
             "-c:a", "pcm_f32be", "-f", "au", "pipe:1"],
            # Not to a pipe: a broken film has more to say than fits into one that nobody reads.
            stdin=_rewound(file), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            self.rate_hz, self.channels = self._head()
        except BaseException:
            self._end()
            raise

    def read(self, most: int) -> Float32[np.ndarray, "samples channels"]:
        """All samples there are, at most so many.

        Raises:
            UnusableSound: too much of it is broken.
        """
        assert self._process.stdout is not None
        frame = 4 * self.channels
        data = self._process.stdout.read(most * frame)
        if len(data) < most * frame and self._process.wait() != 0:
            raise self._refused("damaged: it stops being readable")
        whole = data[: len(data) // frame * frame]
        return np.frombuffer(whole, ">f4").astype(np.float32).reshape(-1, self.channels)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _head(self) -> tuple[int, int]:
        assert self._process.stdout is not None
        head = self._process.stdout.read(_AU_HEAD)
        if len(head) < _AU_HEAD:
            self._process.wait()
            raise self._refused("not readable as sound")
        magic, start, _, _, rate_hz, channels = struct.unpack(">4sIIIII", head)
        if magic != b".snd" or not channels:
            raise UnusableSound("not readable as sound", detail=str(self._kind))
        self._process.stdout.read(start - _AU_HEAD)
        return rate_hz, channels

    def _refused(self, reason: str) -> UnusableSound:
        if self._process.returncode == -getattr(signal, "SIGXCPU", 0):
            reason = TOO_SLOW
        return UnusableSound(reason, detail=str(self._kind))

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@cache
def _program() -> str:
    try:
        return str(require("imageio_ffmpeg", EXTRA).get_ffmpeg_exe())
    except MissingExtra:
        raise MissingExtra(f"takes ffmpeg to be read: {install_line(EXTRA)}") from None
    except RuntimeError:  # no wheel of it for this machine carries one
        raise MissingExtra(
            "takes ffmpeg to be read: install version 6 or later, and set IMAGEIO_FFMPEG_EXE to it"
        ) from None


def _told(file: int, kind: FileKind, *output: str, stats: bool = False) -> bytes:
    command = [*_reading(kind, "-stats" if stats else "-nostats"), "-i", "fd:", *output]
    told = subprocess.run(
        command, stdin=_rewound(file), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        check=False,
    ).stderr  # fmt: skip
    if _OLD in told:
        raise MissingExtra(f"takes ffmpeg 6 or later to be read: {install_line(EXTRA)}")
    return told


def _reading(kind: FileKind, stats: str = "-nostats") -> list[str]:
    return [
        _program(), "-nostdin", "-hide_banner", stats, "-threads", "1",
        "-timelimit", str(_CPU_S), "-max_alloc", str(_MOST_AT_ONCE),
        "-protocol_whitelist", "fd,pipe", "-codec_whitelist", _CODECS,
        "-f", _CONTAINERS[kind], "-fd", "0",
    ]  # fmt: skip


def _rewound(file: int) -> int:
    os.lseek(file, 0, os.SEEK_SET)
    return file


def _seconds(found: re.Match[bytes] | None) -> float | None:
    if found is None:
        return None
    hours, minutes, seconds = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    # Without the address in memory that ffmpeg puts before it: alike for files that fail alike.
    return re.sub(r" @ 0x[0-9a-f]+", "", lines[-1])[:120] if lines else "no word of ffmpeg's"
