"""One media file to one clip: sniffed, decoded, measured, mixed down, resampled once, written."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import soundfile
from jaxtyping import Int16

from psm.collect.comparing.fingerprints import fingerprint
from psm.collect.decoding.job import DecodedClip, DecodingJob, FileLimits
from psm.collect.decoding.quality import sound_quality
from psm.collect.refusal import Refused
from psm.data.framing import Framing
from psm.data.sound.decoder import Sound, read_middle
from psm.data.sound.hearing import require_sound
from psm.data.sound.media import Media, media_of
from psm.data.sound.reading import mono_at
from psm.errors import UnusableSound
from psm.files import atomic_path

_FLAC_LEVEL = 0.3  # of 1: as small as the highest to one part in a hundred, in half the time


def make(job: DecodingJob, framing: Framing, limits: FileLimits) -> DecodedClip:
    """Write the clip and the log-mel of a file. The same file gives the same bytes.

    The log-mel is that of the clip as it is stored, 16 bits and all: it can be made again.

    Raises:
        Refused: the file cannot be used, and why.
    """
    kept_s = limits.longest_s if framing.fused else framing.audio.clip_s
    try:
        with _opened(job, limits) as media:
            found = read_middle(media, kept_s=kept_s)
        require_sound(found.samples)
    except UnusableSound as problem:
        raise Refused(problem.reason, detail=problem.detail) from None
    if found.duration_s < limits.shortest_s:
        raise Refused("too short", detail=f"{found.duration_s:.3f} s")
    heard = sound_quality(found.samples, found.rate_hz, framing.audio.band_hz)
    clip = _clip(found, framing.audio.sample_rate_hz, kept_s)
    waveform = clip.astype(np.float32) / 32768
    # Made in memory: what a full disk says reaches nobody through NumPy or libsndfile.
    mel, flac = io.BytesIO(), io.BytesIO()
    np.save(mel, framing.mel(waveform), allow_pickle=False)
    soundfile.write(
        flac, clip, framing.audio.sample_rate_hz, format="FLAC", subtype="PCM_16",
        compression_level=_FLAC_LEVEL,
    )  # fmt: skip
    for made, place in ((mel, job.mel), (flac, job.clip)):
        with atomic_path(place) as path:
            path.write_bytes(made.getbuffer())
    return DecodedClip(
        duration_s=round(found.duration_s, 3),
        media_rate_hz=found.rate_hz,
        channels=found.samples.shape[1],
        peak_db=round(heard.peak_db, 2),
        rms_db=round(heard.rms_db, 2),
        clipped=round(heard.clipped, 6),
        speech=round(heard.speech, 3),
        sound_flags=heard.flags,
        fingerprint=fingerprint(waveform, framing.audio.sample_rate_hz),
        clip_sha256=hashlib.sha256(flac.getbuffer()).hexdigest(),
    )


@contextmanager
def _opened(job: DecodingJob, limits: FileLimits) -> Iterator[Media]:
    """A plain file; links are not followed, pipes not waited for."""
    try:
        file = os.open(job.media, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Refused("no media file") from None
    except OSError as problem:
        raise Refused("not a plain file", detail=problem.strerror or "") from None
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        os.close(file)
        raise Refused("not a plain file", detail=stat.filemode(status.st_mode))
    with os.fdopen(file, "rb", buffering=0) as opened:
        if status.st_size > limits.media_mb * 2**20:
            raise Refused("the file is too large", detail=f"{status.st_size / 2**20:.0f} MB")
        yield media_of(opened)


def _clip(found: Sound, rate_hz: int, kept_s: float) -> Int16[np.ndarray, " samples"]:
    """The middle, mono, at the rate of the model, in 16 bits."""
    mono = mono_at(found, rate_hz)
    size = round(kept_s * rate_hz)
    first = max(0, (mono.size - size) // 2)
    steps = np.round(mono[first : first + size] * np.float32(32768))
    clip: Int16[np.ndarray, " samples"] = np.clip(steps, -32768, 32767).astype(np.int16)
    return clip
