"""Reader of tables of detections that have a header: columns by their names, in any order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from psm.data import delimited, filenames
from psm.data.delimited import DelimitedRow
from psm.data.recorders.note import place_of
from psm.errors import ConfigError
from psm.importing.field.labelcolumns import (
    COLUMNS,
    NAMES,
    OF_RAVEN,
    both_names,
    is_nothing,
    is_true,
    presence_of,
    times_of,
    without_author,
)
from psm.importing.field.labels import DetectionTable, Label
from psm.importing.tablereader import column_names, match_columns, table_rows

_WORDS = ("by_hand", "by_machine", "word", "code", "sound_type")  # the likelier first

RUNS_ON = "its times run on over several files: export the column File Offset (s) with it"


class _NoLabel(Exception):
    """A row that says nothing of a sound."""


@dataclass(frozen=True)
class _Form:
    """Which column is which.

    Attributes:
        columns: by our names.
        classes: a column each, of tables that have a score of every class in a row.
    """

    columns: Mapping[str, str]
    classes: Sequence[str] = ()

    def said(self, cells: Mapping[str, str], ours: str) -> str:
        """What a row says in a column; empty where there is no such column."""
        return str(cells.get(self.columns.get(ours, ""), "") or "").strip()


def read_label_table(path: Path) -> DetectionTable:
    """Read a table of detections (CSV, TSV, Parquet, selection tables) with a header.

    Raises:
        ConfigError: it is no such table.
    """
    form = _form(path)
    labels: list[Label] = []
    looked_at: list[str] = []
    problems: list[tuple[int, str]] = []
    rows = [row for row in table_rows(path) if row.problem != delimited.EMPTY_ROW]
    files = {filenames.canonical(form.said(row.cells, "file")) for row in rows}
    runs_on = "selection" in form.columns and "offset_s" not in form.columns and len(files) > 1
    for row in rows:
        try:
            if row.problem or runs_on:
                raise ValueError(row.problem or RUNS_ON)
            labels.extend(_labels(form, row))
        except _NoLabel:
            looked_at.append(form.said(row.cells, "file"))
        except ValueError as problem:
            problems.append((row.line, str(problem)))
    if "selection" in form.columns:
        labels = _one_a_selection(form, rows, labels)
    if not rows and "file" not in form.columns:
        looked_at.append("")
    return DetectionTable(
        origin=path.name, labels=labels, looked_at=tuple(dict.fromkeys(looked_at)),
        problems=problems,
    )  # fmt: skip


def _form(path: Path) -> _Form:
    names = column_names(path)
    columns = {
        ours: found[0]
        for ours, found in match_columns(names, {}, str(path), needed=(), known=COLUMNS).items()
    }
    left = [name for name in names if name and name not in columns.values()]
    if "selection" in columns and not any(name in columns for name in NAMES):
        # Raven's own columns are known: the first beside them is the annotator's.
        own = [name for name in left if _plain(name) not in OF_RAVEN]
        return _Form(columns | dict(zip(("word",), own, strict=False)))
    if any(name in columns for name in NAMES):
        if "start_s" in columns or "when" in columns or "when_day" in columns:
            return _Form(columns)
    elif left and {"file", "start_s", "end_s"} <= columns.keys():
        return _Form(columns, left)
    raise ConfigError(
        f"{path}: no table of detections: it needs columns for what is heard (species, label, "
        f"common name, ...) and from when to when, and has {', '.join(names)[:200]}"
    )


def _labels(form: _Form, row: DelimitedRow) -> Iterator[Label]:
    """The labels of a row: one, or those of the classes that are not zero."""
    label = _timed(form, row)
    if form.classes:
        for name in form.classes:
            cell = str(row.cells[name]).strip()
            confidence = _number(cell, name, is_probability=True)
            if confidence:
                one, other = both_names(name)
                word = "" if one else name
                yield replace(label, scientific=one, common=other, word=word, confidence=confidence)
        return
    cells = row.cells
    scientific, common = (form.said(cells, ours) for ours in ("scientific", "common"))
    by_hand = form.said(cells, "by_hand")
    words = (form.said(cells, ours) for ours in _WORDS)
    word = next(filter(None, words), "")
    if by_hand:  # goes before what a machine found
        scientific = common = ""
    if not scientific and not common:
        scientific, common = both_names(word)
        word = "" if scientific else word
    if is_nothing(scientific or common or word):
        raise _NoLabel
    presence, is_checked = presence_of(form.said(cells, "status"), form.said(cells, "uncertain"))
    verification = form.said(cells, "verification").casefold()
    yield replace(
        label,
        scientific=without_author(scientific),
        common=common,
        word=word,
        confidence=_number(form.said(cells, "confidence"), "confidence", is_probability=True),
        score=_number(form.said(cells, "score"), "score"),
        presence=presence,
        is_by_hand=is_checked
        or bool(by_hand)
        or verification.startswith("verified")
        or form.said(cells, "creator").casefold() == "user",
        low_hz=_number(form.said(cells, "low_hz"), "low frequency"),
        high_hz=_number(form.said(cells, "high_hz"), "high frequency"),
    )


def _timed(form: _Form, row: DelimitedRow) -> Label:
    """File, time and place of a row."""
    file = form.said(row.cells, "file")
    if "file" in form.columns and not file and "start_s" in form.columns:
        raise ValueError("names no recording")
    if "start_s" not in form.columns:
        return _observed(form, row, file)
    start, end, duration, offset = (
        _number(form.said(row.cells, name), name.removesuffix("_s"))
        for name in ("start_s", "end_s", "duration_s", "offset_s")
    )
    if end is None and start is not None and duration is not None:
        end = start + duration
    if start is None or end is None:
        raise ValueError("no start or no end")
    if end < start or start < 0:
        raise ValueError(f"ends before it begins: {start:g} to {end:g} s")
    if offset is not None:
        start, end = offset, offset + (end - start)
    return Label(file=file, line=row.line, start_s=round(start, 6), end_s=round(end, 6))


def _observed(form: _Form, row: DelimitedRow, file: str) -> Label:
    """An observation at a time of day, of a place."""
    cells = row.cells
    begin, offset, length_s, day = times_of(
        form.said(cells, "when"), form.said(cells, "when_day"), form.said(cells, "when_time")
    )
    lat, lon = (delimited.degrees(form.said(cells, name)) for name in ("lat", "lon"))
    place = None if lat is None or lon is None else place_of(lat, lon)
    return Label(
        file=file,
        line=row.line,
        begin=begin,
        offset=offset,
        day=day,
        end_s=length_s,
        lat=None if place is None else place[0],
        lon=None if place is None else place[1],
        accuracy_m=_number(form.said(cells, "accuracy_m"), "accuracy"),
        is_obscured=is_true(form.said(cells, "obscured")),
    )


def _one_a_selection(form: _Form, rows: Sequence[DelimitedRow], labels: list[Label]) -> list[Label]:
    """One label a selection, which Raven lists once a view: that of a view with a band."""
    number = {row.line: form.said(row.cells, "selection") for row in rows}
    kept: dict[tuple[str, str, float | None], Label] = {}
    for label in labels:
        key = (number[label.line], label.file, label.start_s)
        if key not in kept or kept[key].low_hz is None:
            kept[key] = label
    return list(kept.values())


def _number(text: str, name: str, *, is_probability: bool = False) -> float | None:
    """The number in a cell, ``None`` where it is empty.

    Raises:
        ValueError: it is none.
    """
    if not text or text.casefold() in ("nan", "none", "null", "na"):
        return None
    value = delimited.number(text)
    if value is None:
        raise ValueError(f"{name} is not a number: {text[:20]!r}")
    if is_probability and not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} outside [0, 1]: {value:g}")
    return value


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
