"""Captions and dates of the published data sets, from their metadata and side files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psm.data import delimited
from psm.data.dates import month_and_hour
from psm.data.recording import AudioSource, CaptionSource
from psm.errors import CorruptRecording

_ADDRESS = "The location of the sound is"


@dataclass(frozen=True)
class PublishedCaptions:
    """Captions of captioning models, and which of all captions is the best of a recording.

    Attributes:
        best: caption source by sample; without it every recording keeps its own text.
        texts: captions by source, then by sample.
        as_published: give the words that the published evaluation reads, not those that the source
            names: its loader takes the own text for Pengi's captions too.
    """

    best: Mapping[str, CaptionSource] = field(default_factory=dict)
    texts: Mapping[CaptionSource, Mapping[str, str]] = field(default_factory=dict)
    as_published: bool = False

    @classmethod
    def load(cls, folder: Path, *, as_published: bool = False) -> PublishedCaptions:
        """The side files of the published data set, as far as they are in ``folder``.

        Args:
            folder: that holds them.
            as_published: see the class.

        Raises:
            CorruptRecording: one of them is not what it should be.
        """
        best: dict[str, CaptionSource] = {}
        table = folder / "clap_score_geosound.csv"
        if table.is_file():
            for row in delimited.rows_of(table):
                try:
                    if row.problem:
                        raise ValueError(row.problem)
                    best[row.cells["sample_id"]] = CaptionSource(row.cells["best_caption"])
                except (KeyError, ValueError) as problem:
                    raise CorruptRecording(f"{table}: line {row.line}: {problem}") from None
        texts = {
            source: _json_lines(folder / f"geosound_audio_caption_{source}.json", source)
            for source in (CaptionSource.QWEN, CaptionSource.PENGI)
        }
        return cls(best, texts, as_published)

    def of(self, sample: str, own: str) -> tuple[CaptionSource, str]:
        """The best caption of ``sample`` whose own text is ``own``, and where it comes from.

        Raises:
            CorruptRecording: the best caption is named but missing.
        """
        source = self.best.get(sample, CaptionSource.META)
        is_own = source is CaptionSource.META
        if self.as_published and source is CaptionSource.PENGI and sample in self.texts[source]:
            is_own = True  # without a caption of Pengi's the published loader drops the recording
        text = own if is_own else self.texts[source].get(sample, "")
        if not text.strip():
            raise CorruptRecording(f"no {source} caption")
        return source, text

    def checksum(self) -> str:
        """Tells other captions from these."""
        said = [self.best, self.texts, *(["as published"] if self.as_published else [])]
        content = json.dumps(said, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def own_caption(text: str) -> str:
    """The recordist's words, without the address that the published text goes on with."""
    return text.partition(_ADDRESS)[0].strip()


def published_caption(text: str, *, is_soundingearth: bool) -> str:
    """The recordist's words as the published loader reads them.

    GeoSound's are read as they are, with their address; SoundingEarth's without, with a full stop.
    """
    return f"{text.partition(_ADDRESS)[0]}." if is_soundingearth else text


def without_full_stop(caption: str) -> str:
    """A recordist's words without the full stop that the published SoundingEarth puts behind all.

    It stands there after a blank, or after a full stop of their own.
    """
    return caption.strip().removesuffix(".").strip()


def times_known(date: str, audio_source: AudioSource | None) -> dict[str, Any]:
    """Month and hour of a recording that ``date`` names, as :class:`Recording` has them.

    Freesound's dates are of the upload: neither counts, and the month is kept as the upload's.
    """
    month, hour = month_and_hour(date)
    if audio_source is AudioSource.FREESOUND:
        return {"month": None, "hour": None, "upload_month": month}
    return {"month": month, "hour": hour}


def _json_lines(path: Path, source: CaptionSource) -> dict[str, str]:
    if not path.is_file():
        return {}
    captions = {}
    for number, line in enumerate(_lines(path), start=1):
        try:
            row = json.loads(line)
            captions[row["sample_id"]] = row[f"{source}_caption"]
        except (ValueError, KeyError, TypeError) as problem:
            raise CorruptRecording(f"{path}: line {number}: {problem}") from None
    return captions


def _lines(path: Path) -> list[str]:
    # Captions may hold characters that splitlines takes for the end of a line.
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
