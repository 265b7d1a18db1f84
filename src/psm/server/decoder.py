"""Program of the process that decodes one recording; see :mod:`psm.server.decoderpool`.

It imports little, so that it starts fast.
"""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass

import numpy as np
import soundfile
from jaxtyping import Float32

from psm.data.audio import decode_audio
from psm.data.untrusted import allow_cpu, confine, is_cut_short, is_plausible
from psm.errors import CorruptRecording

_LINE = 4096


@dataclass(frozen=True)
class DecodingLimits:
    """What a recording may take.

    Attributes:
        sample_rate_hz: wanted.
        seconds: longest.
        cpu_s, memory_mb: of decoding.
    """

    sample_rate_hz: int
    seconds: float
    cpu_s: int
    memory_mb: int


def _read(data: bytes, limit: DecodingLimits) -> Float32[np.ndarray, " samples"]:
    try:
        about = soundfile.info(io.BytesIO(data))
    except (soundfile.SoundFileError, OSError, ValueError, TypeError):
        raise CorruptRecording("It cannot be decoded: export it again as WAV or FLAC.") from None
    if not is_plausible(channels=about.channels, rate_hz=about.samplerate):
        raise CorruptRecording(
            f"{about.channels} channels at {about.samplerate} Hz: send stereo at 48 kHz."
        )
    seconds = about.frames / about.samplerate
    if seconds > limit.seconds:
        shown = f"{seconds:,.0f} s" if seconds < 1e7 else "endless by its header"
        raise CorruptRecording(f"It is {shown}: send at most {limit.seconds:g} s.")
    bytes_ = about.frames * about.channels * 4
    if bytes_ > limit.memory_mb * 2**20 // 3:
        raise CorruptRecording(f"It is {bytes_ / 1e6:,.0f} MB when decoded: send fewer channels.")
    samples = decode_audio(data, limit.sample_rate_hz, "the recording")
    found_s = len(samples) / limit.sample_rate_hz
    if is_cut_short(found_s=found_s, said_s=seconds):
        raise CorruptRecording(f"It is cut short: {found_s:.1f} s of {seconds:.1f} s.")
    return samples


def main() -> None:
    """What the process does: a line of JSON and a file in, a line of JSON and samples out."""
    head = sys.stdin.buffer.readline(_LINE)
    if not head:
        return
    limit = DecodingLimits(**json.loads(head))
    data = sys.stdin.buffer.read()
    confine(memory_mb=limit.memory_mb)
    allow_cpu(limit.cpu_s)
    answer: dict[str, object]
    samples = np.empty(0, np.float32)
    try:
        samples = _read(data, limit)
        answer = {"samples": len(samples)}
    except CorruptRecording as problem:
        answer = {"problem": f"{problem}"}
    except MemoryError:
        answer = {"problem": "It takes too much memory to decode: send a shorter part of it."}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + samples.tobytes())


if __name__ == "__main__":
    main()
