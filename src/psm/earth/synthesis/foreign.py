"""Sounds of foreign worlds: drumming, geese, howlers, fog horns, sprinklers, singing ice."""

from __future__ import annotations

import numpy as np

from psm.earth.synthesis.primitives import (
    Take,
    Waveform,
    amplitude,
    blows,
    decay,
    fading,
    glide,
    paste,
    swell,
    tone,
    unit,
    wobble,
)
from psm.earth.synthesis.timbre import Formants, band, call, harmonics, noise


def woodpeckers(take: Take) -> Waveform:
    """Rolls of a second on hollow wood, that hasten and fade; sometimes a second bird answers."""
    out = take.silence()
    for index in range(1 if take.chance(0.7) else 2):
        level = amplitude(take.between(-16, -6)) if index else 1.0
        knock = _knock(take)
        rate_hz = take.log_between(13, 24)
        onset_s = take.between(-0.3, 1.2)
        while onset_s < take.seconds:
            strokes = take.count(9, 26)
            for stroke in range(strokes):
                loud = level * (1.0 - 0.6 * stroke / strokes) * take.between(0.85, 1.1)
                paste(out, knock, round(onset_s * take.rate_hz), loud)
                onset_s += (1.0 - 0.25 * stroke / strokes) / rate_hz
            onset_s += take.log_between(0.8, 3.0)
    return unit(out)


def _knock(take: Take) -> Waveform:
    hit = take.cut(0.06)
    pitch = take.log_between(450, 1500)
    ring = hit.silence()
    for ratio in (1.0, take.between(1.5, 1.9), take.between(2.3, 3.1)):
        ring += take.between(0.3, 1.0) * tone(hit, pitch * ratio) * decay(hit, 0.012 / ratio**0.5)
    click = noise(hit, band(3000, 3.0, 12.0)) * decay(hit, 0.0015)
    return unit(ring + take.between(0.2, 0.6) * click)


def geese(take: Take) -> Waveform:
    """Honks that break upwards, from a pair to a skein that calls all at once."""
    out = take.silence()
    skein = round(take.log_between(2, 14))
    honks = [_honk(take) for _ in range(min(skein + 1, 6))]
    for index in range(skein):
        level = amplitude(take.between(-14, 0)) if index else 1.0
        onset_s = take.between(-0.5, 1.0)
        while onset_s < take.seconds:
            honk = honks[(index + take.count(0, 1)) % len(honks)]
            paste(out, honk, round(onset_s * take.rate_hz), level * take.between(0.6, 1.0))
            onset_s += honk.size / take.rate_hz + take.log_between(0.15, 1.4)
    return unit(out)


def _honk(take: Take) -> Waveform:
    honk = take.cut(take.log_between(0.18, 0.45))
    low = take.log_between(260, 480)
    # The voice breaks into a higher register within a few hundredths of a second.
    broken = 1.0 / (1.0 + np.exp(-(honk.axis() - take.between(0.25, 0.5)) * 40.0))
    track = low * (1.0 + take.between(0.5, 0.9) * broken) * glide(honk, 0.95, 1.0, 0.9)
    tract: Formants = (
        (take.between(900, 1300), 300.0, 0.0),
        (take.between(1900, 2700), 500.0, take.between(-8, 0)),
        (take.between(3400, 4400), 900.0, take.between(-20, -10)),
    )
    voice = call(
        honk, track.astype(np.float32), slope=0.3, formants=tract, breath=0.12, jitter=0.015
    )
    return unit(voice * swell(honk, 0.15, 0.3))


def howler_monkeys(take: Take) -> Waveform:
    """Roars of seconds, deep and rough as wind in a barrel, with grunts that lead up to them."""
    out = take.silence()
    for index in range(take.count(1, 4)):
        level = amplitude(take.between(-10, 0)) if index else 1.0
        tract: Formants = (
            (take.between(320, 480), 160.0, 0.0),
            (take.between(650, 950), 220.0, take.between(-6, 0)),
            (take.between(1300, 1800), 400.0, take.between(-20, -10)),
        )
        pitch = take.log_between(55, 105)
        onset_s = take.between(-1.5, 1.0)
        while onset_s < take.seconds:
            for grunt in range(take.count(1, 4)):
                short = _roar(take, take.between(0.15, 0.4), pitch * 0.85, tract)
                paste(out, short, round(onset_s * take.rate_hz), level * (0.3 + 0.12 * grunt))
                onset_s += short.size / take.rate_hz + take.between(0.08, 0.25)
            roar = _roar(take, take.log_between(1.4, 3.6), pitch, tract)
            paste(out, roar, round(onset_s * take.rate_hz), level)
            onset_s += roar.size / take.rate_hz + take.log_between(0.3, 2.0)
    return unit(out)


def _roar(take: Take, seconds: float, pitch_hz: float, tract: Formants) -> Waveform:
    roar = take.cut(seconds)
    track = pitch_hz * glide(roar, 0.8, 1.0, take.between(1.0, 1.15), 0.85)
    voice = call(roar, track, slope=0.25, formants=tract, breath=0.8, jitter=0.08, floor_db=-40.0)
    rough = fading(roar, take.between(18.0, 30.0), -7.0, 0.0)
    return unit(voice * rough * swell(roar, 0.2, 0.35))


def fog_horns(take: Take) -> Waveform:
    """Blasts of one deep note across the water, each ending in a grunt, answered by their echo."""
    out = take.silence()
    pitch = take.log_between(85, 210)
    slope = take.between(0.7, 1.3)
    length_s = take.log_between(1.2, 3.0)
    period_s = length_s + take.log_between(1.0, 4.0)
    has_grunt = take.chance(0.6)
    for onset_s in np.arange(take.between(-0.6, 0.4) * length_s, take.seconds, period_s):
        blast = take.cut(length_s)
        fall = take.between(0.55, 0.75) if has_grunt else 0.98
        end = np.clip((blast.axis() - 0.88) / 0.04, 0.0, 1.0)
        track = (pitch * (1.0 - (1.0 - fall) * end)).astype(np.float32)
        breath = noise(blast, ((60, -6.0), (200, 0.0), (900, -14.0), (6000, -44.0)))
        voice = harmonics(blast, track, slope) + np.float32(0.08) * breath
        sound = unit((voice * swell(blast, 0.08, 0.06)).astype(np.float32))
        onset = round(float(onset_s) * take.rate_hz)
        paste(out, sound, onset)
        for _ in range(take.count(1, 3)):  # hills and fog banks
            late = round(take.between(0.3, 1.2) * take.rate_hz)
            paste(out, sound, onset + late, amplitude(take.between(-26, -14)))
    return unit(out)


def sprinklers(take: Take) -> Waveform:
    """An impact sprinkler: the jet's hiss, its arm beating slowly round and rattling back."""
    hiss = noise(take, ((300, -26.0), (1500, -10.0), (5000, 0.0), (12000, take.between(-8, -2))))
    beat_hz, back_hz = take.log_between(2.2, 5.0), take.log_between(11, 18)
    turn_s, share = take.log_between(2.5, 7.0), take.between(0.25, 0.45)
    position = (take.axis() * take.seconds / turn_s + take.between(0.0, 1.0)) % 1.0
    is_back = position > 1.0 - share
    slow, fast = blows(take, beat_hz, take.between(4, 7)), blows(take, back_hz, 3.0)
    spray = noise(take, band(take.log_between(2500, 6000), 1.8, 12.0))
    arm = spray * np.where(is_back, 0.7 * fast, slow)
    drops = fading(take, 9.0, -8.0, 0.0)
    return unit((arm + amplitude(take.between(-20, -10)) * hiss * drops).astype(np.float32))


def lake_ice(take: Take) -> Waveform:
    """Singing ice: cracks that arrive as falling chirps, high notes first; groans underneath."""
    out = take.silence()
    for onset_s in np.append(take.poisson(take.log_between(0.6, 3.0)), take.between(0.0, 2.0)):
        chirp = _chirp(take)
        level = amplitude(take.between(-14, 0))
        onset = round(float(onset_s) * take.rate_hz)
        paste(out, chirp, onset, level)
        paste(out, chirp, onset + round(take.between(0.15, 0.6) * take.rate_hz), 0.2 * level)
    groan = harmonics(take, take.log_between(35, 80) * wobble(take, 0.6, 0.7, 1.3), 1.4, 12)
    heave = fading(take, 0.7, -30.0, 0.0)
    creak = noise(take, ((40, 0.0), (150, -4.0), (600, -24.0), (4000, -50.0)))
    return unit(unit(out) + amplitude(take.between(-18, -6)) * (groan + 0.5 * creak) * heave)


def _chirp(take: Take) -> Waveform:
    """Bending waves in a plate run the faster the higher they are: one blow is a falling note."""
    chirp = take.cut(take.log_between(0.25, 0.9))
    low, tau = take.log_between(90, 280), take.log_between(0.015, 0.06)
    time = chirp.axis() * chirp.seconds
    track = np.minimum(low * (1.0 + 60.0 / (1.0 + time / tau) ** 2), 0.4 * take.rate_hz)
    sound = tone(chirp, track.astype(np.float32)) * decay(chirp, chirp.seconds / 3.5)
    return unit(sound.astype(np.float32))
