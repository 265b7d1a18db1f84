"""Reader of labels without a header: Audacity's label tracks, and rows of Raven made by hand.

Audacity writes begin, end and text between tabs, and the band of a label in a line of its own that
begins with a backslash, as its manual says ("Importing and Exporting Labels"). BirdNET-Analyzer
writes such tracks with a confidence behind the text.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from psm.data import delimited
from psm.importing.field.labelcolumns import both_names, is_nothing
from psm.importing.field.labels import DetectionTable, Label

_NO_BOUND = -1.0
_RAVEN_COLUMNS = 7


def is_label_track(path: Path) -> bool:
    """Whether a text begins with a label: two numbers, or a row of Raven's."""
    for _, text in delimited.lines_of(path):
        if text.strip():
            fields = text.split("\t")
            return _times(fields) is not None or _raven_times(fields) is not None
    return False


def read_label_track(path: Path) -> DetectionTable:
    """Read labels without a header.

    Raises:
        ConfigError: it is no text.
    """
    labels: list[Label] = []
    looked_at: list[str] = []
    problems: list[tuple[int, str]] = []
    for line, text in delimited.lines_of(path):
        fields = text.split("\t")
        if not text.strip():
            continue
        if fields[0].strip() == "\\":  # the band of the label above
            if labels:
                low, high = (_bound(field) for field in (*fields[1:3], "", "")[:2])
                labels[-1] = replace(labels[-1], low_hz=low, high_hz=high)
            continue
        label = _label(fields, line)
        if isinstance(label, str):
            problems.append((line, label))
        elif is_nothing(label.name):
            looked_at.append("")
        else:
            labels.append(label)
    return DetectionTable(
        origin=path.name, labels=labels, looked_at=looked_at[:1], problems=problems
    )


def _label(fields: list[str], line: int) -> Label | str:
    if (of_raven := _raven_times(fields)) is not None:
        start, end = of_raven
        low, high = (_bound(field) for field in fields[5:7])
        word = fields[7].strip() if len(fields) > _RAVEN_COLUMNS else ""
        return Label(line=line, start_s=start, end_s=end, low_hz=low, high_hz=high, word=word)
    times = _times(fields)
    if times is None:
        return "no label: begin and end are no numbers"
    if times[1] < times[0] or times[0] < 0:
        return f"ends before it begins: {times[0]:g} to {times[1]:g} s"
    text = fields[2].strip() if len(fields) > 2 else ""
    confidence = delimited.number(fields[3]) if len(fields) > 3 else None
    if confidence is not None and not 0.0 <= confidence <= 1.0:
        return f"confidence outside [0, 1]: {confidence:g}"
    scientific, common = both_names(text, is_sure=confidence is not None)
    return Label(
        line=line, start_s=times[0], end_s=times[1], confidence=confidence,
        scientific=scientific, common=common, word="" if scientific else text,
    )  # fmt: skip


def _times(fields: list[str]) -> tuple[float, float] | None:
    if len(fields) < 2:
        return None
    start, end = delimited.number(fields[0]), delimited.number(fields[1])
    return None if start is None or end is None else (start, end)


def _raven_times(fields: list[str]) -> tuple[float, float] | None:
    """Begin and end in a row of selection, view, channel, begin, end, low and high frequency."""
    if len(fields) < _RAVEN_COLUMNS or not fields[0].strip().isdecimal():
        return None
    if delimited.number(fields[1]) is not None or not fields[2].strip().isdecimal():
        return None
    return _times(fields[3:5])


def _bound(text: str) -> float | None:
    value = delimited.number(text)
    return None if value is None or value == _NO_BOUND else value
