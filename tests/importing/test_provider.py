"""A table without tiles takes those of any provider: cut, cached, refused by reason, resumed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psm.data.shards import Sample, read_shard
from psm.http import client
from psm.imagery import View
from psm.importing import ImportOptions, convert, open_dataset
from psm.yamlfiles import write_yaml
from tests import hub
from tests.imagery.scene import LAT, LON, expected, from_origin, pixels_of, scene_file, write
from tests.imagery.tileserver import Server, tile_server
from tests.importing import test_recordingtable as own
from tests.test_cli import psm
from tests.tiny import tiny_experiment

PX, GSD_M = 48, 50.0
SPLITS = ("train", "val", "test")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("PSM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(client, "_BACK_OFF_S", 0.01)
    with tile_server() as running:
        yield running


def table(folder: Path, count: int = 12, **changes: dict[int, Any]) -> Path:
    """Recordings around the scene, without tiles; ``changes`` are columns by row."""
    rows = [
        own.row(n, File=f"{n}.flac", Lat=LAT + 0.01 * n, Lon=LON, Split=SPLITS[n % 3])
        for n in range(count)
    ]
    for column, values in changes.items():
        for number, row in enumerate(rows):
            row[column] = values.get(number, row.get(column, ""))
    folder.mkdir()
    with (folder / "recordings.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    for number in range(count):
        (folder / f"{number}.flac").write_bytes(hub.clip(number))
    write_yaml(tiny_experiment(), folder / "tiny.yaml")
    return folder


def options(folder: Path, imagery: str, **changes: Any) -> ImportOptions:
    values = {"imagery": imagery, "preset": str(folder / "tiny.yaml"), "gsd_m": GSD_M}
    return ImportOptions(**(values | changes))


def samples(out: Path) -> dict[str, Sample]:
    return {s.recording.key: s for path in sorted(out.glob("*.tar")) for s in read_shard(path)}


def shards(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("[!.]*.tar"))}


def test_raster_files_show_the_place_of_each_recording(tmp_path: Path) -> None:
    folder = table(tmp_path / "own", Lat={7: -40.0, 8: 99.0}, Gsd={5: "no number"})
    scene = scene_file(tmp_path / "scene.tif", "EPSG:4326", 1e-3, 800, tags={
        "TIFFTAG_COPYRIGHT": "The Survey"
    })  # fmt: skip
    asked = options(folder, str(scene), imagery_options={"licence": "CC0-1.0"})
    dataset = open_dataset(str(folder), asked)
    assert "not used: Observer, Gsd; tiles of rasters" in dataset.describe()
    report = convert(dataset, tmp_path / "out", workers=1)
    assert report.refused == {
        "outside of the imagery": 1, "latitude outside [-90, 90]": 1,
    }  # fmt: skip
    assert sum(report.imported.values()) == 10
    found = samples(tmp_path / "out")["3"]
    seen = expected(lat=LAT + 0.03, lon=LON, view=View(PX, GSD_M))
    assert np.abs(found.tile.astype(float) - seen).mean() < 6.0
    assert found.recording.gsd_m == GSD_M
    told = json.loads((tmp_path / "out" / "import" / "report.json").read_text())["imagery"]
    assert told == {"provider": "rasters", "attribution": "The Survey", "licence": "CC0-1.0"}
    with (tmp_path / "out" / "import" / "tiles.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["recording"] for row in rows} == set(samples(tmp_path / "out"))
    assert {row["tile_licence"] for row in rows} == {"CC0-1.0"}


def test_the_command_takes_a_provider_and_its_settings(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = table(tmp_path / "own"), tmp_path / "out"
    words = ["--preset", folder / "tiny.yaml", "--gsd", "50", "--workers", "1"]
    words += ["--imagery-set", "licence=CC0-1.0", "--imagery-set", "attribution=Somebody"]
    url = f"xyz:{server.url}"
    assert psm("data", "import", folder, out, "--imagery", url, *words) == 0
    printed = capsys.readouterr().out
    assert "tiles: Somebody (CC0-1.0)" in printed
    assert "4 train" in printed
    asked = sum(server.count.values())
    assert psm("data", "import", folder, tmp_path / "again", "--imagery", url, *words) == 0
    assert sum(server.count.values()) == asked  # all of it was in the cache
    assert shards(tmp_path / "again") == shards(out)


def test_what_a_provider_did_not_answer_is_counted_and_tried_again(
    server: Server, tmp_path: Path
) -> None:
    folder = table(tmp_path / "own", Lat={0: 89.5}, File={1: "lost.wav"})
    asked = options(folder, f"xyz:{server.url}", imagery_options={"rate": 1000.0, "timeout_s": 1.0})
    server.misbehave = lambda handler, *_: handler.answer(503)
    report = convert(open_dataset(str(folder), asked), tmp_path / "out", workers=1)
    assert report.refused == {
        "not answered": 10, "outside of the imagery": 1, "no such audio file": 1,
    }  # fmt: skip
    server.misbehave = None
    server.count.clear()
    assert convert(open_dataset(str(folder), asked), tmp_path / "out", workers=1) == report
    assert not server.count
    mended = convert(open_dataset(str(folder), asked), tmp_path / "out", workers=1, retry=True)
    assert mended.refused == {"outside of the imagery": 1, "no such audio file": 1}
    assert sum(mended.imported.values()) == 10


def test_the_season_is_that_of_the_recording(tmp_path: Path) -> None:
    folder = table(tmp_path / "own", Recorded={0: "2020-01-05", 1: "2020-07-05", 2: ""}, count=3)
    transform = from_origin(LON - 0.2, LAT + 0.2, 1e-3, 1e-3)
    pixels = pixels_of("EPSG:4326", transform, (400, 500))
    for month in (1, 7):
        write(tmp_path / f"{month}.tif", pixels // month, crs="EPSG:4326", transform=transform)
    asked = options(folder, f"{tmp_path}/{{month}}.tif", gsd_m=120.0)
    report = convert(open_dataset(str(folder), asked), tmp_path / "out", workers=1)
    assert report.refused == {"no month, by which the imagery is chosen": 1}
    found = samples(tmp_path / "out")
    assert found["0"].tile.mean() > 4 * found["1"].tile.mean()


def test_two_workers_write_the_same_bytes(server: Server, tmp_path: Path) -> None:
    folder = table(tmp_path / "own")
    dataset = open_dataset(str(folder), options(folder, f"xyz:{server.url}"))
    convert(dataset, tmp_path / "one", workers=1)
    convert(dataset, tmp_path / "two", workers=2)
    assert shards(tmp_path / "two") == shards(tmp_path / "one")


PROGRAM = """
import os, signal, sys
from pathlib import Path
from psm.importing import ImportOptions, convert, open_dataset
from psm.importing.recordingtable import RecordingTable

class Killed(RecordingTable):
    def sample(self, part, name, row):
        if name == "10":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().sample(part, name, row)

folder, imagery, out = sys.argv[1:]
asked = ImportOptions(imagery=imagery, preset=folder + "/tiny.yaml", gsd_m=50.0)
convert(Killed(**vars(open_dataset(folder, asked))), Path(out), workers=1)
"""


def test_an_import_that_was_killed_goes_on_and_asks_for_no_tile_twice(
    server: Server, tmp_path: Path
) -> None:
    folder = table(tmp_path / "own")
    imagery = f"xyz:{server.url}"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), imagery, str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "src")])},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("[!.]*.tar")}
    assert sorted(path.name for path in before) == ["test-00000.tar", "train-00001.tar"]
    dataset = open_dataset(str(folder), options(folder, imagery))
    convert(dataset, tmp_path / "out", workers=1)
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())
    assert max(server.count.values()) == 1
    convert(dataset, tmp_path / "calm", workers=1)
    assert shards(tmp_path / "out") == shards(tmp_path / "calm")
    assert not list((tmp_path / "out").glob(".*.partial.tar"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--imagery", "xyz:"], "names nothing"),
        (["--imagery", "nowhere.tif"], "no such imagery"),
        (
            ["--imagery", "xyz:https://a/{z}/{x}/{y}", "--imagery-set", "speed=2"],
            "no option 'speed'",
        ),
        (["--imagery", "sentinel", "--imagery-set", "rate=2"], "is an option of a provider"),
        (["--imagery", "mars"], "is not known"),
    ],
)
def test_imagery_that_cannot_be_opened_is_one_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = table(tmp_path / "own", count=1)
    assert psm("data", "import", folder, tmp_path / "out", *words) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert message in errors[0]
    assert not (tmp_path / "out").exists()
