"""Requests and answers of decoding processes, as lines of JSON."""

from __future__ import annotations

import base64
import glob
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from psm.collect.refusal import Refused


@dataclass(frozen=True, kw_only=True)
class FileLimits:
    """Limits of one file: time, memory, size, shortest and longest sound.

    Attributes:
        seconds: of waiting for it. Whoever waited in vain may ask again: the machine may be busy.
        cpu_s: of computing.
        memory_mb: of decoding, beyond what the decoder itself takes.
        media_mb: largest file.
        shortest_s: shorter recordings are refused.
        longest_s: of a recording as CLAP's fusion wants it, which is kept as a whole up to here;
            of a longer one the middle. Otherwise one window from the middle is all that is kept.
    """

    seconds: float = 120.0
    cpu_s: int = 60
    memory_mb: int = 768
    media_mb: int = 4096
    shortest_s: float = 0.5
    longest_s: float = 60.0


@dataclass(frozen=True)
class DecodingJob:
    """A file to decode.

    Attributes:
        key: of the recording.
        media: the file as it was fetched. Its name says nothing: the bytes decide what it is.
        clip: where the sound goes, as FLAC.
        mel: where its log-mel goes, as ``.npy``.
    """

    key: str
    media: Path
    clip: Path
    mel: Path

    def to_json(self) -> dict[str, str]:
        """As plain text."""
        return {name: str(value) for name, value in vars(self).items()}

    def sweep(self) -> None:
        """Delete what a process left behind that was killed while it wrote."""
        for path in (self.clip, self.mel):
            for left in path.parent.glob(f".{glob.escape(path.stem)}.*.partial{path.suffix}"):
                left.unlink(missing_ok=True)

    @classmethod
    def from_json(cls, said: dict[str, str]) -> DecodingJob:
        """From :meth:`to_json`."""
        return cls(said["key"], Path(said["media"]), Path(said["clip"]), Path(said["mel"]))


@dataclass(frozen=True, kw_only=True)
class DecodedClip:
    """Result of decoding a file. Levels are of the part that is kept, before it was mixed down.

    Attributes:
        duration_s: of the whole recording.
        media_rate_hz, channels: as it was recorded.
        peak_db, rms_db: of full scale.
        clipped: share of the samples.
        speech: share of the time that looks like speech.
        sound_flags: ``silent``, ``clipped``, ``speech``.
        fingerprint: see :mod:`psm.collect.comparing.fingerprints`.
        clip_sha256: of the FLAC.
    """

    duration_s: float
    media_rate_hz: int
    channels: int
    peak_db: float
    rms_db: float
    clipped: float
    speech: float
    sound_flags: tuple[str, ...]
    fingerprint: bytes
    clip_sha256: str


Answer = DecodedClip | Refused | OSError
"""What comes of a job; an ``OSError`` where the disk is full, which is no fault of the file."""


def write_answer(answer: Answer) -> bytes:
    """Serialise an answer as a line of JSON."""
    said: dict[str, Any]
    if isinstance(answer, OSError):
        said = {"errno": answer.errno, "error": answer.strerror}
    elif isinstance(answer, Refused):
        said = {"reason": answer.reason, "may_pass": answer.may_pass, "detail": answer.detail}
    else:
        said = asdict(answer)
        said["fingerprint"] = base64.b64encode(answer.fingerprint).decode("ascii")
    return json.dumps(said).encode() + b"\n"


def read_answer(line: bytes) -> DecodedClip | Refused:
    """Parse a line from :func:`write_answer`.

    Raises:
        ValueError: it is no such line.
        OSError: it says that the disk is full.
    """
    try:
        said = json.loads(line)
        if "errno" in said:
            raise OSError(said["errno"], said["error"])
        if "reason" in said:
            return Refused(said["reason"], may_pass=said["may_pass"], detail=said["detail"])
        said["fingerprint"] = base64.b64decode(said["fingerprint"], validate=True)
        said["sound_flags"] = tuple(said["sound_flags"])
        return DecodedClip(**{field.name: said[field.name] for field in fields(DecodedClip)})
    except (KeyError, TypeError) as problem:
        raise ValueError(f"not an answer of a decoder ({type(problem).__name__})") from None
