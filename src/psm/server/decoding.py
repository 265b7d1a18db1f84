"""Decoding a stranger's recording: in a process of its own, with little time and memory.

The process is started ahead and waits; it decodes one file and ends. A file that breaks a decoder,
or fills the memory, takes that process with it and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sys
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from psm.server.problems import Problem
from psm.server.settings import Settings

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


class Decoder:
    """Decodes recordings, one process each; one waits in reserve.

    Args:
        settings: of the server.
        most: processes at the same time.
    """

    def __init__(self, settings: Settings, most: int = 2) -> None:
        self._settings = settings
        self._free = asyncio.Semaphore(most)
        self._waiting = 0
        self._spare: asyncio.subprocess.Process | None = None

    async def decode(self, data: bytes, sample_rate_hz: int) -> Float32[np.ndarray, " samples"]:
        """A file's sound as mono.

        Raises:
            Problem: 422 why it cannot be; 503, too many others are being decoded.
        """
        if self._waiting >= 8:
            raise Problem(
                503, "Too many recordings at once: send it again after the time in Retry-After.",
                kind="busy", retry_after_s=3.0,
            )  # fmt: skip
        self._waiting += 1
        try:
            async with self._free:
                return await self._decode(data, sample_rate_hz)
        finally:
            self._waiting -= 1

    async def start(self) -> None:
        """Have a process ready for the first recording."""
        self._spare = await _start()

    async def close(self) -> None:
        """End the process in reserve."""
        if self._spare is not None:
            await _end(self._spare)

    async def _decode(self, data: bytes, sample_rate_hz: int) -> Float32[np.ndarray, " samples"]:
        settings = self._settings
        process, self._spare = self._spare or await _start(), None
        limit = Limit(
            sample_rate_hz, settings.upload_s, max(1, round(settings.decode_s)), settings.decode_mb
        )
        try:
            line = json.dumps(limit.__dict__).encode() + b"\n"
            # The spare has long been ready; one just started needs a moment more.
            async with asyncio.timeout(settings.decode_s + 5.0):
                out, _ = await process.communicate(line + data)
        except TimeoutError:
            raise Problem(
                422, f"The recording takes more than {settings.decode_s:g} s to decode: "
                "send WAV or FLAC.", kind="not-audio",
            ) from None  # fmt: skip
        finally:
            await _end(process)
            if self._spare is None:
                self._spare = await _start()
        head, _, samples = out.partition(b"\n")
        try:
            answer = json.loads(head)
        except ValueError:  # a decoder died
            answer = {"problem": "It cannot be decoded within the limits: export it again as WAV."}
        if "problem" in answer:
            raise Problem(422, answer["problem"], kind="not-audio")
        return np.frombuffer(samples, np.float32)


async def _start() -> asyncio.subprocess.Process:
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **quiet},
        limit=_LINE,
    )  # fmt: skip


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


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
    import soundfile

    from psm.data.audio import decode_audio
    from psm.errors import CorruptRecording

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
    import soundfile  # noqa: F401  (before the limits)

    import psm.data.audio  # noqa: F401
    from psm.errors import CorruptRecording

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
