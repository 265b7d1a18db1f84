"""Audio features: decoding, fixed windows, log-mel spectrograms.

One function serves the embedded format and CLAP's: the spectrogram is that of CLAP's feature
extractor (Wu et al. 2023, "Large-scale contrastive language-audio pretraining"), with HTK mel
filters as its fusion models use them. MGA-CLAP, and so Sat2Sound, has Slaney's filters and fills a
short clip up with silence.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32, Float64

from psm.data.sound.reading import decode_audio as decode_audio
from psm.data.sound.reading import read_audio as read_audio
from psm.errors import ConfigError, CorruptRecording

POWER_FLOOR = 1e-10
"""Power below which a mel band counts as silent: -100 dB, as in CLAP's extractor."""

_BLOCK_FRAMES = 4096
_SLANEY_KNEE_HZ, _SLANEY_MEL_HZ = 1000.0, 200.0 / 3.0
_SLANEY_KNEE = _SLANEY_KNEE_HZ / _SLANEY_MEL_HZ
_SLANEY_STEPS = 27.0 / math.log(6.4)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioConfig:
    """How sound is framed. The defaults are the embedded format; see :meth:`clap`.

    ``mel_scale`` is that of the bands, ``htk`` with filters of peak 1 or ``slaney`` with filters of
    equal area. ``padding`` fills up what is shorter than a window: with ``copies`` of it as far as
    whole ones fit, or with ``silence`` alone.

    Raises:
        ConfigError: the numbers do not fit together.
    """

    sample_rate_hz: int = 32_000
    n_fft: int = 1024
    hop: int = 640
    n_mels: int = 64
    f_min_hz: float = 50.0
    f_max_hz: float = 14_000.0
    clip_s: float = 5.0
    mel_scale: Literal["htk", "slaney"] = "htk"
    padding: Literal["copies", "silence"] = "copies"

    def __post_init__(self) -> None:
        if min(self.sample_rate_hz, self.n_fft, self.hop, self.n_mels) < 1 or self.clip_s <= 0:
            raise ConfigError(f"audio: every size must be positive, got {self}")
        if not 0 <= self.f_min_hz < self.f_max_hz <= self.sample_rate_hz / 2:
            raise ConfigError(
                f"audio: need 0 <= f_min_hz < f_max_hz <= {self.sample_rate_hz / 2:g} Hz, "
                f"got {self.f_min_hz:g} and {self.f_max_hz:g}"
            )
        if self.clip_samples <= self.n_fft // 2:
            raise ConfigError(f"audio: clip_s {self.clip_s:g} is shorter than half of n_fft")

    @classmethod
    def clap(cls) -> AudioConfig:
        """The setting of ``laion/clap-htsat-fused``: 48 kHz, 10 s, 1001 frames of 64 bands."""
        return cls(sample_rate_hz=48_000, hop=480, clip_s=10.0)

    @classmethod
    def mga_clap(cls) -> AudioConfig:
        """The setting of MGA-CLAP: 32 kHz, 10 s, 1001 frames of 64 Slaney bands, silence after."""
        return cls(hop=320, clip_s=10.0, mel_scale="slaney", padding="silence")

    def to_json(self) -> dict[str, Any]:
        """As plain numbers; scale and padding only where they are not those of older notes."""
        values, usual = asdict(self), AudioConfig()
        return {
            name: value
            for name, value in values.items()
            if name not in ("mel_scale", "padding") or value != getattr(usual, name)
        }

    @property
    def band_hz(self) -> tuple[float, float]:
        """Lowest and highest frequency that is heard."""
        return self.f_min_hz, self.f_max_hz

    @property
    def clip_samples(self) -> int:
        """Samples in one window."""
        return round(self.clip_s * self.sample_rate_hz)

    @property
    def frames(self) -> int:
        """Spectrogram frames of one window (centred: the first and last sit on its ends)."""
        return self.clip_samples // self.hop + 1


def repeat_pad(
    waveform: Float32[np.ndarray, " samples"], size: int
) -> Float32[np.ndarray, " size"]:
    """Fill ``size`` samples with whole copies of a shorter waveform, then zeros (``repeatpad``)."""
    copies = np.tile(waveform, max(1, size // waveform.size))[:size]
    return np.pad(copies, (0, size - copies.size)).astype(np.float32, copy=False)


def padded(
    waveform: Float32[np.ndarray, " samples"], config: AudioConfig
) -> Float32[np.ndarray, " size"]:
    """Fill one window with a shorter waveform, as ``config.padding`` says."""
    if config.padding == "copies":
        return repeat_pad(waveform, config.clip_samples)
    spare = max(0, config.clip_samples - waveform.size)
    return np.pad(waveform[: config.clip_samples], (0, spare)).astype(np.float32, copy=False)


def windows(
    waveform: Float32[np.ndarray, " samples"], config: AudioConfig, *, max_windows: int = 4
) -> Float32[np.ndarray, "windows samples"]:
    """Cut the fixed windows of a recording: always the same ones, so features never vary.

    A recording shorter than a window is padded to one. A longer one gives as many windows
    as are needed to cover it, at most ``max_windows``, evenly spread from its start to its end.

    Raises:
        CorruptRecording: the waveform is empty.
        ConfigError: ``max_windows`` is below one.
    """
    if max_windows < 1:
        raise ConfigError(f"max_windows must be at least 1, got {max_windows}")
    if waveform.size == 0:
        raise CorruptRecording("a waveform without samples has no windows")
    size = config.clip_samples
    if waveform.size <= size:
        return padded(waveform, config)[None]
    count = min(max_windows, -(-waveform.size // size))
    starts = np.linspace(0, waveform.size - size, count).round().astype(np.int64)
    return np.stack([waveform[start : start + size] for start in starts]).astype(
        np.float32, copy=False
    )


def band_centres_hz(config: AudioConfig) -> Float64[np.ndarray, " bands"]:
    """Frequency that each mel band hears best."""
    return _corners_hz(config)[1:-1]


def band_heights(config: AudioConfig) -> Float64[np.ndarray, " bands"]:
    """Peak of the filter of each mel band: 1, or what makes all filters have the same area."""
    if config.mel_scale == "htk":
        return np.ones(config.n_mels)
    corners = _corners_hz(config)
    heights: Float64[np.ndarray, " bands"] = 2.0 / (corners[2:] - corners[:-2])
    return heights


def _corners_hz(config: AudioConfig) -> Float64[np.ndarray, " corners"]:
    """Where the triangular filters begin, peak and end: each peaks where the next begins."""
    if config.mel_scale == "slaney":
        low, high = (_slaney_mels(hertz) for hertz in (config.f_min_hz, config.f_max_hz))
        mels = np.linspace(low, high, config.n_mels + 2)
        above = _SLANEY_KNEE_HZ * np.exp((mels - _SLANEY_KNEE) / _SLANEY_STEPS)
        return np.where(mels < _SLANEY_KNEE, _SLANEY_MEL_HZ * mels, above)
    low, high = (
        2595.0 * np.log10(1.0 + hertz / 700.0) for hertz in (config.f_min_hz, config.f_max_hz)
    )
    corners: Float64[np.ndarray, " corners"] = 700.0 * (
        10.0 ** (np.linspace(low, high, config.n_mels + 2) / 2595.0) - 1.0
    )
    return corners


def _slaney_mels(hertz: float) -> float:
    """Mels of Slaney's "Auditory toolbox" (1998): even steps to 1 kHz, even ratios above."""
    if hertz < _SLANEY_KNEE_HZ:
        return hertz / _SLANEY_MEL_HZ
    return _SLANEY_KNEE + _SLANEY_STEPS * math.log(hertz / _SLANEY_KNEE_HZ)


@lru_cache(maxsize=8)
def mel_filters(config: AudioConfig) -> Float64[np.ndarray, "bins bands"]:
    """Triangular filters, evenly spaced on the mel scale of ``config``.

    HTK's, ``2595 log10(1 + f/700)``, have peak 1. Equal to the bit to
    ``transformers.audio_utils.mel_filter_bank``, whose import takes a second that the workers of a
    build need not spend. Slaney's have the same area: height 2 over the width in Hz.
    """
    corners = _corners_hz(config)
    bins = np.linspace(0.0, config.sample_rate_hz // 2, config.n_fft // 2 + 1)[:, None]
    lower, centre, upper = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (bins - lower) / (centre - lower), (upper - bins) / (upper - centre)
    filters: Float64[np.ndarray, "bins bands"] = np.maximum(0.0, np.minimum(rising, falling))
    filters = filters * band_heights(config)
    filters.setflags(write=False)  # shared by every caller through the cache
    return filters


@lru_cache(maxsize=8)
def _hann(n_fft: int) -> Float64[np.ndarray, " n_fft"]:
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft)  # periodic
    window.setflags(write=False)
    return window


def log_mel(
    waveforms: Float32[np.ndarray, "windows samples"], config: AudioConfig
) -> Float32[np.ndarray, "windows frames bands"]:
    """Log-mel power spectrograms in dB, never below -100 dB; any number of samples per row.

    In double precision, because a band 100 dB below its neighbours drowns in single precision.

    Raises:
        ConfigError: the rows are too short to be reflected at their ends.
    """
    half = config.n_fft // 2
    if waveforms.ndim != 2 or waveforms.shape[1] <= half:
        raise ConfigError(
            f"log_mel needs (windows, more than {half} samples), got shape {waveforms.shape}"
        )
    import scipy.fft  # a fifth of a second, which a map of texts does not need

    filters, window = mel_filters(config), _hann(config.n_fft)
    features = []
    for row in waveforms:
        padded = np.pad(row, half, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, config.n_fft)[:: config.hop]
        blocks = []
        for first in range(0, len(frames), _BLOCK_FRAMES):  # an hour at once would fill the memory
            block = frames[first : first + _BLOCK_FRAMES].astype(np.float64)
            spectrum = scipy.fft.rfft(block * window, axis=-1)
            power = np.square(spectrum.real) + np.square(spectrum.imag)
            blocks.append(10.0 * np.log10(np.maximum(POWER_FLOOR, power @ filters)))
        features.append(np.concatenate(blocks).astype(np.float32))
    if not features:
        return np.zeros((0, waveforms.shape[1] // config.hop + 1, config.n_mels), np.float32)
    return np.stack(features)


def fused_log_mel(
    waveform: Float32[np.ndarray, " samples"],
    config: AudioConfig,
    *,
    starts: tuple[int, int, int] | None = None,
    shrunk_first: bool = True,
) -> Float32[np.ndarray, "4 frames bands"]:
    """The four channels of CLAP's fusion, always the same ones (Wu et al. 2023, section 3.2).

    The whole recording, shrunk in time to one window, and three windows of it: front, middle, back.
    CLAP's extractor draws the three at random; here they are the first, the centred and the last. A
    recording no longer than a window, repeat-padded, fills all four.

    Args:
        waveform: mono, at the rate of ``config``.
        config: how sound is framed.
        starts: first frames of the three windows, instead of ours.
        shrunk_first: the shrunk whole is channel 0, which the model takes for the global view. The
            extractor of transformers 4.28, which most likely made the published shards, put it
            last.

    Raises:
        CorruptRecording: the waveform is empty.
    """
    if waveform.size == 0:
        raise CorruptRecording("a waveform without samples has no windows")
    is_longer = waveform.size > config.clip_samples
    whole = log_mel(
        (waveform if is_longer else repeat_pad(waveform, config.clip_samples))[None], config
    )[0]
    spare = len(whole) - config.frames
    if spare == 0:
        return np.repeat(whole[None], 4, axis=0)
    front, middle, back = starts or (0, spare // 2, spare)
    parts = [whole[first : first + config.frames] for first in (front, middle, back)]
    shrunk = _shrink(whole, config.frames)
    return np.stack([shrunk, *parts] if shrunk_first else [*parts, shrunk])


def _shrink(
    mel: Float32[np.ndarray, "long bands"], frames: int
) -> Float32[np.ndarray, "frames bands"]:
    """Linear interpolation in time at the centres of ``frames`` equal stretches."""
    # Places in single precision, as CLAP's extractor has them: 2e-3 dB where a sound sets in.
    scale, half = np.float32(len(mel) / frames), np.float32(0.5)
    at = np.maximum((np.arange(frames, dtype=np.float32) + half) * scale - half, np.float32(0.0))
    low = at.astype(np.int64)
    weight = (at - low.astype(np.float32))[:, None]
    shrunk: Float32[np.ndarray, "frames bands"] = (
        mel[low] * (1 - weight) + mel[np.minimum(low + 1, len(mel) - 1)] * weight
    )
    return shrunk
