"""People, and what they light, ring and tread: voices, bells, fires, steps in snow."""

from __future__ import annotations

import numpy as np

from psm.earth.synthesis.primitives import (
    Take,
    Waveform,
    amplitude,
    decay,
    fading,
    glide,
    paste,
    scatter,
    sequence,
    swell,
    tone,
    unit,
    wobble,
)
from psm.earth.synthesis.timbre import (
    Formants,
    band,
    harmonics,
    noise,
    shape,
    white,
)

VOWELS: tuple[tuple[float, float, float], ...] = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (300, 870, 2240),
    (530, 1840, 2480),
    (570, 840, 2410),
    (660, 1720, 2410),
    (490, 1350, 1690),
    (440, 1020, 2240),
)
"""First three formants in Hz of American English vowels (Peterson & Barney 1952)."""


def voices(take: Take) -> Waveform:
    """One speaker, a few, or a crowd whose words cannot be told apart; laughs and shouts."""
    out = take.silence()
    crowd = round(take.log_between(1, 24))
    speakers = [_speaker(take) for _ in range(min(crowd, 3))]
    for index in range(crowd):
        bank = speakers[index % len(speakers)]
        level = amplitude(take.between(-14, 0)) if index else 1.0
        out += level * _talk(take, bank)
    if crowd > 8:
        babble = noise(
            take, ((80, -20.0), (180, -6.0), (500, 0.0), (1200, -9.0), (3000, -18.0), (8000, -34.0))
        )
        murmur = fading(take, 4.0, -4.0, 0.0)
        out = unit(out) + amplitude(take.between(-12, -2)) * babble * murmur
    return unit(out)


def _speaker(take: Take) -> list[Waveform]:
    """A bank of syllables in one person's voice."""
    pitch = take.log_between(85, 280)
    size = take.between(0.9, 1.2)
    return [_syllable(take, pitch, size) for _ in range(take.count(3, 5))]


def _syllable(take: Take, pitch_hz: float, size: float) -> Waveform:
    """A consonant burst or hiss, then a vowel that glides into another."""
    short = take.cut(take.log_between(0.1, 0.32))
    first, second = take.rng.integers(0, len(VOWELS), 2)
    track = (
        pitch_hz
        * take.log_between(0.8, 1.3)
        * glide(short, take.between(0.95, 1.1), 1.0, take.between(0.8, 1.1))
    )
    source = harmonics(short, track * (1 + wobble(short, 12.0, -0.02, 0.02)), 1.1)
    source = source + 0.05 * white(short)
    vowel = shape(short, source, _vowel(int(first), size), _vowel(int(second), size))
    sound = vowel * swell(short, 0.2, 0.35)
    if take.chance(0.5):
        hiss = take.cut(take.between(0.03, 0.1))
        fricative = noise(hiss, band(take.log_between(2200, 7500), 1.2)) * swell(hiss, 0.3, 0.3)
        sound = sound.copy()
        paste(sound, fricative.astype(np.float32), 0, amplitude(take.between(-16, -4)))
    return unit(sound.astype(np.float32))


def _vowel(index: int, size: float) -> Formants:
    first, second, third = VOWELS[index]
    return (
        (first * size, 90.0, 0.0),
        (second * size, 130.0, -8.0),
        (third * size, 200.0, -16.0),
        (3600.0 * size, 300.0, -24.0),
    )


def _talk(take: Take, bank: list[Waveform]) -> Waveform:
    """Syllables in phrases of a breath each; a laugh repeats one syllable."""
    out = take.silence()
    onset_s = take.between(-1.5, 0.8)
    while onset_s < take.seconds:
        laugh = take.chance(0.08)
        loud = amplitude(take.between(-5, 2))
        chosen = take.count(0, len(bank) - 1)
        for step in range(take.count(3, 14)):
            syllable = bank[chosen if laugh else take.count(0, len(bank) - 1)]
            fade = 0.88**step if laugh else 1.0
            paste(out, syllable, round(onset_s * take.rate_hz), loud * fade)
            onset_s += syllable.size / take.rate_hz * take.between(0.7, 1.1)
            if onset_s > take.seconds:
                break
        onset_s += take.log_between(0.15, 1.5)
    return out


def church_bells(take: Take) -> Waveform:
    """One bell tolling, several ringing changes, a chime; or heard from inside the church."""
    largest = _bell(take, take.log_between(160, 700))
    bells = [_smaller(largest, ratio) for ratio in (1.0, 1.122, 1.26, 1.5)[: take.count(1, 4)]]
    period_s = take.log_between(0.25, 2.2) if len(bells) > 1 else take.log_between(0.8, 2.6)
    onsets = take.regular(period_s, take.between(0.0, 0.08))
    order = take.rng.permutation(len(bells))
    ringing = unit(
        sequence(
            take,
            np.concatenate([[onsets[0] - period_s], onsets]),
            [bells[i] for i in order],
            spread_db=2.0,
        )
    )
    if take.chance(0.75):
        return ringing
    return unit(amplitude(take.between(-30, -4)) * ringing + _nave(take))


def _bell(take: Take, pitch_hz: float) -> Waveform:
    """Hum, prime, tierce, quint, nominal and above (Rossing 2000), each with its own decay."""
    bell = take.cut(take.between(3.0, 5.0))
    out = bell.silence()
    ring_s = take.log_between(0.8, 3.0)
    for ratio, level_db, length in (
        (0.5, -6, 1.6),
        (1.0, -3, 1.0),
        (1.19, 0, 0.9),
        (1.5, -9, 0.5),
        (2.0, 0, 0.7),
        (2.52, -8, 0.4),
        (3.01, -8, 0.3),
        (4.15, -12, 0.2),
        (5.4, -16, 0.15),
    ):
        level = amplitude(level_db + take.between(-5, 3))
        partial = bell.cut(min(bell.seconds, 5.0 * ring_s * length))  # inaudible after that
        pitch = pitch_hz * ratio * take.between(0.995, 1.005)
        paste(out, tone(partial, pitch) * decay(partial, ring_s * length), 0, level)
    strike = bell.cut(0.03)
    paste(
        out,
        unit(noise(strike, band(3000, 2.0)) * decay(strike, 0.006)),
        0,
        amplitude(take.between(-18, -6)),
    )
    return unit(out)


def _smaller(bell: Waveform, ratio: float) -> Waveform:
    """A bell of the same shape scaled down: every partial higher, every decay shorter."""
    position = np.arange(int(bell.size / ratio)) * ratio
    return np.asarray(np.interp(position, np.arange(bell.size), bell), np.float32)


def _nave(take: Take) -> Waveform:
    """The inside of a church: a deep hollow room, an organ or chant held long, far murmurs."""
    room = noise(take, ((50, 0.0), (120, -2.0), (400, -16.0), (2000, -26.0), (12000, -36.0)))
    out = amplitude(take.between(-10, 4)) * room
    root = take.log_between(90, 260)
    for _ in range(take.count(1, 3)):
        held = take.cut(take.between(1.2, 4.0))
        vibrato = wobble(held, 5.0, 0.995, 1.005)
        slope, third = take.between(0.8, 1.6), float(take.rng.choice([1.25, 1.333, 1.5]))
        chord = held.silence()
        for ratio in (1.0, third, 2.0):
            chord += take.between(0.3, 1.0) * harmonics(held, root * ratio * vibrato, slope)
        chant = shape(held, chord, _vowel(take.count(0, len(VOWELS) - 1), 1.0))
        onset = round(take.between(-0.5, 4.0) * take.rate_hz)
        paste(out, chant * swell(held, 0.15, 0.4), onset, amplitude(take.between(-10, 2)))
    return unit(out)


def campfire(take: Take) -> Waveform:
    """Crackle with the heavy tail of real fires, pops, and the soft flutter of the flame."""
    crackle = scatter(
        take,
        take.log_between(8, 150),
        [_snap(take) for _ in range(5)],
        spread_db=take.between(6.0, 11.0),
    )
    pops = take.silence()
    for onset_s in take.poisson(take.log_between(0.3, 3.0)):
        paste(pops, _snap(take), round(onset_s * take.rate_hz), amplitude(take.between(-4, 12)))
    flame = noise(
        take,
        (
            (40, 0.0),
            (150, -2.0),
            (500, take.between(-12, -5)),
            (2500, take.between(-24, -10)),
            (12000, take.between(-34, -12)),
        ),
    )
    flutter = fading(take, take.between(4.0, 9.0), -6.0, 0.0)
    hiss = noise(take, ((500, -18.0), (3000, -4.0), (8000, 0.0), (14000, -3.0)))
    return unit(
        unit(crackle)
        + amplitude(take.between(-6, 4)) * unit(pops)
        + amplitude(take.between(-16, -2)) * flame * flutter
        + amplitude(take.between(-26, -8)) * hiss
    )


def _snap(take: Take) -> Waveform:
    short = take.cut(take.log_between(0.004, 0.03))
    click = noise(short, band(take.log_between(1000, 8000), take.between(1.5, 4.0), 10.0))
    return unit(click * decay(short, short.seconds / take.between(4, 8)))


def snow_steps(take: Take) -> Waveform:
    """The granular crunch of boots: heel, roll and toe, then the squeak of cold snow."""
    grains = [_crystal(take) for _ in range(3)]
    texture = unit(scatter(take, take.log_between(200, 1500), grains, spread_db=7.0))
    body = noise(
        take,
        (
            (60, -8.0),
            (200, 0.0),
            (700, take.between(-4, 2)),
            (2500, take.between(-16, -6)),
            (9000, take.between(-24, -10)),
        ),
    )
    tread = take.silence()
    pace_s = take.log_between(0.38, 0.9)
    tread += amplitude(take.between(-36, -10))  # trousers, straps, settling snow
    for onset_s in take.regular(pace_s, take.between(0.03, 0.15)):
        onset = round(onset_s * take.rate_hz)
        size = amplitude(take.between(-7, 1))
        for share, level in ((0.55, 1.0), (0.5, take.between(0.3, 1.0))):
            part = take.cut(share * pace_s * take.between(0.7, 1.2))
            paste(tread, swell(part, 0.25, 0.6).astype(np.float32), onset, size * level)
            onset += round(0.4 * pace_s * take.rate_hz)
    rough = fading(take, take.between(12.0, 40.0), -16.0, 0.0)
    sound = (texture + amplitude(take.between(-6, 8)) * body) * tread * rough
    if take.chance(0.3):
        squeak = harmonics(take, take.log_between(250, 900) * wobble(take, 6.0, 0.8, 1.2), 0.8, 8)
        sound = sound + amplitude(take.between(-22, -10)) * squeak * tread**3
    return unit(sound.astype(np.float32))


def _crystal(take: Take) -> Waveform:
    short = take.cut(take.log_between(0.002, 0.012))
    click = noise(short, band(take.log_between(350, 4500), take.between(1.0, 2.5), 10.0))
    return unit(click * decay(short, short.seconds / 4))
