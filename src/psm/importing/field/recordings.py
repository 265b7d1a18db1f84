"""Recordings in a folder as recorders left them, with place, time and labels: one row a clip.

Place and time come from headers, names and summaries of the files (:mod:`psm.data.recorders`) and
from a table of deployments; captions from what was detected. Imports and builds read folders by
this alone. Whatever cannot be used is a row with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from psm.data.recorders import note_of
from psm.data.sound.decoder import read_part
from psm.data.sound.media import opened
from psm.errors import ConfigError, CorruptRecording, MissingData
from psm.importing.field.clips import CLIP_S, WHOLE, Clip, Cut, clips_of
from psm.importing.field.deployments import UNKNOWN_RECORDER, Deployments, read_deployments
from psm.importing.field.detections import Detections, read_detections
from psm.importing.field.labels import Label
from psm.importing.field.matching import MatchedLabels, matched
from psm.importing.field.placing import NO_PLACE, FieldClip, moved, placed, started_at

SOUNDS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".aif", ".aiff",
          ".wma", ".mp4", ".mov", ".avi", ".mkv", ".webm", ".3gp")  # fmt: skip
"""Endings of files that are taken for recordings."""

LEAST = 0.5
"""Confidence from which on a detection counts, if nothing else is said."""

NOT_DETECTED = "nothing detected in it that counts"
NOT_IN_TABLES = "no table of detections speaks of it"
OUTSIDE = "what was detected lies outside of the recording"


@dataclass(frozen=True, kw_only=True)
class FieldOptions:
    """What is to be made of a folder of recordings.

    Attributes:
        deployments: table that says where recorders stood.
        detections: table, or folder of tables, of what is heard.
        least: confidence from which on a detection counts.
        least_score: the same for scores that are no confidences.
        cut: ``whole``, ``detections`` or seconds.
        clip_s: length of a clip around a detection.
        columns: columns of the deployments by our names.
        place: degrees of recordings of which neither a table nor the file says it.
    """

    deployments: Path | None = None
    detections: Path | None = None
    least: float = LEAST
    least_score: float | None = None
    cut: str | None = None
    clip_s: float = CLIP_S
    columns: Mapping[str, str] = field(default_factory=dict)
    place: tuple[float, float] | None = None


class FieldFolder:
    """The recordings of a folder and the folders in it.

    Args:
        folder: of the recordings.
        options: tables, thresholds, cutting.

    Raises:
        MissingData: there is no recording, or no such table.
        ConfigError: a table is none, or an option is missing.
    """

    def __init__(self, folder: Path, options: FieldOptions) -> None:
        self.folder, self.options = folder, options
        files = [
            path.relative_to(folder)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
        ]
        self.names = [path.as_posix() for path in files if path.suffix.lower() in SOUNDS]
        if not self.names:
            raise MissingData(f"{folder}: no recordings in it ({', '.join(SOUNDS[:4])}, ...)")
        self._others = Counter(p.suffix.lower() for p in files if p.suffix.lower() not in SOUNDS)
        if not 0.0 <= options.least <= 1.0:
            raise ConfigError(f"--least {options.least:g}: a confidence lies in [0, 1]")
        self.deployments: Deployments | None = None
        if options.deployments is not None:
            if not options.deployments.is_file():
                raise MissingData(f"{options.deployments}: no such table of deployments")
            self.deployments = read_deployments(options.deployments, options.columns)
        self.detections: Detections | None = None
        if options.detections is not None:
            self.detections = _scored(read_detections(options.detections), options)
        self.cut = Cut.parse(
            options.cut, has_detections=self.detections is not None, clip_s=options.clip_s
        )

    @cached_property
    def found(self) -> MatchedLabels:
        """What was detected, by recording.

        Raises:
            MissingData: all of it is of other recordings.
        """
        if self.detections is None:
            return MatchedLabels()
        found = matched(self.detections, self.names, home=self.folder)
        if not found.labels and found.refused:
            said, reason, _ = found.refused[0]
            raise MissingData(
                f"{self.detections.path}: speaks of no recording in {self.folder} "
                f"({said}: {reason})"
            )
        return found

    def notes(self) -> list[str]:
        """Lines for people: what was left out, and what is not as one may expect."""
        notes = []
        if self._others:
            kinds = ", ".join(sorted(suffix or "no ending" for suffix in self._others))
            notes.append(f"{sum(self._others.values())} files that are no recordings: {kinds}")
        if self.detections is not None:
            notes += [f"left out {why}" for _, why in self.detections.left_out]
        return notes

    def clips(self) -> Iterator[FieldClip]:
        """All recordings, cut, by name; then the rows of tables that are of none of them."""
        for name in self.names:
            yield from self._clips_of(name)
        if self.deployments is not None:
            path = self.deployments.path.name
            for line, reason in self.deployments.problems:
                yield FieldClip(file=f"{path}, line {line}", problem=reason)
        for said, reason, detail in self.found.refused:
            yield FieldClip(file=said, problem=reason, detail=detail)

    def _clips_of(self, name: str) -> Iterator[FieldClip]:
        note = note_of(self.folder / name)
        detected = self.found.labels.get(name)
        labels = [one for one in detected or () if self._counts(one)]
        if not detected and note.species:  # what a table says goes before a header
            labels = [Label(word=word, is_by_hand=note.is_by_hand) for word in note.species]
        whole = placed(name, note, detected or (), self.deployments)
        if self.options.place is not None and whole.problem in (NO_PLACE, UNKNOWN_RECORDER):
            lat, lon = self.options.place
            whole = replace(whole, lat=lat, lon=lon, problem="", detail="")
        if not whole.problem and self.detections is not None and not labels:
            whole = replace(whole, problem=NOT_IN_TABLES if detected is None else NOT_DETECTED)
        if whole.problem:
            yield whole
            return
        clips = [Clip(None, None, tuple(labels))]
        if self.cut.at != WHOLE:
            try:
                duration_s = self._duration_s(name)
            except CorruptRecording as problem:
                yield replace(whole, problem=f"audio: {problem}")
                return
            started = [started_at(label, note) for label in labels]
            inside = [label for label in started if _fits(label, duration_s)]
            for label in (one for one in started if not _fits(one, duration_s)):
                detail = f"{label.name} at {label.start_s:g} of {duration_s:g} s"
                yield replace(whole, problem=OUTSIDE, detail=detail)
            clips = clips_of(inside, duration_s, self.cut) if inside or not labels else []
        for clip in clips:
            yield replace(
                moved(whole, note, clip.begin_s or 0.0),
                begin_s=clip.begin_s,
                end_s=clip.end_s,
                caption=clip.caption,
                sounds=clip.sounds,
                problem=NOT_DETECTED if labels and not clip.labels else "",
            )

    def _counts(self, label: Label) -> bool:
        return label.counts(self.options.least, self.options.least_score)

    def _duration_s(self, name: str) -> float:
        with opened(self.folder / name) as media:
            return read_part(media, from_s=0.0, kept_s=0.1).duration_s


def _fits(label: Label, duration_s: float) -> bool:
    """Whether a label begins in the recording; a second of grace is for clocks that round."""
    return label.start_s is None or -1.0 <= label.start_s <= duration_s


def _scored(detections: Detections, options: FieldOptions) -> Detections:
    """Detections, of which it is known which count.

    Raises:
        ConfigError: they have scores, and nobody says which of them are enough.
    """
    if options.least_score is None and (table := detections.has_scores_alone):
        raise ConfigError(
            f"{table}: its scores are logits or correlations and no confidences; say from which on "
            "they count: --least-score 0"
        )
    return detections
