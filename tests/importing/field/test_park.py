"""The recordings of a park come home with one command: places, times, captions and tiles."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from psm.data.corpus import Corpus
from psm.imagery import View, open_imagery
from psm.importing.field import deployments, matching
from psm.yamlfiles import write_yaml
from tests import park
from tests.importing.test_provider import samples
from tests.test_cli import psm
from tests.tiny import VIEW_PX, tiny_experiment


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> park.Park:
    return park.make_park(tmp_path_factory.mktemp("park"))


def test_the_recordings_of_a_park_are_imported_with_one_command(
    made: park.Park, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    more = ["--deployments", made.deployments, "--imagery-set", "licence=CC0-1.0"]
    assert psm(*command(made, tmp_path, *more)) == 0
    printed, said = (" ".join(text.split()) for text in capsys.readouterr())
    assert "60 recordings of recorders; time and place from their files and from" in printed
    assert "60 of 120 detections count" in printed
    assert "tiles of rasters, 2.4 km wide at 50 m a pixel; framed for tiny" in printed
    assert "tiles: NASA Blue Marble (CC0-1.0)" in printed
    assert printed.endswith("out: 60 train")
    assert "all in train: its 12 places lie too close together to be split 3.6 km apart" in said
    assert "refused" not in printed
    corpus = Corpus.load(out, "train", zooms=(1, 3), view_px=VIEW_PX)
    assert len(corpus.recordings) == 60
    by_key = {clip.file[:-4].replace("/", "_"): clip for clip in made.clips.values()}
    for found in corpus.recordings:
        true = by_key[found.key]
        assert (found.lat, found.lon) == (true.site.lat, true.site.lon)
        assert (found.month, found.hour) == (true.month, true.hour)  # the clock's, which is local
        scientific, common = park.NAMES[true.sound]
        assert (found.sounds, found.caption) == ((scientific,), f"{common} ({scientific})")
    report = json.loads((out / "import" / "report.json").read_text())
    assert (report["imported"], report["refused"]) == ({"train": 60}, {})
    with (out / "import" / "tiles.csv").open(newline="") as stream:
        assert {row["tile_licence"] for row in csv.DictReader(stream)} == {"CC0-1.0"}
    tiles = samples(out)
    site = made.sites[0]
    (there,) = open_imagery(made.imagery).read(
        lat=np.array([site.lat]), lon=np.array([site.lon]), view=View(3 * VIEW_PX, 50.0)
    )
    mine = [s.tile for key, s in tiles.items() if by_key[key].site == site]
    assert all(np.abs(tile.astype(int) - there.pixels).mean() < 4.0 for tile in mine)


def command(made: park.Park, folder: Path, *more: str | Path) -> list[str | Path]:
    """An import of the park into ``folder/out`` for a small model."""
    experiment = folder / "tiny.yaml"
    write_yaml(tiny_experiment(), experiment)
    return [
        "data", "import", made.card, folder / "out", "--workers", "1", "--preset", experiment,
        "--gsd", "50", "--detections", made.detections, "--imagery", made.imagery, *more,
    ]  # fmt: skip


def test_mistakes_of_the_field_are_rows_of_the_refusals_and_nothing_is_lost(
    made: park.Park, tmp_path: Path
) -> None:
    one, two, three, four, *_, last = made.sites
    card = tmp_path / "card"
    shutil.copytree(made.card, card, ignore=shutil.ignore_patterns(last.recorder))
    cut_off = card / four.recorder / Path(next(iter(made.clips))).name
    cut_off.write_bytes(cut_off.read_bytes()[:5000])
    head, *rows = made.deployments.read_text().splitlines()
    of = {row.partition(",")[0]: row for row in rows}
    del of[one.recorder]  # a recorder without a place
    of[two.recorder] = of[two.recorder].replace("2024", "2023")  # a clock in the wrong year
    of[three.recorder] = of[three.recorder].replace(  # a second recorder at a place
        f"{three.lat!r},{three.lon!r}", f"{four.lat!r},{four.lon!r}"
    )
    sites = tmp_path / "sites.csv"
    sites.write_text("\n".join([head, *of.values()]) + "\n")
    assert psm(*command(replace(made, card=card), tmp_path, "--deployments", sites)) == 0
    report = json.loads((tmp_path / "out" / "import" / "report.json").read_text())
    assert report["imported"] == {"train": 55 - 5 - 5 - 1}
    assert report["refused"] == {
        deployments.UNKNOWN_RECORDER: 5,
        deployments.NOWHERE: 5,
        matching.OTHER_FOLDER: 5,  # detections of a card that is not there
        "audio: cut short": 1,
    }
    with (tmp_path / "out" / "import" / "refused.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 16
    places = {(s.recording.lat, s.recording.lon) for s in samples(tmp_path / "out").values()}
    assert len(places) == 12 - 3 - 1


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--detections", "no place: neither in the file nor in a table (--deployments)"),
        ("--deployments", "no caption: neither the file nor a table (--detections) says what"),
    ],
)
def test_a_table_that_was_forgotten_is_asked_for(
    made: park.Park, tmp_path: Path, option: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command(made, tmp_path)
    if option == "--deployments":
        words = [w for w in words if w not in ("--detections", made.detections)]
        words += ["--deployments", made.deployments]
    assert psm(*words) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"nothing could be used: {reason}" in said


def test_five_recordings_are_imported_too(made: park.Park, tmp_path: Path) -> None:
    alone = replace(made, card=made.card / made.sites[0].recorder)
    assert psm(*command(alone, tmp_path, "--deployments", made.deployments)) == 0
    report = json.loads((tmp_path / "out" / "import" / "report.json").read_text())
    assert report["imported"] == {"train": 5}
    assert report["refused"] == {matching.OTHER_FOLDER: 55}
    found = {s.recording.caption for s in samples(tmp_path / "out").values()}
    assert found == {
        "{1} ({0})".format(*park.NAMES[sound]) for sound in park.HEARD[made.sites[0].habitat]
    }


def test_a_park_is_the_same_for_a_seed_alone_and_its_picture_tells_its_sounds(
    made: park.Park,
) -> None:
    assert len(made.clips) == 60
    assert len({(s.lat, s.lon) for s in made.sites}) == 12
    assert {s.habitat for s in made.sites} == set(park.HEARD)
    colours = {h: [] for h in park.HEARD}
    for site in made.sites:
        (seen,) = open_imagery(made.imagery).read(
            lat=np.array([site.lat]), lon=np.array([site.lon]), view=View(8, 50.0)
        )
        colours[site.habitat].append(seen.pixels.reshape(-1, 3).mean(0))
    red, green, blue = np.mean(colours["lake"], 0)
    assert blue > max(red, green)
    red, green, blue = np.mean(colours["heath"], 0)
    assert red > green > blue


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["--preset", "earth-small"],
            "error: tiles for earth-small have 320 pixels of 1000 m, 320 km, and the imagery shows",
        ),
        (["--preset", "earth-small", "--gsd", "1"], "the imagery's pixels are of 20 m; say --gsd"),
    ],
)
def test_a_size_of_tiles_that_the_rasters_do_not_have_is_one_line(
    made: park.Park, tmp_path: Path, more: list[str], message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    words = ["data", "import", made.card, tmp_path / "out", "--deployments", made.deployments]
    words += ["--detections", made.detections, "--imagery", made.imagery, *more]
    assert psm(*words) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert message in errors[0]
    assert not (tmp_path / "out").exists()
