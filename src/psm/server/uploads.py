"""Uploaded recordings: kept as Gaussians for a while, never as sound."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from psm.inference.queries import EncodedTerm
from psm.server.decoderpool import RecordingDecoder
from psm.server.lrucache import LRUCache
from psm.server.settings import Settings

_PEAKS = 200


@dataclass(frozen=True, eq=False)
class UploadedRecording:
    """A recording; its sound is not kept.

    Attributes:
        id: follows from its bytes.
        name: of the file.
        duration_s: length.
        peaks: 200 between 0 and 1, the loudest of them 1.
        encoded: in the space of the model.
        heard: the likeliest sounds of the vocabulary, and how likely.
        warning: what has to be said of it; see :attr:`psm.data.sound.hearing.Hearing.warning`.
    """

    id: str
    name: str
    duration_s: float
    peaks: tuple[float, ...]
    encoded: EncodedTerm
    heard: tuple[tuple[str, float], ...] = ()
    warning: str | None = None


class UploadedRecordings:
    """The recordings that a server keeps.

    Args:
        settings: of the server.
    """

    def __init__(self, settings: Settings) -> None:
        self._kept: LRUCache[UploadedRecording] = LRUCache(
            settings.uploads, kept_s=settings.upload_kept_s
        )
        self.decoder = RecordingDecoder(settings)

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, id_: str) -> UploadedRecording | None:
        """A recording, or ``None`` where it is forgotten."""
        return self._kept.get(id_)

    def put(self, upload: UploadedRecording) -> None:
        """Keep a recording for a while."""
        self._kept.put(upload.id, upload)

    async def close(self) -> None:
        """Forget all."""
        await self.decoder.close()
        self._kept.clear()


def id_of(data: bytes) -> str:
    """The id of a recording: it follows from its bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def file_name(name: str | None) -> str:
    """What a file is called, without folders and whatever cannot be shown."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    shown = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*')
    return shown.strip(". ")[:80] or "recording"


def peaks(waveform: Float32[np.ndarray, " samples"]) -> tuple[float, ...]:
    """The loudest moment of each of 200 parts."""
    parts = np.array_split(np.abs(waveform), _PEAKS)
    found = np.array([part.max() if part.size else 0.0 for part in parts])
    return tuple((found / max(float(found.max()), 1e-9)).round(3).tolist())
