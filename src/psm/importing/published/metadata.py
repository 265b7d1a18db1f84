"""What the published metadata of a recording means."""

from __future__ import annotations

from psm.data.dates import month_and_hour
from psm.data.recording import AudioSource

_ADDRESS = "The location of the sound is"


def own_caption(text: str) -> str:
    """The recordist's words, without the address that the published text goes on with."""
    return text.partition(_ADDRESS)[0].strip()


def month_and_hour_heard(
    date: str, audio_source: AudioSource | None
) -> tuple[int | None, float | None]:
    """Month and hour that ``date`` names; Freesound's hour is that of the upload: unknown."""
    month, hour = month_and_hour(date)
    return month, None if audio_source is AudioSource.FREESOUND else hour
