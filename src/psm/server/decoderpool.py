"""Decodes a stranger's recording in a process of its own, with little time and memory.

The process is started ahead and waits; it decodes one file and ends. A file that breaks a decoder,
or fills the memory, takes that process with it and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from dataclasses import asdict

import numpy as np
from jaxtyping import Float32

from psm.data.untrusted import HEAD, SOUND_FILES, TAIL, FileKind, sniff, wav_lacks
from psm.errors import CorruptRecording
from psm.server import decoder
from psm.server.decoder import DecodingLimits
from psm.server.problems import Problem
from psm.server.settings import Settings

_MOST_WAITING = 8


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

    async def decode(self, data: bytes, sample_rate_hz: int) -> Float32[np.ndarray, " samples"]:
        """A file's sound as mono.

        Raises:
            Problem: 422 why it cannot be; 503, too many others are being decoded.
        """
        if self._waiting >= _MOST_WAITING:
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
        limit = DecodingLimits(
            sample_rate_hz, settings.upload_s, max(1, round(settings.decode_s)), settings.decode_mb
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
            answer = {"problem": "It cannot be decoded within the limits: export it again as WAV."}
        if "problem" in answer:
            raise Problem(422, answer["problem"], kind="not-audio")
        return np.frombuffer(samples, np.float32)


async def _start() -> asyncio.subprocess.Process:
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", decoder.__name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **quiet},
    )  # fmt: skip


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def refusal(data: bytes) -> str | None:
    """Why bytes are no recording that is taken, or ``None``."""
    try:
        kind = sniff(data[:HEAD], data[-TAIL:])
    except CorruptRecording as problem:
        return f"{problem}: send WAV, FLAC, Ogg or MP3" if data else f"{problem}"
    if kind not in SOUND_FILES:
        return f"not an audio file but {kind}: send WAV, FLAC, Ogg or MP3"
    return _lying_wav(data) if kind is FileKind.WAV else None


def _lying_wav(data: bytes) -> str | None:
    """A WAV says how long it is; it must neither be shorter nor go on after its end."""
    lacks = wav_lacks(data[:HEAD], len(data))
    if lacks < -1:  # one byte may pad it
        return "bytes after the end of the WAV: export the recording again"
    if lacks > 0:
        return f"cut short: the WAV holds {len(data):,} of {len(data) + lacks:,} bytes"
    return None
