"""Reads all that a file says of itself, and settles what its parts say differently."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from psm.data.recorders import headers, names, summaries
from psm.data.recorders.chunks import flac_comments, info_of, wav_chunks
from psm.data.recorders.note import RecorderNote, plain

_SAME_START = timedelta(minutes=2)


def note_of(path: Path) -> RecorderNote:
    """What a sound file says of itself, in its header, its name and the summary on its card.

    A header goes before a name, which may have been changed by hand. A clock that was never set
    says no time.

    Args:
        path: of the file; one that cannot be read says what its name says.
    """
    notes = [*_headers(path)]
    name = names.of_name(path.stem)
    # bext and INFO are also written by programs, but their clock is nearer than a round name.
    known = [note for note in notes if note.maker]
    found = _settled([*known, *(note for note in notes if not note.maker), name])
    if found.lat is None and found.clock is not None and found.is_set:
        place = summaries.place_at(path, names.prefixes_of(path.stem), found.clock)
        if place is not None:
            found = replace(found, lat=place[0], lon=place[1])
    # Whose name stands before the time is known by its maker's habit, unless a header says it.
    return replace(found, recorder="") if known and not any(n.recorder for n in known) else found


def note_of_name(stem: str) -> RecorderNote:
    """What the name of a file says, without its suffix."""
    return names.of_name(stem)


def _headers(path: Path) -> Iterator[RecorderNote]:
    chunks = wav_chunks(path)
    info = info_of(chunks.get(b"LIST", b""))
    found = (
        headers.of_audiomoth(plain(info.get("ICMT", b"")), plain(info.get("IART", b""))),
        headers.of_guano(chunks[b"guan"]) if b"guan" in chunks else None,
        headers.of_wamd(chunks[b"wamd"]) if b"wamd" in chunks else None,
        headers.of_flac(flac_comments(path)) if not chunks else None,
        headers.of_bext(chunks[b"bext"]) if b"bext" in chunks else None,
        headers.of_ixml(chunks[b"iXML"]) if b"iXML" in chunks else None,
        headers.of_info(info),
    )
    yield from filter(None, found)


def _settled(notes: Sequence[RecorderNote]) -> RecorderNote:
    """One note out of several, the first that says something going before."""
    timed = [note for note in notes if note.clock is not None]
    set_ = [note for note in timed if note.is_set]
    first = next(iter(set_ or timed), RecorderNote())
    offset = first.offset if first.is_set else None
    if offset is None and first.is_set and first.clock is not None:
        offset = _offset_beside(first.clock, set_)
    placed = next((note for note in notes if note.lat is not None), RecorderNote())
    named = [note for note in notes if note.species]
    heard = next((note for note in named if note.is_by_hand), next(iter(named), RecorderNote()))
    dated = next((note.day for note in notes if note.day is not None), None)
    return RecorderNote(
        clock=first.clock,
        day=dated if first.clock is None else None,
        offset=offset,
        lat=placed.lat,
        lon=placed.lon,
        site=next((note.site for note in notes if note.site), ""),
        recorder=next((note.recorder for note in notes if note.recorder), ""),
        maker=next((note.maker for note in notes if note.maker), ""),
        species=heard.species,
        is_by_hand=heard.is_by_hand,
        slowed=max(note.slowed for note in notes),
    )


def _offset_beside(clock: datetime.datetime, notes: Sequence[RecorderNote]) -> timedelta | None:
    """The offset that another note states of the same start, as a name does of its comments."""
    beside = (
        note.offset
        for note in notes
        if note.offset is not None
        and note.clock is not None
        and abs(note.clock - clock) <= _SAME_START
    )
    return next(beside, None)
