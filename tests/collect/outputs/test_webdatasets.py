from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from psm.collect.outputs.webdatasets import pack, recording_of
from psm.data.shards import read_shard
from psm.errors import CorruptRecording
from tests.collect import builds


def contents(folder):
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


@pytest.fixture
def rows(tmp_path):
    return builds.rows(tmp_path)


def test_shards_hold_the_recordings_of_their_split(tmp_path, rows):
    shards = pack(tmp_path, rows, shard_size=5, workers=1)
    by_key = {row.key: row for row in rows}
    read = {
        sample.recording.key: (path.name, sample)
        for path in sorted((tmp_path / "shards").glob("*.tar"))
        for sample in read_shard(path)
    }
    assert {key: name for key, (name, _) in read.items()} == shards
    assert read.keys() == by_key.keys()
    for key, (name, sample) in read.items():
        row = by_key[key]
        assert name.startswith(f"{row.split}-")
        assert (sample.recording.lat, sample.recording.hour) == (row.lat, row.hour)
        assert sample.recording.audio_source == row.audio_source
        assert np.array_equal(sample.mel, np.load(row.mel))
    sources = {by_key[k].source for k, (name, _) in read.items() if name == "train-00000.tar"}
    assert len(sources) > 1


def test_labels_of_recordings_are_in_their_shards(rows):
    labelled = replace(rows[0], sounds=("Strix aluco", "Parus major"))
    assert recording_of(labelled).sounds == ("Strix aluco", "Parus major")
    assert recording_of(rows[0]).sounds == ()


def test_the_same_rows_in_any_order_are_the_same_bytes(tmp_path, rows):
    folder = tmp_path / "shards"
    pack(tmp_path, rows, shard_size=7, workers=1)
    first = contents(folder)
    pack(tmp_path, rows[::-1], shard_size=7, workers=1)
    assert contents(folder) == first, "nothing was written again"
    for path in folder.glob("*.tar"):
        path.unlink()
    pack(tmp_path, rows[::-1], shard_size=7, workers=1)
    assert {n: c for n, (c, _) in contents(folder).items()} == {n: c for n, (c, _) in first.items()}


def test_only_what_changed_is_written_again_and_what_is_left_over_goes(tmp_path, rows):
    pack(tmp_path, rows, shard_size=3, workers=1)
    before = contents(tmp_path / "shards")
    (tmp_path / "shards" / ".train-00000.x.partial.tar").write_bytes(b"left by a kill")
    val = next(row for row in rows if row.split == "val")
    kept = [replace(row, caption="bats") if row is val else row for row in rows]
    kept = [row for row in kept if row.split != "test"]
    pack(tmp_path, kept, shard_size=3, workers=1)
    after = contents(tmp_path / "shards")
    assert not any("test" in name or "partial" in name for name in after)
    changed = {name for name in after if after[name] != before[name]}
    assert len(changed) == 1
    assert changed.pop().startswith("val")


def test_a_damaged_shard_of_another_size_is_written_again(tmp_path, rows):
    pack(tmp_path, rows, workers=1)
    path = tmp_path / "shards" / "train-00000.tar"
    whole = path.read_bytes()
    path.write_bytes(whole[:-512])
    pack(tmp_path, rows, workers=1)
    assert path.read_bytes() == whole


def test_a_file_that_is_missing_or_another_one_is_named(tmp_path, rows):
    wrong = replace(rows[0], tile_sha256=hashlib.sha256(b"another").hexdigest())
    with pytest.raises(CorruptRecording, match=r"aporee-0\.jpg: has changed"):
        pack(tmp_path, [wrong], workers=1)
    rows[1].mel.unlink()
    with pytest.raises(CorruptRecording, match=r"freesound-1\.npy: missing"):
        pack(tmp_path, rows, workers=1)
