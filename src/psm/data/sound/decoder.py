"""Decodes the whole of a recording, or its middle, by libsndfile or ffmpeg.

How long a recording is follows from what is in it, not from what its header guesses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile
from jaxtyping import Float32

from psm.data.sound import chunks, ffmpeg, films, flacframes, mpegframes, oggpages
from psm.data.sound.limits import EXPORT, Limits, require_found, require_plausible
from psm.data.sound.media import Media, on_disk
from psm.data.sound.splice import Splice
from psm.data.untrusted import ENDLESS_S, SOUND_FILES, FileKind, is_cut_short
from psm.errors import UnusableSound

MARGIN_S = 0.1
"""Read beyond both ends of the middle: a resampler wants to know what comes before and after."""

SHORTEST_S = 0.1
"""Shorter recordings are refused: repeated to fill a window, they are a tone that nobody heard."""

_BLOCK = 65_536
# What libsndfile may not know though the container is one of its own: ADPCM, Speex, Theora.
_MISCOUNTED = ("GSM610",)  # by a block
_MORE_CODECS = SOUND_FILES - {FileKind.FLAC, FileKind.MP3}


@dataclass(frozen=True)
class Sound:
    """What was read of a recording.

    Attributes:
        samples: as recorded.
        rate_hz: of them.
        duration_s: of the whole recording.
    """

    samples: Float32[np.ndarray, "samples channels"]
    rate_hz: int
    duration_s: float


def read_whole(media: Media, *, longest_s: float, most_mb: float) -> Sound:
    """All of a recording.

    Args:
        media: it is not closed.
        longest_s: a longer one is refused.
        most_mb: memory that its samples may take.

    Raises:
        UnusableSound: there is no such sound in it.
        MissingExtra: it takes ffmpeg, and there is none.
    """
    sound = _read(media, Limits(None, longest_s, most_mb))
    if sound.duration_s < SHORTEST_S:
        raise UnusableSound(
            "too short", detail=f"{sound.duration_s:.3f} s", fix=f"{SHORTEST_S:g} s is the least"
        )
    return sound


def read_middle(media: Media, *, kept_s: float, most_mb: float = 256.0) -> Sound:
    """The middle of a recording, with a margin where there is more; the whole of a short one.

    Args:
        media: it is not closed.
        kept_s: length that is wanted.
        most_mb: memory that its samples may take.

    Raises:
        UnusableSound, MissingExtra: as :func:`read_whole`.
    """
    return _read(media, Limits(kept_s + 2 * MARGIN_S, ENDLESS_S, most_mb))


def read_part(media: Media, *, from_s: float, kept_s: float, most_mb: float = 1024.0) -> Sound:
    """A part of a recording, without what comes after its end.

    Args:
        media: it is not closed.
        from_s: where the part begins.
        kept_s: length that is wanted.
        most_mb: memory that its samples may take.

    Raises:
        UnusableSound: as :func:`read_whole`, or the part lies behind the end.
        MissingExtra: as :func:`read_whole`.
    """
    return _read(media, Limits(kept_s, ENDLESS_S, most_mb, from_s))


def _read(media: Media, limits: Limits) -> Sound:
    if media.kind in SOUND_FILES:
        with _readable(media) as found:
            if found is not None:
                return _by_libsndfile(found, limits)
    whole = Splice(media.file, (media.start, media.size)) if media.start else media.file
    with on_disk(whole) as file:
        return _by_ffmpeg(file, media, limits)


@dataclass(frozen=True)
class _Readable:
    """A file that libsndfile has open.

    Attributes:
        sound: the open file.
        frames: samples of each channel that are in it.
        skipped: how many of the first of its samples are not of the recording.
    """

    sound: Any
    frames: int
    skipped: int = 0


@contextmanager
def _readable(media: Media) -> Iterator[_Readable | None]:
    """A file in libsndfile, with a header that is right; ``None`` where it does not know it."""
    source = _mended(media)
    try:
        sound = _open(source or media)
    except (soundfile.SoundFileError, OSError, ValueError, TypeError) as problem:
        if media.kind not in _MORE_CODECS:
            detail = f"{media.kind}: {_said(problem)}"
            raise UnusableSound("not readable as sound", detail=detail) from None
        yield None
        return
    is_wrapped = sound.subtype == "MPEG_LAYER_III" and media.kind is not FileKind.MP3
    if is_wrapped or sound.subtype in _MISCOUNTED:
        sound.close()
        yield None
        return
    with sound:
        if media.kind is FileKind.OGG:
            with _back_again(media):
                oggpages.require_one(media)
        if media.kind is FileKind.MP3:
            with _counted_mp3(media, sound) as found:
                yield found
        else:
            yield _Readable(sound, int(sound.frames))


def _mended(media: Media) -> Splice | None:
    if media.kind is FileKind.WAV:
        return chunks.mended_wav(media)
    if media.kind is FileKind.FLAC:
        return flacframes.mended(media)
    if media.kind is FileKind.CAF:
        return chunks.mended_caf(media)
    chunks.require_whole(media)
    return Splice(media.file, (media.start, media.size)) if media.start else None


def _open(source: Media | Splice) -> Any:
    if isinstance(source, Splice):
        return soundfile.SoundFile(source)
    source.file.seek(0)
    try:
        file = source.file.fileno()
    except OSError:  # in memory; a header may send libsndfile to places before its beginning
        return soundfile.SoundFile(Splice(source.file, (0, source.size)))
    return soundfile.SoundFile(file, closefd=False)


@contextmanager
def _counted_mp3(media: Media, sound: Any) -> Iterator[_Readable | None]:
    with _back_again(media):
        counted = mpegframes.count(media)
    if counted is None:
        yield None
        return
    counted.require_whole()
    if counted.is_read_whole(int(sound.frames)):
        # What it guesses without that frame in front is a little too much.
        frames = int(sound.frames) if counted.said else counted.samples
        yield _Readable(sound, frames)
    elif counted.frame.layer != mpegframes.LAYER_3:
        yield None
    else:
        spliced, skipped = mpegframes.counted(media, counted)
        with _open(spliced) as again:
            yield _Readable(again, int(again.frames) - skipped, skipped)


@contextmanager
def _back_again(media: Media) -> Iterator[None]:
    """libsndfile has the same file open, and goes on from where it left it."""
    at = media.file.tell()
    yield
    media.file.seek(at)


def _by_libsndfile(found: _Readable, limits: Limits) -> Sound:
    sound, frames = found.sound, found.frames
    rate_hz, channels = int(sound.samplerate), int(sound.channels)
    if rate_hz > 0:
        limits.require_length(frames / rate_hz)
    require_plausible(channels=channels, rate_hz=rate_hz)
    first, last = limits.part(frames, rate_hz)
    wanted = last - first
    limits.require_room(wanted, channels)
    first += found.skipped
    try:
        if first:
            sound.seek(first)
        samples = sound.read(wanted, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, ValueError) as problem:
        raise UnusableSound(
            "damaged: it stops being readable", detail=_said(problem), fix=EXPORT
        ) from None
    require_found(len(samples), wanted, rate_hz)
    duration_s = (frames if limits.kept_s is not None else len(samples)) / rate_hz
    return Sound(samples, rate_hz, duration_s)


def _by_ffmpeg(file: int, media: Media, limits: Limits) -> Sound:
    about = ffmpeg.about(file, media.kind)
    if about.said_s is not None and (about.said_s > ENDLESS_S or limits.kept_s is None):
        limits.require_length(about.said_s)
    if media.kind is FileKind.OGG:
        oggpages.require_one(media)
    samples, total, rate_hz = _decoded(file, media.kind, limits)
    said_s = about.said_s or 0.0
    # The pictures of a film may go on without sound, or begin before it.
    is_short = is_cut_short(found_s=total / rate_hz, said_s=said_s)
    if is_short and not (total and films.is_whole(media, file, said_s, has_more=about.has_more)):
        require_found(total, round(said_s * rate_hz), rate_hz)
    require_found(total, total, rate_hz)
    return Sound(samples, rate_hz, total / rate_hz)


def _decoded(
    file: int, kind: FileKind, limits: Limits
) -> tuple[Float32[np.ndarray, "samples channels"], int, int]:
    """What is kept, how many samples there are, and their rate."""
    most = round(limits.most_mb * 2**18)
    with ffmpeg.Stream(file, kind) as stream:
        rate_hz, channels = stream.rate_hz, stream.channels
        require_plausible(channels=channels, rate_hz=rate_hz)
        kept = None if limits.kept_s is None else round(limits.kept_s * rate_hz)
        limits.require_room(kept or 0, channels)
        blocks: list[Any] = []
        total, has_all = 0, True
        while len(block := stream.read(_BLOCK)):
            total += len(block)
            limits.require_length(total / rate_hz)
            if has_all and total * channels > most:
                if kept is None:
                    limits.require_room(total, channels)
                blocks, has_all = [], False
            if has_all:
                blocks.append(block)
            if len(block) < _BLOCK:
                break
    first, last = limits.part(total, rate_hz)
    if has_all:
        empty = np.zeros((0, channels), np.float32)
        return np.concatenate([empty, *blocks])[first:last], total, rate_hz
    # A second time, now that its middle is known; going there by time is not exact.
    at = 0
    with ffmpeg.Stream(file, kind) as stream:
        while at < last and len(block := stream.read(_BLOCK)):
            blocks.append(block[max(0, first - at) : max(0, last - at)])
            at += len(block)
    return np.concatenate(blocks), total, rate_hz


def _said(problem: Exception) -> str:
    """What went wrong, without the number of a descriptor that libsndfile puts before it."""
    said = getattr(problem, "error_string", None) or type(problem).__name__
    return str(said).rstrip(".").splitlines()[0][:120]
