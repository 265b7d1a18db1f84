"""Machines: roads, horns, sirens, trains and aircraft."""

from __future__ import annotations

import numpy as np

from psm.earth.synthesis.primitives import (
    Take,
    Track,
    Waveform,
    amplitude,
    blows,
    decay,
    glide,
    glide_db,
    paste,
    sweep,
    swell,
    tone,
    unit,
    wobble,
)
from psm.earth.synthesis.timbre import band, harmonics, noise


def traffic(take: Take) -> Waveform:
    """A road: far hum, tyres that swell and fade as cars pass, engines, at times a squeal."""
    hum = noise(
        take,
        (
            (40, take.between(-6, 2)),
            (90, 0.0),
            (250, take.between(-6, -1)),
            (900, take.between(-13, -5)),
            (3000, take.between(-26, -16)),
            (12000, take.between(-44, -28)),
        ),
    )
    tyres = noise(
        take,
        (
            (80, -8.0),
            (take.between(350, 1000), 0.0),
            (2000, take.between(-12, -4)),
            (6000, take.between(-28, -14)),
            (14000, -36.0),
        ),
    )
    passing = np.full(take.samples, amplitude(take.between(-24, -8)), np.float32)
    engines = take.silence()
    for onset_s in take.poisson(take.log_between(0.2, 1.2)):
        car = take.cut(take.log_between(1.5, 5.0))
        bump = (1.0 / (1.0 + np.square((car.axis() - 0.5) * take.between(5, 12)))).astype(
            np.float32
        ) * swell(car, 0.3, 0.3)
        paste(
            passing,
            bump.astype(np.float32),
            round(onset_s * take.rate_hz),
            amplitude(take.between(-8, 0)),
        )
        if take.chance(0.5):
            engine = _engine(car, take.log_between(35, 130)) * bump
            paste(
                engines,
                engine.astype(np.float32),
                round(onset_s * take.rate_hz),
                amplitude(take.between(-16, -2)),
            )
    sound = amplitude(take.between(-6, 4)) * hum + tyres * passing + engines
    if take.chance(0.15):
        squeal = take.cut(take.between(0.3, 1.2))
        brake = tone(squeal, take.log_between(1800, 6500)) * swell(squeal, 0.3, 0.4)
        paste(
            sound,
            brake.astype(np.float32),
            round(take.between(0, 4) * take.rate_hz),
            amplitude(take.between(-26, -14)),
        )
    return unit(sound)


def _engine(take: Take, firing_hz: float) -> Waveform:
    """Firing pulses through the exhaust, revving a little."""
    track = firing_hz * glide(take, take.between(0.85, 1.0), 1.0, take.between(0.9, 1.3))
    source = harmonics(take, track * (1 + wobble(take, 8.0, -0.01, 0.01)), take.between(0.6, 1.2))
    rough = noise(take, ((40, 0.0), (300, 0.0), (2500, -24.0), (9000, -45.0)))
    return unit(source + take.between(0.3, 1.0) * rough)


def horns(take: Take) -> Waveform:
    """Car horns: two reeds a third apart, beeped, leant on, or answered across the street."""
    out = take.silence()
    for index in range(take.count(1, 4)):
        root = take.log_between(280, 560)
        ratio = float(take.rng.choice([1.0, 1.19, 1.25, 1.26, 1.335]))
        slope = take.between(0.2, 0.9)
        colour = (take.between(900, 3200), take.between(800, 2000))
        level = amplitude(take.between(-16, -1)) if index else 1.0
        onset_s = take.between(0.0, 0.5 * take.seconds)
        for _ in range(take.count(1, 5)):
            beep = take.cut(take.log_between(0.08, 1.4))
            chord = harmonics(beep, root, slope) + harmonics(beep, root * ratio, slope)
            envelope = np.minimum(
                1.0, np.minimum(beep.axis(), 1 - beep.axis()) * beep.seconds / 0.02
            )
            bright = noise(beep, band(colour[0], 1.0))
            sound = (chord + 0.02 * bright) * envelope
            paste(out, unit(sound.astype(np.float32)), round(onset_s * take.rate_hz), level)
            onset_s += beep.seconds + take.log_between(0.06, 0.6)
    return unit(out)


def sirens(take: Take) -> Waveform:
    """Wail, yelp, two-tone and slow rise, with the partials of a horn and the street's echo."""
    style = str(take.rng.choice(["wail", "yelp", "two-tone", "slow"], p=[0.4, 0.2, 0.3, 0.1]))
    low = take.log_between(380, 750)
    high = low * take.between(1.6, 2.6)
    if style == "two-tone":
        period_s = take.log_between(0.7, 2.2)
        high = low * take.between(1.18, 1.45)
        track: Track = np.where(blows(take, 1.0 / period_s, 1.0) > np.exp(-0.5), high, low)
    else:
        period_s = {
            "wail": take.log_between(2.0, 6.0),
            "yelp": take.log_between(0.2, 0.5),
            "slow": take.log_between(6.0, 12.0),
        }[style]
        peak = take.between(0.25, 0.6)
        track = low * (high / low) ** sweep(take, 1.0 / period_s, peak)
    doppler = glide(
        take, take.between(1.0, 1.04), take.between(0.98, 1.02), take.between(0.96, 1.0)
    )
    track = (track * doppler).astype(np.float32)
    sound = harmonics(take, track, take.between(0.5, 2.0), top=take.count(3, 14))
    approach = glide_db(take, *take.rng.uniform(-14, 0, 3))
    out = unit(sound * approach)
    echo_s = take.between(0.05, 0.3)
    shift = round(echo_s * take.rate_hz)
    return unit(out + amplitude(take.between(-18, -6)) * np.roll(out, shift))


def trains(take: Take) -> Waveform:
    """Wheels over joints, the rolling roar, squeal in curves, at times the horn."""
    roll = noise(
        take,
        (
            (40, take.between(-6, 0)),
            (150, 0.0),
            (700, take.between(-8, -2)),
            (2500, take.between(-18, -8)),
            (10000, take.between(-32, -18)),
        ),
    )
    presence = glide_db(take, *take.rng.uniform(take.between(-24, -3), 0, 4))
    clack = take.silence()
    bogie_s = take.log_between(0.25, 1.3)
    axle_s = min(0.3 * bogie_s, take.between(0.07, 0.2))
    bank = [_clack(take) for _ in range(3)]
    for index, onset_s in enumerate(take.regular(bogie_s, 0.02)):
        for axle in range(2):
            paste(
                clack,
                bank[(index + axle) % 3],
                round((onset_s + axle * axle_s) * take.rate_hz),
                amplitude(take.between(-4, 1)),
            )
    sound = (roll + amplitude(take.between(-8, 6)) * unit(clack)) * presence
    if take.chance(0.25):
        squeal = tone(take, take.log_between(1500, 5000) * wobble(take, 1.0, 0.97, 1.03))
        sound = sound + amplitude(take.between(-26, -12)) * squeal * wobble(take, 1.5, 0.0, 1.0)
    if take.chance(0.25):
        horn = take.cut(take.between(0.8, 2.5))
        root = take.log_between(220, 420)
        chord = sum(harmonics(horn, root * ratio, 0.6) for ratio in (1.0, 1.2, 1.5, 1.68))
        sound = sound.astype(np.float32)
        paste(
            sound,
            unit(np.asarray(chord * swell(horn, 0.06, 0.15), np.float32)),
            round(take.between(0, 3.5) * take.rate_hz),
            amplitude(take.between(-8, 6)),
        )
    return unit(np.asarray(sound, np.float32))


def _clack(take: Take) -> Waveform:
    short = take.cut(0.18)
    thud = noise(short, ((50, 0.0), (300, -3.0), (2000, -14.0), (10000, -26.0)))
    ring = tone(short, take.log_between(400, 1800))
    return unit(thud * decay(short, take.between(0.015, 0.05)) + 0.2 * ring * decay(short, 0.03))


def aircraft(take: Take) -> Waveform:
    """A jet overhead, a propeller drone, a helicopter, or the cabin from within."""
    style = str(
        take.rng.choice(["jet", "propeller", "helicopter", "cabin"], p=[0.35, 0.25, 0.15, 0.25])
    )
    if style == "cabin":
        corner = take.log_between(80, 220)
        roar = noise(
            take,
            (
                (30, -2.0),
                (corner, 0.0),
                (corner * 3, take.between(-16, -9)),
                (1200, take.between(-36, -22)),
                (4000, take.between(-46, -32)),
                (12000, take.between(-64, -46)),
            ),
        )
        drone = tone(take, take.log_between(80, 260))
        return unit(roar + amplitude(take.between(-30, -10)) * drone)
    passing = glide_db(take, *take.rng.uniform(-12, 0, 3))
    body = noise(
        take,
        (
            (40, take.between(-6, 0)),
            (take.log_between(100, 300), 0.0),
            (1000, take.between(-14, -5)),
            (3500, take.between(-34, -18)),
            (12000, -60.0),
        ),
    )
    if style == "jet":
        whine = harmonics(take, take.log_between(700, 3000) * glide(take, 1.05, 1.0, 0.9), 1.5, 3)
        return unit((body + amplitude(take.between(-40, -18)) * whine) * passing)
    if style == "propeller":
        pitch = take.log_between(55, 140) * glide(take, 1.04, 1.0, 0.94)
        beat = 1.0 + 0.3 * tone(take, take.log_between(0.5, 3.0))
        blades = harmonics(take, pitch, take.between(0.5, 1.2), top=30)
        return unit((blades * beat + amplitude(take.between(-14, -3)) * body) * passing)
    chop_hz = take.log_between(9, 28)
    slap = blows(take, chop_hz, take.between(4, 10))
    turbine = tone(take, take.log_between(500, 2500))
    return unit((body * slap + amplitude(take.between(-40, -22)) * turbine) * passing)
