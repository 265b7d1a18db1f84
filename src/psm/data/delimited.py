"""Reader of tables as text (CSV, TSV): strict, with the number of the line that is wrong.

A row that does not fit its header carries its problem, so that the others can be used. A table
whose structure is broken, as by a quote that is never closed, is refused as a whole.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import math
import re
import warnings
from codecs import (
    BOM_UTF8,
    BOM_UTF16_BE,
    BOM_UTF16_LE,
    BOM_UTF32_BE,
    BOM_UTF32_LE,
    getincrementaldecoder,
)
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import TextIO

from psm.errors import ConfigError, GuessedEncoding

EMPTY_ROW = "an empty row"
SURPLUS = "more fields than columns"
SHORT = "fewer fields than columns"
NUL = "a NUL byte in it"

DELIMITERS = ",;\t|"

_MARKS = (  # the longer first: that of UTF-32 begins as that of UTF-16
    (BOM_UTF32_LE, "utf-32"),
    (BOM_UTF32_BE, "utf-32"),
    (BOM_UTF8, "utf-8-sig"),
    (BOM_UTF16_LE, "utf-16"),
    (BOM_UTF16_BE, "utf-16"),
)
_SEP = re.compile(r'"?sep=(?P<sep>.|\\t)"?[,;\t|]*\s*', re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"?')
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
_NOT_WINDOWS = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_ZIP = b"PK\x03\x04"
_PIECE = 1 << 20
_SAMPLE = 4096


@dataclass(frozen=True)
class DelimitedRow:
    """One row of a table.

    Attributes:
        line: on which it begins, from 1.
        cells: texts by the names of the columns, as they stand there.
        problem: why it cannot be used; empty where it can.
    """

    line: int
    cells: dict[str, str]
    problem: str = ""


def header_of(path: Path) -> list[str]:
    """Names of the columns.

    Raises:
        ConfigError: it is no such table; the message names the line.
        OSError: it cannot be read.
    """
    with _opened(path, None) as (header, _):
        return header


def rows_of(
    path: Path, *, needed: Sequence[str] = (), undecodable: str | None = None
) -> Iterator[DelimitedRow]:
    """The rows of a table of any size, plain or compressed, one after the other.

    Lines that are blank are left out, and lines of remarks that begin with ``#``.

    Args:
        path: of the table; ``.gz`` and ``.bz2`` are unpacked on the way. UTF-8, or what a byte
            order mark says.
        needed: columns that have to be there.
        undecodable: what becomes of bytes that are not UTF-8, as in :meth:`bytes.decode`. By
            default the table is then read as Windows-1252, with a warning.

    Raises:
        ConfigError: a column is missing or named twice, or the structure is broken; the message
            names the line.
        OSError, EOFError: it cannot be read, or breaks off.

    Warns:
        GuessedEncoding: it is not UTF-8.
    """
    with _opened(path, undecodable) as (header, fields):
        if missing := [name for name in needed if name not in header]:
            raise ConfigError(
                f"{path}: no column {missing[0]} among {', '.join(header)[:200] or 'none'}"
            )
        for line, row in fields:
            if (found := _row(line, row, header)) is not None:
                yield found


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text that is no table, or a table without a header, numbered from 1.

    Encodings and compression are those of :func:`rows_of`; ends of lines are taken off, and nothing
    is left out.

    Raises:
        ConfigError: it is no text; the message names the line.
        OSError, EOFError: it cannot be read, or breaks off.

    Warns:
        GuessedEncoding: it is not UTF-8.
    """
    encoding = _encoding(path, guess=True)
    with unpacked(path) as stream, TextIOWrapper(stream, encoding) as lines:
        try:
            for line, text in enumerate(lines, start=1):
                yield line, text.rstrip("\n")
        except UnicodeError:
            raise ConfigError(f"{path}: not {encoding.upper()}; save the table as UTF-8") from None


def number(text: str) -> float | None:
    """The number in a cell, with a point or a comma for decimals; ``None`` where it is none.

    What may be thousands, as 1,234, is no number, and neither is an infinite one.
    """
    text = text.strip().replace("\u2212", "-")
    if text.count(",") == 1 and "." not in text and not _THOUSANDS.fullmatch(text):
        text = text.replace(",", ".")
    if "_" in text:  # which Python reads as part of a number
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def degrees(text: str) -> float | None:
    """As :func:`number`, of a latitude or longitude: 10,500 is ten and a half."""
    text = text.strip()
    return number(text.replace(",", ".") if _THOUSANDS.fullmatch(text) else text)


def unpacked(path: Path) -> bz2.BZ2File | gzip.GzipFile | BufferedReader:
    """An open file, unpacked on the way if its name says that it is compressed."""
    if path.suffix.lower() == ".bz2":
        return bz2.open(path, "rb")
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


Fields = Iterator[tuple[int, list[str]]]
"""Rows as lists, each with the line on which it begins."""


@contextmanager
def _opened(path: Path, undecodable: str | None) -> Iterator[tuple[list[str], Fields]]:
    encoding = _encoding(path, guess=undecodable is None)
    with (
        unpacked(path) as stream,
        TextIOWrapper(stream, encoding, undecodable or "strict", newline="") as lines,
    ):
        try:
            before, first, delimiter = _beginning(lines)
            fields = _fields(path, chain(first, lines), before, delimiter)
            header = [name.strip() for _, row in [next(fields, (0, []))] for name in row]
            while header and not header[-1]:  # columns without a name that a spreadsheet left
                header.pop()
            if any("\0" in name for name in header):
                raise ConfigError(f"{path}: not a table of text; save it as CSV in UTF-8")
            _require_distinct(path, header)
            yield header, fields
        except UnicodeError:
            raise ConfigError(f"{path}: not {encoding.upper()}; save the table as UTF-8") from None


def _encoding(path: Path, *, guess: bool) -> str:
    with unpacked(path) as stream:
        sample = stream.read(_SAMPLE)
    if sample.startswith(_ZIP):
        raise ConfigError(f"{path}: a workbook or an archive, no text; save the table as CSV")
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    pairs = len(sample) // 2
    for name, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        if pairs > 4 and zeros[:pairs].count(0) > 0.7 * pairs:
            return name
    if not guess or (line := _first_line_not_utf8(path)) is None:
        return "utf-8"
    with unpacked(path) as stream:
        if any(_NOT_WINDOWS.search(piece) for piece in iter(lambda: stream.read(_PIECE), b"")):
            raise ConfigError(f"{path}: line {line} is not UTF-8; save the table as UTF-8")
    warnings.warn(
        f"{path}: line {line} is not UTF-8; read as Windows-1252. Save the table as UTF-8 if "
        "letters are wrong",
        GuessedEncoding,
        stacklevel=2,
    )
    return "cp1252"


def _first_line_not_utf8(path: Path) -> int | None:
    decoder, line = getincrementaldecoder("utf-8")(), 1
    with unpacked(path) as stream:
        for piece in chain(iter(lambda: stream.read(_PIECE), b""), (b"",)):
            try:
                decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as problem:
                return line + problem.object[: problem.start].count(b"\n")
            line += piece.count(b"\n")
    return None


def _beginning(lines: TextIO) -> tuple[int, list[str], str]:
    """How many lines stand before the header, its first line, and the delimiter."""
    before, remark, said = 0, "", None
    for line in lines:
        sep = _SEP.fullmatch(line) if said is None else None
        if sep is not None:
            said = "\t" if sep["sep"] in ("\t", "\\t") else sep["sep"]
        elif line.strip() and not line.startswith("#"):
            delimiter = said or _delimiter(line)
            # "#id,lat,lon" is a header, and "# Made by Anna" is none.
            if remark and _count(remark, delimiter) == _count(line, delimiter) > 0:
                return before - 1, [remark, line], delimiter
            return before, [line], delimiter
        remark = line if line.startswith("#") else ""
        before += 1
    return max(0, before - 1), [remark] if remark else [], said or _delimiter(remark)


def _delimiter(header: str) -> str:
    return max(DELIMITERS, key=lambda one: _count(header, one))


def _count(line: str, delimiter: str) -> int:
    return _QUOTED.sub("", line).count(delimiter)


def _fields(path: Path, lines: Iterator[str], before: int, delimiter: str) -> Fields:
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = before + rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as problem:
            raise ConfigError(
                f"{path}: not a readable table (line {line}: {_meaning(problem)})"
            ) from None
        yield line, row


def _meaning(problem: csv.Error) -> str:
    said = str(problem)
    if "unexpected end of data" in said:
        return "a quote is opened there and never closed; close it, or double it within a text"
    if "expected after" in said:
        return "text goes on behind a closing quote; double a quote within a text"
    return said


def _require_distinct(path: Path, header: Sequence[str]) -> None:
    places: dict[str, int] = {}
    for place, name in enumerate(header, start=1):
        if name and name in places:
            raise ConfigError(
                f"{path}: columns {places[name]} and {place} are both named {name!r}; rename one"
            )
        places.setdefault(name, place)


def _row(line: int, row: list[str], header: list[str]) -> DelimitedRow | None:
    if not row or (len(row) == 1 and not row[0].strip() and len(header) > 1):
        return None
    if row[0].startswith("#") and len(row) != len(header):
        return None
    cells = dict(zip(header, row, strict=False))
    if not any(cell.strip() for cell in row):
        return DelimitedRow(line, cells, EMPTY_ROW)
    if any(cell.strip() for cell in row[len(header) :]):
        return DelimitedRow(line, cells, SURPLUS)
    if len(row) < len(header):
        return DelimitedRow(line, {name: cells.get(name, "") for name in header}, SHORT)
    if any("\0" in cell for cell in row):
        return DelimitedRow(line, cells, NUL)
    return DelimitedRow(line, cells)
