"""The bytes of recordings that never were: small, real files."""

from __future__ import annotations

import functools
import io
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile
from numpy.typing import NDArray

from tests.collect.loopback.world import Made, Trouble

_RATES = (22050, 32000, 44100, 48000)
_VIDEO_S = 1.5
_VIDEO_RATE_HZ = 32000


def sound(seed: int, *, rate_hz: int, duration_s: float) -> NDArray[np.float32]:
    """Tones that come and go over a coloured noise, unlike those of any other seed."""
    chance = np.random.default_rng(seed)
    t = np.arange(int(rate_hz * duration_s)) / rate_hz
    wave = np.convolve(chance.normal(0, 0.1, t.size), np.ones(chance.integers(1, 12)), "same")
    for _ in range(chance.integers(2, 6)):
        pitch, slide = chance.uniform(150, 8000), chance.uniform(-800, 800)
        envelope = 0.5 + 0.5 * np.sin(2 * np.pi * (chance.uniform(0.5, 8) * t + chance.random()))
        wave += chance.uniform(0.1, 0.4) * envelope * np.sin(2 * np.pi * (pitch + slide * t) * t)
    return (0.6 * wave / np.abs(wave).max()).astype(np.float32)


@functools.cache  # made once: libsndfile numbers the streams of OGG files by chance
def audio(seed: int, suffix: str, is_silent: bool = False) -> bytes:
    """A WAV, MP3 or OGG file of one or two seconds."""
    chance = np.random.default_rng(seed + 1)
    rate_hz, duration_s = int(chance.choice(_RATES)), float(chance.uniform(1.0, 2.0))
    wave = sound(seed, rate_hz=rate_hz, duration_s=duration_s)
    if is_silent:
        wave = np.zeros_like(wave)
    if chance.random() < 0.3:
        wave = np.stack([wave, 0.7 * wave], axis=1)
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, rate_hz, format=suffix.strip(".").upper())
    return buffer.getvalue()


class Videos:
    """Films with sound, all cut from one that is made when the first is asked for."""

    def __init__(self, made: Sequence[Made]) -> None:
        self._made = [m for m in made if m.suffix == ".mp4"]
        self._lock = threading.Lock()
        self._films: Mapping[str, bytes] | None = None

    def __getitem__(self, made: Made) -> bytes:
        with self._lock:
            if self._films is None:
                self._films = self._make()
        return self._films[made.key]

    def _make(self) -> dict[str, bytes]:
        waves = [
            (0.0 if m.trouble is Trouble.SILENT else 1.0)
            * sound(m.sound, rate_hz=_VIDEO_RATE_HZ, duration_s=_VIDEO_S)
            for m in self._made
        ]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            soundfile.write(folder / "all.wav", np.concatenate(waves), _VIDEO_RATE_HZ)
            _ffmpeg(
                "-f", "lavfi", "-i", "color=c=gray:s=16x16:r=10", "-i", str(folder / "all.wav"),
                "-shortest", "-c:v", "mpeg4", "-c:a", "aac", "-b:a", "96k",
                "-force_key_frames", f"expr:gte(t,n_forced*{_VIDEO_S})",
                "-f", "segment", "-segment_time", str(_VIDEO_S), "-reset_timestamps", "1",
                "-segment_format", "mp4", str(folder / "%05d.mp4"),
            )  # fmt: skip
            films = sorted(folder.glob("*.mp4"))[: len(self._made)]
            return {m.key: f.read_bytes() for m, f in zip(self._made, films, strict=True)}


def _ffmpeg(*arguments: str) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-fflags", "+bitexact", *arguments]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
