"""Wind, rain, thunder: what the sky does."""

from __future__ import annotations

import numpy as np

from psm.earth.synthesis.events import paste, scatter
from psm.earth.synthesis.primitives import (
    Take,
    Waveform,
    amplitude,
    decay,
    fading,
    tone,
    unit,
)
from psm.earth.synthesis.timbre import band, noise


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
