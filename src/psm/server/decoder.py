"""The process that decodes a stranger's recording; see :mod:`psm.server.decoding`.

It imports little, so that it starts fast.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from dataclasses import dataclass

import numpy as np
import soundfile
from jaxtyping import Float32

from psm.data.audio import decode_audio
from psm.errors import CorruptRecording

_CHANNELS = 16
_LINE = 4096


@dataclass(frozen=True)
class Limit:
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


def _confine(limit: Limit) -> None:
    """No more memory, time or files than one recording needs; nothing where that is unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return
    pages = 0
    with contextlib.suppress(OSError), open("/proc/self/statm") as file:
        pages = int(file.read().split()[0])
    if pages:
        most = pages * resource.getpagesize() + limit.memory_mb * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (limit.cpu_s + 1, limit.cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(data: bytes, limit: Limit) -> Float32[np.ndarray, " samples"]:
    try:
        about = soundfile.info(io.BytesIO(data))
    except (soundfile.SoundFileError, OSError, ValueError, TypeError):
        raise CorruptRecording("It cannot be decoded: export it again as WAV or FLAC.") from None
    if not 1 <= about.channels <= _CHANNELS or not 1000 <= about.samplerate <= 768_000:
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
    if len(samples) < 0.98 * seconds * limit.sample_rate_hz - 0.1 * limit.sample_rate_hz:
        raise CorruptRecording(
            f"It is cut short: {len(samples) / limit.sample_rate_hz:.1f} s of {seconds:.1f} s."
        )
    return samples


def main() -> None:
    """What the process does: a line of JSON and a file in, a line of JSON and samples out."""
    head = sys.stdin.buffer.readline(_LINE)
    if not head:
        return
    limit = Limit(**json.loads(head))
    data = sys.stdin.buffer.read()
    _confine(limit)
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
