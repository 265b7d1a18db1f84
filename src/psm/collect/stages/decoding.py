"""Decoding: from media, as they were fetched, to clips and log-mels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from psm.collect import paths
from psm.collect.candidates import record_of
from psm.collect.catalogue import Outcome
from psm.collect.columns import STEPS, Fields, Stage
from psm.collect.decoding import Decoded, Decoder, Job
from psm.collect.refusal import Refused
from psm.collect.run import Site

_NOT_WANTED = {"silent": "nothing is heard", "clipped": "clipped", "speech": "only speech"}


def outcomes(site: Site, rows: Iterable[Fields]) -> Iterator[Outcome]:
    """Decode the media of rows as they come, over all cores, in processes of their own."""
    with Decoder(site.plan.framing, workers=site.workers) as decoder:
        for key, decoded in decoder.decode_all(_job(site, row) for row in rows):
            yield key, decoded if isinstance(decoded, Refused) else _heard(site, key, decoded)


def media_of(site: Site, row: Fields) -> Path:
    """Where the media file of a row is."""
    return paths.media(site.folder, row["key"], row["source"], record_of(row).suffix)


def _job(site: Site, row: Fields) -> Job:
    key = row["key"]
    return Job(key, media_of(site, row), paths.clip(site.folder, key), paths.mel(site.folder, key))


def _heard(site: Site, key: str, decoded: Decoded) -> Fields | Refused:
    clip, mel = paths.clip(site.folder, key), paths.mel(site.folder, key)
    for flag in site.plan.config.refused_sounds:
        if flag in decoded.sound_flags:
            clip.unlink(missing_ok=True)
            mel.unlink(missing_ok=True)
            return Refused(_NOT_WANTED[flag], detail=f"{decoded.rms_db:.0f} dB")
    found = asdict(decoded) | {"mel_sha256": paths.sha256(mel)}
    return {name: found[name] for name in STEPS[Stage.DECODE].columns}
