"""Caption stage: the recordist's words and models' captions; the best is chosen, all are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from psm.collect import paths
from psm.collect.buildconfig import CaptionerConfig
from psm.collect.buildrun import BuildRun
from psm.collect.catalogue import Outcome
from psm.collect.columns import Fields, Stage
from psm.collect.refusal import Refused
from psm.errors import SettingsChanged
from psm.files import atomic_path
from psm.progress import track

if TYPE_CHECKING:
    from psm.collect.captions.caption import Caption, Captioner
    from psm.collect.captions.scoring import ClapScorer

PROMPTS = "prompts.json"
"""What each captioner of a build is asked: the setting, and what came of it."""

_COLUMNS = ("text", "clip_sha256")
_BATCH = 64


def caption_all(run: BuildRun) -> None:
    """Caption the recordings that have no captions; all of them anew under another prompt.

    Raises:
        ConfigError: a model cannot be loaded.
        SettingsChanged: a model is another one than in an earlier run.
    """
    before = _noted(run.folder)
    if any(c.prompt != _of(before, c).get("setting") for c in run.plan.config.captioners):
        run.catalogue.redo(Stage.CAPTION)
    rows = run.catalogue.ready(Stage.CAPTION, _COLUMNS)
    if not rows:
        return
    models = _CaptionModels.of(run)
    if any(before.get(name, now)["prompt"] != now["prompt"] for name, now in models.asked.items()):
        run.catalogue.redo(Stage.CAPTION)  # the default is another one than when the build began
        rows = run.catalogue.ready(Stage.CAPTION, _COLUMNS)
    if models.asked != before:
        with atomic_path(run.folder / PROMPTS) as path:
            path.write_text(json.dumps(models.asked, indent=2, ensure_ascii=False) + "\n")
    run.heartbeat.begin(Stage.CAPTION, len(rows))
    batches = [rows[first : first + _BATCH] for first in range(0, len(rows), _BATCH)]
    for batch in track(batches, "captioning", len(rows), weight=len, unit="captions"):
        run.catalogue.apply(Stage.CAPTION, models.captioned(batch))
        run.heartbeat.count(len(batch))
        run.beat()


def _noted(folder: Path) -> dict[str, dict[str, str | None]]:
    """What captioners were asked in earlier runs; nothing where nobody noted it."""
    try:
        return dict(json.loads((folder / PROMPTS).read_text()))
    except FileNotFoundError:
        return {}


def _of(noted: Mapping[str, Any], captioner: CaptionerConfig) -> Mapping[str, Any]:
    found: Mapping[str, Any] = noted.get(captioner.name or captioner.style, {})
    return found


@dataclass(frozen=True)
class _CaptionModels:
    """The captioners and the scorer of a build."""

    run: BuildRun
    writers: tuple[Captioner, ...] = ()
    scorer: ClapScorer | None = None

    @classmethod
    def of(cls, run: BuildRun) -> _CaptionModels:
        config = run.plan.config
        if not config.captioners and config.scorer is None:
            return cls(run)
        from psm.collect.captions.captioners import HubCaptioner
        from psm.collect.captions.scoring import ClapScorer

        writers = tuple(
            HubCaptioner(
                c.model,
                c.style,
                name=c.name,
                prompt=c.prompt,
                revision=c.revision,
                batch_size=c.batch_size,
            )
            for c in config.captioners
        )
        scorer = None if config.scorer is None else ClapScorer(config.scorer)
        models = cls(run, writers, scorer)
        models._require_same()
        return models

    @property
    def asked(self) -> dict[str, dict[str, str | None]]:
        """The prompt of each captioner by its name: the setting, and what came of it."""
        captioners = self.run.plan.config.captioners
        return {
            writer.name: {"setting": captioner.prompt, "prompt": writer.prompt}
            for captioner, writer in zip(captioners, self.writers, strict=True)
        }

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

        clips = [_clip(self.run, row) for row in rows]
        broken = [row["key"] for row, clip in zip(rows, clips, strict=True) if clip is None]
        self.run.reset(Stage.DECODE, broken)
        rate_hz = self.run.plan.framing.audio.sample_rate_hz
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
        for row in self.run.catalogue.passed(Stage.CAPTION, ("captions",))[:_BATCH]:
            for caption in json.loads(row["captions"]):
                now = models.get(caption["source"], caption["model"])
                if caption["model"] != now:
                    raise SettingsChanged(
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


def _clip(run: BuildRun, row: Fields) -> NDArray[np.float32] | None:
    """The sound of a row, ``None`` where the file is not the one that was written."""
    path = paths.clip(run.folder, row["key"])
    if paths.sha256(path) != row["clip_sha256"]:
        return None
    waveform: NDArray[np.float32] = soundfile.read(path, dtype="float32")[0]
    return waveform
