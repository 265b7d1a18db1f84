"""Which recording a label is of, by the name of the file or of the table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from psm.data import filenames
from psm.data.recorders.names import of_name, prefixes_of
from psm.importing.field.detections import Detections
from psm.importing.field.labels import Label, with_both_names

NO_RECORDING = "no recording of that name for what was detected"
SEVERAL = "several recordings of that name for what was detected"
OTHER_FOLDER = "no recording of that name in its folder for what was detected"

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


def matched(detections: Detections, names: Iterable[str], *, home: Path = Path()) -> MatchedLabels:
    """Give every label to its recording.

    Tables name recordings as the computer had them that wrote the tables: the name of the file
    counts, without its ending; of several such files the one whose folders agree best. Where a
    table names none, its own name begins with that of the recording. Recorders on one timetable
    call their files alike, so that what was detected in another folder is of no recording here.

    Args:
        detections: all tables.
        names: of the recordings, as paths below their folder.
        home: that folder.
    """
    recordings = _Recordings(names, home)
    found = MatchedLabels()
    lost: dict[tuple[str, str], Counter[str]] = {}
    labels = iter(with_both_names(one for table in detections.tables for one in table.labels))
    mentions: list[tuple[_Mention, Label | None]] = []
    for table in detections.tables:
        found.refused += [(f"{table.origin}, line {n}", why, "") for n, why in table.problems]
        for _ in table.labels:
            named = next(labels)
            mentions.append((recordings.mention(named.file, table.origin), named))
        mentions += [(recordings.mention(one, table.origin), None) for one in table.looked_at]
    rivals = _Rivals(mention for mention, _ in mentions)
    for mention, label in mentions:
        name, problem = recordings.of(mention, rivals)
        if problem:
            lost.setdefault((mention.said, problem), Counter())[mention.origin] += 1
            continue
        of_recording = found.labels.setdefault(name, [])
        if label is not None:
            of_recording.append(replace(label, file=name))
    for (said, reason), tables in lost.items():
        detail = ", ".join(f"{count} in {table}" for table, count in tables.items())
        found.refused.append((said, reason, detail))
    return found


@dataclass(frozen=True)
class _Mention:
    """A recording as a table names it.

    Attributes:
        said: the name of the recording, or that of the table which names none.
        origin: the table.
        stem: of the recordings that it may be; empty where there are none.
        folders: in which it lay, as the table says.
    """

    said: str
    origin: str
    stem: str
    folders: tuple[str, ...]


class _Rivals:
    """Folders in which recordings of one name lay, by the name, and by name and table."""

    def __init__(self, mentions: Iterable[_Mention]) -> None:
        self._of: dict[tuple[str, str], set[tuple[str, ...]]] = {}
        for one in mentions:
            if one.folders:
                self._of.setdefault((one.stem, ""), set()).add(one.folders)
                self._of.setdefault((one.stem, one.origin), set()).add(one.folders)

    def of(self, mention: _Mention) -> set[tuple[str, ...]]:
        """Of the same table; of all tables where the name is but a time, as of any recorder."""
        is_a_time = of_name(mention.stem).clock is not None and not prefixes_of(mention.stem)
        return self._of.get((mention.stem, "" if is_a_time else mention.origin), set())

    def are_of_one_table(self, mention: _Mention) -> bool:
        """Whether its own table names several."""
        return len(self._of.get((mention.stem, mention.origin), ())) > 1


class _Recordings:
    """The recordings of a folder, by the names that tables have for them."""

    def __init__(self, names: Iterable[str], home: Path) -> None:
        self._home = tuple(filenames.folded(part) for part in home.resolve().parts)
        self._by_stem: dict[str, list[str]] = {}
        for name in names:
            stem = _stem(name)
            self._by_stem.setdefault(stem, []).append(name)
            if (number := _XENO_CANTO.match(stem)) is not None and number[0] != stem:
                self._by_stem.setdefault(number[0], []).append(name)

    def mention(self, file: str, origin: str) -> _Mention:
        """What a table says of a recording, or of none: then its own name tells."""
        said = file or origin
        stem = _stem(said) if file else self._stem_of_table(origin)
        return _Mention(said, origin, stem if stem in self._by_stem else "", _folders(said))

    def of(self, mention: _Mention, rivals: _Rivals) -> tuple[str, str]:
        """The recording that is meant, or an empty name and the reason why there is none."""
        names = self._by_stem.get(mention.stem, [])
        if not names:
            return "", NO_RECORDING
        wanted = mention.folders or _folders(mention.origin)
        shared = {name: self._shared(wanted, name) for name in names}
        nearest = [name for name in names if shared[name] == max(shared.values())]
        if len(nearest) > 1:
            return "", OTHER_FOLDER if mention.folders and not any(shared.values()) else SEVERAL
        name = nearest[0]
        others = [self._shared(folders, name) for folders in rivals.of(mention)]
        best = max(others, default=0)
        if mention.folders and self._shared(mention.folders, name) < best:
            return "", OTHER_FOLDER
        if not best and rivals.are_of_one_table(mention):
            return "", OTHER_FOLDER
        return name, ""

    def _stem_of_table(self, origin: str) -> str:
        """The longest name of a recording that a table's name begins with."""
        table = filenames.folded(PurePosixPath(origin).name)
        stems = [
            stem
            for stem in self._by_stem
            if stem and table.startswith(stem) and not table[len(stem) : len(stem) + 1].isalnum()
        ]
        return max(stems, key=len, default="")

    def _shared(self, wanted: tuple[str, ...], name: str) -> int:
        """How many folders, from the innermost on, a recording shares with what is said."""
        have = (*self._home, *_folders(name))
        count = 0
        while count < min(len(wanted), len(have)) and wanted[-1 - count] == have[-1 - count]:
            count += 1
        return count


def _folders(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(filenames.canonical(name)).parts[:-1]
    return tuple(filenames.folded(part) for part in parts)


def _stem(name: str) -> str:
    """The name of a file as it is compared: without folders, ending, case, or a query."""
    last = PurePosixPath(filenames.canonical(name.split("?")[0])).name
    return filenames.folded(_SUFFIX.sub("", last))
