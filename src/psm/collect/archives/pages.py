"""Paged listings with cursors: what all archives that have pages share."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from psm.collect.archives.archive import ListedRecording, ListingRequest, Page
from psm.collect.refusal import Refused
from psm.data import delimited
from psm.errors import MissingData

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class ListingPart:
    """Raw entries as an archive answers them, and its own cursor to the next.

    Attributes:
        entries: in any form that the ``record`` of :func:`pages` reads.
        cursor: of the archive, to the next part; ``None`` after the last.
    """

    entries: Iterable[object]
    cursor: str | None


def pages(
    wanted: ListingRequest,
    cursor: str | None,
    *,
    read: Callable[[str], ListingPart],
    record: Callable[[object], ListedRecording],
    name: Callable[[object], str],
) -> Iterator[Page]:
    """Turn the parts that an archive answers into pages whose cursors a listing can resume from.

    A cursor says how many recordings came before, and where they ended.

    Args:
        wanted: ends the listing after so many recordings.
        cursor: of the last page, or ``None`` at the beginning.
        read: gives the part at a cursor of the archive, which is empty at the beginning.
        record: reads an entry; raises :class:`Refused` where it is no recording.
        name: id of an entry, for those that are refused.

    Returns:
        Pages as they are asked for.

    Raises:
        Refused: the cursor is of another listing, or ``read`` raised it.
    """
    seen, theirs = _read_cursor(cursor)
    while True:
        part = read(theirs)
        records: list[ListedRecording] = []
        refused: list[tuple[str, str]] = []
        for place, entry in enumerate(part.entries):
            if wanted.most is not None and seen + len(records) >= wanted.most:
                break
            try:
                if isinstance(entry, Refused):
                    raise entry
                records.append(record(entry))
            except Refused as why:
                refused.append((_named(entry, name) or _plain(f"{theirs}-{place}"), why.reason))
        seen += len(records)
        is_last = part.cursor is None or (wanted.most is not None and seen >= wanted.most)
        yield Page(tuple(records), None if is_last else f"{seen}|{part.cursor}", tuple(refused))
        if is_last or part.cursor is None:
            return
        theirs = part.cursor


def boxes(bounds: Bounds | None) -> tuple[Bounds | None, ...]:
    """Bounds as boxes that do not cross the antimeridian."""
    if bounds is None or bounds[0] <= bounds[2]:
        return (bounds,)
    west, south, east, north = bounds
    return ((west, south, 180.0, north), (-180.0, south, east, north))


def box_and_page(theirs: str, of: tuple[Bounds | None, ...]) -> tuple[int, int]:
    """Box and page that a cursor stands for; ``0 0`` at the beginning."""
    try:
        box, page = map(int, theirs.split() or (0, 0))
    except ValueError:
        box, page = -1, 0
    if not (0 <= box < len(of) and page >= 0):
        raise Refused("the cursor is of another listing", detail=theirs[:80])
    return box, page


def next_box(box: int, of: tuple[Bounds | None, ...]) -> str | None:
    """Cursor of the beginning of the next box, if there is one."""
    return f"{box + 1} 0" if box + 1 < len(of) else None


def _read_cursor(cursor: str | None) -> tuple[int, str]:
    if cursor is None:
        return 0, ""
    seen, _, theirs = cursor.partition("|")
    if not (seen.isdecimal() and theirs):
        raise Refused("the cursor is of another listing", detail=cursor[:80])
    return int(seen), theirs


def _named(entry: object, name: Callable[[object], str]) -> str:
    try:
        return _plain(name(entry))
    except (Refused, LookupError, TypeError, AttributeError):
        return ""


def _plain(words: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", words).strip("-")[:80]


class Lines:
    """Reads parts of a listing out of a file. A cursor is how many lines came before.

    Args:
        begin: the lines, from the first.
        size: entries of a part.
        keep: which lines are entries.
    """

    def __init__(
        self,
        begin: Callable[[], Iterator[object]],
        size: int,
        keep: Callable[[object], bool] = lambda _: True,
    ) -> None:
        self._begin, self._size, self._keep = begin, size, keep
        self._place = -1
        self._lines: Iterator[object] = iter(())

    def __call__(self, theirs: str) -> ListingPart:
        """The part at a cursor; the next one goes on where it ended, without reading twice."""
        if theirs and not theirs.isdecimal():
            raise Refused("the cursor is of another listing", detail=theirs[:80])
        if (place := int(theirs or 0)) != self._place:
            self._lines, self._place = itertools.islice(self._begin(), place, None), place
        kept: list[object] = []
        for line in self._lines:
            self._place += 1
            if self._keep(line):
                kept.append(line)
            if len(kept) == self._size:
                return ListingPart(kept, str(self._place))
        return ListingPart(kept, None)


def existing(path: Path, archive: str, option: str) -> Path:
    """The path.

    Raises:
        MissingData: nothing is there.
    """
    if not path.exists():
        raise MissingData(f"archive {archive}: {option}={path}: no such file or folder")
    return path


def table(path: Path, needed: Sequence[str]) -> Iterator[dict[str, str] | Refused]:
    """The rows of a CSV or TSV file by the names of its columns, read as they are asked for.

    A row that does not fit its header is a :class:`Refused`, which :func:`pages` raises.

    Raises:
        ConfigError: a column is missing that is needed, or the table's structure is broken.
        Refused: the file breaks off, or is no table.
    """
    try:
        for row in delimited.rows_of(path, needed=needed, undecodable="replace"):
            detail = f"{path.name}, line {row.line}"
            yield Refused(row.problem, detail=detail) if row.problem else row.cells
    except (EOFError, OSError) as problem:
        raise Refused("the table cannot be read", detail=f"{path}: {problem}") from None
