"""Headers of recorders: whose clock it is, where it stood, and what goes before what."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.data.dates import Clock, local_time, read_date
from psm.data.recorders import RecorderNote, note_of
from tests.data.recorders.soundfiles import bext, chunk, flac, guano, info, wamd, wav

MOTH = "24F319055FDF2205"
PLACE = "Loc Position: 48.2 16.4"


def said(zone: str, by: str = f"by AudioMoth {MOTH}", day: str = "24/06/2020") -> str:
    return f"Recorded at 19:15:00 {day}{zone} {by} at gain setting 2 while battery was 4.7V."


def utc(note: RecorderNote) -> str:
    return "" if note.utc is None else f"{note.utc:%Y-%m-%dT%H:%M:%S}"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("", "2020-06-24T19:15:00"),  # the very first firmware
        (" (UTC)", "2020-06-24T19:15:00"),
        (" (UTC+2)", "2020-06-24T17:15:00"),
        (" (UTC-3:30)", "2020-06-24T22:45:00"),
        (" (UTC-0:30)", "2020-06-24T19:45:00"),
        (" (UTC+5:30)", "2020-06-24T13:45:00"),
    ],
)
def test_an_audiomoth_says_its_zone(tmp_path: Path, zone: str, expected: str) -> None:
    path = wav(tmp_path / "20200624_211500.WAV", before=info(ICMT=said(zone)))
    note = note_of(path)  # and not the name, which was changed
    assert (utc(note), note.recorder, note.maker) == (expected, MOTH, "AudioMoth")


def test_the_first_audiomoths_have_all_the_same_id(tmp_path: Path) -> None:
    words = said(" (UTC)", "by AudioMoth 0FE081F80FE081F0")
    assert note_of(wav(tmp_path / "5B8D8F3C.WAV", before=info(ICMT=words))).recorder == ""


def test_a_deployment_is_no_device(tmp_path: Path) -> None:
    words = said(" (UTC)", "during deployment 0B51E2C7944FA86D")
    note = note_of(wav(tmp_path / "a.wav", before=info(ICMT=words, IART=f"AudioMoth {MOTH}")))
    assert note.recorder == f"{MOTH} (deployment 0B51E2C7944FA86D)"


def test_words_by_hand_are_no_audiomoth(tmp_path: Path) -> None:
    note = note_of(wav(tmp_path / "mill.wav", info(ICMT="Recorded at noon", ICRD="2023-05-14")))
    assert (note.clock, str(note.day), note.maker) == (None, "2023-05-14", "")


@pytest.mark.parametrize(
    ("line", "clock", "expected"),
    [
        ("Timestamp: 2023-07-18T22:41:07+02:00", "2023-07-18 22:41:07", "2023-07-18T20:41:07"),
        ("Timestamp:2023-07-18T20:41:07Z", "2023-07-18 20:41:07", "2023-07-18T20:41:07"),
        ("Timestamp: 2023-07-18T22:41:07", "2023-07-18 22:41:07", ""),
        ("  Timestamp:   2023-07-18 22:41:07.250-04:00  ", "2023-07-18 22:41:07.250000",
         "2023-07-19T02:41:07"),
        ("Timestamp:", "None", ""),
        ("Timestamp: 2023-02-30T22:41:07Z", "None", ""),
    ],
)  # fmt: skip
def test_guano_says_its_offset_or_does_not(
    tmp_path: Path, line: str, clock: str, expected: str
) -> None:
    for place in ("before", "after"):
        part = guano(line, PLACE, "Serial: NJ-1")
        path = tmp_path / f"{place}.wav"
        note = note_of(wav(path, before=part) if place == "before" else wav(path, part))
        assert (str(note.clock), utc(note)) == (clock, expected)
        assert (note.lat, note.lon, note.recorder) == (48.2, 16.4, "NJ-1")


@pytest.mark.parametrize("place", ["Loc Position:", "Loc Position: 0.0 0.0", "Loc Position: x y"])
def test_guano_without_a_fix_has_no_place(tmp_path: Path, place: str) -> None:
    assert note_of(wav(tmp_path / "a.wav", guano(place))).lat is None


def test_an_odd_chunk_may_lack_its_filling_byte(tmp_path: Path) -> None:
    odd = chunk(b"junk", b"123", is_padded=False)
    path = wav(tmp_path / "a.wav", odd, guano(PLACE))
    assert note_of(path).lat == 48.2
    assert note_of(wav(tmp_path / "b.wav", chunk(b"junk", b"123"), guano(PLACE))).lat == 48.2


@pytest.mark.parametrize(
    ("lines", "species", "is_by_hand"),
    [
        (("Species Auto ID: A a", "Species Manual ID: B b, C c"), ("B b", "C c"), True),
        (("Species Auto ID: A a", "Species Manual ID: "), ("A a",), False),
        (("Species Manual ID:",), (), False),
    ],
)
def test_names_by_hand_go_before_names_by_machine(
    tmp_path: Path, lines: tuple[str, ...], species: tuple[str, ...], is_by_hand: bool
) -> None:
    note = note_of(wav(tmp_path / "a.wav", guano(*lines)))
    assert (note.species, note.is_by_hand) == (species, is_by_hand)
    note = note_of(wav(tmp_path / "b.wav", wamd(automatic="LASCIN", manual="EPTFUS")))
    assert (note.species, note.is_by_hand) == (("EPTFUS",), True)


@pytest.mark.parametrize(("said", "slowed"), [("10", 10.0), ("1", 1.0), ("x", 1.0), ("-3", 1.0)])
def test_recorders_of_bats_say_how_much_they_slowed_down(
    tmp_path: Path, said: str, slowed: float
) -> None:
    assert note_of(wav(tmp_path / "a.wav", guano(f"TE: {said}"))).slowed == slowed


@pytest.mark.parametrize(
    ("texts", "lat", "lon"),
    [
        ({"first": "WGS84,42.49030,N,76.43120,W,255"}, 42.4903, -76.4312),
        ({"first": "WGS84,42.49030,S,76.43120,E"}, -42.4903, 76.4312),
        ({"first": "WGS84,42.49030,-76.43120"}, 42.4903, -76.4312),
        ({"last": ",53.20450,N,8.94660,E,12\0"}, 53.2045, 8.9466),
        ({"first": "WGS84,0.00000,N,0.00000,W"}, None, None),
        ({"first": "OSGB36,53.20450,N,8.94660,E"}, None, None),
    ],
)
def test_wildlife_acoustics_write_letters_for_signs(
    tmp_path: Path, texts: dict[str, str], lat: float | None, lon: float | None
) -> None:
    part = wamd(prefix="SEE", serial="SM3004417", time="2019-05-03 05:10:00", **texts)
    note = note_of(wav(tmp_path / "SEE_20190503_051000.wav", part))
    assert (note.lat, note.lon, note.recorder) == (lat, lon, "SEE (SM3004417)")
    assert (str(note.clock), utc(note)) == ("2019-05-03 05:10:00", "")


def test_wildlife_acoustics_may_write_an_offset(tmp_path: Path) -> None:
    note = note_of(wav(tmp_path / "a.wav", wamd(time="2023-06-11 04:50:00.500+02:00")))
    assert utc(note) == "2023-06-11T02:50:00"


@pytest.mark.parametrize(
    ("date", "time", "clock"),
    [
        ("2023-05-14", "05:12:33", "2023-05-14 05:12:33"),
        ("2023/05/14", "05-20-00", "2023-05-14 05:20:00"),
        ("2023-02-30", "05:12:33", "None"),
        ("", "", "None"),
    ],
)
def test_broadcast_wave_has_a_clock_without_a_zone(
    tmp_path: Path, date: str, time: str, clock: str
) -> None:
    note = note_of(wav(tmp_path / "ZOOM1.wav", before=bext(date, time, "ZOOM H5")))
    assert (str(note.clock), note.local) == (clock, None)


def test_the_place_of_ixml(tmp_path: Path) -> None:
    words = b"<BWFXML><LOCATION_GPS>50.7391, 6.4522</LOCATION_GPS></BWFXML>"
    assert note_of(wav(tmp_path / "a.wav", chunk(b"iXML", words))).lon == 6.4522


@pytest.mark.parametrize(
    ("before", "name"),
    [
        (info(ICMT=said(" (UTC)", day="01/01/1970")), "19700101_191500"),
        (bext("2000-01-01", "00:00:00"), "ZOOM1"),
        (bext("1980-01-01", "00:12:00"), "ZOOM1"),
    ],
)
def test_a_clock_that_was_never_set_says_no_time(tmp_path: Path, before: bytes, name: str) -> None:
    note = note_of(wav(tmp_path / f"{name}.wav", before=before))
    assert note.clock is not None
    assert (note.is_set, note.local, note.text()) == (False, None, "")


def test_flac_comments_are_nearer_the_start_and_the_name_has_the_offset(tmp_path: Path) -> None:
    path = tmp_path / "20190514T040000+0200_REC [52.9312 10.1178].flac"
    note = note_of(
        flac(path, SensorUid="000731", RecordingStart="2019-05-14 04:00:03",
             SensorLocation="+52.9312 +10.1178")
    )  # fmt: skip
    assert (utc(note), note.recorder, note.lat) == ("2019-05-14T02:00:03", "000731", 52.9312)
    other = flac(tmp_path / "x.flac", comment=said(" (UTC+2)"), artist=f"AudioMoth {MOTH}")
    assert utc(note_of(other)) == "2020-06-24T17:15:00"


SUMMARY = """DATE,TIME,LAT,,LON,,POWER(V)
2024-Apr-14,04:55:00,52.93120,N,10.11780,E,5.9
DATE,TIME,LAT,,LON,,POWER(V)
2024-Apr-20,05:00:00,53.20450,S,8.94660,W,5.8
2024-Apr-28,05:00:00,53.20450,S,8.94660,W,5.8
"""


@pytest.mark.parametrize(
    ("time", "place"),
    [
        ("20240414_045500", (52.9312, 10.1178)),
        ("20240420_052000", (-53.2045, -8.9466)),
        ("20240424_050000", (-53.2045, -8.9466)),  # it stood there before and after
        ("20240417_050000", (None, None)),  # on the way
        ("20240501_050000", (None, None)),
    ],
)
def test_the_summary_of_a_card_follows_the_recorder(
    tmp_path: Path, time: str, place: tuple[float | None, float | None]
) -> None:
    (tmp_path / "NORTH_FEN_A_Summary.txt").write_text(SUMMARY)
    note = note_of(wav(tmp_path / "Data" / f"NORTH_FEN_{time}.wav"))
    assert (note.lat, note.lon) == place


def test_the_text_of_a_note_is_read_back() -> None:
    clock = datetime.datetime(2020, 6, 1)
    note = RecorderNote(clock=clock, offset=datetime.timedelta(hours=-3.5))
    assert read_date(note.text()).time == datetime.time(0)
    there = local_time(note.text(), Clock.UTC, "Europe/Berlin")
    assert (there.month, there.day, there.hour) == (6, 1, 5.5)
    assert RecorderNote(day=clock.date()).text() == "2020-06-01"


@given(content=st.binary(max_size=200), where=st.integers(0, 900))
def test_no_header_is_too_odd(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, where: int
) -> None:
    folder = tmp_path_factory.mktemp("odd")
    path = wav(folder / "a.wav", guano(PLACE), wamd(time="x"), before=info(ICMT=said("")))
    whole = path.read_bytes()
    for odd in (whole[:where] + content, whole[:where] + content + whole[where:],
                b"RIFF\0\0\0\0WAVE" + content, b"fLaC" + content, b"ID3" + content):  # fmt: skip
        path.write_bytes(odd)
        assert isinstance(note_of(path), RecorderNote)
    assert note_of(folder / "gone.wav") == RecorderNote()
