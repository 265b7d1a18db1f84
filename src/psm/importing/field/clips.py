"""Cuts long recordings into clips: at what was detected, or at intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psm.data import delimited
from psm.errors import ConfigError
from psm.importing.field.labels import Label

DETECTIONS = "detections"
WHOLE = "whole"
CLIP_S = 10.0
"""Length of a clip around a detection, where nobody says which model will hear it."""

_SHORTEST_S = 0.1
_OF_A_CLIP = 0.5  # a sound is heard in a clip that has half of it, or that it fills by half


@dataclass(frozen=True)
class Cut:
    """How recordings are cut.

    Attributes:
        at: :data:`WHOLE`, :data:`DETECTIONS`, or ``intervals``.
        length_s: of a clip; around a sound that lasts longer, all of that.
    """

    at: str
    length_s: float

    @classmethod
    def parse(cls, text: str | None, *, has_detections: bool, clip_s: float = CLIP_S) -> Cut:
        """Read what a user asks for.

        Args:
            text: ``whole``, ``detections`` or seconds; by default at the detections, if there are.
            has_detections: there is a table of them.
            clip_s: length of a clip around a detection.

        Raises:
            ConfigError: it is none of them.
        """
        if text is None:
            return cls(DETECTIONS if has_detections else WHOLE, clip_s)
        if text in (WHOLE, DETECTIONS):
            if text == DETECTIONS and not has_detections:
                raise ConfigError("--cut detections: where are they? say --detections TABLE")
            return cls(text, clip_s)
        seconds = delimited.number(text)
        if seconds is None or not _SHORTEST_S <= seconds <= 7200:
            raise ConfigError(
                f"--cut {text!r}: choose whole, detections, or seconds from {_SHORTEST_S:g} to 7200"
            )
        return cls("intervals", seconds)


@dataclass(frozen=True)
class Clip:
    """A part of a recording, and what is heard in it.

    Attributes:
        begin_s, end_s: in the file; ``None`` where it is all of the file.
        labels: of what is heard.
    """

    begin_s: float | None
    end_s: float | None
    labels: tuple[Label, ...]

    @property
    def caption(self) -> str:
        """What is heard, by all names, in order."""
        return ", ".join(dict.fromkeys(label.words for label in self.labels))

    @property
    def sounds(self) -> tuple[str, ...]:
        """What is heard, by one name each."""
        return tuple(dict.fromkeys(label.name for label in self.labels))


def clips_of(labels: Iterable[Label], duration_s: float, cut: Cut) -> list[Clip]:
    """Cut a recording. Without a label there is one clip that names nothing, or one an interval.

    Args:
        labels: those that count. What holds for the whole file holds for every interval, and at
            detections where there is no other.
        duration_s: of the recording.
        cut: how.
    """
    ordered = sorted(labels, key=lambda one: (one.start_s or 0.0, one.end_s or 0.0, one.name))
    timed = [label for label in ordered if label.start_s is not None]
    anywhere = tuple(label for label in ordered if label.start_s is None)
    if cut.at == "intervals":
        count = max(1, round(duration_s / cut.length_s))
        starts = [n * cut.length_s for n in range(count)]
        spans = list(zip(starts, [*starts[1:], duration_s], strict=True))
    elif cut.at == DETECTIONS and timed and duration_s > cut.length_s:
        spans = _around(timed, duration_s, cut.length_s)
        anywhere = ()
    else:
        return [Clip(None, None, tuple(ordered))]
    if len(spans) == 1 and spans[0] == (0.0, duration_s):
        return [Clip(None, None, tuple(ordered))]
    return [
        Clip(begin, end, (*anywhere, *(label for label in timed if _is_heard(label, begin, end))))
        for begin, end in spans
    ]


def _around(
    labels: Sequence[Label], duration_s: float, length_s: float
) -> list[tuple[float, float]]:
    """Clips with the labels in their middle; a label that lies in the one before needs no other."""
    spans: list[tuple[float, float]] = []
    for label in labels:
        begin_s, end_s = _times(label)
        if spans and spans[-1][0] <= begin_s and end_s <= spans[-1][1]:
            continue
        length = min(duration_s, max(length_s, end_s - begin_s))
        first = (begin_s + end_s - length) / 2
        first = round(min(max(0.0, first), duration_s - length), 3)
        spans.append((first, min(duration_s, first + length)))
    return spans


def _is_heard(label: Label, begin_s: float, end_s: float) -> bool:
    first, last = _times(label)
    if first == last:
        return begin_s <= first <= end_s
    shared = min(last, end_s) - max(first, begin_s)
    return shared >= _OF_A_CLIP * min(last - first, end_s - begin_s)


def _times(label: Label) -> tuple[float, float]:
    start_s = label.start_s or 0.0
    return start_s, start_s if label.end_s is None else label.end_s
