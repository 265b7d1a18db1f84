"""The one decoder of recordings: for queries, imports, uploads and builds.

:mod:`media` opens a file and tells its kind by its bytes, :mod:`decoder` reads all of it, its
middle or a part, :mod:`hearing` says what can be heard. libsndfile decodes what it knows; where a
header lies about the length, or was never finished, :mod:`lengths` counts, and a :mod:`splice`
shows libsndfile a header that is right. The rest is decoded by a confined :mod:`ffmpeg`.
"""

from __future__ import annotations

from psm.data.sound.decoder import Sound, read_middle, read_part, read_whole
from psm.data.sound.hearing import Hearing
from psm.data.sound.media import Media, media_of

__all__ = ["Hearing", "Media", "Sound", "media_of", "read_middle", "read_part", "read_whole"]
