"""Recordings in many containers and codecs, and in files that do not say how long they are."""

from __future__ import annotations

import io
import struct
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import imageio_ffmpeg
import numpy as np
import soundfile
from PIL import Image

RATE_HZ, SECONDS = 44_100, 2.3
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
_COVER = "-i COVER -map 0:a -map 1:v -c:v png -disposition:v attached_pic"
_SECOND = "-f lavfi -i sine=duration=6 -map 0:a -map 1:a"
_FILM = "-f lavfi -i testsrc=size=64x48:rate=10:duration=4 -map 0:a -map 1:v"

ENCODED = {
    "u8.wav": "-c:a pcm_u8", "s24.wav": "-c:a pcm_s24le", "s32.wav": "-c:a pcm_s32le",
    "f64.wav": "-c:a pcm_f64le", "alaw.wav": "-c:a pcm_alaw", "mulaw.wav": "-c:a pcm_mulaw",
    "ima.wav": "-c:a adpcm_ima_wav", "ms.wav": "-c:a adpcm_ms", "rf64.wav": "-rf64 always",
    "one.w64": "", "one.au": "", "mulaw.au": "-c:a pcm_mulaw", "one.aiff": "", "one.voc": "",
    "mulaw.aifc": "-c:a pcm_mulaw -f aiff", "one.caf": "-c:a pcm_s16le",
    "alac.caf": "-c:a alac", "one.flac": "", "s24.flac": "-sample_fmt s32",
    "cbr.mp3": "-b:a 128k", "vbr.mp3": "-q:a 3", "slow.mp3": "-ar 22050",
    "slowest.mp3": "-ar 8000 -ac 1", "one.mp2": "", "one.ogg": "-c:a libvorbis", "one.opus": "",
    "flac.oga": "-c:a flac", "aac.m4a": "-c:a aac", "alac.m4a": "-c:a alac", "one.aac": "-f adts",
    "one.ac3": "", "one.wma": "-c:a wmav2 -f asf", "one.wv": "", "one.tta": "",
    "one.mka": "-c:a libvorbis", "one.webm": "-c:a libopus",
    "cut-up.mp4": "-c:a aac -movflags frag_keyframe+empty_moov -frag_duration 500000",
    "film.mp4": f"{_FILM} -c:v mpeg4 -c:a aac", "film.mov": f"{_FILM} -c:v mpeg4 -c:a pcm_s16le",
    "film.mkv": f"{_FILM} -c:v mpeg4 -c:a flac", "film.avi": f"{_FILM} -c:v mpeg4 -c:a mp3",
    "cover.mp3": f"{_COVER} -q:a 3", "cover.m4a": f"{_COVER} -c:a aac", "cover.flac": _COVER,
    "mp3-in.wav": "-ar 16000 -c:a libmp3lame", "slow-ms.wav": "-ar 22050 -c:a adpcm_ms",
    "two.mka": f"{_SECOND} -c:a flac", "two.mp4": f"{_SECOND} -c:a aac",
    "later.mkv": f"{_FILM} -c:v mpeg4 -c:a flac -af adelay=0 -output_ts_offset 3",
    "film.ts": f"{_FILM} -c:v mpeg2video -r 25 -c:a aac",
    "film.mpg": f"{_FILM} -c:v mpeg1video -r 25 -c:a mp2",
    "film.flv": f"{_FILM} -c:v flv -c:a mp3", "film.wmv": f"{_FILM} -c:v wmv2 -c:a wmav2",
}  # fmt: skip
"""What ffmpeg is told to make of a WAV, by the name of the file."""

PIPED = {
    "piped.wav": "-f wav", "piped.flac": "-f flac", "piped.au": "-f au", "piped.caf": "-f caf",
    "piped.mp3": "-q:a 4 -f mp3", "piped.mka": "-c:a libopus -f matroska",
}  # fmt: skip
"""Likewise, into a pipe: nobody can go back and fill in how long it became."""


@cache
def waveform() -> np.ndarray:
    """A chirp over noise that swells; two channels that are not alike."""
    time_s = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
    noise = np.random.default_rng(0).standard_normal(time_s.size)
    mono = 0.2 * np.sin(2 * np.pi * (300 + 40 * time_s) * time_s)
    mono += 0.05 * noise * (0.5 + 0.5 * np.sin(2 * np.pi * 0.7 * time_s))
    return np.stack([mono, 0.6 * mono], axis=1).astype(np.float32)


@cache
def plain(form: str = "WAV", subtype: str = "PCM_16", endian: str = "FILE") -> bytes:
    """The waveform as libsndfile writes it."""
    out = io.BytesIO()
    soundfile.write(out, waveform(), RATE_HZ, format=form, subtype=subtype, endian=endian)
    return out.getvalue()


@cache
def encoded(name: str) -> bytes:
    """The waveform as ffmpeg encodes it."""
    is_piped = name in PIPED
    with TemporaryDirectory() as folder:
        source, out = Path(folder, "in.wav"), Path(folder, name)
        source.write_bytes(plain())
        cover = Path(folder, "cover.png")
        Image.new("RGB", (64, 64), "red").save(cover)
        options = (PIPED[name] if is_piped else ENCODED[name]).replace("COVER", f"{cover}").split()
        place = "-" if is_piped else f"{out}"
        command = [FFMPEG, "-nostdin", "-loglevel", "error", "-i", f"{source}", *options, place]
        found = subprocess.run(command, check=True, capture_output=True, timeout=60)
        return found.stdout if is_piped else out.read_bytes()


def tag(size: int) -> bytes:
    """An ID3 tag."""
    sizes = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\4\0\0" + sizes + b"\0" * size


def unsaid(order: str = "<", value: int = 0) -> bytes:
    """A WAV whose sizes were never written."""
    size = struct.pack(f"{order}I", value)
    data = plain()
    return data[:4] + size + data[8:40] + size + data[44:]


def miscounted(by: int) -> bytes:
    """A WAV whose writer counted some bytes too many, or too few, for the whole file."""
    data = plain()
    return data[:4] + struct.pack("<I", len(data) - 8 + by) + data[8:]


def _rf64(value: bytes) -> bytes:
    data = encoded("rf64.wav")
    at = data.index(b"ds64") + 8
    return data[:at] + value + data[at + 24 :]


def _aiff(value: bytes) -> bytes:
    data = encoded("one.aiff")
    common, sound = data.index(b"COMM") + 10, data.index(b"SSND") + 4
    data = data[:4] + value + data[8:common] + value + data[common + 4 :]
    return data[:sound] + value + data[sound + 4 :]


def _caf(value: bytes) -> bytes:
    data = encoded("one.caf")
    at = data.index(b"data") + 4
    return data[:at] + value + data[at + 8 :]


def without_xing() -> bytes:
    """A variable bitrate, and nothing in front that says how many frames there are."""
    return encoded("piped.mp3")


def late_mp3() -> bytes:
    """Four seconds of near silence and eight of noise, at a bitrate that varies, uncounted."""
    rng = np.random.default_rng(5)
    samples = 0.2 * rng.standard_normal(12 * RATE_HZ)
    samples[: 4 * RATE_HZ] *= 1e-4
    out = io.BytesIO()
    soundfile.write(out, samples, RATE_HZ, format="WAV")
    command = [FFMPEG, "-nostdin", "-loglevel", "error", "-f", "wav", "-i", "-", "-q:a", "4"]
    command += ["-f", "mp3", "-"]
    return subprocess.run(
        command, input=out.getvalue(), check=True, capture_output=True, timeout=60
    ).stdout


MADE: dict[str, Callable[[], bytes]] = {
    "one.wav": plain, "f32.wav": lambda: plain("WAV", "FLOAT"),
    "big-endian.wav": lambda: plain(endian="BIG"), "extended.wav": lambda: plain("WAVEX"),
    "zero.wav": unsaid, "ffff.wav": lambda: unsaid(value=0xFFFFFFFF),
    "some-more.wav": lambda: miscounted(8), "some-less.wav": lambda: miscounted(-36),
    "odd-end.wav": lambda: plain() + b"\0", "padded.wav": lambda: plain() + b"\0" * 4000,
    "noted.wav": lambda: plain() + b"LIST" + struct.pack("<I", 200) + b"INFO" + b"a" * 196,
    "bw64.wav": lambda: b"BW64" + encoded("rf64.wav")[4:],
    "zero-rf64.wav": lambda: _rf64(b"\0" * 24), "ffff-rf64.wav": lambda: _rf64(b"\xff" * 24),
    "zero.aiff": lambda: _aiff(b"\0" * 4), "ffff.aiff": lambda: _aiff(b"\xff" * 4),
    "zero.caf": lambda: _caf(b"\0" * 8), "minus-one.caf": lambda: _caf(b"\xff" * 8),
    "tagged.wav": lambda: tag(3000) + plain(),
    "tagged.flac": lambda: tag(100) + tag(90_000) + encoded("one.flac"),
    "tagged-piped.flac": lambda: tag(5000) + encoded("piped.flac"),
    "tagged.ogg": lambda: tag(3000) + encoded("one.ogg"),
    "tagged.aiff": lambda: tag(3000) + encoded("one.aiff"),
    "tagged.aac": lambda: tag(100) + tag(90_000) + encoded("one.aac"),
    "tagged.m4a": lambda: tag(3000) + encoded("aac.m4a"),
    "tagged.mp3": lambda: tag(90_000) + encoded("vbr.mp3"),
    "tagged-piped.mp3": lambda: tag(90_000) + without_xing() + b"TAG" + b"\0" * 125,
}  # fmt: skip
"""Bytes that are made by hand; what they hold is as long as the waveform."""

# What ffmpeg does not read itself, or not behind a tag: it is as long as it was made.
UNREAD = {
    "zero-rf64.wav", "ffff-rf64.wav", "zero.aiff", "ffff.aiff", "tagged.wav", "tagged.ogg",
    "tagged.aiff", "tagged.m4a",
}  # fmt: skip
NAMES = [*ENCODED, *PIPED, *MADE]


@cache
def content(name: str) -> bytes:
    """The bytes of a file."""
    return MADE[name]() if name in MADE else encoded(name)


@cache
def seconds(name: str) -> float:
    """How long ffmpeg's decoder finds it."""
    if name in UNREAD:
        return len(waveform()) / RATE_HZ
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content(name))
        command = [FFMPEG, "-nostdin", "-loglevel", "error", "-i", f"{path}", "-map", "0:a:0"]
        command += ["-c:a", "pcm_s16be", "-f", "au", "-"]
        found = subprocess.run(command, capture_output=True, timeout=60, check=False).stdout
    start, _, _, rate_hz, channels = struct.unpack(">5I", found[4:24])
    return (len(found) - start) / 2 / channels / rate_hz
