from __future__ import annotations

import io
from dataclasses import replace

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from psm.collect.outputs import parquet
from psm.collect.outputs.webdatasets import pack, recording_of
from psm.data.shards import read_shard
from psm.data.splits import cell_names
from psm.importing import ImportOptions, convert, open_dataset
from tests import hub
from tests.collect import builds


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    folder = tmp_path_factory.mktemp("build")
    rows = builds.rows(folder)
    parquet.write(folder, rows, builds.ABOUT, file_bytes=600_000, workers=1)
    return folder, rows


def files(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "parquet").glob("*.parquet"))}


def opened(folder, tmp_path):
    return datasets.load_dataset(str(folder / "parquet"), cache_dir=str(tmp_path))


def test_datasets_opens_it_with_sound_and_images(build, tmp_path):
    folder, rows = build
    splits = opened(folder, tmp_path)
    assert {name: len(split) for name, split in splits.items()} == {
        "train": 12, "validation": 4, "test": 4,
    }  # fmt: skip
    by_key = {row.key: row for row in rows}
    test = splits["test"].cast_column("audio", datasets.Audio(decode=False))
    for found in test:
        row = by_key[found["sample_id"]]
        assert found["sentinel_image"].size == (builds.TILE_PX, builds.TILE_PX)
        sound, rate_hz = soundfile.read(io.BytesIO(found["audio"]["bytes"]))
        assert rate_hz == splits["test"].features["audio"].sampling_rate
        assert np.array_equal(sound, soundfile.read(row.clip)[0])
        assert found["bingmap_image"] is None
        assert (found["licence"], found["author"]) == (row.licence, row.author)


def test_all_columns_of_the_hub_are_there_in_their_types(build, tmp_path):
    ours = opened(build[0], tmp_path)["train"].features
    assert {name: ours[name] for name in hub.FEATURES if name != "audio"} == {
        name: kind for name, kind in hub.FEATURES.items() if name != "audio"
    }
    assert list(ours)[-1] == "tile_provider"
    sources = set(opened(build[0], tmp_path)["train"]["source"])
    assert sources == {"aporee", "freesound", "iNat"}


def test_importing_it_gives_our_recordings_back(build, tmp_path):
    folder, rows = build
    out = tmp_path / "imported"
    source = open_dataset(str(folder / "parquet"), ImportOptions(preset="earth-tiny"))
    assert convert(source, out, workers=1).refused.total() == 0
    back = {s.recording.key: s for path in out.glob("*.tar") for s in read_shard(path)}
    assert back.keys() == {row.key for row in rows}
    pack(folder, rows, workers=1)
    ours = {s.recording.key: s for p in (folder / "shards").glob("*.tar") for s in read_shard(p)}
    for row in rows:
        # An import names cells of two degrees.
        cell = str(cell_names(np.array([row.lat]), np.array([row.lon]))[0])
        expected = replace(recording_of(row), cell=cell)
        if expected.audio_source == "freesound":  # whose dates are of the upload
            expected = replace(expected, month=None, hour=None, upload_month=expected.month)
        assert back[row.key].recording == expected
        assert np.array_equal(back[row.key].mel, ours[row.key].mel)
        assert np.array_equal(back[row.key].tile, ours[row.key].tile)


def test_the_same_rows_in_any_order_are_the_same_bytes(build, tmp_path):
    folder, rows = build
    parquet.write(tmp_path, rows[::-1], builds.ABOUT, file_bytes=600_000, workers=1)
    assert files(tmp_path) == files(folder)
    assert "train-00000-of-00002.parquet" in files(folder)


def test_groups_are_small_and_media_are_stored_as_they_are(build):
    path = next((build[0] / "parquet").glob("train-*.parquet"))
    group = pq.ParquetFile(path).metadata.row_group(0)
    found = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert found["audio.bytes"].compression == "UNCOMPRESSED"
    assert not found["audio.bytes"].is_stats_set
    assert found["country"].compression == "ZSTD"
    assert found["country"].statistics.max == "SI"


def test_imagery_of_another_name_has_its_own_column(tmp_path):
    rows = builds.rows(tmp_path, 5)
    parquet.write(tmp_path, rows, replace(builds.ABOUT, imagery="bingmap"), workers=1)
    table = pq.read_table(tmp_path / "parquet" / "train-00000-of-00001.parquet")
    assert table["sentinel_image"].null_count == table.num_rows
    assert table["bingmap_image"].null_count == 0
