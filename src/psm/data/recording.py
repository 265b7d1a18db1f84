"""Schema of a recording: place, time, caption, sources and licence of one sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from psm.errors import CorruptRecording


class AudioSource(StrEnum):
    """The archive that a recording comes from; the order is the embedding row."""

    YFCC = "yfcc"
    INAT = "inat"
    APOREE = "aporee"
    FREESOUND = "freesound"


class CaptionSource(StrEnum):
    """Who wrote a caption: the recordist's own text, or a captioning model."""

    META = "meta"
    QWEN = "qwen"
    PENGI = "pengi"


AUDIO_SOURCES: tuple[AudioSource, ...] = tuple(AudioSource)
CAPTION_SOURCES: tuple[CaptionSource, ...] = tuple(CaptionSource)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Everything about one recording but its audio and its tile.

    ``month`` is 1..12 and ``hour`` local time in [0, 24); ``None`` means unknown, which is not
    the same as midnight. A recording of none of the archives has no ``audio_source``. ``sounds``
    are names of what is heard in it, where somebody labelled it or simulated it. ``cell`` names the
    geographic cell that splits and intervals are clustered by. ``upload_month`` is that of the
    upload, where an archive tells no other: it says nothing of the recording, and reference mode
    alone looks at it.
    """

    key: str
    lat: float
    lon: float
    audio_source: AudioSource | None
    caption_source: CaptionSource
    caption: str
    split: str
    cell: str
    month: int | None = None
    hour: float | None = None
    licence: str = "unknown"
    gsd_m: float = 0.0
    sounds: tuple[str, ...] = field(default=())
    upload_month: int | None = None

    def __post_init__(self) -> None:
        problems = []
        if not -90.0 <= self.lat <= 90.0:
            problems.append(f"latitude {self.lat} outside [-90, 90]")
        if not -180.0 <= self.lon <= 180.0:
            problems.append(f"longitude {self.lon} outside [-180, 180]")
        if self.month is not None and not 1 <= self.month <= 12:
            problems.append(f"month {self.month} outside 1..12")
        if self.upload_month is not None and not 1 <= self.upload_month <= 12:
            problems.append(f"month of upload {self.upload_month} outside 1..12")
        if self.hour is not None and not 0.0 <= self.hour < 24.0:
            problems.append(f"hour {self.hour} outside [0, 24)")
        if problems:
            raise CorruptRecording(f"recording {self.key!r}: {'; '.join(problems)}")

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping that :meth:`from_json` reads back."""
        values = asdict(self)
        if self.upload_month is None:  # as recordings were written before there was one
            del values["upload_month"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Recording:
        """Read a mapping written by :meth:`to_json`.

        Raises:
            CorruptRecording: a field is missing, unknown, mistyped or out of range.
        """
        try:
            archive = values["audio_source"]
            return cls(
                **{
                    **values,
                    "audio_source": None if archive is None else AudioSource(archive),
                    "caption_source": CaptionSource(values["caption_source"]),
                    "sounds": tuple(values.get("sounds", ())),
                }
            )
        except (KeyError, TypeError, ValueError) as problem:
            key = values.get("key", "?")
            raise CorruptRecording(f"recording {key!r}: unreadable metadata ({problem})") from None
