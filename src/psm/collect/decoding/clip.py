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
import soxr
from jaxtyping import Float32, Int16

from psm.collect.comparing.fingerprints import fingerprint
from psm.collect.decoding import excerpt
from psm.collect.decoding.job import DecodedClip, DecodingJob, FileLimits
from psm.collect.decoding.quality import mixed_down, sound_quality
from psm.collect.refusal import Refused
from psm.data.framing import Framing
from psm.data.untrusted import HEAD, TAIL, FileKind, sniff, wav_lacks
from psm.errors import CorruptRecording
from psm.files import atomic_path

_FAR_BEYOND = 32.0  # 30 dB above full scale: no recorder does that, a wrong format does
_FLAC_LEVEL = 0.3  # of 1: as small as the highest to one part in a hundred, in half the time


def make(job: DecodingJob, framing: Framing, limits: FileLimits) -> DecodedClip:
    """Write the clip and the log-mel of a file. The same file gives the same bytes.

    The log-mel is that of the clip as it is stored, 16 bits and all: it can be made again.

    Raises:
        Refused: the file cannot be used, and why.
    """
    kept_s = limits.longest_s if framing.fused else framing.audio.clip_s
    with _opened(job, limits) as (file, kind):
        found = excerpt.read(file, kind, kept_s=kept_s)
    samples = found.samples
    _require_sound(samples, found.duration_s, limits)
    heard = sound_quality(samples, found.rate_hz)
    clip = _clip(samples, found.rate_hz, framing.audio.sample_rate_hz, kept_s)
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
        channels=samples.shape[1],
        peak_db=round(heard.peak_db, 2),
        rms_db=round(heard.rms_db, 2),
        clipped=round(heard.clipped, 6),
        speech=round(heard.speech, 3),
        sound_flags=heard.flags,
        fingerprint=fingerprint(waveform, framing.audio.sample_rate_hz),
        clip_sha256=hashlib.sha256(flac.getbuffer()).hexdigest(),
    )


@contextmanager
def _opened(job: DecodingJob, limits: FileLimits) -> Iterator[tuple[int, FileKind]]:
    """Descriptor and kind of a plain file; links are not followed, pipes not waited for."""
    try:
        file = os.open(job.media, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Refused("no media file") from None
    except OSError as problem:
        raise Refused("not a plain file", detail=problem.strerror or "") from None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise Refused("not a plain file", detail=stat.filemode(status.st_mode))
        if status.st_size > limits.media_mb * 2**20:
            raise Refused("the file is too large", detail=f"{status.st_size / 2**20:.0f} MB")
        yield file, _kind(file, status.st_size)
    finally:
        os.close(file)


def _kind(file: int, size: int) -> FileKind:
    head = os.pread(file, HEAD, 0)
    try:
        kind = sniff(head, os.pread(file, TAIL, max(0, size - TAIL)))
    except CorruptRecording as problem:
        raise Refused(str(problem)) from None
    if kind is FileKind.WAV and (lacks := wav_lacks(head, size)) > 0:
        raise Refused("cut short", detail=f"{size} of {size + lacks} bytes")
    return kind


def _require_sound(
    samples: Float32[np.ndarray, "samples channels"], duration_s: float, limits: FileLimits
) -> None:
    if not np.isfinite(samples).all():
        raise Refused("NaN or infinite samples")
    if duration_s < limits.shortest_s:
        raise Refused("too short", detail=f"{duration_s:.3f} s")
    peak = float(np.abs(samples).max())
    if peak > _FAR_BEYOND:
        raise Refused("samples far beyond full scale", detail=f"{peak:.3g} times")


def _clip(
    samples: Float32[np.ndarray, "samples channels"],
    media_rate_hz: int,
    rate_hz: int,
    kept_s: float,
) -> Int16[np.ndarray, " samples"]:
    """The middle, mono, at the rate of the model, in 16 bits."""
    mono = mixed_down(samples)
    if media_rate_hz != rate_hz:
        mono = soxr.resample(mono, media_rate_hz, rate_hz)
    size = round(kept_s * rate_hz)
    first = max(0, (mono.size - size) // 2)
    steps = np.round(mono[first : first + size] * np.float32(32768))
    clip: Int16[np.ndarray, " samples"] = np.clip(steps, -32768, 32767).astype(np.int16)
    return clip
