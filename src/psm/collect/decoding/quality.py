"""Sound quality of a recording: level, silence, clipping, and whether it is speech.

Nothing here refuses a recording: it is measured, flagged and reported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.signal
import soxr
from jaxtyping import Float32

from psm.data.sound.hearing import hearing, mixed_down

CLIPPED_SHARE = 1e-3
"""Share of clipped samples from which on it can be heard."""

SPEECH_SHARE = 0.5
"""Share of the time from which on a recording counts as speech.

Of ten synthetic speakers, in quiet or 5 dB above noise, seven are beyond it and none is below 0.3;
of 25 field recordings, one of them of a crowd, one is beyond it (gulls), of 189 synthetic sounds of
nature and traffic five (frogs, a stream, a horn), of crowds and far voices few. The thresholds were
chosen on these same sounds, and real speech was not measured: it is a hint.
"""

_FLOOR_DB = -120.0
_FULL_SCALE = 0.985  # lossy codecs move a clipped peak a little
_RUN = 3  # samples in a row: one at full scale is a peak, several are a plateau
_FLAT = 1e-3  # a plateau is as flat as that

_RATE_HZ = 8000
_FRAME, _HOP = 320, 160  # 40 and 20 ms: two periods of a low voice; the syllables' rhythm
_BAND_HZ = (300.0, 3400.0)  # of the telephone: speech is understood from it
_PITCH_HZ = (75.0, 400.0)
_VOICED = 0.5  # normalised autocorrelation at a pitch
_DEEP_HZ = 1000.0  # where the first partials and formant of a vowel lie
_DEEP_SHARE = 0.3
_SYLLABLES_HZ = (2.0, 8.0)
_STRETCH, _STEP = 100, 25  # frames: two seconds, every half


@dataclass(frozen=True, kw_only=True)
class SoundQuality:
    """Levels of a recording, and flags of what is wrong with it.

    Attributes:
        peak_db, rms_db: of full scale; -120 for nothing at all.
        clipped: share of the samples that lie on plateaus at full scale.
        speech: share of the time that looks like speech, see :func:`speech`.
        flags: ``silent``, ``clipped``, ``speech``.
    """

    peak_db: float
    rms_db: float
    clipped: float
    speech: float
    flags: tuple[str, ...]


def sound_quality(
    samples: Float32[np.ndarray, "samples channels"],
    rate_hz: int,
    band_hz: tuple[float, float] = (0.0, math.inf),
) -> SoundQuality:
    """Measure a recording as it was made, before it is mixed down or resampled.

    Args:
        samples: at least one.
        rate_hz: of them.
        band_hz: lowest and highest frequency that a model hears; it is silent if nothing is there.
    """
    is_silent = hearing(samples, rate_hz, band_hz).is_silent
    clipped_share = clipped(samples)
    speech_share = 0.0 if is_silent else speech(mixed_down(samples), rate_hz)
    said = {
        "silent": is_silent,
        "clipped": clipped_share >= CLIPPED_SHARE,
        "speech": speech_share >= SPEECH_SHARE,
    }
    return SoundQuality(
        peak_db=_db(float(np.abs(samples).max())),
        rms_db=_rms_db(samples),
        clipped=clipped_share,
        speech=speech_share,
        flags=tuple(flag for flag, holds in said.items() if holds),
    )


def clipped(samples: Float32[np.ndarray, "samples channels"]) -> float:
    """Share of samples on plateaus at full scale: three or more in a row, all but equal."""
    high = np.abs(samples) >= _FULL_SCALE
    if not high.any():
        return 0.0
    # A sample and the next are on one plateau; two such pairs in a row are a run of three.
    pairs = high[1:] & high[:-1] & (np.abs(np.diff(samples, axis=0)) < _FLAT)
    runs = pairs[1:] & pairs[:-1]
    on = np.zeros(samples.shape, bool)
    for offset in range(_RUN):
        on[offset : len(on) - _RUN + 1 + offset] |= runs
    return float(on.mean())


def speech(waveform: Float32[np.ndarray, " samples"], rate_hz: int) -> float:
    """Share of the time that looks like somebody speaking close by.

    In two seconds of speech some frames have a pitch of a voice and others, between words and in
    consonants, have none; the level in the telephone's band rises and falls with the syllables, two
    to eight times a second, and that band holds most of the sound. All of it together is called
    speech. It is a plain detector, of signals and not of words: it passes over whispers, crowds and
    far voices, and some animals and engines pass for a speaker.
    """
    if rate_hz < 2 * _BAND_HZ[1]:
        return 0.0
    waveform = soxr.resample(waveform, rate_hz, _RATE_HZ, quality="MQ")
    if waveform.size < _FRAME + _HOP * _STRETCH:
        waveform = np.pad(waveform, (0, _FRAME + _HOP * _STRETCH - waveform.size))
    # Power spectrum of frames of 40 ms, every 20 ms.
    frames = np.lib.stride_tricks.sliding_window_view(waveform, _FRAME)[::_HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    size = 2 * _FRAME
    spectrum = scipy.fft.rfft(frames * np.hanning(_FRAME).astype(np.float32), size, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    # Level in the band of the telephone, beside that of the whole sound.
    hertz = np.arange(size // 2 + 1) * _RATE_HZ / size
    inside = (hertz >= _BAND_HZ[0]) & (hertz < _BAND_HZ[1])
    level, whole = power[:, inside].sum(axis=1), power[:, hertz > 60].sum(axis=1)
    # Frames with the pitch of a voice. A bird's whistle has such periods too, but no low partials.
    deep = (hertz >= _PITCH_HZ[0]) & (hertz < _DEEP_HZ)
    low = power[:, deep].sum(axis=1)
    pitched = (_harmonicity(power * deep) > _VOICED) & (low > _DEEP_SHARE * whole)
    # Every two seconds are judged by themselves; the share of them that is speech is the answer.
    stretches = range(0, len(frames) - _STRETCH + 1, _STEP)
    found = [
        _is_speech(
            level[at : at + _STRETCH], whole[at : at + _STRETCH], pitched[at : at + _STRETCH]
        )
        for at in stretches
    ]
    return float(np.mean(found))


def _harmonicity(power: Float32[np.ndarray, "frames bins"]) -> Float32[np.ndarray, " frames"]:
    """The highest peak of the autocorrelation among the pitches of a voice, 1 for a perfect one."""
    # The autocorrelation is the inverse transform of the power (Wiener-Khinchin).
    lags = scipy.fft.irfft(power, axis=1)[:, :_FRAME]
    # A windowed frame correlates less the longer the lag, whatever it holds.
    window = scipy.fft.irfft(np.square(np.abs(scipy.fft.rfft(np.hanning(_FRAME), 2 * _FRAME))))
    lags = lags / np.maximum(lags[:, :1], 1e-12) * (window[0] / window[:_FRAME].clip(1e-9))
    first, last = (round(_RATE_HZ / hertz) for hertz in reversed(_PITCH_HZ))
    peaks: Float32[np.ndarray, " frames"] = lags[:, first : last + 1].max(axis=1)
    return peaks


def _is_speech(
    level: Float32[np.ndarray, " frames"],
    whole: Float32[np.ndarray, " frames"],
    pitched: Float32[np.ndarray, " frames"],
) -> bool:
    # Frames that are loud beside the loudest, in a band that holds a good part of the sound.
    loud = level > 0.05 * np.percentile(level, 95)
    if not loud.any() or level.sum() < 0.3 * whole.sum():
        return False
    voiced = float((pitched & loud).mean())
    # How deep the level rises and falls, and how much of that at the pace of syllables.
    envelope = np.sqrt(level)
    depth = float(envelope.std() / max(float(envelope.mean()), 1e-12))
    rhythm = np.square(np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(len(level)))))
    hertz = np.arange(len(rhythm)) * _RATE_HZ / _HOP / len(level)
    syllables = (hertz >= _SYLLABLES_HZ[0]) & (hertz <= _SYLLABLES_HZ[1])
    share = float(rhythm[syllables].sum() / max(float(rhythm.sum()), 1e-12))
    return 0.3 <= voiced <= 0.95 and depth >= 0.3 and share >= 0.3


def _rms_db(samples: Float32[np.ndarray, ...]) -> float:
    return _db(math.sqrt(float(np.mean(np.square(samples, dtype=np.float64)))))


def _db(amplitude: float) -> float:
    return max(_FLOOR_DB, 20.0 * math.log10(max(amplitude, 1e-9)))
