"""Reads a recording as a model wants it: mono, at one rate, checked."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soxr
from jaxtyping import Float32

from psm.data.sound.decoder import SHORTEST_S, Sound, read_part, read_whole
from psm.data.sound.hearing import Hearing, hearing, mixed_down, require_sound, warning_of
from psm.data.sound.media import Media, opened
from psm.data.untrusted import EMPTY
from psm.errors import CorruptRecording, FaintRecording, MissingExtra, UnusableSound

LONGEST_S = 2 * 3600
"""Longer recordings are refused: a day of a logger would not fit into memory."""

MOST_MB = 4096.0
"""Memory that the samples of one recording may take, all channels together."""

_OTHER, _UNREADABLE = "not an audio file", "not readable as sound"


def read_audio(
    path: str | Path,
    sample_rate_hz: int,
    *,
    name: str | None = None,
    band_hz: tuple[float, float] | None = None,
    is_query: bool = False,
    window_s: float | None = None,
    part_s: tuple[float, float] | None = None,
) -> Float32[np.ndarray, " samples"]:
    """Decode any file that :mod:`psm.data.sound` reads to mono at one rate.

    Errors call the file ``name``, by default its path. With a name they leave out details, so that
    those of files that fail alike are alike.

    Args:
        path: of the file. Its bytes say what it is.
        sample_rate_hz: wanted.
        name: for errors.
        band_hz: lowest and highest frequency that a model hears, by default all.
        is_query: somebody asks for it, and is warned where there is hardly a sound in it.
        window_s: of a query, length of its middle, if that is all that the model hears.
        part_s: begin and end of a part of a file of any length, if that alone is wanted.

    Raises:
        CorruptRecording: the file is missing, unreadable, cut short, empty or holds values that
            are no sound; or there is sound in it of which nothing would be heard.
        MissingExtra: it takes ffmpeg, and there is none.
    """
    shown = name or str(path)
    with _named(shown, in_detail=name is None), opened(Path(path)) as media:
        sound, found = _heard(media, sample_rate_hz, band_hz, part_s)
        if is_query and (warning := warning_of(found, sound.samples, sound.rate_hz, window_s)):
            warnings.warn(f"{shown}: {warning}", FaintRecording, stacklevel=2)
        return mono_at(sound, sample_rate_hz)


def decode_audio(
    data: bytes,
    sample_rate_hz: int,
    name: str,
    *,
    band_hz: tuple[float, float] | None = None,
) -> Float32[np.ndarray, " samples"]:
    """Decode the bytes of such a file to mono at one rate; ``name`` is for the error.

    Raises:
        CorruptRecording, MissingExtra: as :func:`read_audio`.
    """
    with _named(name, in_detail=False), opened(data) as media:
        return mono_at(_heard(media, sample_rate_hz, band_hz)[0], sample_rate_hz)


def mono_at(sound: Sound, sample_rate_hz: int) -> Float32[np.ndarray, " samples"]:
    """Mix a decoded recording down and resample it.

    Raises:
        UnusableSound: nothing is left of it.
    """
    mono = mixed_down(sound.samples)
    if sound.rate_hz != sample_rate_hz:
        mono = soxr.resample(mono, sound.rate_hz, sample_rate_hz)
    if mono.size == 0:
        raise UnusableSound("too short", detail=f"no sample at {sample_rate_hz} Hz")
    return np.ascontiguousarray(mono, dtype=np.float32)


def _heard(
    media: Media,
    sample_rate_hz: int,
    band_hz: tuple[float, float] | None,
    part_s: tuple[float, float] | None = None,
) -> tuple[Sound, Hearing]:
    if part_s is None:
        sound = read_whole(media, longest_s=LONGEST_S, most_mb=MOST_MB)
    else:
        begin_s, end_s = part_s
        sound = read_part(media, from_s=begin_s, kept_s=end_s - begin_s)
        if len(sound.samples) < SHORTEST_S * sound.rate_hz:
            raise UnusableSound("too short", fix=f"{SHORTEST_S:g} s is the least")
    require_sound(sound.samples)
    found = hearing(sound.samples, sound.rate_hz, band_hz or (0.0, sample_rate_hz / 2))
    found.require()
    return sound, found


@contextmanager
def _named(name: str, *, in_detail: bool) -> Iterator[None]:
    """Errors of a file with its name before them, and what mends it after them."""
    try:
        yield
    except MissingExtra as problem:
        if in_detail:
            raise MissingExtra(f"{name}: {problem}") from None
        raise CorruptRecording(f"{name}: {problem}") from None  # one of many: counted
    except UnusableSound as problem:
        said, is_other = problem.reason, problem.reason.startswith(_OTHER)
        if is_other:
            said = "Format not recognised: " + said.removeprefix(f"{_OTHER} but ")
        if problem.detail and in_detail:
            said = f"{said} ({problem.detail})"
        if is_other or problem.reason in (_UNREADABLE, EMPTY):
            said = "damaged" if said == _UNREADABLE else said
            said = said.removeprefix(f"{_UNREADABLE} ").strip("()")
            said = f"not a readable audio file ({said}); use WAV, FLAC, Ogg, MP3 or M4A"
        elif problem.fix:
            said = f"{said}; {problem.fix}"
        raise CorruptRecording(f"{name}: {said}") from None
