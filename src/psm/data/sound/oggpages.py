"""Whether an Ogg is whole and one: its pages one after the other, to the end of the file."""

from __future__ import annotations

from psm.data.sound.media import Media
from psm.errors import UnusableSound

_HEAD = 27
_BEGINS = 2


def require_one(media: Media) -> None:
    """Refuse what libsndfile would read a part of.

    Raises:
        UnusableSound: it is cut short, or several are joined in one file.
    """
    at, has_sound = media.start, False
    while at < media.size:
        head = media.bytes(at, _HEAD + 255)
        if head[:4] != b"OggS":
            return  # tags, or padding
        count = head[26] if len(head) >= _HEAD else 255
        end = at + _HEAD + count + sum(head[_HEAD : _HEAD + count])
        if end > media.size:
            raise UnusableSound(
                "cut short", detail="within a page of Ogg", fix="export the recording again"
            )
        # Streams that play together begin together; one that begins later is another recording.
        begins = bool(head[5] & _BEGINS)
        if begins and has_sound:
            raise UnusableSound("several recordings in one file", fix="cut them apart")
        has_sound = has_sound or not begins
        at = end
