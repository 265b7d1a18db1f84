"""Listings that are files: read row by row, plain or compressed."""

from __future__ import annotations

import bz2
import csv
import gzip
import itertools
from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path

from psm.collect.archives.pages import Part
from psm.collect.refusal import Refused
from psm.errors import ConfigError, MissingData


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

    def __call__(self, theirs: str) -> Part:
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
                return Part(kept, str(self._place))
        return Part(kept, None)


def existing(path: Path, source: str, option: str) -> Path:
    """The path.

    Raises:
        MissingData: nothing is there.
    """
    if not path.exists():
        raise MissingData(f"source {source}: {option}={path}: no such file or folder")
    return path


def opened(path: Path) -> bz2.BZ2File | gzip.GzipFile | BufferedReader:
    """A file, unpacked on the way if its name says that it is packed."""
    if path.suffix == ".bz2":
        return bz2.open(path, "rb")
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def table(path: Path, needed: Sequence[str]) -> Iterator[dict[str, str]]:
    """The rows of a CSV or TSV file by the names of its columns.

    Raises:
        ConfigError: a column is missing that is needed.
        Refused: the file breaks off, or is no table.
    """
    try:
        with opened(path) as packed:
            text = (line.decode("utf-8", "replace") for line in packed)
            header = next(text, "").lstrip("\ufeff")
            delimiter = max(",;\t", key=header.count)
            rows = csv.DictReader(itertools.chain([header], text), delimiter=delimiter)
            names = rows.fieldnames or ()
            if missing := [name for name in needed if name not in names]:
                raise ConfigError(
                    f"{path}: no column {missing[0]} among {', '.join(names)[:200] or 'none'}"
                )
            for row in rows:
                yield {name: value for name, value in row.items() if isinstance(value, str)}
    except (csv.Error, EOFError, OSError) as problem:
        raise Refused("the table cannot be read", detail=f"{path}: {problem}") from None
