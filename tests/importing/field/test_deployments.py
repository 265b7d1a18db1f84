"""Tables of deployments: where a recorder stood, and when nobody can tell."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from psm.errors import ConfigError
from psm.importing.field import deployments
from psm.importing.field.deployments import Deployments, Stay, Unplaced, read_deployments

MOVED = """site,latitude,longitude,start,end,recorder
Heath,52.9,10.1,2022-04-01T12:00:00+02:00,2022-06-10T09:30:00+02:00,SM1
Bog,53.2,8.9,2022-06-10T14:00:00+02:00,,SM1
Creek,42.5,-76.4,2022-05-01,2022-05-20,SM2
"""


def read(tmp_path: Path, text: str) -> Deployments:
    path = tmp_path / "deployments.csv"
    path.write_text(text, encoding="utf-8")
    return read_deployments(path)


def ask(table: Deployments, name: str, when: str | None) -> str:
    """The site, or why there is none."""
    at = None if when is None else datetime.fromisoformat(when)
    offset = None if at is None else at.utcoffset()
    found = table.place_of([name], at and at.replace(tzinfo=None), offset)
    return found.site if isinstance(found, Stay) else found.reason


@pytest.mark.parametrize(
    ("name", "when", "expected"),
    [
        ("SM1", "2022-05-21T02:20:00+00:00", "Heath"),
        ("sm1", "2030-01-01T00:00:00+00:00", "Bog"),  # still out
        ("SM1", "2022-06-10T10:00:00+00:00", deployments.NOWHERE),  # on the way
        ("SM1", "2022-06-10T12:30:00", deployments.NOWHERE),  # its clock is the table's
        ("SM1", "2022-06-10T07:20:00+00:00", "Heath"),  # 09:20 there
        ("SM2", "2022-05-20T23:59:00", "Creek"),  # a day as an end is all of it
        ("SM2", "2022-05-21T00:00:00", deployments.NOWHERE),
        ("SM2", "2022-05-21T05:00:00+00:00", deployments.NEAR_AN_END),
        ("SM2", "2012-05-10T05:00:00", deployments.NOWHERE),  # a clock in the wrong year
        ("SM2", None, "Creek"),  # it never stood elsewhere
        ("SM1", None, deployments.NO_TIME),
        ("SM3", "2022-05-21T02:20:00", deployments.UNKNOWN_RECORDER),
    ],
)
def test_the_site_depends_on_the_time(
    tmp_path: Path, name: str, when: str | None, expected: str
) -> None:
    assert ask(read(tmp_path, MOVED), name, when) == expected


def test_midnight_is_a_time_where_it_is_written(tmp_path: Path) -> None:
    table = read(tmp_path, MOVED.replace("2022-05-20,", "2022-05-20 00:00,"))
    assert ask(table, "SM2", "2022-05-20T01:00:00") == deployments.NOWHERE


def test_two_sites_at_once_are_not_decided_and_one_place_of_two_names_is(tmp_path: Path) -> None:
    table = read(tmp_path, "recorder,site,lat,lon\nA,x,1,2\nA,y,3,4\nB,x,1,2\nB,x again,1,2\n")
    assert ask(table, "A", "2022-05-20T01:00:00") == deployments.TWO_SITES
    assert ask(table, "B", "2022-05-20T01:00:00") == "x"
    found = table.place_of(["A"], datetime(2022, 5, 20))
    assert isinstance(found, Unplaced)
    assert found.detail == "A at 2022-05-20 00:00: x and y"


def test_one_day_beyond_twelve_settles_the_order_of_all(tmp_path: Path) -> None:
    head = "Site Name;Lat;Long;Deployed;Retrieved;Recorder ID\n"
    row = "Mill;42,5;-76,4;{};{};C1\n"
    settled = head + row.format("4/28/2021 1:30 PM", "6/13/2021 10:05 AM")
    table = read(tmp_path, settled + row.format("6/13/2021 11:00 AM", "8/1/2021 9:00 AM"))
    assert ask(table, "C1", "2021-07-30T05:10:00") == "Mill"
    table = read(tmp_path, head + row.format("03/04/2021", "05/06/2021"))
    assert ask(table, "C1", "2021-04-20T05:00:00") == "Mill"  # inside by either reading
    assert ask(table, "C1", "2021-03-10T05:00:00") == deployments.EITHER_ORDER


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("deployment,site,lat,lon\nDEP01,Heath,52.9,10.1\n", "DEP01"),
        ("Standort;Breite;Länge;Gerät\nHeath;52,9;10,1;HEIDE02\n", "HEIDE02"),
        ("deploymentID,locationName,latitude,longitude,cameraID\nd1,Heath,52.9,10.1,H2\n", "H2"),
        ("site,lat,lon\nHeath,52.9,10.1\n", "Heath"),
    ],
)
def test_columns_go_by_the_names_that_programs_and_people_give(
    tmp_path: Path, text: str, name: str
) -> None:
    found = read(tmp_path, text).place_of(["nobody", name], None)
    assert isinstance(found, Stay)
    assert (found.site, found.lat, found.lon) == ("Heath", 52.9, 10.1)


def test_rows_that_cannot_be_used_are_told_by_line(tmp_path: Path) -> None:
    rows = [
        "A,x,north,2,2022-04-01,2022-05-01",
        "B,x,1,2,2022-05-01,2022-04-01",
        "C,x,1,2,in spring,",
        ",,1,2,,",
        "D,x,1,2,,",
    ]
    table = read(tmp_path, "recorder,site,lat,lon,from,to\n" + "\n".join(rows))
    assert [stay.names["recorder"] for stay in table.stays] == ["D"]
    reasons = [(line, reason.partition(":")[0]) for line, reason in table.problems]
    assert reasons == [
        (2, "no place"),
        (3, "ends before it begins"),
        (4, "'in spring' is no day"),
        (5, "names no recorder, deployment or site"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recorder,place\nA,x\n", "no column for latitude"),
        ("lat,lon\n1,2\n", "no column that names recorders, deployments or sites"),
        ("recorder,lat,lon\n", "no rows"),
    ],
)
def test_what_is_no_table_of_deployments_is_one_line(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, text)


def test_an_offset_at_the_table_and_none_at_the_recorder_are_one_clock(tmp_path: Path) -> None:
    table = read(tmp_path, MOVED)
    (stay,) = (s for s in table.stays if s.site == "Heath")
    assert stay.holds(datetime(2022, 6, 10, 9, 29), None)
    assert stay.holds(datetime(2022, 6, 10, 9, 31), None) is False
    assert stay.holds(datetime(2022, 6, 10, 7, 29), timedelta(0))
