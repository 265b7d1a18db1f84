"""Tables as text: every form that programs write, and each fault with its line."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import pytest

from psm.data.delimited import (
    EMPTY_ROW,
    NUL,
    SHORT,
    SURPLUS,
    DelimitedRow,
    degrees,
    header_of,
    lines_of,
    number,
    rows_of,
)
from psm.errors import ConfigError, GuessedEncoding

TABLE = "id,name\n007,Ärmel\n8,b\n"


def read(folder: Path, content: str | bytes, name: str = "t.csv") -> list[DelimitedRow]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(rows_of(path))


def cells(folder: Path, content: str | bytes, name: str = "t.csv") -> list[dict[str, str]]:
    rows = read(folder, content, name)
    assert not any(row.problem for row in rows)
    return [row.cells for row in rows]


@pytest.mark.parametrize(
    "content",
    [
        TABLE,
        TABLE.replace("\n", "\r\n"),
        TABLE.replace("\n", "\r"),
        TABLE.replace(",", ";"),
        TABLE.replace(",", "\t"),
        TABLE.replace(",", "|"),
        "sep=,\n" + TABLE,
        '"sep=;"\r\n' + TABLE.replace(",", ";"),
        "sep=\t\n" + TABLE.replace(",", "\t"),
        "\n\n" + TABLE,
        "# made by Anna, in May, 2020\n" + TABLE,
        "id,name,\n007,Ärmel,\n8,b,,\n",
        "id, name \n007,Ärmel\n\n# a remark\n8,b",
        TABLE.encode("utf-8-sig"),
        TABLE.encode("utf-16"),
        TABLE.encode("utf-16-le"),
        TABLE.encode("utf-32"),
    ],
)
def test_one_table_in_many_forms(tmp_path: Path, content: str | bytes) -> None:
    expected = [{"id": "007", "name": "Ärmel"}, {"id": "8", "name": "b"}]
    assert cells(tmp_path, content) == expected
    assert header_of(tmp_path / "t.csv") == ["id", "name"]


def test_compressed_tables_are_tables(tmp_path: Path) -> None:
    assert len(cells(tmp_path, gzip.compress(TABLE.encode()), "t.csv.gz")) == 2
    assert len(cells(tmp_path, bz2.compress(TABLE.encode()), "t.csv.bz2")) == 2
    with pytest.raises(EOFError):
        read(tmp_path, gzip.compress(TABLE.encode())[:-9], "cut.csv.gz")


def test_windows_1252_is_read_and_said(tmp_path: Path) -> None:
    with pytest.warns(GuessedEncoding, match=r"line 2 is not UTF-8; read as Windows-1252"):
        assert read(tmp_path, TABLE.encode("cp1252"))[0].cells["name"] == "Ärmel"
    with pytest.raises(ConfigError, match="line 1 is not UTF-8"):
        read(tmp_path, b"\x81,name\n1,2\n")


def test_a_remark_is_no_header_and_a_header_no_remark(tmp_path: Path) -> None:
    assert cells(tmp_path, "#id,name\n1,a\n") == [{"#id": "1", "name": "a"}]
    assert cells(tmp_path, "# one\n# two\nid,name\n#1,a\n") == [{"id": "#1", "name": "a"}]


def test_quotes_hold_delimiters_lines_and_quotes(tmp_path: Path) -> None:
    rows = read(tmp_path, 'id,text\n1,"a, ""b""\nc"\n2,it is 5" long\n')
    assert [row.cells["text"] for row in rows] == ['a, "b"\nc', 'it is 5" long']
    assert [row.line for row in rows] == [2, 4]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (",,", EMPTY_ROW),
        ("  ,  ,", EMPTY_ROW),
        ("1,2,3,4", SURPLUS),
        ("1,2", SHORT),
        ("1,\0,3", NUL),
    ],
)
def test_a_bad_row_says_its_line_and_the_others_are_read(
    tmp_path: Path, row: str, problem: str
) -> None:
    rows = read(tmp_path, f"# x\na,b,c\n1,2,3\n\n{row}\n4,5,6\n")
    assert [(one.line, one.problem) for one in rows] == [(3, ""), (5, problem), (6, "")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('a,b\n1,2\n3,"open\n4,5\n', r"line 3: a quote is opened there and never closed"),
        ('sep=,\na,b\n1,"x" y\n', r"line 3: text goes on behind a closing quote"),
        ("a,b,a\n1,2,3\n", "columns 1 and 3 are both named 'a'; rename one"),
        ("PK\x03\x04\x14\0", "a workbook or an archive"),
        ("a\0,b\n1,2\n", "not a table of text"),
        ("a,b\n" + "x" * 200_000, "line 2: field larger than field limit"),
    ],
)
def test_a_broken_structure_refuses_the_table(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as problem:
        read(tmp_path, content)
    assert "t.csv" in str(problem.value)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10.5", 10.5), ("10,5", 10.5), (" -0,25 ", -0.25), ("\u22123", -3.0), ("1e3", 1000.0),
        ("1,234", None), ("1.234,5", None), ("1,234,567", None), ("1_000", None), ("", None),
        ("nan", None), ("inf", None), ("10.5°", None), ("N 10", None),
    ],
)  # fmt: skip
def test_numbers_with_a_point_or_a_comma(text: str, value: float | None) -> None:
    assert number(text) == value


def test_degrees_have_no_thousands() -> None:
    assert degrees("10,500") == 10.5
    assert degrees("1,234,567") is None


def test_columns_that_are_needed_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    with pytest.raises(ConfigError, match=r"t.csv: no column lat among id, name"):
        list(rows_of(tmp_path / "t.csv", needed=("lat",)))
    (tmp_path / "t.csv").write_text("")
    with pytest.raises(ConfigError, match="no column lat among none"):
        list(rows_of(tmp_path / "t.csv", needed=("lat",)))
    assert list(rows_of(tmp_path / "t.csv")) == []


def test_lines_of_a_text_without_a_header_are_all_there(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes('\ufeff0\t1\tGr\xfcnspecht\r\n\r\n# 2\n"3'.encode())
    assert list(lines_of(path)) == [(1, "0\t1\tGrünspecht"), (2, ""), (3, "# 2"), (4, '"3')]
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ConfigError, match="save the table as CSV"):
        list(lines_of(path))
