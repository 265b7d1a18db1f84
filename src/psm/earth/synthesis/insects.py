"""Crickets, cicadas and frogs: the choruses of warm air and night."""

from __future__ import annotations

import numpy as np

from psm.earth.synthesis.primitives import (
    Take,
    Track,
    Waveform,
    amplitude,
    decay,
    fading,
    paste,
    pulses,
    sequence,
    swell,
    tone,
    unit,
    wobble,
)
from psm.earth.synthesis.timbre import band, call, noise


def crickets(take: Take) -> Waveform:
    """Pure carriers in pulsed chirps or unbroken trills, over the ringing of many far ones."""
    out = take.silence()
    register = take.log_between(2600, 6000)
    for _ in range(take.count(1, 4)):
        carrier = register * take.log_between(0.75, 1.35)
        level = amplitude(take.between(-14, 0))
        if take.chance(0.6):
            count = take.count(2, 6)
            rate_hz = take.log_between(22, 60)
            chirp = take.cut(count / rate_hz)
            shape = _pulses_in(chirp, count)
            sound = unit(tone(chirp, carrier * (1.02 - 0.04 * chirp.axis())) * shape)
            onsets = take.regular(take.log_between(0.25, 1.3), 0.05)
            out += level * sequence(take, onsets, [sound], spread_db=1.0)
        else:
            drift = carrier * wobble(take, 1.0, 0.995, 1.005)
            out += level * tone(take, drift) * pulses(take, take.log_between(25, 90), 0.7)
    for _ in range(take.count(1, 3)):
        far = noise(
            take, band(register * take.log_between(0.7, 2.4), take.log_between(0.04, 0.2), 60.0)
        )
        flutter = 1.0 - take.between(0.0, 0.9) * pulses(take, take.log_between(2, 30))
        out += amplitude(take.between(-18, -2)) * far * flutter
    return unit(out)


def _pulses_in(take: Take, count: int) -> Track:
    """Exactly ``count`` pulses over the take, growing a little."""
    position = take.axis()
    return np.asarray(np.square(np.sin(np.pi * count * position)) * (0.6 + 0.4 * position))


def cicadas(take: Take) -> Waveform:
    """Bands of noise torn by the timbals: steady, pulsed, or swelling over seconds."""
    out = take.silence()
    for _ in range(take.count(1, 3)):
        centre = take.log_between(3200, 9000)
        buzz = noise(take, band(centre, take.log_between(0.15, 0.9), take.between(30, 80)))
        voice = buzz * (1.0 - take.between(0.3, 1.0) * pulses(take, take.log_between(40, 300)))
        style = take.rng.choice(["steady", "phrases", "swelling"], p=[0.5, 0.3, 0.2])
        if style == "phrases":
            gate = pulses(take, take.log_between(0.7, 9.0), take.between(0.5, 0.95))
            voice = voice * (0.15 + 0.85 * np.sqrt(gate))
        elif style == "swelling":
            voice = voice * fading(take, 0.3, -18.0, 0.0)
        out += amplitude(take.between(-12, 0)) * unit(voice.astype(np.float32))
    return unit(out)


def frogs(take: Take) -> Waveform:
    """One ribbiting frog up to a whole pond: pulsed croaks, peeps and bull-frog groans."""
    out = take.silence()
    crowd = round(take.log_between(1, 14))
    kinds = take.rng.choice(["croak", "peep", "groan"], size=2, p=[0.6, 0.25, 0.15])
    register = take.log_between(600, 2600)
    for index in range(crowd):
        make = {"croak": _croak, "peep": _peep, "groan": _groan}[str(kinds[index % 2])]
        sound = make(take, register * take.log_between(0.8, 1.25))
        onsets = take.regular(sound.size / take.rate_hz + take.log_between(0.15, 2.5), 0.2)
        level = amplitude(take.between(-16, 0) if index else 0.0)
        out += level * sequence(take, onsets, [sound])
    return unit(out)


def _croak(take: Take, centre_hz: float) -> Waveform:
    """A train of damped pulses exciting two or three resonances: 'ribbit', 'quack', a rattle."""
    rate_hz = take.log_between(20, 160)
    croak = take.cut(take.log_between(0.08, 0.7))
    pulse = take.cut(min(0.05, 2.5 / rate_hz))
    ring = np.zeros(pulse.samples, np.float32)
    for ratio in (1.0, take.between(1.6, 2.4), take.between(0.4, 0.6)):
        ring += (
            take.between(0.2, 1.0)
            * tone(pulse, centre_hz * ratio)
            * decay(pulse, take.between(0.3, 1.0) / rate_hz)
        )
    ring += 0.2 * noise(pulse, band(centre_hz, 1.5)) * decay(pulse, 0.5 / rate_hz)
    accelerate = take.between(-0.3, 0.3)
    out = croak.silence()
    onset_s = 0.0
    while onset_s < croak.seconds:
        paste(out, ring, round(onset_s * take.rate_hz), take.between(0.8, 1.2))
        onset_s += (1.0 + accelerate * onset_s / croak.seconds) / rate_hz
    shaped = out * swell(croak, take.between(0.05, 0.5), take.between(0.05, 0.3))
    if take.chance(0.35):  # two-part 'rib-bit'
        gap = np.abs(croak.axis() - take.between(0.3, 0.6)) > 0.07
        shaped = shaped * gap
    return unit(shaped.astype(np.float32))


def _peep(take: Take, centre_hz: float) -> Waveform:
    peep = take.cut(take.log_between(0.05, 0.25))
    pitch = 1.4 * centre_hz * (1.0 + take.between(-0.05, 0.15) * peep.axis())
    return unit(tone(peep, pitch) * swell(peep, 0.3, 0.4))


def _groan(take: Take, centre_hz: float) -> Waveform:
    groan = take.cut(take.between(0.3, 1.0))
    pitch = take.log_between(80, 220) * (1.0 + 0.1 * np.sin(np.pi * groan.axis()))
    voice = call(
        groan,
        pitch,
        slope=0.6,
        breath=0.02,
        formants=((0.35 * centre_hz, 150.0, 0.0), (centre_hz, 300.0, -6.0)),
    )
    return unit(voice * swell(groan, 0.25, 0.4))
