"""Decodes a stranger's recording in a process of its own, with little time and memory.

The process is started ahead and waits; it decodes one file and ends. A file that breaks a decoder,
or fills the memory, takes that process with it and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float32

from psm.data.framing import Framing
from psm.data.untrusted import HEAD, TAIL, sniff
from psm.errors import UnusableSound
from psm.server import decoder
from psm.server.decoder import SEND, DecodingLimits
from psm.server.problems import Problem
from psm.server.settings import Settings

_MOST_WAITING = 8


@dataclass(frozen=True, eq=False)
class DecodedUpload:
    """Sound of an upload.

    Attributes:
        waveform: mono, at the rate that is wanted.
        warning: what has to be said of it, of silence for example.
    """

    waveform: Float32[np.ndarray, " samples"]
    warning: str | None


class RecordingDecoder:
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

    async def decode(self, data: bytes, framing: Framing) -> DecodedUpload:
        """A file's sound as mono.

        Args:
            data: the file.
            framing: how the model hears it.

        Raises:
            Problem: 415 it is another kind of file; 422 why it cannot be decoded; 503, too many
                others are being decoded.
        """
        if self._waiting >= _MOST_WAITING:
            raise Problem(
                503, "Too many recordings at once: send it again after the time in Retry-After.",
                kind="busy", retry_after_s=3.0,
            )  # fmt: skip
        self._waiting += 1
        try:
            async with self._free:
                return await self._decode(data, framing)
        finally:
            self._waiting -= 1

    async def start(self) -> None:
        """Have a process ready for the first recording."""
        self._spare = await _start()

    async def close(self) -> None:
        """End the process in reserve."""
        if self._spare is not None:
            await _end(self._spare)

    async def _decode(self, data: bytes, framing: Framing) -> DecodedUpload:
        audio = framing.audio
        settings = self._settings
        process, self._spare = self._spare or await _start(), None
        limit = DecodingLimits(
            sample_rate_hz=audio.sample_rate_hz,
            band_hz=audio.band_hz,
            window_s=None if framing.fused else audio.clip_s,
            seconds=settings.upload_s,
            cpu_s=max(1, round(settings.decode_s)),
            memory_mb=settings.decode_mb,
        )
        try:
            line = json.dumps(asdict(limit)).encode() + b"\n"
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
            answer = {"problem": "cannot be decoded within the limits: export it again as WAV"}
        if "problem" in answer:
            status = 422 if answer.get("is_audio", True) else 415
            raise Problem(status, f"The recording {answer['problem']}.", kind="not-audio")
        return DecodedUpload(np.frombuffer(samples, np.float32), answer.get("warning"))


async def _start() -> asyncio.subprocess.Process:
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", decoder.__name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **quiet},
        start_new_session=True,  # ffmpeg ends with its decoder
    )  # fmt: skip


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    await process.wait()


def refusal(data: bytes) -> str | None:
    """Why bytes are no recording that is taken, or ``None``."""
    try:
        sniff(data[:HEAD], data[-TAIL:])
    except UnusableSound as problem:
        return f"{problem}: {SEND}" if data else f"{problem}"
    return None
