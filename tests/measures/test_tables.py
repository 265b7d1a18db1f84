"""Tables of measurements: rows that are left out are counted, hopeless columns refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from psm.errors import ConfigError, MissingData
from psm.measures.tables import column_of, read_measurements
from tests.measures.conftest import ROWS, table


def test_places_times_and_numbers_are_read_and_the_rest_is_counted(tmp_path: Path) -> None:
    path = table(tmp_path / "levels.csv")
    text = path.read_text().splitlines()
    text[3] = "91,5,3,4,-50,0.5"
    text[4] = "50,5,3,4,loud,0.5"
    text[5] = "50,5,13,4,-50,0.5"
    text[6] = "50,5,,,-250,0.5"
    text[7] = "50,5,,,nan,0.5"
    path.write_text("\n".join(text) + "\n")
    found = read_measurements(path, ["laeq_db", "share"])
    assert found.left_out == {
        "latitude outside [-90, 90] (line 4)": 1, "month outside 1..12 (line 6)": 1
    }  # fmt: skip
    column = column_of(found, "laeq_db", unit="dB")
    assert len(column.values) == ROWS - 5
    assert set(column.left_out) - set(found.left_out) == {
        "'loud' is no number (line 5)", "no number (line 8)", "outside of -200 to 200 (line 7)"
    }  # fmt: skip
    assert np.isnan(found.points.month).sum() == 2


def test_columns_may_be_called_otherwise_and_dates_are_read(tmp_path: Path) -> None:
    rows = [f"{40 + i / 10},{5 + i / 7},2021-05-{1 + i:02d} 04:30,{i}" for i in range(24)]
    (tmp_path / "t.csv").write_text("\n".join(["Y,X2,when,level", *rows]))
    chosen = {"longitude": "X2", "date": "when"}
    found = read_measurements(tmp_path / "t.csv", ["level"], chosen)
    assert set(found.points.month) == {5.0}
    assert set(found.points.hour) == {4.5}


@pytest.mark.parametrize(
    ("column", "unit", "words"),
    [
        (["7"] * ROWS, "1", "is 7 in every row; there is nothing to map"),
        (["loud"] * ROWS, "1", "holds no numbers"),
        ([""] * ROWS, "1", "holds no numbers"),
        (["1", "2", "3"] + [""] * (ROWS - 3), "1", "3 numbers of 'bad' at 3 places; a map takes"),
        (list(range(900, 900 + ROWS)), "%", "lie outside of 0 to 100 .line 2: 900.; is the unit"),
    ],
)
def test_a_column_that_cannot_be_mapped_is_refused_in_one_line(
    tmp_path: Path, column: list[object], unit: str, words: str
) -> None:
    read = read_measurements(table(tmp_path / "t.csv", bad=column), ["bad"])
    with pytest.raises(ConfigError, match=words) as problem:
        column_of(read, "bad", unit=unit)
    assert "\n" not in str(problem.value)


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="no such file"):
        read_measurements(tmp_path / "none.csv", ["laeq_db"])
    path = table(tmp_path / "t.csv")
    with pytest.raises(ConfigError, match="no column 'level'; there are lat, lon"):
        read_measurements(path, ["level"])
    path.write_text("lat,lon,level\n95,10,3\n")
    with pytest.raises(ConfigError, match="no row has a place"):
        read_measurements(path, ["level"])
    path.write_text("where,level\nhere,3\n")
    with pytest.raises(ConfigError, match="no column for latitude"):
        read_measurements(path, ["level"])
