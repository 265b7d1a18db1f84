"""Captioning: the recordist's own words, and what models hear; the best of them, all kept."""

from __future__ import annotations

import json

from psm.collect.catalogue import Outcome
from psm.collect.columns import Fields, Stage
from psm.collect.site import Site
from psm.collect.source import Refused
from psm.progress import track

_BATCH = 64


def caption_all(site: Site) -> None:
    """Caption the recordings that have none."""
    rows = site.catalogue.ready(Stage.CAPTION, ("text",))
    if not rows:
        return
    site.heartbeat.begin(Stage.CAPTION, len(rows))
    batches = [rows[first : first + _BATCH] for first in range(0, len(rows), _BATCH)]
    for batch in track(batches, "captioning", len(rows), weight=len, unit="captions"):
        site.catalogue.apply(Stage.CAPTION, [_own(row) for row in batch])
        site.heartbeat.count(len(batch))
        site.beat()


def _own(row: Fields) -> Outcome:
    text = row["text"]
    if not text:
        return row["key"], Refused("no caption")
    said = [{"source": "meta", "style": "meta", "text": text, "score": None, "model": ""}]
    kept = json.dumps(said, ensure_ascii=False)
    return row["key"], {"captions": kept, "caption": text, "caption_source": "meta"}
