"""Captions and dates of the published data sets, from their metadata and side files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

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
    """

    best: Mapping[str, CaptionSource] = field(default_factory=dict)
    texts: Mapping[CaptionSource, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> PublishedCaptions:
        """The side files of the published data set, as far as they are in ``folder``.

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
        return cls(best, texts)

    def of(self, sample: str, own: str) -> tuple[CaptionSource, str]:
        """The best caption of ``sample`` whose own text is ``own``, and where it comes from.

        Raises:
            CorruptRecording: the best caption is named but missing.
        """
        source = self.best.get(sample, CaptionSource.META)
        text = own if source is CaptionSource.META else self.texts[source].get(sample, "")
        if not text.strip():
            raise CorruptRecording(f"no {source} caption")
        return source, text

    def checksum(self) -> str:
        """Tells other captions from these."""
        content = json.dumps([self.best, self.texts], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def own_caption(text: str) -> str:
    """The recordist's words, without the address that the published text goes on with."""
    return text.partition(_ADDRESS)[0].strip()


def month_and_hour_heard(
    date: str, audio_source: AudioSource | None
) -> tuple[int | None, float | None]:
    """Month and hour that ``date`` names; Freesound's hour is that of the upload: unknown."""
    month, hour = month_and_hour(date)
    return month, None if audio_source is AudioSource.FREESOUND else hour


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
