"""Building sites: hammers, drills, saws, breakers, diesels and the reversing beep."""

from __future__ import annotations

import numpy as np

from psm.earth.synthesis.primitives import (
    Take,
    Waveform,
    amplitude,
    blows,
    decay,
    glide,
    paste,
    sequence,
    swell,
    tone,
    unit,
    wobble,
)
from psm.earth.synthesis.timbre import band, harmonics, noise


def construction(take: Take) -> Waveform:
    """Two or three jobs at once over the yard's low hum."""
    jobs = (_hammer, _drill, _saw, _breaker, _diesel, _beeper, _clatter)
    chosen = take.rng.choice(
        len(jobs),
        size=take.count(1, 3),
        replace=False,
        p=[0.24, 0.14, 0.13, 0.13, 0.12, 0.12, 0.12],
    )
    hum = noise(take, ((40, 0.0), (120, -4.0), (600, -18.0), (3000, -26.0), (10000, -40.0)))
    out = amplitude(take.between(-24, 6)) * hum
    for index, job in enumerate(chosen):
        level = amplitude(take.between(-12, -1)) if index else 1.0
        out += np.float32(level) * jobs[int(job)](take)
    return unit(out)


def _strike(take: Take) -> Waveform:
    """Wood knocks, metal rings."""
    metal = take.chance(0.5)
    hit = take.cut(take.between(0.15, 0.5) if metal else 0.12)
    pitch = take.log_between(700, 3500) if metal else take.log_between(200, 900)
    ring = hit.silence()
    for ratio in (1.0, take.between(1.4, 1.9), take.between(2.2, 3.2), take.between(3.5, 5.0)):
        length_s = hit.seconds / 5 if metal else 0.012
        ring += (
            take.between(0.3, 1.0)
            * tone(hit, min(pitch * ratio, 13000.0))
            * decay(hit, length_s / ratio**0.3)
        )
    click = noise(hit, band(2500, 4.0, 12.0)) * decay(hit, 0.004)
    return unit(ring + take.between(0.5, 2.0) * click)


def _hammer(take: Take) -> Waveform:
    bank = [_strike(take) for _ in range(2)]
    onsets = take.regular(take.log_between(0.25, 0.9), 0.06)
    silent_from = take.between(0.4, 1.4) * take.seconds
    return unit(sequence(take, onsets[onsets < silent_from], bank[:1] * 6 + bank[1:] * 6))


def _clatter(take: Take) -> Waveform:
    bank = [_strike(take) for _ in range(4)]
    return unit(sequence(take, take.poisson(take.log_between(2, 8)), bank, spread_db=6.0))


def _bursts(take: Take, sound: Waveform) -> Waveform:
    """Switch a tool on and off."""
    gate = take.silence()
    onset_s = take.between(-1.0, 1.0)
    while onset_s < take.seconds:
        burst = take.cut(take.log_between(0.6, 3.5))
        paste(gate, swell(burst, 0.06, 0.08).astype(np.float32), round(onset_s * take.rate_hz))
        onset_s += burst.seconds + take.log_between(0.3, 1.5)
    return unit(sound * np.minimum(gate, 1.0))


def _drill(take: Take) -> Waveform:
    pitch = take.log_between(150, 700) * wobble(take, 2.0, 0.93, 1.05)
    buzz = harmonics(take, pitch, take.between(0.2, 0.8))
    grind = noise(take, band(take.log_between(1500, 5000), 2.0, 12.0))
    return _bursts(take, buzz + take.between(0.3, 1.5) * grind)


def _saw(take: Take) -> Waveform:
    pitch = take.log_between(700, 2600) * glide(take, *take.rng.uniform(0.75, 1.1, 6))
    whine = harmonics(take, pitch, take.between(0.4, 1.2), top=8)
    bite = noise(take, band(take.log_between(3000, 7000), 2.0, 12.0))
    return _bursts(take, whine + take.between(0.4, 1.5) * bite)


def _breaker(take: Take) -> Waveform:
    rate_hz = take.log_between(10, 32)
    blow = blows(take, rate_hz, take.between(5, 14))
    body = noise(take, ((60, 0.0), (500, -2.0), (2500, take.between(-8, 0)), (9000, -16.0)))
    return _bursts(take, body * blow)


def _diesel(take: Take) -> Waveform:
    pitch = take.log_between(22, 60) * wobble(take, 0.5, 0.85, 1.2)
    knock = harmonics(take, pitch, take.between(0.2, 0.7))
    rough = noise(take, ((50, 0.0), (400, -6.0), (2500, -18.0), (9000, -34.0)))
    return unit(unit(knock) * (0.6 + 0.4 * np.abs(rough)) + 0.7 * rough)


def _beeper(take: Take) -> Waveform:
    period_s = take.between(0.7, 1.2)
    beep = take.cut(0.5 * period_s)
    sound = harmonics(beep, take.between(950, 1450), 2.0, top=4) * swell(beep, 0.04, 0.04)
    return unit(sequence(take, take.regular(period_s), [unit(sound)], spread_db=0.2))
