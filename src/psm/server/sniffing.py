"""What kind of file an upload is, by its bytes: before any decoder sees it."""

from __future__ import annotations

from psm.data.untrusted import HEAD, SOUND_FILES, TAIL, FileKind, sniff, wav_lacks
from psm.errors import CorruptRecording


def refusal(data: bytes) -> str | None:
    """Why bytes are no recording that is taken, or ``None``."""
    try:
        kind = sniff(data[:HEAD], data[-TAIL:])
    except CorruptRecording as problem:
        return f"{problem}: send WAV, FLAC, Ogg or MP3" if data else f"{problem}"
    if kind not in SOUND_FILES:
        return f"not an audio file but {kind}: send WAV, FLAC, Ogg or MP3"
    return _lying_wav(data) if kind is FileKind.WAV else None


def _lying_wav(data: bytes) -> str | None:
    """A WAV says how long it is; it must neither be shorter nor go on after its end."""
    lacks = wav_lacks(data[:HEAD], len(data))
    if lacks < -1:  # one byte may pad it
        return "bytes after the end of the WAV: export the recording again"
    if lacks > 0:
        return f"cut short: the WAV holds {len(data):,} of {len(data) + lacks:,} bytes"
    return None
