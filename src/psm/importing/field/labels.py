"""Label of a recording: what is heard in it, from when to when, and who says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Presence(StrEnum):
    """What a label says of its sound."""

    PRESENT = "present"
    ABSENT = "absent"
    """Somebody listened, and it is not there."""
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True)
class Label:
    """One row of a table of detections.

    Attributes:
        file: as the table names the recording; empty where its own name does.
        line: of the table.
        start_s, end_s: in the file; ``None`` where it holds for all of it.
        begin, offset: day and time instead, on a clock of that offset from UTC, if it is known.
        scientific, common: names of a species.
        word: the name or code as it stands there, where nobody says which of the two it is.
        confidence: probability, in [0, 1].
        score: what is none: a logit, a correlation.
        presence: whether the sound is there.
        is_by_hand: a person says so, whatever a machine thought.
        low_hz, high_hz: its band.
        lat, lon, accuracy_m, is_obscured: of an observation that says its place.
    """

    file: str = ""
    line: int = 0
    start_s: float | None = None
    end_s: float | None = None
    begin: datetime | None = None
    offset: timedelta | None = None
    day: str = ""
    scientific: str = ""
    common: str = ""
    word: str = ""
    confidence: float | None = None
    score: float | None = None
    presence: Presence = Presence.PRESENT
    is_by_hand: bool = False
    low_hz: float | None = None
    high_hz: float | None = None
    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None
    is_obscured: bool = False

    @property
    def name(self) -> str:
        """What is heard, by its scientific name where there is one; empty where nobody names it."""
        return self.scientific or self.common or self.word

    @property
    def words(self) -> str:
        """What is heard, by both of its names, as a caption says it."""
        if self.scientific and self.common and self.scientific != self.common:
            return f"{self.common} ({self.scientific})"
        return self.name

    def counts(self, least: float, least_score: float | None) -> bool:
        """Whether it says that something is heard, by thresholds on what machines think.

        Args:
            least: confidence. What a person says, or a machine without a confidence, counts.
            least_score: where there is a score and no confidence; without, none of them counts.
        """
        if self.presence is not Presence.PRESENT or not self.name:
            return False
        if self.is_by_hand:
            return True
        if self.confidence is not None:
            return self.confidence >= least
        return self.score is None or (least_score is not None and self.score >= least_score)


@dataclass(frozen=True, kw_only=True)
class DetectionTable:
    """What a table of detections says.

    Attributes:
        origin: name of the table.
        labels: its rows.
        looked_at: files in which nothing was found; "" is the one that the table's name says.
        problems: lines that cannot be used, each with the reason.
    """

    origin: str
    labels: Sequence[Label] = ()
    looked_at: Sequence[str] = ()
    problems: Sequence[tuple[int, str]] = ()


def with_both_names(labels: Iterable[Label]) -> list[Label]:
    """Labels whose other name stands in other rows, with both: a code or one name is enough.

    Args:
        labels: of all tables together.
    """
    labels = list(labels)
    pairs: dict[str, set[tuple[str, str]]] = {}
    for label in labels:
        if label.scientific and label.common:
            for name in {label.scientific, label.common, label.word} - {""}:
                pairs.setdefault(name.casefold(), set()).add((label.scientific, label.common))
    named = []
    for label in labels:
        found = pairs.get(label.name.casefold(), set())
        if len(found) == 1 and not (label.scientific and label.common):
            ((scientific, common),) = found
            label = replace(label, scientific=scientific, common=common)
        named.append(label)
    return named
