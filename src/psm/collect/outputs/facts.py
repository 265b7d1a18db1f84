"""Statistics of the recordings of a build, shared by card and metadata."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from psm.collect.outputs.recordings import BuiltRecording
from psm.data.splits import TEST, TRAIN, VAL

SPLITS = (TRAIN, VAL, TEST)
UNKNOWN = "unknown"
_LANGUAGES_FROM = 0.01  # of the recordings


@dataclass(frozen=True)
class Score:
    """Statistics of the captions of one style: how many, how often the best, how well they fit.

    Attributes:
        captions: recordings that have one.
        best: recordings whose caption it is.
        mean: CLAP score, over those that have one; none where nothing was scored.
        models: that wrote them.
    """

    captions: int
    best: int
    mean: float | None
    models: tuple[str, ...]


@dataclass(frozen=True)
class Leakage:
    """Overlap of a held-out split with training: what the two have in common.

    Attributes:
        split: val or test.
        kind: species or recordist.
        names: how many of them the split has.
        shared: how many of those are in training too.
        recordings: of the split, by those that are shared.
        share: of the recordings of the split whose species or recordist is known.
    """

    split: str
    kind: str
    names: int
    shared: int
    recordings: int
    share: float


@dataclass(frozen=True)
class Facts:
    """Counts over the rows of a build."""

    rows: Sequence[BuiltRecording]

    @cached_property
    def splits(self) -> dict[str, int]:
        """Recordings by split, in the order of splits."""
        counts = Counter(row.split for row in self.rows)
        return {split: counts[split] for split in SPLITS}

    @cached_property
    def leakage(self) -> list[Leakage]:
        """What val and test share with training."""
        return leakage(self.rows)

    def counts(self, column: str) -> dict[str, int]:
        """Recordings by a column, the most first."""
        found = Counter(str(getattr(row, column) or UNKNOWN) for row in self.rows)
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    @cached_property
    def months(self) -> list[int]:
        """Recordings of each of the twelve months."""
        counts = Counter(row.month for row in self.rows)
        return [counts[month] for month in range(1, 13)]

    @cached_property
    def hours(self) -> list[int]:
        """Recordings of each of the 24 hours, local time."""
        counts = Counter(int(row.hour) for row in self.rows if row.hour is not None)
        return [counts[hour] for hour in range(24)]

    @cached_property
    def scores(self) -> dict[str, Score]:
        """Captions by their style: meta, pengi, qwen."""
        found: dict[str, list[float | None]] = {}
        models: dict[str, set[str]] = {}
        for row in self.rows:
            for style, (score, model) in _captions(row).items():
                found.setdefault(style, []).append(score)
                models.setdefault(style, set()).add(model)
        best = Counter(row.caption_source for row in self.rows)
        return {
            style: Score(
                len(scores), best[style], _mean(scores), tuple(sorted(models[style] - {""}))
            )
            for style, scores in sorted(found.items())
        }

    @cached_property
    def years(self) -> tuple[int, int] | None:
        """First and last year, where any is known."""
        known = [row.year for row in self.rows if row.year is not None]
        return (min(known), max(known)) if known else None

    @property
    def languages(self) -> list[str]:
        """Codes of the languages that more than a few texts are in; captions are English."""
        counts = self.counts("language")
        least = _LANGUAGES_FROM * len(self.rows)
        found = [name for name, count in counts.items() if name != UNKNOWN and count >= least]
        return list(dict.fromkeys(["en", *found]))

    @property
    def hours_long(self) -> float:
        """All recordings together, in hours, as they were fetched."""
        return sum(row.duration_s or 0.0 for row in self.rows) / 3600.0

    @property
    def whole_licence(self) -> str:
        """The licence of all recordings, or ``mixed``."""
        found = {row.licence for row in self.rows}
        return found.pop() if len(found) == 1 else "mixed"

    @property
    def restrictions(self) -> dict[str, int]:
        """How many recordings ask for more than attribution."""
        kinds: Mapping[str, str] = {
            "forbid commercial use": "-NC",
            "forbid derivatives": "-ND",
            "ask to share alike": "-SA",
        }
        counts = {
            what: sum(mark in row.licence for row in self.rows) for what, mark in kinds.items()
        }
        others = ("unknown", "LicenseRef-All-Rights-Reserved")
        counts["have no licence that anybody knows"] = sum(
            row.licence in others for row in self.rows
        )
        return {what: count for what, count in counts.items() if count}


def _captions(row: BuiltRecording) -> dict[str, tuple[float | None, str]]:
    """Score and model of the best caption of each style that a recording has."""
    best: dict[str, tuple[float | None, str]] = {}
    for caption in json.loads(row.captions):
        score, style = caption["score"], caption["style"]
        if style not in best or (score is not None and score > (best[style][0] or -1.0)):
            best[style] = score, caption["model"]
    return best or {row.caption_source: (None, "")}


def _mean(scores: Sequence[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return float(np.mean(known)) if known else None


def leakage(rows: Iterable[BuiltRecording]) -> list[Leakage]:
    """What val and test share with training.

    Two archives may have a recordist of the same name: these count as two.
    """
    found: dict[tuple[str, str], list[object]] = {}
    for row in rows:
        if row.species:
            found.setdefault(("species", row.split), []).append(row.species)
        if row.author:
            found.setdefault(("recordist", row.split), []).append((row.source, row.author))
    report = []
    for split in (VAL, TEST):
        for kind in ("species", "recordist"):
            inside, known = found.get((kind, split), []), set(found.get((kind, TRAIN), []))
            shared = [name for name in inside if name in known]
            share = len(shared) / len(inside) if inside else 0.0
            report.append(
                Leakage(split, kind, len(set(inside)), len(set(shared)), len(shared), share)
            )
    return report
