"""Which recording a label is of, by the name of the file or of the table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from psm.data import filenames
from psm.importing.field.detections import Detections
from psm.importing.field.labels import Label, with_both_names

NO_RECORDING = "no recording of that name for what was detected"
SEVERAL = "several recordings of that name for what was detected"

_SUFFIX = re.compile(r"\.[0-9a-z]{2,5}$", re.IGNORECASE)
_XENO_CANTO = re.compile(r"xc\d+(?![0-9a-z])")


@dataclass
class MatchedLabels:
    """What was detected, by recording.

    Attributes:
        labels: of each recording, by its name below the folder; those that nothing was found in are
            there too.
        refused: name, reason and detail of what is of no recording.
    """

    labels: dict[str, list[Label]] = field(default_factory=dict)
    refused: list[tuple[str, str, str]] = field(default_factory=list)


def matched(detections: Detections, names: Iterable[str]) -> MatchedLabels:
    """Give every label to its recording.

    Tables name recordings as the computer had them that wrote the tables: the name of the file
    counts, without its ending; of several such files the one whose folders agree best. Where a
    table names none, its own name begins with that of the recording.

    Args:
        detections: all tables.
        names: of the recordings, as paths below their folder.
    """
    by_stem: dict[str, list[str]] = {}
    for name in names:
        stem = _stem(name)
        by_stem.setdefault(stem, []).append(name)
        if (number := _XENO_CANTO.match(stem)) is not None and number[0] != stem:
            by_stem.setdefault(number[0], []).append(name)
    found = MatchedLabels()
    lost: dict[tuple[str, str], Counter[str]] = {}
    labels = iter(with_both_names(one for table in detections.tables for one in table.labels))
    for table in detections.tables:
        found.refused += [(f"{table.origin}, line {n}", why, "") for n, why in table.problems]
        mine = [(next(labels), True) for _ in table.labels]
        for label, is_heard in (*mine, *((Label(file=one), False) for one in table.looked_at)):
            said = label.file or table.origin
            of = _of_file(said, by_stem) if label.file else _of_table(said, by_stem)
            if len(of) == 1:
                of_recording = found.labels.setdefault(of[0], [])
                of_recording += [replace(label, file=of[0])] if is_heard else []
            else:
                lost.setdefault((said, SEVERAL if of else NO_RECORDING), Counter())[
                    table.origin
                ] += 1
    for (said, reason), tables in lost.items():
        detail = ", ".join(f"{count} in {table}" for table, count in tables.items())
        found.refused.append((said, reason, detail))
    return found


def _of_file(said: str, by_stem: Mapping[str, list[str]]) -> list[str]:
    """The recordings that a name may mean."""
    return _nearest(said, by_stem.get(_stem(said), []))


def _of_table(origin: str, by_stem: Mapping[str, list[str]]) -> list[str]:
    """The recordings whose name a table's name begins with, the longest of them."""
    table = filenames.folded(PurePosixPath(origin).name)
    stems = [
        stem
        for stem in by_stem
        if stem and table.startswith(stem) and not table[len(stem) : len(stem) + 1].isalnum()
    ]
    return _nearest(origin, by_stem[max(stems, key=len)]) if stems else []


def _nearest(said: str, names: list[str]) -> list[str]:
    """Of several recordings those that share most folders with what a table says."""
    if len(names) < 2:
        return names
    wanted = _folders(said)
    shared = {name: _shared(wanted, _folders(name)) for name in names}
    return [name for name in names if shared[name] == max(shared.values())]


def _shared(one: list[str], other: list[str]) -> int:
    count = 0
    while count < min(len(one), len(other)) and one[-1 - count] == other[-1 - count]:
        count += 1
    return count


def _folders(name: str) -> list[str]:
    return [filenames.folded(part) for part in PurePosixPath(filenames.canonical(name)).parts[:-1]]


def _stem(name: str) -> str:
    """The name of a file as it is compared: without folders, ending, case, or a query."""
    last = PurePosixPath(filenames.canonical(name.split("?")[0])).name
    return filenames.folded(_SUFFIX.sub("", last))
