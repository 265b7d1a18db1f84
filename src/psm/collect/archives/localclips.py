"""Cuts a clip out of a recording of one's own, which stays as it is."""

from __future__ import annotations

from pathlib import Path

import soundfile

from psm.collect.refusal import Refused
from psm.data.sound.decoder import read_part
from psm.data.sound.media import opened
from psm.errors import UnusableSound
from psm.files import atomic_path


def write_clip(recording: Path, path: Path, begin_s: float, end_s: float) -> None:
    """Write a part of a recording as a WAV file, sample for sample.

    Args:
        recording: to cut from.
        path: of the clip.
        begin_s, end_s: in the recording.

    Raises:
        Refused: the recording is gone, or cannot be decoded.
    """
    if not recording.is_file():
        raise Refused("gone", detail=str(recording))
    try:
        with opened(recording) as media:
            sound = read_part(media, from_s=begin_s, kept_s=end_s - begin_s)
    except UnusableSound as problem:
        raise Refused(problem.reason, detail=problem.detail) from None
    with atomic_path(path, verify=False) as aside:
        soundfile.write(aside, sound.samples, sound.rate_hz, format="WAV", subtype="FLOAT")
