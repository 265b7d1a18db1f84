"""Reads the middle of a recording from an open file, by libsndfile or ffmpeg."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile
from jaxtyping import Float32

from psm.collect.decoding import ffmpeg
from psm.collect.refusal import Refused
from psm.data.untrusted import ENDLESS_S, SOUND_FILES, FileKind, is_cut_short, is_plausible

MARGIN_S = 0.1
"""Read beyond both ends of the part: a resampler wants to know what comes before and after."""

_MOST_BYTES = 256 * 2**20
# What libsndfile may not know though the container is one of its own: ADPCM, Speex, Theora.
_MORE_CODECS = frozenset({FileKind.WAV, FileKind.OGG, FileKind.AIFF, FileKind.CAF})


@dataclass(frozen=True)
class Excerpt:
    """The middle of a recording; the whole of a short one.

    Attributes:
        samples: as recorded.
        rate_hz: of them.
        duration_s: of the whole recording.
    """

    samples: Float32[np.ndarray, "samples channels"]
    rate_hz: int
    duration_s: float


def read(file: int, kind: FileKind, *, kept_s: float) -> Excerpt:
    """The middle ``kept_s`` of a recording, with a margin where there is more.

    Args:
        file: descriptor; it is not closed.
        kind: of the file by its bytes.
        kept_s: length that is wanted.

    Raises:
        Refused: there is no such sound in it.
    """
    os.lseek(file, 0, os.SEEK_SET)
    if kind not in SOUND_FILES:
        return _by_ffmpeg(file, kind, kept_s)
    try:
        sound = soundfile.SoundFile(file, closefd=False)
    except soundfile.SoundFileError as problem:
        if kind not in _MORE_CODECS:
            raise Refused("not readable as sound", detail=f"{kind}: {_said(problem)}") from None
        return _by_ffmpeg(file, kind, kept_s)
    with sound:
        return _by_libsndfile(sound, kept_s)


def _by_libsndfile(sound: Any, kept_s: float) -> Excerpt:
    rate_hz, channels, frames = int(sound.samplerate), int(sound.channels), int(sound.frames)
    require_plausible(channels=channels, rate_hz=rate_hz)
    if frames > ENDLESS_S * rate_hz:
        raise Refused("endless by its header", detail=f"{frames} samples")
    wanted = min(frames, round((kept_s + 2 * MARGIN_S) * rate_hz))
    require_room(wanted, channels)
    try:
        if wanted < frames:
            sound.seek((frames - wanted) // 2)
        samples = sound.read(wanted, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, ValueError) as problem:
        raise Refused("damaged: it stops being readable", detail=_said(problem)) from None
    require_length(len(samples), wanted, rate_hz)
    return Excerpt(samples, rate_hz, frames / rate_hz)


def _by_ffmpeg(file: int, kind: FileKind, kept_s: float) -> Excerpt:
    duration_s = ffmpeg.duration_s(file, kind)
    if duration_s is not None and duration_s > ENDLESS_S:
        raise Refused("endless by its header", detail=f"{duration_s:.0f} s")
    reach_s = kept_s + 2 * MARGIN_S
    start_s = max(0.0, (duration_s - reach_s) / 2) if duration_s is not None else 0.0
    with ffmpeg.Stream(file, kind, start_s=start_s, length_s=reach_s) as stream:
        require_plausible(channels=stream.channels, rate_hz=stream.rate_hz)
        require_room(round(reach_s * stream.rate_hz), stream.channels)
        samples = stream.read(round(reach_s * stream.rate_hz))
    if duration_s is None:
        # Raw streams do not say how long they are; of a longer one the beginning is taken.
        duration_s = len(samples) / stream.rate_hz
    wanted = round(min(duration_s - start_s, reach_s) * stream.rate_hz)
    require_length(len(samples), wanted, stream.rate_hz)
    return Excerpt(samples, stream.rate_hz, duration_s)


def require_plausible(*, channels: int, rate_hz: int) -> None:
    """Refuse what nobody recorded."""
    if not is_plausible(channels=channels, rate_hz=rate_hz):
        raise Refused(
            "implausible channels or sample rate", detail=f"{channels} channels, {rate_hz} Hz"
        )


def require_room(frames: int, channels: int) -> None:
    """Refuse what would not fit into memory."""
    if frames * channels * 4 > _MOST_BYTES:
        raise Refused("too large when decoded", detail=f"{frames * channels * 4 / 1e6:.0f} MB")


def require_length(found: int, said: int, rate_hz: int) -> None:
    """Refuse what holds less than it says."""
    if found == 0 and said == 0:
        raise Refused("no samples")
    if found == 0 or is_cut_short(found_s=found / rate_hz, said_s=said / rate_hz):
        raise Refused("cut short", detail=f"{found / rate_hz:.1f} s of {said / rate_hz:.1f} s")


def _said(problem: Exception) -> str:
    """What went wrong, without the number of a descriptor that libsndfile puts before it."""
    said = getattr(problem, "error_string", None) or type(problem).__name__
    return str(said).rstrip(".").splitlines()[0][:120]
