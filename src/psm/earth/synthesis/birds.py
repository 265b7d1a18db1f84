"""Birds: the dawn chorus, single songsters, gulls, owls and cocks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from psm.earth.synthesis.primitives import (
    Take,
    Waveform,
    amplitude,
    glide,
    paste,
    swell,
    tone,
    unit,
)
from psm.earth.synthesis.timbre import call, harmonics, noise


def songbirds(take: Take) -> Waveform:
    """One to three singers with pauses between their phrases."""
    out = take.silence()
    for index in range(take.count(1, 3)):
        level = amplitude(take.between(-14, 0)) if index else 1.0
        out += level * _singer(take, pause_s=take.log_between(0.3, 2.0), notes_in_bank=6)
    return unit(out)


def dawn_chorus(take: Take) -> Waveform:
    """Many singers at once, near and far, with hardly a pause."""
    out = take.silence()
    for _ in range(take.count(5, 9)):
        level = amplitude(take.between(-16, 0))
        out += level * _singer(take, pause_s=take.log_between(0.08, 0.5), notes_in_bank=4)
    distant = take.count(1, 2)
    for _ in range(distant):  # the far choir: many more voices, too far to tell apart
        centre = take.log_between(2500, 5500)
        choir = noise(
            take,
            ((centre / 3, -40.0), (centre / 1.4, 0.0), (centre * 1.3, 0.0), (centre * 3, -40.0)),
        )
        out += amplitude(take.between(-26, -14)) * choir
    return unit(out)


def _singer(take: Take, *, pause_s: float, notes_in_bank: int) -> Waveform:
    """A bird repeats phrases made of its own few notes."""
    register = take.log_between(1900, 5500)
    bank = [_note(take, register) for _ in range(take.count(1, notes_in_bank))]
    out = take.silence()
    onset_s = take.between(-1.0, 0.5)
    gap_s = take.log_between(0.01, 0.2)
    length = take.count(1, 9)
    while onset_s < take.seconds:
        order = take.rng.integers(0, len(bank), length)
        if take.chance(0.3):
            order[:] = order[0]  # a trill of one note
        loudness = amplitude(take.between(-4, 2))
        for index in order:
            note = bank[index]
            paste(out, note, round(onset_s * take.rate_hz), loudness)
            onset_s += note.size / take.rate_hz + gap_s
            if onset_s > take.seconds:
                break
        onset_s += pause_s * take.between(0.5, 1.8)
    return unit(out)


def _note(take: Take, register_hz: float) -> Waveform:
    """A whistle, sweep, warble, trill, chip or buzz."""
    kind = str(
        take.rng.choice(
            ["whistle", "sweep", "warble", "trill", "chip", "buzz"],
            p=[0.2, 0.25, 0.2, 0.12, 0.15, 0.08],
        )
    )
    pitch = register_hz * take.log_between(0.7, 1.45)
    if kind == "whistle":
        note = take.cut(take.log_between(0.1, 0.5))
        track = pitch * glide(note, 1.0, take.between(0.95, 1.05), take.between(0.92, 1.08))
    elif kind == "sweep":
        note = take.cut(take.log_between(0.05, 0.25))
        track = pitch * glide(
            note,
            take.log_between(0.6, 1.5),
            take.log_between(0.8, 1.25),
            take.log_between(0.6, 1.6),
        )
    elif kind == "warble":
        note = take.cut(take.log_between(0.15, 0.5))
        depth, rate_hz = take.between(0.04, 0.22), take.log_between(8, 40)
        track = pitch * (1.0 + depth * np.sin(2 * np.pi * rate_hz * note.seconds * note.axis()))
    elif kind == "trill":
        note = take.cut(take.log_between(0.2, 0.7))
        saw = (note.axis() * note.seconds * take.log_between(10, 35)) % 1.0
        track = pitch * (1.0 + take.between(-0.3, 0.3) * saw)
    elif kind == "chip":
        note = take.cut(take.log_between(0.015, 0.06))
        track = pitch * glide(note, take.between(1.1, 1.8), take.between(0.6, 1.0))
    else:
        note = take.cut(take.log_between(0.1, 0.35))
        track = pitch * glide(note, 1.0, take.between(0.85, 1.15))
    track = track.astype(np.float32)
    sound = tone(note, track)
    if take.chance(0.4):
        sound = sound + amplitude(take.between(-24, -8)) * tone(note, 2.0 * track)
    envelope = swell(note, take.between(0.05, 0.4), take.between(0.1, 0.6))
    if kind == "trill":
        envelope = envelope * (0.25 + 0.75 * np.sin(np.pi * saw))
    if kind == "buzz":
        rate_hz = take.log_between(60, 180)
        envelope = envelope * (0.5 + 0.5 * np.sin(2 * np.pi * rate_hz * note.seconds * note.axis()))
    return unit((sound * envelope).astype(np.float32))


def gulls(take: Take) -> Waveform:
    """Mews, long 'kyow' calls and laughing series from one bird or a colony."""
    out = take.silence()
    for index in range(round(take.log_between(1, 7))):
        level = amplitude(take.between(-12, 0)) if index else 1.0
        pitch = take.log_between(500, 1250)
        onset_s = take.between(-1.0, 2.0)
        tract = _gull_tract(take)
        first = take.log_between(0.15, 0.6)
        mews = [_kyow(take, pitch, first * share, tract) for share in (1.0, 0.8, 0.6)]
        while onset_s < take.seconds:
            series = take.count(1, 9)
            for step in range(series):
                mew = mews[0 if step == 0 else take.count(1, 2)]
                paste(out, mew, round(onset_s * take.rate_hz), level * take.between(0.6, 1.0))
                onset_s += mew.size / take.rate_hz * take.between(1.1, 1.6)
                if onset_s > take.seconds:
                    break
            onset_s += take.log_between(0.3, 3.0)
    return unit(out)


def _gull_tract(take: Take) -> tuple[tuple[float, float, float], ...]:
    return (
        (take.between(900, 1700), take.between(400, 800), take.between(-8, 0)),
        (take.between(2000, 3300), take.between(500, 1100), 0.0),
        (take.between(3800, 5500), 1200.0, take.between(-14, -5)),
    )


def _kyow(
    take: Take, pitch_hz: float, length_s: float, tract: tuple[tuple[float, float, float], ...]
) -> Waveform:
    short = take.cut(length_s)
    contour = glide(
        short, take.between(0.65, 0.9), 1.0, take.between(0.9, 1.0), take.between(0.6, 0.85)
    )
    voice = call(
        short,
        pitch_hz * contour,
        slope=take.between(0.1, 0.7),
        formants=tract,
        breath=take.between(0.02, 0.15),
        floor_db=-26.0,
    )
    return unit(voice * swell(short, 0.12, 0.3))


def owls(take: Take) -> Waveform:
    """Hoots in their patterns: paired, quavering, evenly repeated; now and then a screech."""
    out = take.silence()
    for index in range(1 if take.chance(0.75) else 2):
        level = amplitude(take.between(-12, -2)) if index else 1.0
        make = _hooter(take)
        pause_s = take.log_between(0.8, 3.5)
        onset_s = take.between(-1.5, 1.5)
        while onset_s < take.seconds:
            phrase = make()
            paste(out, phrase, round(onset_s * take.rate_hz), level)
            onset_s += phrase.size / take.rate_hz + pause_s * take.between(0.8, 1.3)
    return unit(out)


def _hooter(take: Take) -> Callable[[], Waveform]:
    """One owl's phrase: a list of (pause before, length, quaver) hoots at its own pitch."""
    pitch = take.log_between(280, 950)
    patterns = (
        ((0.0, 0.5, 0.0), (0.6, 0.12, 0.0), (0.15, 0.9, 1.0)),
        ((0.0, 0.25, 0.0), (0.2, 0.2, 0.0), (0.25, 0.45, 0.0), (0.3, 0.4, 0.0)),
        ((0.0, 0.35, 0.0),),
        ((0.0, 0.8, 0.6),),
        ((0.0, 0.12, 0.0),) + ((0.12, 0.12, 0.0),) * 6,
    )
    pattern = patterns[take.count(0, len(patterns) - 1)]
    slope = take.between(2.2, 4.0)
    tempo = take.between(0.8, 1.3)

    def phrase() -> Waveform:
        parts = []
        for pause_s, length_s, quaver in pattern:
            hoot = take.cut(length_s * tempo)
            time = hoot.axis() * hoot.seconds
            shake = 1.0 + quaver * 0.02 * np.sin(2 * np.pi * 9.0 * time)
            arch = glide(hoot, take.between(0.9, 0.97), 1.0, 0.99, take.between(0.9, 0.97))
            sound = harmonics(hoot, (pitch * arch * shake).astype(np.float32), slope, top=6)
            breath = noise(hoot, ((pitch / 2, -12.0), (pitch, 0.0), (pitch * 3, -30.0)))
            tremor = 1.0 - 0.5 * quaver * (0.5 + 0.5 * np.sin(2 * np.pi * 9.0 * time))
            parts.append(np.zeros(round(pause_s * tempo * take.rate_hz), np.float32))
            parts.append(
                ((sound + 0.04 * breath) * swell(hoot, 0.2, 0.35) * tremor).astype(np.float32)
            )
        return unit(np.concatenate(parts))

    def screech() -> Waveform:
        short = take.cut(take.between(0.6, 1.4))
        voice = call(
            short,
            take.between(1500, 2200) * glide(short, 0.9, 1.1, 1.0),
            slope=0.4,
            formants=((3000, 2500, 0.0), (6000, 3000, -6.0)),
            breath=1.5,
        )
        return unit(voice * swell(short, 0.2, 0.3))

    return screech if take.chance(0.08) else phrase


def roosters(take: Take) -> Waveform:
    """Cock-a-doodle-doo, from one yard or answered from the next, with hens about."""
    out = take.silence()
    for index in range(take.count(1, 2)):
        pitch = take.log_between(420, 800)
        onset_s = take.between(-0.8, 2.2)
        crow = _crow(take, pitch)
        while onset_s < take.seconds:
            level = amplitude(take.between(-14, -4)) if index else 1.0
            paste(out, crow, round(onset_s * take.rate_hz), level)
            onset_s += crow.size / take.rate_hz + take.log_between(0.8, 5.0)
    if take.chance(0.4):
        for onset_s in take.poisson(take.log_between(1.0, 4.0)):
            cluck = take.cut(take.between(0.05, 0.15))
            voice = call(
                cluck,
                take.between(350, 650) * glide(cluck, 0.8, 1.1, 0.8),
                slope=0.8,
                formants=((1000, 500, 0.0), (2400, 800, -4.0)),
                breath=0.2,
            )
            paste(
                out,
                unit(voice * swell(cluck)),
                round(onset_s * take.rate_hz),
                amplitude(take.between(-18, -8)),
            )
    return unit(out)


def _crow(take: Take, pitch_hz: float) -> Waveform:
    """Four syllables, the last long, high and falling."""
    tract = (
        (take.between(900, 1500), 500.0, -2.0),
        (take.between(1900, 2900), 700.0, 0.0),
        (take.between(3500, 4800), 1000.0, -8.0),
    )
    tempo = take.between(0.8, 1.25)
    parts = []
    for ratio, length_s, fall, gap_s in (
        (0.75, 0.18, 1.0, 0.05),
        (1.0, 0.16, 1.05, 0.04),
        (1.1, 0.35, 0.95, 0.03),
        (take.between(1.15, 1.4), take.between(0.5, 1.0), take.between(0.6, 0.85), 0.0),
    ):
        part = take.cut(length_s * tempo)
        track = pitch_hz * ratio * glide(part, 0.8, 1.0, 1.0, fall)
        voice = call(part, track, slope=0.3, formants=tract, breath=0.08, jitter=0.015)
        parts.append((voice * swell(part, 0.12, 0.25)).astype(np.float32))
        parts.append(np.zeros(round(gap_s * tempo * take.rate_hz), np.float32))
    return unit(np.concatenate(parts))
