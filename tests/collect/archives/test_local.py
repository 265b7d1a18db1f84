"""A folder of one's own: any table, any recorder; every file is a recording or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from psm.collect.archives.archive import ListedRecording, ListingRequest
from psm.collect.archives.registry import open_archive
from psm.collect.refusal import Refused
from psm.data.dates import Clock
from psm.data.recorders import times
from psm.errors import ConfigError
from psm.files import atomic_path
from tests.data.recorders.soundfiles import guano
from tests.data.recorders.soundfiles import wav as with_header

COMMENT = (
    "Recorded at 19:15:00 24/06/2020 (UTC{zone}) by AudioMoth 24F319055FDF2205 "
    "at gain setting 2 while battery state was 4.7V."
)


def wav(path: Path, comment: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(path, "w", 8000, 1, format="WAV") as file:
        if comment:
            file.comment = comment
        file.write(np.zeros(80, dtype=np.float32))
    return path


def listed(folder: Path, **settings: object) -> tuple[dict[str, ListedRecording], dict[str, str]]:
    """Records by name of the file, and reasons of what is refused."""
    pages = list(open_archive("local", {"folder": str(folder), **settings}).list(ListingRequest()))
    records = {r.more["file"]: r for page in pages for r in page.records}
    return records, {name: reason for page in pages for name, reason in page.refused}


def test_a_table_says_place_and_words_of_each_file(tmp_path: Path) -> None:
    wav(tmp_path / "a.wav")
    wav(tmp_path / "deep" / "b c.WAV")
    (tmp_path / "places.csv").write_text(
        "Filename;Latitude;Longitude;Date;Time;Description;License;Recordist\n"
        "a.wav;52.5;13.4;24/06/2020;19:15;frogs;CC0;Ann\n"
        "deep\\b c.WAV;-1.5;36.8;;;;;\n"
    )
    records, refused = listed(tmp_path)
    assert not refused
    a, b = records["a.wav"], records["deep/b c.WAV"]
    assert (a.lat, a.lon, a.recorded, a.clock) == (52.5, 13.4, "24/06/2020 19:15", Clock.LOCAL)
    assert (a.description, a.licence, a.author) == ("frogs", "CC0", "Ann")
    assert (b.lat, b.lon, b.recorded, b.suffix) == (-1.5, 36.8, "", ".wav")
    assert a.id != b.id


def test_places_of_recorders_hold_for_their_files(tmp_path: Path) -> None:
    wav(tmp_path / "SMA1_20200624_191500.wav")
    wav(tmp_path / "Data" / "moth7" / "20200624_191500.WAV")
    (tmp_path / "sites.csv").write_text("recorder,lat,lon\nSMA1,1,2\nmoth7,3,4\nunused,5,6\n")
    records, refused = listed(tmp_path)
    assert not refused
    song_meter, moth = (records[name] for name in sorted(records, reverse=True))
    assert (song_meter.lat, song_meter.recorded) == (1.0, "2020-06-24T19:15:00")
    assert song_meter.clock is Clock.LOCAL
    # A bare name proves no zone, nor an AudioMoth: of it the day alone counts.
    assert (moth.lat, moth.recorded, moth.clock) == (3.0, "2020-06-24T19:15:00", Clock.NONE)


@pytest.mark.parametrize(
    ("zone", "recorded"),
    [
        ("", "2020-06-24T19:15:00Z"),
        ("+2", "2020-06-24T19:15:00+02:00"),
        ("-3:30", "2020-06-24T19:15:00-03:30"),
    ],
)
def test_the_header_of_an_audiomoth_says_more_than_its_name(
    tmp_path: Path, zone: str, recorded: str
) -> None:
    wav(tmp_path / "20200624_211500.WAV", COMMENT.format(zone=zone))
    records, _ = listed(tmp_path, lat=1.0, lon=2.0)
    assert records["20200624_211500.WAV"].recorded == recorded
    assert records["20200624_211500.WAV"].author == "AudioMoth 24F319055FDF2205"


def test_the_clock_of_names_can_be_said(tmp_path: Path) -> None:
    wav(tmp_path / "20200624_211500.WAV")
    records, _ = listed(tmp_path, lat=1.0, lon=2.0, clock="local")
    assert records["20200624_211500.WAV"].clock is Clock.LOCAL


def test_every_file_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    wav(tmp_path / "placed.wav")
    wav(tmp_path / "unplaced.wav")
    wav(tmp_path / "odd.wav")
    (tmp_path / "notes.txt").write_text("rain")
    (tmp_path / ".DS_Store").write_text("")
    (tmp_path / "table.csv").write_text(
        "file,lat,lon\nplaced.wav,1,2\nodd.wav,north,2\nlost.wav,1,2\n"
    )
    records, refused = listed(tmp_path)
    assert list(records) == ["placed.wav"]
    assert sorted(refused.values()) == [
        "latitude is not a number",
        "no place in the table",
        "no recording by its name",
        "no such file",
    ]


def test_fetching_copies_and_leaves_the_original_alone(tmp_path: Path) -> None:
    path = wav(tmp_path / "in" / "a.wav")
    path.chmod(0o400)
    source = open_archive("local", {"folder": str(tmp_path / "in"), "lat": 1, "lon": 2})
    (record,) = next(source.list(ListingRequest())).records
    with atomic_path(tmp_path / "media" / "out.wav") as out:
        source.fetch(record, out)
    assert (tmp_path / "media" / "out.wav").read_bytes() == path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o400
    path.unlink()
    with pytest.raises(Refused, match="gone"):
        source.fetch(record, tmp_path / "other.wav")


def test_two_tables_are_one_too_many(tmp_path: Path) -> None:
    for name in ("a.csv", "b.tsv"):
        (tmp_path / name).write_text("file,lat,lon\n")
    with pytest.raises(ConfigError, match=r"a\.csv, b\.tsv\? Say table="):
        listed(tmp_path)
    assert listed(tmp_path, table=str(tmp_path / "a.csv")) == (
        {},
        {"b-" + _digest("b.tsv"): "no recording by its name"},
    )


def _digest(name: str) -> str:
    import hashlib

    return hashlib.blake2b(name.encode(), digest_size=4).hexdigest()


def test_a_table_without_names_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("lat,lon\n1,2\n")
    with pytest.raises(ConfigError, match="no column that names files"):
        listed(tmp_path)


@pytest.mark.parametrize(
    ("stem", "found"),
    [
        ("20200624_191500", ("2020-06-24T19:15:00", Clock.NONE)),
        ("20200624_191500T", ("2020-06-24T19:15:00", Clock.NONE)),
        ("SMM01_20200624_191500", ("2020-06-24T19:15:00", Clock.LOCAL)),
        ("S4A_03_20200624_191500_000", ("2020-06-24T19:15:00", Clock.LOCAL)),
        ("120200624_191500", None),
        ("frogs", None),
        ("Queens_20230502_010000_Z", ("2023-05-02T01:00:00Z", Clock.UTC)),
        ("20230502T010000+1000_REC", ("2023-05-02T01:00:00+10:00", Clock.UTC)),
        ("20230502T010000Z", ("2023-05-02T01:00:00Z", Clock.UTC)),
        ("2023-05-02_01-00-00", ("2023-05-02T01:00:00", Clock.LOCAL)),
        ("5E90A4D4", ("2020-04-10T16:54:44Z", Clock.UTC)),
        ("SITE_20200624_000000", ("2020-06-23T24:00:00", Clock.LOCAL)),
        ("SITE_20200624_191500_-0330", ("2020-06-24T19:15:00-03:30", Clock.UTC)),
    ],
)
def test_names_of_recorders(stem: str, found: object) -> None:
    assert times.by_name(stem) == found


def test_a_site_whose_name_holds_an_underscore_is_not_cut(tmp_path: Path) -> None:
    for name in ("NORTH_MEADOW_20240624_191500", "NORTH_20240624_191500", "NORTH_FEN_take1"):
        wav(tmp_path / f"{name}.wav")
    (tmp_path / "sites.csv").write_text("site,lat,lon\nNORTH,1,1\nNORTH_MEADOW,2,2\n")
    records, refused = listed(tmp_path)
    assert records["NORTH_MEADOW_20240624_191500.wav"].lat == 2.0
    assert records["NORTH_20240624_191500.wav"].lat == 1.0
    assert list(refused.values()) == ["no place in the table"]  # NORTH_FEN is not NORTH


def test_a_file_brings_its_own_place_and_time(tmp_path: Path) -> None:
    guano = b"GUANO|Version: 1.0\nTimestamp: 2023-05-14T05:12:33+02:00\nLoc Position: 48.2 16.4\n"
    with_chunk(wav(tmp_path / "noname.wav"), b"guan", guano)
    wav(tmp_path / "silent.wav")
    records, refused = listed(tmp_path)
    assert list(refused.values()) == ["no place in the table"]
    found = records["noname.wav"]
    assert (found.lat, found.lon, found.recorded) == (48.2, 16.4, "2023-05-14T05:12:33+02:00")
    (tmp_path / "t.csv").write_text("file;lat;lon\nnoname.wav;10,5;20,25\n")
    assert listed(tmp_path)[0]["noname.wav"].lat == 10.5  # a table goes before a header


def test_what_a_table_says_wrongly_is_refused_row_by_row(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        wav(tmp_path / name)
    (tmp_path / "t.csv").write_text(
        "file,lat,lon,caption\na.wav,1,2,frogs\n,,,\nb.wav,1,2\n"
        "c.wav,1,2,x\nc.wav,3,4,x\nA .wav,1,2,x\n"
    )
    records, refused = listed(tmp_path)
    assert list(records) == ["a.wav"]
    assert sorted(refused.values()) == [
        "an empty row",
        "fewer fields than columns",
        "named twice in the table",
        "no place in the table",
        "no such file, but one that differs in case or blanks",
    ]


def with_chunk(path: Path, name: bytes, content: bytes) -> Path:
    whole = path.read_bytes() + name + len(content).to_bytes(4, "little") + content
    path.write_bytes(whole[:4] + (len(whole) - 8).to_bytes(4, "little") + whole[8:])
    return path


def test_what_a_header_names_is_a_description_where_no_table_has_one(tmp_path: Path) -> None:
    part = guano("Species Manual ID: Strix aluco, Parus major", "Loc Position: 48.2 16.4")
    with_header(tmp_path / "owl.wav", part)
    (record,) = listed(tmp_path)[0].values()
    assert (record.description, record.species) == ("Strix aluco, Parus major", "Strix aluco")
