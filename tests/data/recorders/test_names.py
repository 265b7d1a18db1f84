"""Times, places and prefixes in names of recorders' files."""

from __future__ import annotations

import pytest

from psm.data.recorders import note_of_name
from psm.data.recorders.names import prefixes_of


@pytest.mark.parametrize(
    ("stem", "clock", "utc"),
    [
        ("20200624_191500", "2020-06-24T19:15:00", None),
        ("20200624_191500T", "2020-06-24T19:15:00", None),
        ("24A5F1905E3C7B12_20250502_044500", "2025-05-02T04:45:00", None),
        ("Queens_20230502_010000_Z", "2023-05-02T01:00:00", "2023-05-02T01:00:00"),
        ("Queens_2023-05-02_01.00.00_Z", "2023-05-02T01:00:00", "2023-05-02T01:00:00"),
        ("ridge-20230514-031200Z", "2023-05-14T03:12:00", "2023-05-14T03:12:00"),
        ("Swift_20220719_043000_+0200", "2022-07-19T04:30:00", "2022-07-19T02:30:00"),
        ("Swift_20220719_043000_-0330", "2022-07-19T04:30:00", "2022-07-19T08:00:00"),
        ("20230502T010000+1000_REC", "2023-05-02T01:00:00", "2023-05-01T15:00:00"),
        ("201906 7T055935+0200_REC [52.9 10.1]", "2019-06-07T05:59:35", "2019-06-07T03:59:35"),
        (
            "S20240815T091156.982648+1000_E20240815T091251.967555+1000_-12.34567+78.98102",
            "2024-08-15T09:11:56.982648", "2024-08-14T23:11:56.982648",
        ),
        ("2023-05-14_05-12-00 (1)", "2023-05-14T05:12:00", None),
        ("Recording_20230514-051200", "2023-05-14T05:12:00", None),
        ("20230514051200", "2023-05-14T05:12:00", None),
        ("230514_0512", "2023-05-14T05:12:00", None),
        ("230514_051233", "2023-05-14T05:12:33", None),
        ("SITE_20140612$050000", "2014-06-12T05:00:00", None),
        ("SITE_20190102_044802_010", "2019-01-02T04:48:02.010000", None),
        ("SITE_20180801_240000", "2018-08-02T00:00:00", None),
        ("5B8D8F3C", "2018-09-03T19:45:00", "2018-09-03T19:45:00"),
        ("5b8d8f3c", "2018-09-03T19:45:00", "2018-09-03T19:45:00"),
        ("HOF_20230231_051200", None, None),
        ("HOF_20230214_251200", None, None),
        ("24A5F1905E3C7B12", None, None),
        ("DEADBEEF", None, None),
        ("00000000", None, None),
        ("230514_001", None, None),
        ("120200624_191500", None, None),
        ("take-0042", None, None),
        ("", None, None),
    ],
)  # fmt: skip
def test_the_time_in_a_name(stem: str, clock: str | None, utc: str | None) -> None:
    note = note_of_name(stem)
    assert (note.clock and note.clock.isoformat()) == clock
    assert (note.utc and note.utc.replace(tzinfo=None).isoformat()) == utc


def test_eight_digits_are_a_day_before_they_are_seconds() -> None:
    assert str(note_of_name("20190612").day) == "2019-06-12"
    assert note_of_name("20190612").clock is None
    assert str(note_of_name("fen_2023-05-14").day) == "2023-05-14"


@pytest.mark.parametrize(
    ("stem", "place"),
    [
        ("20180514_040000_REC [52.9312 10.1178]", (52.9312, 10.1178)),
        ("8644_20230515T053000+0200_edge [+53.2045-8.9466]", (53.2045, -8.9466)),
        ("20230514T040000+0000_Dawn_-18.2657+144.5563", (-18.2657, 144.5563)),
        ("20180514_040000_REC [0.0 0.0]", (None, None)),
        ("20180514_040000_REC [99.0 10.0]", (None, None)),
        ("mix [1 2]", (1.0, 2.0)),
        ("take 3", (None, None)),
    ],
)
def test_the_place_in_a_name(stem: str, place: tuple[float | None, float | None]) -> None:
    note = note_of_name(stem)
    assert (note.lat, note.lon) == place


@pytest.mark.parametrize(
    ("stem", "site", "recorder"),
    [
        ("Alder_Creek_20230502_010000_Z", "Alder_Creek", ""),
        ("SwiftOne_20220719_043000_+0200", "", "SwiftOne"),
        ("NORTH_MEADOW_20240624_191500", "", "NORTH_MEADOW"),
        ("OBERSEE_0+1_20140612$050000", "", "OBERSEE"),
        ("OBERSEE__0__20140612_053000", "", "OBERSEE"),
        ("8644_20230515T053000+0200_edge", "", "8644"),
        ("hof_20180801_050000", "", ""),
        ("20180801_050000", "", ""),
    ],
)
def test_whose_name_stands_before_the_time(stem: str, site: str, recorder: str) -> None:
    note = note_of_name(stem)
    assert (note.site, note.recorder) == (site, recorder)


def test_prefixes_are_not_cut_at_underscores() -> None:
    assert prefixes_of("North_Meadow_20240624_191500") == ("North_Meadow",)
    assert prefixes_of("SEE_0+1_20140612_053000") == ("SEE_0+1", "SEE")
    assert prefixes_of("NORTH_A_20140612_053000") == ("NORTH_A",)
    assert prefixes_of("20140612_053000") == prefixes_of("frogs_1") == ()
