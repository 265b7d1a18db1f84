"""What stays on disk is what would be in memory, whichever part of it is asked for."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from psm.data.corpus import Corpus
from psm.data.shards import RawSample, Sample, read_shard, write_shard
from psm.data.storedviews import add_views
from psm.errors import ConfigError, CorruptRecording, CorruptShard, MissingData
from tests.tiny import VIEW_PX, tiny_samples, write_tiny_shards

ZOOMS = (1, 3)


def load(folder: Path, **changes: object) -> Corpus:
    return Corpus.load(folder, "train", **{"zooms": ZOOMS, "view_px": VIEW_PX, **changes})


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Two shards, in which the recordings have one to four windows."""
    rng = np.random.default_rng(0)
    for number, part in enumerate((slice(0, 5), slice(5, 12))):
        write_shard(
            tmp_path / f"train-{number:05d}.tar",
            [
                Sample(
                    s.recording, s.tile, rng.normal(-30, 9, (n % 4 + 1, 5, 4)).astype(np.float16)
                )
                for n, s in enumerate(tiny_samples("train", 12)[part])
            ],
        )
    return tmp_path


def test_rows_on_disk_are_those_in_memory(shards: Path) -> None:
    memory, disk = load(shards), load(shards, memory_gb=0)
    assert (memory.on_disk, disk.on_disk) == (False, True)
    assert disk.recordings == memory.recordings
    assert disk.gigabytes == memory.gigabytes
    assert disk.mels.shape == memory.mels.shape == (12, 4, 5, 4)
    for index in (3, -1, np.int64(7), slice(2, 9), slice(None, None, 5), np.array([11, 0, 5])):
        np.testing.assert_array_equal(disk.mels[index], memory.mels[index])
        for zoom in ZOOMS:
            np.testing.assert_array_equal(disk.views(zoom)[index], memory.views(zoom)[index])
    np.testing.assert_array_equal(disk.mels[4, 1:3], memory.mels[4, 1:3])
    with pytest.raises(IndexError):
        disk.mels[12]


def test_windows_of_short_recordings_are_repeated(shards: Path) -> None:
    mels = load(shards).mels
    stored = [sample.mel for path in sorted(shards.iterdir()) for sample in read_shard(path)]
    for row, mel in enumerate(stored):
        for window in range(4):
            np.testing.assert_array_equal(mels[row][window], mel[window % len(mel)])


def test_stored_views_are_used_and_the_tile_is_kept(shards: Path) -> None:
    cut, tiles = load(shards), [s.tile_jpeg for s in read_shard(shards / "train-00000.tar")]
    assert add_views(shards, zooms=ZOOMS, view_px=VIEW_PX) == 2
    assert add_views(shards, zooms=ZOOMS, view_px=VIEW_PX) == 0
    assert [s.tile_jpeg for s in read_shard(shards / "train-00000.tar")] == tiles
    with tarfile.open(shards / "train-00000.tar") as archive:
        names = [name.split(".", 1)[1] for name in archive.getnames()[:5]]
    assert names == ["json", "mel.npy", "tile.jpg", "zoom1-16.jpg", "zoom3-16.jpg"]
    stored = load(shards, memory_gb=0)
    for zoom in ZOOMS:
        before, after = cut.views(zoom)[:], stored.views(zoom)[:]
        assert not np.array_equal(before, after)
        assert np.abs(before.astype(int) - after).mean() < 4  # of noise, which compresses badly
    assert add_views(shards, zooms=(3,), view_px=8) == 2  # of another size, beside the others
    assert load(shards, view_px=8).views(1).shape == (12, 8, 8, 3)


def test_shards_without_a_tile_large_enough_stay_as_they_are(shards: Path) -> None:
    before = (shards / "train-00000.tar").read_bytes()
    with pytest.raises(ConfigError, match=r"train-00000.tar: sample 'yfcc-train0': zoom 5 needs"):
        add_views(shards, zooms=(1, 5), view_px=VIEW_PX)
    assert (shards / "train-00000.tar").read_bytes() == before
    assert len(list(shards.iterdir())) == 2
    with pytest.raises(MissingData, match="no shards"):
        add_views(shards / "nowhere", zooms=ZOOMS, view_px=VIEW_PX)


def test_what_is_broken_on_disk_is_named(tmp_path: Path) -> None:
    write_tiny_shards(tmp_path)
    path = tmp_path / "train-00000.tar"
    good = load(tmp_path, memory_gb=0)
    with tarfile.open(path) as archive:
        mel, tile = archive.getmembers()[1:3]
    content = bytearray(path.read_bytes())
    content[mel.offset_data + 200 : mel.offset_data + 202] = b"\x00\x7e"  # NaN
    content[tile.offset_data : tile.offset_data + 2] = b"no"
    path.write_bytes(content)
    with pytest.raises(CorruptShard, match=r"train0': mel.npy holds NaN"):
        good.mels[0]
    with pytest.raises(CorruptShard, match=r"train0': tile.jpg: not a readable image"):
        good.views(1)[0]
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CorruptShard, match="cut short"):
        good.mels[len(good) - 1]
    with pytest.raises(CorruptShard, match=r"train-00000.tar: not a readable tar"):
        load(tmp_path)
    path.unlink()
    with pytest.raises(CorruptShard, match="No such file"):
        good.mels[0]


def test_a_header_damaged_in_the_middle_is_not_the_end(shards: Path) -> None:
    path = shards / "train-00001.tar"
    content = bytearray(path.read_bytes())
    with tarfile.open(path) as archive:
        third = archive.getmembers()[6].offset
    content[third : third + 100] = b"x" * 100
    path.write_bytes(content)
    with pytest.raises(CorruptShard, match=f"train-00001.tar: .*damaged at byte {third}"):
        load(shards)


@pytest.mark.parametrize(("shape", "dtype"), [((1, 5, 3), np.float16), ((1, 10, 4), np.float32)])
def test_log_mels_that_do_not_fit_are_refused(
    shards: Path, shape: tuple[int, ...], dtype: type
) -> None:
    sample = tiny_samples("other", 1)[0]
    odd = RawSample(sample.recording, sample.tile_jpeg, np.zeros(shape, dtype))
    write_shard(shards / "train-00002.tar", [odd])
    with pytest.raises((CorruptShard, CorruptRecording), match=r"yfcc-other0'.*(5 x 4|float16)"):
        load(shards, memory_gb=0).mels[12]
