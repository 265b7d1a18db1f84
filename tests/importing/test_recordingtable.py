"""A folder and a table of anybody's own recordings: columns, splits, files, refusals, training."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from psm.data.corpus import Corpus
from psm.data.dates import BARE_NUMBER, NEVER_SET
from psm.data.framing import Framing
from psm.errors import ConfigError, MissingData
from psm.importing.conversion import convert
from psm.importing.recordingtable import RecordingTable
from psm.importing.tablereader import column_names, match_columns, read_table
from psm.importing.tablerows import ANOTHER_CLOCK
from psm.training import train
from tests import hub
from tests.tiny import BANDS, FRAMES, VIEW_PX, tiny_experiment

FRAMING = Framing(audio=tiny_experiment().model.audio)


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "File": f"site {number % 5}/{number}.flac",
        "Lat": 10.0 + 3 * (number % 5),
        "Lon": 20.0,
        "Recorded": f"{number % 28 + 1}/4/2020",
        "Time": "19:30",
        "Caption": f"frogs {number}",
        "Licence": "CC0-1.0",
        "Observer": "Anna",
        **changes,
    }


def write(folder: Path, rows: list[dict[str, Any]], *, delimiter: str = ",") -> Path:
    """The table, and the sound and tile of every row that names one."""
    folder.mkdir(exist_ok=True)
    with (folder / "recordings.csv").open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.DictWriter(stream, rows[0], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    (folder / "tiles").mkdir(exist_ok=True)
    for number in range(len(rows)):
        sound = folder / "audio" / f"site {number % 5}" / f"{number}.flac"
        sound.parent.mkdir(parents=True, exist_ok=True)
        sound.write_bytes(hub.clip(number))
        tile = folder / "tiles" / f"site_{number % 5}_{number}.jpg"
        tile.write_bytes(hub.tile(number))
    return folder / "recordings.csv"


def table(path: Path, **changes: Any) -> RecordingTable:
    values = {"path": path, "framing": FRAMING, "gsd_m": 10.0, "buffer_km": 17.0, "shard_size": 16}
    return RecordingTable(**(values | changes))


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    path = write(folder / "own", [row(number) for number in range(60)], delimiter=";")
    report = convert(table(path), folder / "out", workers=1)
    assert report.imported == {"train": 36, "val": 12, "test": 12}
    assert report.licences == {"CC0-1.0": 60}
    assert not report.refused
    return folder / "out"


def test_recordings_arrive_with_what_the_table_says(imported: Path) -> None:
    parts = [
        Corpus.load(imported, split, zooms=(1, 3), view_px=VIEW_PX)
        for split in ("train", "val", "test")
    ]
    by_key = {r.key: r for part in parts for r in part.recordings}
    seven = by_key["site_2_7"]
    assert (seven.lat, seven.lon, seven.caption) == (16.0, 20.0, "frogs 7")
    assert (seven.month, seven.hour) == (4, 19.5)  # other rows have days beyond 12
    assert (seven.audio_source, seven.caption_source, seven.gsd_m) == (None, "meta", 10.0)
    assert parts[0].mels.shape == (36, 1, FRAMES, BANDS)
    sites = [{r.lat for r in part.recordings} for part in parts]
    assert sum(map(len, sites)) == len(set.union(*sites)) == 5  # no site in two splits


def test_splits_and_tiles_may_stand_in_columns(tmp_path: Path) -> None:
    rows = [
        row(n, Subset=split, Image=f"site_{n % 5}_{n}.jpg", Resolution_m=0.6)
        for n, split in enumerate(["training", "dev", "TEST", "", "holdout"])
    ]
    path = write(tmp_path / "own", rows)
    report = convert(table(path, gsd_m=None), tmp_path / "out", workers=1)
    assert report.imported == {"train": 1, "val": 1, "test": 1}
    assert report.refused == {"no split": 1, "unknown split 'holdout'": 1}
    (recording,) = Corpus.load(tmp_path / "out", "val", zooms=(), view_px=1).recordings
    assert recording.gsd_m == 0.6


def test_what_cannot_be_used_is_refused_by_reason(tmp_path: Path) -> None:
    bad = {
        "no such audio file": {"File": "lost.wav"},
        "no such tile file": {"Image": "x" * 999},
        "no latitude": {"Lat": "north"},
        "longitude outside [-180, 180]": {"Lon": "1e9"},
        "no caption": {"Caption": ""},
        "another recording has the same key": {"Key": "twin"},
        "audio: not a readable audio file": {"File": "noise.wav"},
        "tile: not a readable image (of no known format)": {"Key": "broken"},
        "no tile": {"Key": "no tile"},
        "month outside 1..12": {"Month": "13"},
        "hour is not a number": {"Hour": "inf"},
        "no gsd_m": {"Gsd": "-3"},
        "no name": {"Key": "..."},
    }
    columns = {"Key": "", "Month": "", "Hour": "", "Gsd": "", "Image": "", "Split": "train"}
    rows = [row(0, **columns, Extra="x"), row(1, **columns | {"Key": "twin"})]
    rows += [row(n, **columns | changes) for n, changes in enumerate(bad.values(), start=2)]
    path = write(tmp_path / "own", rows)
    (path.parent / "tiles" / "broken.png").write_bytes(b"tile" * 99)
    for key in ("twin", "lost", "noise"):
        (path.parent / "tiles" / f"{key}.png").write_bytes(hub.tile(1, kind="PNG"))
    (path.parent / "noise.wav").write_bytes(b"noise" * 99)
    report = convert(table(path), tmp_path / "out", workers=1)
    assert report.imported == {"train": 2}
    reasons = [reason.partition(" (Format")[0] for reason in report.refused]
    assert sorted(reasons) == sorted(bad)


def test_sound_is_looked_for_before_a_tile_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "own", [row(number, split="train") for number in range(8)])
    for sound in path.parent.rglob("*.flac"):
        sound.unlink()
    decoded: list[str] = []
    monkeypatch.setattr(
        "psm.importing.values.tile", lambda _data, name, _least: decoded.append(name)
    )
    report = convert(table(path), tmp_path / "out", workers=1)
    assert report.refused["no such audio file"] == 8
    assert not decoded


def test_tiles_of_bing_have_the_scale_of_their_latitude(tmp_path: Path) -> None:
    rows = [
        row(number, Lat=lat, split="train", gsd_m=said)
        for number, (lat, said) in enumerate(((0.0, ""), (60.0, ""), (60.0, 0.6)))
    ]
    path = write(tmp_path / "own", rows)
    bing = table(path, imagery="bingmap", gsd_m=0.6)
    convert(bing, tmp_path / "out", workers=1)
    found = Corpus.load(tmp_path / "out", "train", zooms=(), view_px=1).recordings
    scales = {recording.caption: recording.gsd_m for recording in found}
    # A scale that the table states of a tile counts as it stands.
    assert scales == pytest.approx(
        {"frogs 0": 0.597164, "frogs 1": 0.298582, "frogs 2": 0.6}, abs=1e-6
    )
    convert(table(path, gsd_m=0.6), tmp_path / "told", workers=1)
    told = Corpus.load(tmp_path / "told", "train", zooms=(), view_px=1).recordings
    assert {recording.gsd_m for recording in told} == {0.6}


def test_recordings_between_the_splits_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "own", [row(n, Lat=10 + 0.02 * n, Lon=5.0) for n in range(60)])
    report = convert(table(path, buffer_km=3.0), tmp_path / "out", workers=1)
    assert report.refused["in the buffer between splits"] > 0
    assert sum(report.imported.values()) + sum(report.refused.values()) == 60


def test_parquet_is_a_table_too(tmp_path: Path) -> None:
    from datasets import Dataset

    rows = [row(n, Split="train") for n in range(3)]
    write(tmp_path, rows)
    Dataset.from_list(rows).to_parquet(tmp_path / "own.parquet")
    report = convert(table(tmp_path / "own.parquet"), tmp_path / "out", workers=1)
    assert report.imported == {"train": 3}


def test_the_first_caption_that_says_something_is_taken() -> None:
    columns = match_columns(["Title", "file", "y", "X", "Description"], {}, "t.csv")
    assert columns["caption"] == ("Description", "Title")
    assert (columns["latitude"], columns["longitude"]) == (("y",), ("X",))


@pytest.mark.parametrize(
    ("names", "chosen", "message"),
    [
        (["lat", "lon", "caption"], {}, "no column for audio among lat, lon, caption; call one of"),
        (["f", "lat", "lon", "caption"], {"audio": "g"}, "no column 'g'; there are f, lat"),
        (["f", "lat", "lon", "caption"], {"sound": "f"}, "--column sound=f: known are audio"),
    ],
)
def test_columns_that_are_not_found_are_told(
    names: list[str], chosen: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        match_columns(names, chosen, "t.csv")
    assert match_columns(["f", "lat", "lon", "text"], {"audio": "f"}, "t.csv")["audio"] == ("f",)


def test_missing_imagery_is_explained(tmp_path: Path) -> None:
    path = write(tmp_path, [row(0)])
    with pytest.raises(ConfigError, match="how many metres is a pixel"):
        table(path, gsd_m=None).describe()
    for tile in (tmp_path / "tiles").iterdir():
        tile.unlink()
    (tmp_path / "tiles").rmdir()
    with pytest.raises(MissingData, match=r"no imagery; name each tile in a column 'tile'"):
        table(path).describe()


def test_places_that_lie_together_are_all_for_training_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "own", [row(n, Lat=1.0, Lon=2.0) for n in range(3)])
    assert convert(table(path), tmp_path / "out", workers=1).imported == {"train": 3}
    said = capsys.readouterr().err.replace("\n", " ")
    assert "all in train: its 1 place cannot be split 17 km apart" in said
    told = table(path, split="test")
    assert "; all test" in told.describe()
    assert convert(told, tmp_path / "told", workers=1).imported == {"test": 3}
    assert "all in train" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"gr\x81\x8d\x9de\n1\n", "line 1 is not UTF-8"),
        ("t.csv", b"a,b\n\x00\x01,2\n" + b"x" * 200_000, "not a readable table"),
        ("t.parquet", b"no parquet" * 9, "not a readable table"),
    ],
)
def test_broken_tables_are_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=f"{name}: {message}"):
        read_table(tmp_path / name)


def test_an_empty_table_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\n")
    with pytest.raises(ConfigError, match=r"t\.csv: the table is empty"):
        column_names(tmp_path / "t.csv")
    path = write(tmp_path / "own", [row(0)])
    path.write_text("File,Lat,Lon,Caption\n")
    with pytest.raises(MissingData, match="no rows"):
        convert(table(path), tmp_path / "out", workers=1)


def test_imported_shards_train_end_to_end(imported: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(training={"epochs": 1, "batch_size": 8, "precision": "32-true"})
    train(experiment, imported, tmp_path / "model", seed=0)
    assert (tmp_path / "model" / "model.safetensors").is_file()


def test_recordings_of_which_nothing_would_be_heard_are_refused_and_counted(tmp_path: Path) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(96_000)
    bat = 0.3 * np.sin(2 * np.pi * 45_000 * np.arange(192_000) / 192_000)
    sounds = {
        "anti.wav": (np.stack([noise, -noise], axis=1), 48_000),
        "bat.wav": (bat, 192_000),
        "huge.wav": (1e6 * noise, 48_000),
        "silence.wav": (0 * noise, 48_000),
        "phase.wav": (np.stack([noise, noise], axis=1), 48_000),
    }
    rows = [row(n, File=name, Time="", Key="") for n, name in enumerate(sounds)]
    rows.append(row(9, File="chain.ogg", Key=""))
    path = write(tmp_path / "own", rows)
    for name, (samples, rate_hz) in sounds.items():
        soundfile.write(path.parent / name, samples, rate_hz, subtype="FLOAT")
        (path.parent / "tiles" / f"{name[:-4]}.jpg").write_bytes(hub.tile(1))
    chain = io.BytesIO()
    soundfile.write(chain, noise, 48_000, format="OGG")
    (path.parent / "chain.ogg").write_bytes(chain.getvalue() * 2)
    (path.parent / "tiles" / "chain.jpg").write_bytes(hub.tile(1))
    report = convert(table(path), tmp_path / "out", workers=1)
    assert sum(report.imported.values()) == 2  # silence is a recording
    reasons = sorted(reason.partition(";")[0] for reason in report.refused)
    assert reasons == [
        "audio: nothing to hear between 50 Hz and 14 kHz",
        "audio: samples far beyond full scale",
        "audio: several recordings in one file",
        "audio: the channels cancel each other: they are in opposite phase",
    ]


def simple(folder: Path, lines: list[str], header: str) -> tuple[Any, dict[str, Any]]:
    """The report of a table whose files are all one clip, and the recordings by key."""
    folder.mkdir(exist_ok=True)
    (folder / "t.csv").write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    (folder / "a.flac").write_bytes(hub.clip(0))
    (folder / "tile.jpg").write_bytes(hub.tile(0))
    report = convert(table(folder / "t.csv"), folder / "out", workers=1)
    if not report.imported:
        return report, {}
    found = Corpus.load(folder / "out", "train", zooms=(), view_px=1).recordings
    return report, {recording.key: recording for recording in found}


HEADER = "id,file,lat,lon,caption,split,tile"


@pytest.mark.parametrize(
    ("month", "hour", "expected"),
    [
        ("5", "6.5", (5, 6.5)),
        ("5.0", "06:30", (5, 6.5)),
        ("May", "6:30 PM", (5, 18.5)),
        ("mai", "24", (5, 0.0)),
        ("Dezember", "6h30", (12, 6.5)),
        ("", "", (None, None)),
        ("4.5", "6", "month is not a whole number"),
        ("13", "6", "month outside 1..12"),
        ("spring", "6", "month is not a number"),
        ("5", "25", "hour outside [0, 24)"),
        ("5", "25:00", "hour is not a number"),
        ("5", "dawn", "hour is not a number"),
    ],
)
def test_months_and_hours_as_people_write_them(
    tmp_path: Path, month: str, hour: str, expected: tuple[int, float] | str
) -> None:
    line = f"r,a.flac,1,2,x,train,tile.jpg,{month},{hour}"
    report, found = simple(tmp_path, [line], f"{HEADER},month,hour")
    if isinstance(expected, str):
        assert report.refused == {expected: 1}
    else:
        assert (found["r"].month, found["r"].hour) == expected


@pytest.mark.parametrize(
    ("date", "lon", "expected", "doubt"),
    [
        ("2020-05-03/2020-05-09", "13", (5, None), "date: an interval"),
        ("2020-05-03 06:00/07:00", "13", (5, 6.0), None),
        ("2020-05-03 25:00", "13", (5, None), "date: no such time"),
        ("1589000000", "13", (None, None), f"date: {BARE_NUMBER}"),
        ("1970-01-01 00:00:12", "13", (None, None), f"date: {NEVER_SET}"),
        ("2020-05-03T06:00+02:00", "13", (5, 6.0), None),
        ("2020-05-03T06:00Z", "13", (5, None), ANOTHER_CLOCK),
        ("2020-05-31T20:00Z", "140", (6, None), ANOTHER_CLOCK),
        ("2020-05-31T15:00Z", "140", (None, None), ANOTHER_CLOCK),
        ("2020-05-03T06:00-07:00", "13", (5, None), ANOTHER_CLOCK),
        ("", "13", (None, None), None),
    ],
)  # fmt: skip
def test_what_is_not_known_of_a_date_is_counted(
    tmp_path: Path, date: str, lon: str, expected: tuple[int, float], doubt: str | None
) -> None:
    line = f"r,a.flac,1,{lon},x,train,tile.jpg,{date}"
    report, found = simple(tmp_path, [line], f"{HEADER},eventDate")
    assert (found["r"].month, found["r"].hour) == expected
    assert report.unknown == ({} if doubt is None else {doubt: 1})
    written = json.loads((tmp_path / "out" / "import" / "report.json").read_text())
    assert written.get("unknown", {}) == report.unknown


def test_rows_that_do_not_fit_are_refused_by_line(tmp_path: Path) -> None:
    lines = ["007,a.flac,1,2,x,train,tile.jpg", ",,,,,,", "8,a.flac,1,2,y,train,tile.jpg,more",
             "9,a.flac,1,2", "", "# a remark", ",,1,2,z,train,tile.jpg"]  # fmt: skip
    report, found = simple(tmp_path, lines, HEADER)
    assert list(found) == ["007"]
    problems = ("an empty row", "more fields than columns", "fewer fields than columns", "no name")
    assert report.refused == dict.fromkeys(problems, 1)
    with (tmp_path / "out" / "import" / "refused.csv").open(newline="") as stream:
        assert ["line 3", "an empty row"] in list(csv.reader(stream))


def test_a_file_that_is_alike_is_named(tmp_path: Path) -> None:
    lines = ["1,A.flac,1,2,x,train,tile.jpg", "2,.\\a.flac,1,2,x,train,tile.jpg"]
    report, found = simple(tmp_path, lines, HEADER)
    assert list(found) == ["2"]
    assert report.refused == {"no such audio file, but one that differs in case or blanks": 1}
    assert "there is a.flac" in (tmp_path / "out" / "import" / "refused.csv").read_text()


def test_columns_that_are_alike_are_told() -> None:
    with pytest.raises(ConfigError, match="which is latitude, column 'Lat' or 'lat'"):
        match_columns(["file", "Lat", "lat", "lon", "text"], {}, "t.csv")
    chosen = match_columns(["file", "Lat", "lat", "lon", "text"], {"latitude": "lat"}, "t.csv")
    assert chosen["latitude"] == ("lat",)
