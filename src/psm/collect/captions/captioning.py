"""Captioning: the recordist's own words, and what models hear; the best of them, all kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from numpy.typing import NDArray

from psm.collect import paths
from psm.collect.catalogue import Outcome
from psm.collect.columns import Fields, Stage
from psm.collect.refusal import Refused
from psm.collect.run import Site
from psm.errors import ConfigError
from psm.progress import track

if TYPE_CHECKING:
    from psm.collect.captions.caption import Caption, Captioner
    from psm.collect.captions.scoring import ClapScorer

_BATCH = 64


def caption_all(site: Site) -> None:
    """Caption the recordings that have no captions.

    Raises:
        ConfigError: a model cannot be loaded, or is another one than in an earlier run.
    """
    rows = site.catalogue.ready(Stage.CAPTION, ("text", "clip_sha256"))
    if not rows:
        return
    site.heartbeat.begin(Stage.CAPTION, len(rows))
    desk = _Desk.of(site)
    batches = [rows[first : first + _BATCH] for first in range(0, len(rows), _BATCH)]
    for batch in track(batches, "captioning", len(rows), weight=len, unit="captions"):
        site.catalogue.apply(Stage.CAPTION, desk.captioned(batch))
        site.heartbeat.count(len(batch))
        site.beat()


@dataclass(frozen=True)
class _Desk:
    """Who writes captions, and who ranks them."""

    site: Site
    writers: tuple[Captioner, ...] = field(default=())
    scorer: ClapScorer | None = None

    @classmethod
    def of(cls, site: Site) -> _Desk:
        config = site.plan.config
        if not config.captioners and config.scorer is None:
            return cls(site)
        from psm.collect.captions.captioners import HubCaptioner
        from psm.collect.captions.scoring import ClapScorer

        writers = tuple(
            HubCaptioner(
                c.model, c.style, name=c.name, revision=c.revision, batch_size=c.batch_size
            )
            for c in config.captioners
        )
        scorer = None if config.scorer is None else ClapScorer(config.scorer)
        desk = cls(site, writers, scorer)
        desk._require_same()
        return desk

    def captioned(self, rows: Sequence[Fields]) -> Iterator[Outcome]:
        from psm.collect.captions.caption import meta_caption

        captions = [[c for c in [meta_caption(row["text"])] if c is not None] for row in rows]
        if self.writers or self.scorer:
            rows, captions = self._heard(rows, captions)
        for row, some in zip(rows, captions, strict=True):
            yield row["key"], _chosen(some)

    def _heard(
        self, rows: Sequence[Fields], captions: Sequence[list[Caption]]
    ) -> tuple[list[Fields], list[list[Caption]]]:
        """The rows whose clips are as they were, with what models say to them."""
        from psm.collect.captions.caption import Caption

        clips = [_clip(self.site, row) for row in rows]
        broken = [row["key"] for row, clip in zip(rows, clips, strict=True) if clip is None]
        self.site.reset(Stage.DECODE, broken)
        rate_hz = self.site.plan.framing.audio.sample_rate_hz
        waveforms = [clip for clip in clips if clip is not None]
        kept = [number for number, clip in enumerate(clips) if clip is not None]
        found = [list(captions[number]) for number in kept]
        for writer in self.writers:
            for some, text in zip(found, writer.caption(waveforms, rate_hz), strict=True):
                if not isinstance(text, Refused):
                    some.append(
                        Caption(
                            source=writer.name, style=writer.style, text=text, model=writer.model
                        )
                    )
        if self.scorer is not None:
            scores = self.scorer.score(waveforms, rate_hz, found)
            found = [
                [old if isinstance(new, Refused) else new for old, new in zip(some, s, strict=True)]
                for some, s in zip(found, scores, strict=True)
            ]
        return [rows[number] for number in kept], found

    def _require_same(self) -> None:
        """Weights of a hub may change between two runs, and captions of both would be mixed."""
        models = {writer.name: writer.model for writer in self.writers}
        for row in self.site.catalogue.passed(Stage.CAPTION, ("captions",))[:_BATCH]:
            for caption in json.loads(row["captions"]):
                now = models.get(caption["source"], caption["model"])
                if caption["model"] != now:
                    raise ConfigError(
                        f"captioner {caption['source']}: earlier captions are by "
                        f"{caption['model']}, and it is {now} now; set its revision"
                    )


def _chosen(captions: Sequence[Caption]) -> dict[str, str] | Refused:
    from psm.collect.captions.caption import best

    try:
        chosen = best(captions)
    except Refused as why:
        return why
    kept = json.dumps([caption.to_json() for caption in captions], ensure_ascii=False)
    return {"captions": kept, "caption": chosen.text, "caption_source": chosen.style}


def _clip(site: Site, row: Fields) -> NDArray[np.float32] | None:
    """The sound of a row, ``None`` where the file is not the one that was written."""
    path = paths.clip(site.folder, row["key"])
    if paths.sha256(path) != row["clip_sha256"]:
        return None
    waveform: NDArray[np.float32] = soundfile.read(path, dtype="float32")[0]
    return waveform
