"""Times of recorders as texts that dates are read from, each with the clock that it is of."""

from __future__ import annotations

import re

from psm.data.dates import Clock
from psm.data.recorders.note import RecorderNote
from psm.data.recorders.reading import note_of_name

_BARE = re.compile(r"\d{8}_\d{6}T?")


def by_name(stem: str) -> tuple[str, Clock] | None:
    """The time that a file is named by, and what it is in; ``None`` where it is named by none."""
    return recorded(note_of_name(stem), stem)


def recorded(note: RecorderNote, stem: str) -> tuple[str, Clock] | None:
    """The time of a note as :func:`psm.data.dates.local_time` takes it; ``None`` where it has none.

    With an offset it is an instant. Without, the clock of a recorder is taken for the local one;
    but of a bare ``YYYYMMDD_HHMMSS`` nobody can say: AudioMoths write it in any zone, and say in a
    header which. Then the day alone counts.

    Args:
        note: of the file.
        stem: its name.
    """
    text = note.text()
    if not text:
        return None
    if note.offset is not None:
        return text, Clock.UTC
    is_bare = _BARE.fullmatch(stem) is not None and not (note.maker or note.recorder)
    return text, Clock.NONE if is_bare else Clock.LOCAL


def author(note: RecorderNote) -> str:
    """Which AudioMoth it was, for want of an author; empty for others."""
    return f"{note.maker} {note.recorder}" if note.maker == "AudioMoth" and note.recorder else ""
