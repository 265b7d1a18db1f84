"""Program of the process that decodes one recording; see :mod:`psm.server.decoderpool`.

It imports little, so that it starts fast.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import scipy.fft  # noqa: F401  (hearing loads it late, and then there would be no memory for it)
from jaxtyping import Float32

from psm.data.sound.decoder import read_whole
from psm.data.sound.hearing import hearing, require_sound, warning_of
from psm.data.sound.media import in_memory, media_of
from psm.data.sound.reading import mono_at
from psm.data.untrusted import SOUND_FILES, allow_cpu, confine
from psm.errors import MissingExtra, UnusableSound

_LINE = 4096
NO_AUDIO, SEND = "not an audio file", "send WAV, FLAC, Ogg, MP3 or M4A"
_UNREADABLE = ("not readable as sound", "a film without sound")


@dataclass(frozen=True)
class DecodingLimits:
    """What a recording may take.

    Attributes:
        sample_rate_hz: wanted.
        band_hz: lowest and highest frequency that the model hears.
        window_s: length of the middle, if that is all that the model hears.
        seconds: longest.
        cpu_s, memory_mb: of decoding.
    """

    sample_rate_hz: int
    band_hz: tuple[float, float]
    window_s: float | None
    seconds: float
    cpu_s: int
    memory_mb: int


def _read(
    file: BinaryIO, limit: DecodingLimits
) -> tuple[Float32[np.ndarray, " samples"], str | None]:
    """The samples, and what has to be said of them."""
    media = media_of(file)
    try:
        found = read_whole(media, longest_s=limit.seconds, most_mb=limit.memory_mb / 3)
    except UnusableSound as problem:
        if problem.reason in _UNREADABLE and media.kind not in SOUND_FILES:
            raise UnusableSound(f"{NO_AUDIO} but {media.kind} without sound") from None
        raise
    require_sound(found.samples)
    heard = hearing(found.samples, found.rate_hz, limit.band_hz)
    heard.require()
    warning = warning_of(heard, found.samples, found.rate_hz, limit.window_s)
    return mono_at(found, limit.sample_rate_hz), warning


def answer(
    file: BinaryIO, limit: DecodingLimits
) -> tuple[dict[str, object], Float32[np.ndarray, " samples"]]:
    """What is said of a file, and its samples if it can be used."""
    nothing = np.empty(0, np.float32)
    try:
        samples, warning = _read(file, limit)
        return {"samples": len(samples), "warning": warning}, samples
    except UnusableSound as problem:
        said = f"{problem.reason} ({problem.detail})" if problem.detail else problem.reason
        is_audio = not said.startswith(NO_AUDIO)
        fix = problem.fix or ("export it again as WAV or FLAC" if is_audio else SEND)
        if problem.reason.startswith("longer than"):
            fix = f"send at most {limit.seconds:g} s"
        return {"problem": f"cannot be used: {said}; {fix}", "is_audio": is_audio}, nothing
    except MissingExtra:
        said = f"is {NO_AUDIO} that is read here: {SEND}"
        return {"problem": said, "is_audio": False}, nothing
    except MemoryError:
        return {"problem": "takes too much memory to decode: send a shorter part of it"}, nothing


def main() -> None:
    """What the process does: a line of JSON and a file in, a line of JSON and samples out."""
    head = sys.stdin.buffer.readline(_LINE)
    if not head:
        return
    limit = DecodingLimits(**json.loads(head))
    # Before it may write no more: ffmpeg is handed the file by its descriptor.
    with in_memory(sys.stdin.buffer.read()) as file:
        confine(memory_mb=limit.memory_mb)
        allow_cpu(limit.cpu_s)
        said, samples = answer(file, limit)
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + samples.tobytes())


if __name__ == "__main__":
    main()
