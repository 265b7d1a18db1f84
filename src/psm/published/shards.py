"""The published WebDataset shards of GeoSound and SoundingEarth, turned into ours.

Their log-mels are pickled tensors, read through an allow-list; tiles stay the JPEG they were. What
cannot be used is refused with its reason, never replaced, and the import goes on.
"""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from psm.data.dates import month_and_hour
from psm.data.imagery import decode_image
from psm.data.recording import AudioSource, CaptionSource, Recording
from psm.data.shards import RawSample, raw_samples, write_shard
from psm.data.splits import cell_names
from psm.errors import CorruptRecording, CorruptShard, ForeignPickle, MissingData, PSMError
from psm.files import atomic_path
from psm.progress import track
from psm.published.imagery import imagery_named
from psm.published.pickles import tensor_from_pickle

SPLITS = ("train", "val", "test")

_SHARD_SIZE = 128
_MEL = "audio_mel1.pyd"
_ADDRESS = "The location of the sound is"


@dataclass(frozen=True)
class Report:
    """What an import took over and what it refused.

    Attributes:
        imported: recordings of each split.
        refused: how many, by reason.
    """

    imported: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Captions:
    """The captioning models' captions, and which of all captions is the best of a recording.

    Attributes:
        best: caption source by sample; without it every recording keeps its own text.
        texts: captions by source, then by sample.
    """

    best: Mapping[str, CaptionSource] = field(default_factory=dict)
    texts: Mapping[CaptionSource, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Captions:
        """The side files of the published data set, as far as they are in ``folder``.

        Raises:
            CorruptRecording: one of them is not what it should be.
        """
        best: dict[str, CaptionSource] = {}
        table = folder / "clap_score_geosound.csv"
        if table.is_file():
            with table.open(newline="") as stream:
                for line, row in enumerate(csv.DictReader(stream), start=2):
                    try:
                        best[row["sample_id"]] = CaptionSource(row["best_caption"])
                    except (KeyError, ValueError) as problem:
                        raise CorruptRecording(f"{table}: line {line}: {problem}") from None
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


def import_shards(
    folder: Path, out: Path, *, overhead: str, captions: Captions | None = None
) -> Report:
    """Turn the published shards in ``folder`` into ours in ``out``; safe to interrupt.

    Args:
        folder: holds ``train*.tar``, ``val*.tar`` and ``test*.tar``.
        out: where our shards go, each with a note of what was refused on the way.
        overhead: which of :data:`psm.published.imagery.IMAGERY` the tiles are.
        captions: of captioning models; without them a recording keeps its own text.

    Raises:
        ConfigError: no such imagery.
        MissingData: there are no such shards.
        CorruptShard: a tar cannot be read.
    """
    gsd_m = imagery_named(overhead, str(folder)).gsd_m
    sources = [(split, path) for split in SPLITS for path in sorted(folder.glob(f"{split}*.tar"))]
    if not sources:
        raise MissingData(f"{folder}: no published shards (train*.tar, val*.tar, test*.tar)")
    report = Report()
    for number, (split, path) in enumerate(sources):
        parts = _parts(raw_samples(path))
        for part, raw in enumerate(track(parts, f"importing {path.name}")):
            name = f"{split}-{number:03d}{part:05d}"
            note = out / "refused" / f"{name}.json"
            if not note.is_file():
                _import_part(raw, out / f"{name}.tar", note, split, gsd_m, captions)
            found = json.loads(note.read_text())
            report.imported[split] += found["imported"]
            report.refused.update(found["refused"])
    return report


def _import_part(
    raw: list[dict[str, Any]], shard: Path, note: Path, split: str, gsd_m: float,
    captions: Captions | None,
) -> None:  # fmt: skip
    samples, refused = [], Counter[str]()
    for sample in raw:
        try:
            samples.append(_convert(sample, split, gsd_m, captions or Captions()))
        except (CorruptRecording, CorruptShard, ForeignPickle) as problem:
            refused[_reason(problem)] += 1
    if samples:
        write_shard(shard, samples)
    with atomic_path(note) as path:
        path.write_text(json.dumps({"imported": len(samples), "refused": refused}))


def _convert(raw: dict[str, Any], split: str, gsd_m: float, captions: Captions) -> RawSample:
    missing = [name for name in ("meta.json", "image.jpg", _MEL) if name not in raw]
    if missing:
        raise CorruptRecording(f"no {missing[0]}")
    key = str(raw["__key__"])
    about = _metadata(raw["meta.json"])
    archive, _, _ = key.partition("-")
    is_soundingearth = "long_key" in about
    if is_soundingearth:
        archive, key = "aporee", f"aporee-{key}"
    own = str(about.get("caption" if is_soundingearth else "text") or "")
    source, text = captions.of(key, own.partition(_ADDRESS)[0].strip())
    date = about.get("date_recorded" if is_soundingearth else "date")
    month, hour = month_and_hour(date if isinstance(date, str) else None)
    lat, lon = (_degrees(about, name) for name in ("latitude", "longitude"))
    recording = Recording(
        key=key,
        lat=lat,
        lon=lon,
        audio_source=_archive(archive),
        caption_source=source,
        caption=text,
        split=split,
        cell=str(cell_names(np.array([lat]), np.array([lon]))[0]),
        month=month,
        # Freesound knows when a file came, not when it was heard.
        hour=None if archive == AudioSource.FREESOUND else hour,
        licence=str(about.get("licenseurl") or "unknown"),
        gsd_m=gsd_m,
    )
    decode_image(raw["image.jpg"], "image.jpg")
    mel = tensor_from_pickle(raw[_MEL], _MEL)
    if mel.ndim != 3 or not np.isfinite(mel).all():
        raise CorruptShard(f"{_MEL}: not finite windows x frames x bands")
    return RawSample(recording, raw["image.jpg"], mel.astype(np.float16))


def _parts(members: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    for member in members:
        part.append(member)
        if len(part) == _SHARD_SIZE:
            yield part
            part = []
    if part:
        yield part


def _metadata(data: bytes) -> dict[str, Any]:
    try:
        about = json.loads(data)  # Python reads the bare NaN of empty cells
    except ValueError:
        raise CorruptRecording("meta.json is not JSON") from None
    if not isinstance(about, dict):
        raise CorruptRecording("meta.json is not an object")
    return {k: v for k, v in about.items() if not (isinstance(v, float) and math.isnan(v))}


def _degrees(about: Mapping[str, Any], name: str) -> float:
    try:
        return float(about[name])
    except (KeyError, TypeError, ValueError):
        raise CorruptRecording(f"no {name}") from None


def _archive(name: str) -> AudioSource:
    try:
        return AudioSource(name.lower())
    except ValueError:
        raise CorruptRecording(f"unknown archive {name!r}") from None


def _json_lines(path: Path, source: CaptionSource) -> dict[str, str]:
    if not path.is_file():
        return {}
    captions = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            row = json.loads(line)
            captions[row["sample_id"]] = row[f"{source}_caption"]
        except (ValueError, KeyError, TypeError) as problem:
            raise CorruptRecording(f"{path}: line {number}: {problem}") from None
    return captions


def _reason(problem: PSMError) -> str:
    """What is the same for all recordings that fail alike."""
    text = str(problem)
    return text.partition(": ")[2] if text.startswith("recording ") else text
