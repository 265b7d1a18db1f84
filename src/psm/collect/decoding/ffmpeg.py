"""Confined ffmpeg: decodes sound from videos and from formats that libsndfile does not know.

It gets one open file and opens none itself: the only protocols are that descriptor and a pipe, so
that neither a playlist nor a reference inside of a film leads anywhere. The container is the one
that its first bytes say and no other, and of the codecs only those of sound are let in.
"""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
from contextlib import AbstractContextManager
from functools import cache
from types import TracebackType

import numpy as np
from jaxtyping import Float32

from psm.collect.refusal import Refused
from psm.data.untrusted import FileKind
from psm.extras import require

_CONTAINERS = {
    FileKind.WAV: "wav", FileKind.OGG: "ogg", FileKind.AIFF: "aiff", FileKind.CAF: "caf",
    FileKind.MP4: "mov", FileKind.MATROSKA: "matroska", FileKind.AVI: "avi", FileKind.FLV: "flv",
    FileKind.ASF: "asf", FileKind.MPEG_PS: "mpeg", FileKind.MPEG_TS: "mpegts",
    FileKind.AAC: "aac", FileKind.AMR: "amr",
}  # fmt: skip
_CODECS = (
    "aac,aac_latm,ac3,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_swf,adpcm_yamaha,alac,amrnb,amrwb,"
    "eac3,flac,gsm,gsm_ms,mp1,mp1float,mp2,mp2float,mp3,mp3float,nellymoser,opus,pcm_alaw,"
    "pcm_f32be,pcm_f32le,pcm_f64le,pcm_mulaw,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,"
    "pcm_s32le,pcm_s8,pcm_u8,qdm2,speex,vorbis,wavpack,wmalossless,wmapro,wmav1,wmav2,wmavoice"
)
TOO_SLOW = "takes too long to decode"
_DURATION = re.compile(rb"^  Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)", re.M)
_SOUND = re.compile(rb"^  Stream #0:\d+.*: Audio: (.*)$", re.M)
_AU_HEAD = 24
_CPU_S = 60
_MOST_ERRORS = 0.05  # share of packets that may be broken


def duration_s(file: int, kind: FileKind) -> float | None:
    """Length of a file with sound; ``None`` where it does not say.

    Raises:
        Refused: it cannot be read, or is silent film.
    """
    # It ends with an error, since there is no output, and says what it found before that.
    found = subprocess.run(
        [*_reading(kind), "-i", "fd:"],
        stdin=_rewound(file), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
    ).stderr  # fmt: skip
    if b"\nInput #0, " not in b"\n" + found:
        raise Refused("not readable as sound", detail=f"{kind}: {_last_line(found)}")
    if not _SOUND.search(found):
        raise Refused("a film without sound", detail=str(kind))
    said = _DURATION.search(found)
    if said is None:
        return None
    hours, minutes, seconds = said.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


class Stream(AbstractContextManager["Stream"]):
    """The first sound stream of a file, decoded.

    Args:
        file: descriptor.
        kind: of the file.
        start_s, length_s: part that is wanted.

    Attributes:
        rate_hz, channels: of it.

    Raises:
        Refused: it cannot be decoded.
    """

    def __init__(self, file: int, kind: FileKind, *, start_s: float, length_s: float) -> None:
        self._kind = kind
        seek = ["-ss", f"{start_s:.3f}"] if start_s else []
        self._process = subprocess.Popen(
            [*_reading(kind), *seek, "-max_error_rate", str(_MOST_ERRORS), "-i", "fd:",
             "-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1", "-t", f"{length_s:.3f}",
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
            Refused: too much of it is broken.
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
            raise Refused("not readable as sound", detail=str(self._kind))
        self._process.stdout.read(start - _AU_HEAD)
        return rate_hz, channels

    def _refused(self, reason: str) -> Refused:
        if self._process.returncode == -signal.SIGXCPU:
            reason = TOO_SLOW
        return Refused(reason, detail=str(self._kind))

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@cache
def _program() -> str:
    return str(require("imageio_ffmpeg", "collect").get_ffmpeg_exe())


def _reading(kind: FileKind) -> list[str]:
    return [
        _program(), "-nostdin", "-hide_banner", "-nostats", "-threads", "1",
        "-timelimit", str(_CPU_S),
        "-protocol_whitelist", "fd,pipe", "-codec_whitelist", _CODECS,
        "-f", _CONTAINERS[kind], "-fd", "0",
    ]  # fmt: skip


def _rewound(file: int) -> int:
    os.lseek(file, 0, os.SEEK_SET)
    return file


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    # Without the address in memory that ffmpeg puts before it: alike for files that fail alike.
    return re.sub(r" @ 0x[0-9a-f]+", "", lines[-1])[:120] if lines else "no word of ffmpeg's"
