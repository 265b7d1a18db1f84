"""Healthy recordings of every kind that is read, made on the spot."""

from __future__ import annotations

import io
import struct
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import imageio_ffmpeg
import numpy as np
import soundfile

RATE_HZ = 16_000
SUBTYPES = {
    "wav": ("WAV", "PCM_16"), "flac": ("FLAC", "PCM_16"), "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"), "mp3": ("MP3", "MPEG_LAYER_III"), "aiff": ("AIFF", "PCM_16"),
    "caf": ("CAF", "PCM_16"), "rf64": ("RF64", "PCM_16"), "float": ("WAV", "FLOAT"),
    "ima": ("WAV", "IMA_ADPCM"),
}  # fmt: skip
FILMS = {
    "mp4": "-c:v mpeg4 -c:a aac -f mp4", "m4a": "-vn -c:a aac -f ipod",
    "mov": "-c:v mpeg4 -c:a pcm_s16le -f mov", "webm": "-c:v libvpx -c:a libopus -f webm",
    "mkv": "-c:v mpeg4 -c:a flac -f matroska", "avi": "-c:v mpeg4 -c:a mp3 -f avi",
    "flv": "-c:v flv -ar 22050 -c:a mp3 -f flv", "wmv": "-c:v wmv2 -c:a wmav2 -f asf",
    "mpg": "-c:v mpeg1video -r 25 -c:a mp2 -f mpeg",
    "ts": "-c:v mpeg2video -r 25 -c:a aac -f mpegts",
    "aac": "-vn -c:a aac -f adts", "mute": "-an -c:v mpeg4 -f mp4",
    "adpcm": "-vn -c:a adpcm_ms -f wav",
}  # fmt: skip


def waveform(seconds: float, rate_hz: int = RATE_HZ, seed: int = 0) -> np.ndarray:
    """Noise that swells, over a chirp: no moment is like another."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    chirp = np.sin(2 * np.pi * (300 + 200 * seed + 40 * time_s) * time_s)
    noise = rng.standard_normal(time_s.size) * (0.5 + 0.5 * np.sin(2 * np.pi * 0.7 * time_s))
    return (0.2 * chirp + 0.05 * noise).astype(np.float32)


def encoded(samples: np.ndarray, name: str, rate_hz: int = RATE_HZ) -> bytes:
    """A sound file."""
    form, subtype = SUBTYPES[name]
    out = io.BytesIO()
    soundfile.write(out, samples, rate_hz, format=form, subtype=subtype)
    return out.getvalue()


@cache
def sound(name: str, seconds: float = 2.0) -> bytes:
    """A healthy file of a kind that libsndfile knows."""
    return encoded(waveform(seconds), name)


@cache
def film(name: str, seconds: float = 2.0) -> bytes:
    """A healthy file that takes ffmpeg; ``mute`` has no sound."""
    with TemporaryDirectory() as folder:
        wav, out = Path(folder, "sound.wav"), Path(folder, "film")
        wav.write_bytes(encoded(waveform(seconds), "wav"))
        picture = ["-f", "lavfi", "-i", f"testsrc=size=64x48:rate=10:duration={seconds}"]
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-i", wav]
        subprocess.run(
            [*command, *picture, *FILMS[name].split(), "-bitexact", out], check=True, timeout=60
        )
        return out.read_bytes()


def wav(
    *, tag: int = 1, channels: int = 1, rate_hz: int = RATE_HZ, block: int = 2, bits: int = 16,
    sound: bytes = b"\1\2" * 8000, riff_bytes: int | None = None, data_bytes: int | None = None,
) -> bytes:  # fmt: skip
    """A WAV that says of itself what it is told to say."""
    per_s = (rate_hz * block) % 2**32
    form = struct.pack("<HHIIHH", tag, channels, rate_hz, per_s, block, bits)
    body = b"WAVE" + chunk(b"fmt ", form) + chunk(b"data", sound, data_bytes)
    return b"RIFF" + struct.pack("<I", len(body) if riff_bytes is None else riff_bytes) + body


def chunk(name: bytes, content: bytes, says: int | None = None) -> bytes:
    """A RIFF chunk, whatever it says of its length."""
    return name + struct.pack("<I", len(content) if says is None else says) + content


def box(name: bytes, content: bytes = b"", says: int | None = None) -> bytes:
    """An MP4 box, whatever it says of its length."""
    return struct.pack(">I", len(content) + 8 if says is None else says) + name + content


def patched(data: bytes, at: int, new: bytes) -> bytes:
    """A file with some of its bytes replaced."""
    return data[:at] + new + data[at + len(new) :]
