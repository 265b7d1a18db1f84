"""Geophony: wind, rain and thunder, waves, streams, and oars in the water."""

from __future__ import annotations

import numpy as np

from psm.earth.synthesis.primitives import (
    Take,
    Waveform,
    amplitude,
    decay,
    fading,
    paste,
    scatter,
    swell,
    tone,
    unit,
    wobble,
)
from psm.earth.synthesis.timbre import band, harmonics, noise


def wind(take: Take) -> Waveform:
    """Leaves, open land or a howling gap, in gusts from almost none to strong."""
    depth_db = take.log_between(1.0, 12.0)
    gust = fading(take, take.log_between(0.15, 1.0), -depth_db, 0.0)
    kind = take.rng.choice(["trees", "open", "howl"], p=[0.5, 0.3, 0.2])
    if kind == "trees":
        body = take.between(-12.0, -4.0)
        rustle = noise(
            take,
            (
                (60, 0.0),
                (120, body),
                (take.between(600, 2000), body + take.between(0, 6)),
                (6000, body + take.between(-5, 0)),
                (14000, body + take.between(-8, 1)),
            ),
        )
        leaves = scatter(
            take, take.log_between(50, 600), [_leaf(take) for _ in range(3)], spread_db=6.0
        )
        return unit(rustle * gust + amplitude(take.between(-26, -12)) * unit(leaves) * gust**2)
    rumble = noise(
        take,
        (
            (40, 0.0),
            (take.between(100, 300), -4.0),
            (1000, take.between(-28, -16)),
            (8000, take.between(-55, -38)),
        ),
    )
    if kind == "open":
        buffet = fading(take, take.between(2.0, 6.0), -6.0, 0.0)
        return unit(rumble * gust * buffet)
    howl = noise(take, band(take.log_between(300, 900), 0.25, 30.0))
    upper = noise(take, band(take.log_between(700, 1600), 0.4, 24.0))
    return unit(
        amplitude(take.between(-8, 2)) * rumble * gust + howl * gust**2 + 0.5 * upper * gust**3
    )


def _leaf(take: Take) -> Waveform:
    rustle = take.cut(take.between(0.01, 0.05))
    return unit(noise(rustle, band(take.log_between(2000, 7000), 1.5)) * decay(rustle, 0.012))


def rain(take: Take) -> Waveform:
    """From drizzle whose drops can be counted to a downpour that is almost steady noise."""
    density = take.between(0.0, 1.0)  # 0 drizzle .. 1 downpour
    low_cut = take.log_between(120, 400)
    bed = noise(
        take,
        (
            (60, take.between(-16, -8)),
            (low_cut, take.between(-4, -1)),
            (take.between(500, 1200), 0.0),
            (take.between(2500, 5000), take.between(-7, 1)),
            (take.between(8000, 11000), take.between(-13, -3)),
            (15000, take.between(-20, -8)),
        ),
    )
    grains = [_drop(take) for _ in range(4)]
    drops = scatter(take, take.log_between(60, 300) * 8.0**density, grains, spread_db=7.0)
    breathing = fading(take, 0.4, -1.5, 0.5)
    drop_level = amplitude(take.between(-14, -4) + (1.0 - density) * 12.0)
    return unit(bed * breathing + drop_level * unit(drops))


def _drop(take: Take) -> Waveform:
    """A drop on a leaf or roof (a click) or into a puddle (a ringing bubble)."""
    short = take.cut(take.between(0.006, 0.03))
    if take.chance(0.6):
        click = noise(short, band(take.log_between(800, 8000), take.between(1.0, 3.0), 12.0))
        return unit(click * decay(short, take.between(0.0008, 0.004)))
    pitch = take.log_between(900, 5000)
    return unit(tone(short, pitch * (1.0 + 0.2 * short.axis())) * decay(short, 0.004))


def thunder(take: Take) -> Waveform:
    """A near crack or a far roll: low noise in overlapping bursts that darken as they fade."""
    out = take.silence()
    strikes = take.count(1, 2)
    for strike in range(strikes):
        start_s = (
            take.between(-1.5, 0.45 * take.seconds)
            if strike == 0
            else take.between(0.0, 0.8 * take.seconds)
        )
        corner = take.log_between(70, 350)
        length_s = take.between(2.5, 8.0)
        roll_take = take.cut(length_s)
        roll = noise(
            roll_take,
            (
                (25, -3.0),
                (corner, 0.0),
                (corner * 4, take.between(-26, -16)),
                (corner * 16, take.between(-55, -42)),
                (14000, -75.0),
            ),
        )
        tremble = fading(roll_take, take.between(2.0, 7.0), -14.0, 0.0)
        fade = np.exp(-roll_take.axis() * take.between(2.0, 5.0))
        attack_s = take.log_between(0.02, 1.0)
        attack = np.minimum(1.0, roll_take.axis() * (length_s / attack_s))
        onset = round(start_s * take.rate_hz)
        paste(out, unit(roll * tremble * fade * attack), onset, amplitude(take.between(-6, 0)))
        if take.chance(0.5):
            crack_take = take.cut(take.between(0.3, 1.2))
            crack = noise(
                crack_take, ((60, -4.0), (300, 0.0), (1500, -8.0), (5000, -20.0), (14000, -38.0))
            )
            tearing = fading(crack_take, 25.0, -16.0, 0.0)
            fall = decay(crack_take, take.between(0.06, 0.4))
            paste(out, unit(crack * tearing * fall), onset, amplitude(take.between(-4, 8)))
    return unit(out)


def _bubble(take: Take, low_hz: float, high_hz: float) -> Waveform:
    """A bubble rings at its size's pitch and rises as it nears the surface (Minnaert 1933)."""
    pitch = take.log_between(low_hz, high_hz)
    short = take.cut(min(0.12, 25.0 / pitch))
    rising = pitch * (1.0 + take.between(0.0, 0.35) * short.axis())
    return unit(tone(short, rising) * decay(short, short.seconds / 4))


def waves(take: Take) -> Waveform:
    """Surf: each breaker swells, crashes bright and runs back as a hiss."""
    period_s = take.log_between(2.5, 9.0)
    floor_db = take.between(-20.0, -5.0)
    level = np.full(take.samples, amplitude(floor_db), np.float32)
    foam = np.full(take.samples, amplitude(floor_db - 3.0), np.float32)
    for onset_s in take.regular(period_s, 0.15):
        breaker = take.cut(take.between(0.7, 1.5) * period_s)
        attack = take.between(0.15, 0.45)
        rise = np.minimum(1.0, breaker.axis() / attack)
        fall = np.minimum(1.0, (1.0 - breaker.axis()) / (1.0 - attack))
        size = amplitude(take.between(-7.0, 0.0))
        onset = round(onset_s * take.rate_hz)
        paste(level, (rise**2 * fall**1.5).astype(np.float32), onset, size)
        delay = round(0.1 * attack * breaker.samples)
        paste(foam, (rise**4 * fall**2).astype(np.float32), onset + delay, size)
    rumble = noise(
        take,
        (
            (50, take.between(-6, 2)),
            (150, 0.0),
            (take.between(500, 1500), -1.0),
            (4000, take.between(-20, -9)),
            (12000, take.between(-38, -24)),
        ),
    )
    hiss = noise(
        take,
        (
            (100, -20.0),
            (500, -5.0),
            (take.between(900, 2500), 0.0),
            (6000, take.between(-8, -2)),
            (14000, take.between(-18, -8)),
        ),
    )
    shimmer = fading(take, 6.0, -2.0, 0.5)
    return unit(rumble * level + amplitude(take.between(-8, 2)) * hiss * foam * shimmer)


def stream(take: Take) -> Waveform:
    """From a trickling brook (single bubbles) to a broad river (a steady rush)."""
    size = take.between(0.0, 1.0)  # 0 brook .. 1 river
    rush = noise(
        take,
        (
            (50, take.between(-45, -22)),
            (take.log_between(120, 300), take.between(-18, -8)),
            (take.log_between(400, 900), 0.0),
            (2500, take.between(-6, 0)),
            (6000, take.between(-12, -4)),
            (14000, take.between(-22, -8)),
        ),
    )
    ceiling = 900.0 + 2500.0 * (1.0 - size)
    grains = [_bubble(take, 250.0, ceiling) for _ in range(6)]
    bubbles = scatter(take, take.log_between(40, 250) * 4.0**size, grains, spread_db=7.0)
    splashes = scatter(
        take, take.log_between(20, 200), [_splash(take) for _ in range(3)], spread_db=5.0
    )
    gurgle = fading(take, take.between(3.0, 8.0), -4.0, 1.0)
    level = amplitude(take.between(-12, 0) + 9.0 * (1.0 - size))
    spray = amplitude(take.between(-14, -2))
    return unit(rush + level * unit(bubbles * gurgle) + spray * unit(splashes))


def _splash(take: Take) -> Waveform:
    """Water striking water: a short burst of nearly all frequencies."""
    short = take.cut(take.log_between(0.008, 0.03))
    burst = noise(
        short,
        ((200, -12.0), (700, 0.0), (4000, take.between(-6, 2)), (14000, take.between(-14, -4))),
    )
    return unit(burst * decay(short, short.seconds / 3))


def rowing(take: Take) -> Waveform:
    """Oars: knock and creak of the lock, the blade's splash, drips, water along the hull."""
    out = take.silence()
    dark = take.between(0.0, 1.0)
    period_s = take.between(1.3, 3.6)
    splash_db = take.between(-4, 4) - 12.0 * dark
    for onset_s in take.regular(period_s, 0.06):
        onset = round(onset_s * take.rate_hz)
        for _ in range(take.count(1, 4)):
            knock = _knock(take)
            offset = round(take.between(0.0, 0.25) * take.rate_hz)
            paste(out, knock, onset + offset, amplitude(take.between(-4, 8)))
        if take.chance(0.5):
            paste(out, _creak(take), onset, amplitude(take.between(-14, -4)))
        splash = take.cut(take.between(0.35, 0.9))
        wash = noise(
            splash, ((100, -8.0), (500, 0.0), (2000, -6.0 - 8 * dark), (8000, -16.0 - 12 * dark))
        )
        wash = unit(wash * swell(splash, 0.15, 0.8)) * (fading(splash, 18.0, -8.0, 0.0))
        paste(out, wash.astype(np.float32), onset + round(0.2 * take.rate_hz), amplitude(splash_db))
    drips = scatter(
        take, take.log_between(3, 30), [_bubble(take, 500, 2500) for _ in range(4)], spread_db=6.0
    )
    lap = scatter(
        take, take.log_between(4, 25), [_bubble(take, 120, 500) for _ in range(4)], spread_db=6.0
    )
    hull = noise(take, ((40, 0.0), (200, -4.0), (800, -22.0), (6000, -40.0)))
    heave = fading(take, 1.5, -14.0, 0.0)
    return unit(
        unit(out)
        + amplitude(take.between(-18, -8)) * unit(drips)
        + amplitude(take.between(-14, -4)) * unit(lap)
        + amplitude(take.between(-20, -8)) * hull * heave
    )


def _knock(take: Take) -> Waveform:
    short = take.cut(take.between(0.05, 0.2))
    thump = tone(short, take.log_between(60, 220)) * decay(short, take.between(0.015, 0.05))
    clack = noise(short, band(take.log_between(250, 1200), 1.5)) * decay(short, 0.008)
    return unit(thump + amplitude(take.between(-12, 2)) * clack)


def _creak(take: Take) -> Waveform:
    """Stick-slip friction: a low pulse train whose rate drifts, ringing in wood."""
    short = take.cut(take.between(0.15, 0.6))
    buzz = harmonics(short, wobble(short, 4.0, 25.0, 90.0), 0.2)
    ring = noise(short, band(take.log_between(400, 1500), 0.6))
    return unit((buzz + 0.3) * ring * swell(short, 0.2, 0.3))
