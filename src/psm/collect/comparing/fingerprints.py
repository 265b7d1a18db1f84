"""Audio fingerprints that survive codecs, levels and small shifts.

After Haitsma & Kalker (2002), "A highly robust audio fingerprinting system": of every frame, 32
bits say whether the difference of neighbouring bands rose or fell since the frame before. Those
signs survive another codec, another level and another rate, and a shift by less than a frame. The
bands reach from 200 Hz to 7 kHz instead of 300 Hz to 2 kHz: birds and insects sing higher than
music is played.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
import soxr
from jaxtyping import Float32, Float64, UInt32

RATE_HZ = 16_000
HOP = 372  # 23 ms
_WINDOW = 1024
_SMOOTHED = 16  # frames that one word looks at: 0.37 s
_BANDS = 33
_LOWEST_HZ, _HIGHEST_HZ = 200.0, 7000.0
_HEARD = 10 ** (-75 / 10)
"""Mean square of a frame below which nothing is heard; 16 bits end at -98 dB."""

SAME = 0.35
"""Two fingerprints at least so similar are of one recording.

Of 109 recordings (25 real, 84 of the simulated Earth) copies as MP3 of 32 to 128 kbit/s, Ogg, AAC
or Opus, softer, cut by up to 1.3 s, were at least 0.42 like their originals (median 0.65 to 0.80),
but for four copies of 5 s in which less than 2 s are heard: nothing is said of those. No two of the
5,886 pairs of different ones were more than 0.13 alike in 10 s, 0.21 in 5 s. The threshold was
chosen on these same recordings; MP3 at the lowest quality there is may fall below it.
"""

_REACH = 130  # frames that one recording may have been cut before the other: 3 s
_LEAST = 86  # frames, heard in both, without which nothing is said: 2 s
_UNHEARD = np.uint32(0)


def fingerprint(waveform: Float32[np.ndarray, " samples"], rate_hz: int) -> bytes:
    """Fingerprint: a 32-bit word every 23 ms, little-endian; zero where nothing is heard."""
    if rate_hz != RATE_HZ:
        waveform = soxr.resample(waveform, rate_hz, RATE_HZ, quality="MQ")
    if waveform.size < _WINDOW + HOP * _SMOOTHED:
        return b""
    # Power in 33 bands of every frame, smoothed over neighbouring frames against noise.
    frames = np.lib.stride_tricks.sliding_window_view(waveform, _WINDOW)[::HOP]
    spectrum = scipy.fft.rfft(frames * _hann(_WINDOW).astype(np.float32), axis=-1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    bands = np.apply_along_axis(np.convolve, 0, power @ _filters(), _hann(_SMOOTHED), "valid")
    # Whether the step from each band to the next has grown since the frame before. Of logarithms:
    # the bands of nature differ by more than those of music, and the loudest would decide alone.
    level = np.log(bands + 1e-12)
    rises = np.diff(np.diff(level, axis=1), axis=0) > 0
    # The 32 signs of a frame become one word, whose lowest bit is the lowest band.
    octets = np.ascontiguousarray(np.packbits(rises, axis=1, bitorder="little"))
    packed = octets.view("<u4")[:, 0].astype(np.uint32)
    # Zero says that nothing is heard, so that a heard frame without any sign gets another word.
    loud = np.convolve(np.mean(np.square(frames), axis=1), np.ones(_SMOOTHED) / _SMOOTHED, "valid")
    heard = np.minimum(loud[1:], loud[:-1]) > _HEARD
    words = np.where(heard, np.where(packed == _UNHEARD, np.uint32(1), packed), _UNHEARD)
    return words.astype("<u4").tobytes()


def similarity(a: bytes, b: bytes) -> float:
    """Similarity of two fingerprints: 1 for the same bits, 0 for bits that agree by chance.

    The best alignment counts, by up to three seconds either way. Silence is like nothing, not even
    like silence: frames in which either hears nothing are left out, and where fewer than two
    seconds remain the answer is 0.
    """
    first, second = _words(a), _words(b)
    best = 0.0
    for shift in range(-_REACH, _REACH + 1):
        # The frames that overlap when one recording begins so many frames before the other.
        one, other = first[max(0, shift) :], second[max(0, -shift) :]
        size = min(one.size, other.size)
        if 2 * size < min(first.size, second.size) or size < _LEAST:
            continue
        one, other = one[:size], other[:size]
        # Bits that differ, in frames where both hear something; half of them do by chance.
        heard = (one != _UNHEARD) & (other != _UNHEARD)
        count = int(heard.sum())
        if count >= _LEAST:
            wrong = int(np.bitwise_count((one ^ other)[heard]).sum()) / (32 * count)
            best = max(best, 1.0 - 2.0 * wrong)
    return best


def _words(data: bytes) -> UInt32[np.ndarray, " frames"]:
    return np.frombuffer(data, "<u4").astype(np.uint32)


@lru_cache(maxsize=4)
def _hann(size: int) -> Float64[np.ndarray, " size"]:
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(size) + 0.5) / size)


@lru_cache(maxsize=1)
def _filters() -> Float32[np.ndarray, "bins bands"]:
    """Bands that touch, of equal width on the mel scale."""
    low, high = (2595.0 * np.log10(1.0 + hertz / 700.0) for hertz in (_LOWEST_HZ, _HIGHEST_HZ))
    edges = 700.0 * (10.0 ** (np.linspace(low, high, _BANDS + 1) / 2595.0) - 1.0)
    hertz = np.arange(_WINDOW // 2 + 1) * RATE_HZ / _WINDOW
    return ((hertz[:, None] >= edges[:-1]) & (hertz[:, None] < edges[1:])).astype(np.float32)
