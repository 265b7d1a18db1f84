"""Dogs, cattle, sheep and wolves: voices shaped by a vocal tract."""

from __future__ import annotations

import numpy as np

from psm.earth.synthesis.primitives import (
    Take,
    Waveform,
    amplitude,
    decay,
    glide,
    paste,
    sequence,
    swell,
    tone,
    unit,
)
from psm.earth.synthesis.timbre import Formants, call


def dogs(take: Take) -> Waveform:
    """Barking in series, from lap dog to hound; sometimes a second dog, a growl or a whine."""
    out = take.silence()
    for index in range(1 if take.chance(0.65) else take.count(2, 3)):
        level = amplitude(take.between(-14, -2)) if index else 1.0
        size = take.between(0.0, 1.0)  # 0 small .. 1 large
        pitch = 900.0 * 0.35**size * take.between(0.8, 1.2)
        tract: Formants = (
            (1100.0 * 0.5**size * take.between(0.8, 1.2), 350.0, 0.0),
            (2200.0 * 0.6**size * take.between(0.8, 1.2), 600.0, take.between(-12, -3)),
            (4200.0, 1500.0, take.between(-24, -12)),
        )
        barks = [_bark(take, pitch, tract) for _ in range(2)]
        onset_s = take.between(-0.5, 1.2)
        gap_s = take.log_between(0.18, 0.8)
        while onset_s < take.seconds:
            for step in range(take.count(1, 6)):
                bark = barks[step % 2]
                paste(out, bark, round(onset_s * take.rate_hz), level * take.between(0.6, 1.1))
                onset_s += bark.size / take.rate_hz + gap_s * take.between(0.7, 1.4)
            onset_s += take.log_between(0.2, 2.5)
        if take.chance(0.15):
            growl = take.cut(take.between(0.5, 1.5))
            voice = call(
                growl,
                take.between(60, 110) * glide(growl, 1.0, 1.1, 0.95),
                slope=0.6,
                formants=tract,
                breath=0.4,
                jitter=0.06,
            )
            paste(
                out,
                unit(voice * swell(growl)),
                round(take.between(0, 3) * take.rate_hz),
                level * amplitude(take.between(-16, -8)),
            )
    return unit(out)


def _bark(take: Take, pitch_hz: float, tract: Formants) -> Waveform:
    bark = take.cut(take.log_between(0.09, 0.28))
    contour = glide(
        bark, take.between(0.7, 0.95), 1.0, take.between(0.85, 1.0), take.between(0.5, 0.75)
    )
    voice = call(
        bark,
        pitch_hz * contour,
        slope=take.between(0.3, 0.9),
        formants=tract,
        breath=take.between(0.15, 0.6),
        jitter=0.03,
        floor_db=-28.0,
    )
    return unit(voice * swell(bark, 0.08, take.between(0.4, 0.8)))


def cattle(take: Take) -> Waveform:
    """Long moos from one cow or a herd, with an occasional cowbell."""
    out = take.silence()
    for index in range(take.count(1, 4)):
        pitch = take.log_between(75, 260)
        tract: Formants = (
            (take.between(230, 480), 120.0, 0.0),
            (take.between(700, 1100), 200.0, take.between(-12, -2)),
            (take.between(1500, 2300), 350.0, take.between(-20, -6)),
            (take.between(2800, 3600), 500.0, take.between(-32, -16)),
        )
        onset_s = take.between(-1.0, 1.5) if index == 0 else take.between(-1.0, take.seconds)
        level = amplitude(take.between(-14, -2)) if index else 1.0
        moo = _moo(take, pitch, tract)
        while onset_s < take.seconds:
            paste(out, moo, round(onset_s * take.rate_hz), level)
            onset_s += moo.size / take.rate_hz + take.log_between(0.5, 4.0)
    if take.chance(0.2):
        out = unit(out) + amplitude(take.between(-20, -8)) * clanks(take, 500, 1600)
    return unit(out)


def _moo(take: Take, pitch_hz: float, tract: Formants) -> Waveform:
    moo = take.cut(take.log_between(0.8, 2.6))
    track = pitch_hz * glide(
        moo, take.between(0.7, 0.9), 1.0, take.between(0.95, 1.1), take.between(0.7, 0.95)
    )
    closed = call(moo, track, slope=1.4, formants=tract[:1], breath=0.02)
    opened = call(
        moo,
        track,
        slope=take.between(0.3, 0.9),
        formants=tract,
        breath=take.between(0.03, 0.2),
        jitter=0.02,
    )
    mouth = swell(moo, take.between(0.2, 0.6), 0.25)
    return unit((closed * (1 - mouth) * 0.5 + opened * mouth) * swell(moo, 0.15, 0.25))


def sheep(take: Take) -> Waveform:
    """Trembling baas of ewes and lambs, one to a whole flock, with or without bells."""
    out = take.silence()
    flock = round(take.log_between(1, 24))
    bank = [_baa(take) for _ in range(min(flock + 1, 8))]
    pace_s = take.log_between(0.8, 3.0)
    for index in range(flock):
        level = amplitude(take.between(-14, 0)) if index else 1.0
        onsets = take.regular(pace_s + take.between(0.2, 1.5), 0.25)
        first = index % len(bank)
        out += level * sequence(take, onsets, bank[first:] + bank[:first])
    if take.chance(0.3):
        out = unit(out) + amplitude(take.between(-16, -3)) * clanks(take, 900, 3500)
    return unit(out)


def _baa(take: Take) -> Waveform:
    baa = take.cut(take.log_between(0.4, 1.4))
    pitch = take.log_between(120, 480)
    time = baa.axis() * baa.seconds
    rate_hz, turn = take.between(5.5, 12.0), take.between(0, 6.28)
    tremble = np.sin(2 * np.pi * rate_hz * time + turn)
    track = pitch * glide(baa, 0.92, 1.05, 1.0, 0.85) * (1 + take.between(0.01, 0.06) * tremble)
    tract: Formants = (
        (take.between(500, 950), 250.0, 0.0),
        (take.between(1300, 2200), 400.0, take.between(-8, 2)),
        (take.between(2500, 3400), 600.0, take.between(-12, -2)),
        (take.between(3600, 4600), 900.0, take.between(-22, -10)),
    )
    voice = call(
        baa,
        track.astype(np.float32),
        slope=take.between(0.2, 0.7),
        formants=tract,
        breath=take.between(0.05, 0.3),
        jitter=0.02,
    )
    depth = take.between(0.2, 0.7)
    return unit(voice * (1 - depth * (0.5 + 0.5 * tremble)) * swell(baa, 0.1, 0.2))


def clanks(take: Take, low_hz: float, high_hz: float) -> Waveform:
    """The dull irregular bells that grazing animals wear."""
    bells = []
    for _ in range(take.count(1, 3)):
        bell = take.cut(take.between(0.15, 0.5))
        pitch = take.log_between(low_hz, high_hz)
        sound = sum(
            take.between(0.2, 1.0) * tone(bell, pitch * ratio) for ratio in (1.0, 1.52, 2.3, 3.1)
        )
        bells.append(unit(np.asarray(sound * decay(bell, bell.seconds / 5), np.float32)))
    onsets = take.poisson(take.log_between(1.5, 8.0))
    return unit(sequence(take, onsets, bells, spread_db=5.0))


def wolves(take: Take) -> Waveform:
    """Howls that rise, hold and fall; alone or in a pack that never howls in unison."""
    out = take.silence()
    for index in range(1 if take.chance(0.6) else take.count(2, 4)):
        level = amplitude(take.between(-12, 0)) if index else 1.0
        pitch = take.log_between(270, 800)
        slope = take.between(0.9, 2.4)
        tract: Formants = (
            (pitch * take.between(1.0, 2.2), 500.0, 0.0),
            (take.between(1200, 2200), 600.0, take.between(-18, -4)),
        )
        onset_s = take.between(-2.5, 0.55 * take.seconds)
        while onset_s < take.seconds:
            howl = take.cut(take.between(1.8, 5.5))
            rise = take.between(0.55, 0.85)
            track = pitch * glide(
                howl,
                rise,
                1.0,
                take.between(0.95, 1.08),
                take.between(0.9, 1.05),
                take.between(0.85, 1.0),
                rise,
            )
            voice = call(
                howl, track, slope=slope, formants=tract, breath=0.02, jitter=0.006, floor_db=-12.0
            )
            sound = voice * swell(howl, 0.12, 0.3)
            paste(out, sound, round(onset_s * take.rate_hz), level)
            onset_s += howl.seconds + take.log_between(0.5, 4.0)
    return unit(out)
