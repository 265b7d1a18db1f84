"""Synthesised sound: well-formed, repeatable, and each sound like itself and unlike the others."""

from __future__ import annotations

import numpy as np
import pytest

from psm.data.audio import AudioConfig, log_mel
from psm.data.recording import AudioSource
from psm.earth.sounds import FOREIGN_SOUNDS, SOUNDS, Sound
from psm.earth.synthesis import RECORDERS, SYNTHESISERS, mix, render
from psm.earth.synthesis.primitives import Take, scatter, tone
from psm.earth.synthesis.timbre import noise
from psm.errors import ConfigError
from psm.seeding import generator

RATE_HZ = 32_000
AUDIO = AudioConfig()


def _bands(waveform: np.ndarray) -> np.ndarray:
    """Mean power in dB of each mel band."""
    mel = log_mel(waveform[None], AUDIO)[0]
    return 10 * np.log10(np.mean(10 ** (mel / 10), axis=0))


def _centroid_hz(sound: Sound, seed: int) -> float:
    waveform = render(sound, generator(seed, "centroid", sound), 2.5, RATE_HZ)
    power = np.abs(np.fft.rfft(waveform)) ** 2
    return float((power * np.fft.rfftfreq(waveform.size, 1 / RATE_HZ)).sum() / power.sum())


def test_every_sound_has_a_synthesiser() -> None:
    assert tuple(SYNTHESISERS) == (*SOUNDS, *FOREIGN_SOUNDS)
    assert set(RECORDERS) == set(AudioSource)


@pytest.mark.parametrize("sound", Sound)
def test_a_sound_is_well_formed_repeatable_and_never_twice_the_same(sound: Sound) -> None:
    first = render(sound, generator(1, sound, 0), 2.5, RATE_HZ)
    assert first.shape == (80_000,)
    assert first.dtype == np.float32
    assert np.sqrt(np.mean(first.astype(np.float64) ** 2)) == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_array_equal(first, render(sound, generator(1, sound, 0), 2.5, RATE_HZ))
    other = render(sound, generator(1, sound, 1), 2.5, RATE_HZ)
    assert np.abs(np.corrcoef(first, other)[0, 1]) < 0.6


@pytest.mark.parametrize(
    ("sound", "low_hz", "high_hz"),
    [
        (Sound.THUNDER, 40, 400),
        (Sound.AIRCRAFT, 50, 900),
        (Sound.OWLS, 250, 1100),
        (Sound.CATTLE, 100, 1200),
        (Sound.VOICES, 300, 2000),
        (Sound.SONGBIRDS, 1800, 6500),
        (Sound.CRICKETS, 2500, 8000),
        (Sound.CICADAS, 3000, 9500),
        (Sound.RAIN, 1200, 7000),
        (Sound.WOODPECKERS, 400, 2500),
        (Sound.HOWLER_MONKEYS, 250, 1200),
        (Sound.FOG_HORNS, 80, 700),
        (Sound.SPRINKLERS, 2500, 9000),
    ],
)
def test_a_sound_lies_in_its_register(sound: Sound, low_hz: float, high_hz: float) -> None:
    assert low_hz < np.median([_centroid_hz(sound, seed) for seed in range(7)]) < high_hz


def test_steady_sounds_are_steady_and_calls_come_and_go() -> None:
    def unevenness(sound: Sound) -> float:
        spreads = []
        for seed in range(4):
            waveform = render(sound, generator(seed, "uneven", sound), 5.0, RATE_HZ)
            level = 10 * np.log10(np.square(waveform).reshape(-1, 1600).mean(axis=1) + 1e-9)
            spreads.append(level.std())
        return float(np.median(spreads))

    steady = max(unevenness(s) for s in (Sound.RAIN, Sound.STREAM, Sound.CICADAS))
    calling = min(unevenness(s) for s in (Sound.DOGS, Sound.OWLS, Sound.ROOSTERS))
    assert steady < calling


def test_sounds_can_be_told_apart() -> None:
    """Nearest class mean of crude band statistics: far above chance (1/34) on unseen draws."""

    def features(sound: Sound, index: int) -> np.ndarray:
        waveform = render(sound, generator(3, "apart", sound, index), 2.0, RATE_HZ)
        mel = log_mel(waveform[None], AUDIO)[0]
        mel = np.maximum(mel, mel.max() - 80)
        return np.concatenate([mel.mean(axis=0) - mel.mean(), mel.std(axis=0)])

    examples = np.stack([[features(s, i) for i in range(8)] for s in Sound])
    examples /= examples.std(axis=(0, 1))
    known, unseen = examples[:, :6].mean(axis=1), examples[:, 6:]
    distance = np.square(unseen[:, :, None] - known).sum(axis=-1)
    right = distance.argmin(axis=-1) == np.arange(len(Sound))[:, None]
    assert right.mean() > 0.4
    assert right[len(SOUNDS) :].mean() > 0.4  # the foreign ones among them


@pytest.mark.parametrize("source", [None, *AudioSource])
def test_a_mix_is_a_repeatable_recording(source: AudioSource | None) -> None:
    sounds = [Sound.WAVES, Sound.GULLS, Sound.VOICES]
    waveform = mix(sounds, generator(5, "mix"), 5.0, RATE_HZ, source)
    assert waveform.shape == (160_000,)
    assert waveform.dtype == np.float32
    assert 0.05 < np.abs(waveform).max() <= 1.0
    np.testing.assert_array_equal(waveform, mix(sounds, generator(5, "mix"), 5.0, RATE_HZ, source))


def test_the_first_sound_is_the_loudest() -> None:
    def lean(sounds: list[Sound]) -> float:
        """How much louder the crickets' bands are than the aeroplane's."""
        levels = [_bands(mix(sounds, generator(i, "lean"), 2.0, RATE_HZ)) for i in range(8)]
        mean = np.mean(levels, axis=0)
        return float(mean[38:56].max() - mean[:12].max())

    both = [Sound.CRICKETS, Sound.AIRCRAFT]
    assert lean(both) > lean(both[::-1]) + 4.0


def test_archives_colour_their_recordings() -> None:
    def hiss(source: AudioSource) -> float:
        levels = [
            _bands(mix([Sound.OWLS], generator(i, "hiss"), 2.0, RATE_HZ, source)) for i in range(10)
        ]
        return float(np.median([level[45:55].mean() - level.max() for level in levels]))

    assert hiss(AudioSource.INAT) > hiss(AudioSource.APOREE) + 5.0


@pytest.mark.parametrize(("duration_s", "rate_hz"), [(0.5, 16_000), (3.3, 48_000), (10.0, 22_050)])
def test_other_lengths_and_rates(duration_s: float, rate_hz: int) -> None:
    for index, sound in enumerate(Sound):
        waveform = mix([sound], generator(6, "rate", index), duration_s, rate_hz)
        assert waveform.size == round(duration_s * rate_hz)
        assert np.isfinite(waveform).all()


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least one sound"):
        mix([], generator(0), 5.0, RATE_HZ)
    with pytest.raises(ConfigError, match="duration_s"):
        render(Sound.RAIN, generator(0), 0.1, RATE_HZ)
    with pytest.raises(ConfigError, match="sample_rate_hz"):
        mix([Sound.RAIN], generator(0), 5.0, 8_000)


def test_noise_has_the_shape_it_is_given() -> None:
    take = Take(generator(0, "noise"), 160_000, RATE_HZ)
    waveform = noise(take, ((100, 0.0), (1000, 0.0), (4000, -40.0), (16_000, -40.0)))
    power = np.abs(np.fft.rfft(waveform)) ** 2
    hertz = np.fft.rfftfreq(waveform.size, 1 / RATE_HZ)
    low = power[(hertz > 200) & (hertz < 900)].mean()
    high = power[(hertz > 5000) & (hertz < 15_000)].mean()
    assert 10 * np.log10(low / high) == pytest.approx(40.0, abs=1.0)


def test_a_tone_keeps_its_pitch() -> None:
    take = Take(generator(0, "tone"), RATE_HZ, RATE_HZ)
    assert np.argmax(np.abs(np.fft.rfft(tone(take, 1234.0)))) == 1234


def test_scattered_events_have_the_same_power_by_either_route() -> None:
    """Few events are pasted, many convolved: twice the rate is 3 dB more, across the switch."""
    grain = np.hanning(64).astype(np.float32)
    powers = []
    for rate_per_s in (280.0, 560.0):
        take = Take(generator(0, "scatter"), 160_000, RATE_HZ)
        powers.append(np.mean(np.square(scatter(take, rate_per_s, [grain], spread_db=0.0))))
    assert powers[1] / powers[0] == pytest.approx(2.0, rel=0.1)
    assert powers[0] == pytest.approx(280 / RATE_HZ * np.square(grain).sum(), rel=0.1)
