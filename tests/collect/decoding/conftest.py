"""Jobs for decoders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from psm.collect.decoding import DecodingJob
from psm.data.audio import AudioConfig
from psm.data.framing import Framing

Make = Callable[..., DecodingJob]
FRAMING = Framing(audio=AudioConfig(sample_rate_hz=16_000, f_max_hz=8000.0, clip_s=1.0, n_mels=32))


def make_job(folder: Path, name: str, content: bytes | Callable[[Path], None]) -> DecodingJob:
    """A file to decode."""
    path = folder / name
    if callable(content):
        content(path)
    else:
        path.write_bytes(content)
    return DecodingJob(
        name, path, folder / "clips" / f"{name}.flac", folder / "clips" / f"{name}.npy"
    )


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A job with the content of its file."""
    return lambda name, content: make_job(tmp_path, name, content)
