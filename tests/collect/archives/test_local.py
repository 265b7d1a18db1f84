"""A folder of one's own: any table, any recorder; every file is a recording or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from psm.collect.archives import recorders
from psm.collect.archives.archive import ListedRecording, ListingRequest
from psm.collect.archives.registry import open_archive
from psm.collect.refusal import Refused
from psm.data.dates import Clock
from psm.errors import ConfigError
from psm.files import atomic_path

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
    assert (moth.lat, moth.recorded, moth.clock) == (3.0, "2020-06-24T19:15:00", Clock.UTC)


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
        ("20200624_191500", ("2020-06-24T19:15:00", Clock.UTC)),
        ("20200624_191500T", None),
        ("SMM01_20200624_191500", ("2020-06-24T19:15:00", Clock.LOCAL)),
        ("S4A_03_20200624_191500_000", ("2020-06-24T19:15:00", Clock.LOCAL)),
        ("120200624_191500", None),
        ("frogs", None),
    ],
)
def test_names_of_recorders(stem: str, found: object) -> None:
    if stem.endswith("T"):  # AudioMoth marks triggered recordings so
        found = ("2020-06-24T19:15:00", Clock.UTC)
    assert recorders.by_name(stem) == found


@given(content=st.binary(max_size=200), where=st.integers(0, 400))
def test_no_header_is_too_odd(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, where: int
) -> None:
    path = wav(tmp_path_factory.mktemp("odd") / "a.wav", COMMENT.format(zone=""))
    whole = path.read_bytes()
    path.write_bytes(whole[:where] + content)
    assert isinstance(recorders.wav_comment(path), str)
    path.write_bytes(b"RIFF\0\0\0\0WAVE" + content)
    assert isinstance(recorders.wav_comment(path), str)
