"""Reading from disk: the same batches as from memory, whoever reads them and from which step on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from psm.data.corpus import Corpus
from psm.data.shards import Sample, write_shard
from psm.errors import CorruptShard
from psm.training import run, train
from psm.training.dataloader import Batch, BatchLoader, BatchStream
from tests.tiny import VIEW_PX, tiny_experiment, tiny_samples, write_tiny_shards


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Ten shards of four recordings of eight windows, each window at a level of its own."""
    samples = tiny_samples("train", 40)
    for number in range(10):
        write_shard(
            tmp_path / f"train-{number:05d}.tar",
            [
                Sample(s.recording, s.tile, _levels(4 * number + row))
                for row, s in enumerate(samples[4 * number : 4 * number + 4])
            ],
        )
    return tmp_path


def _levels(row: int) -> np.ndarray:
    return np.full((8, 5, 4), row, np.float16) + np.arange(8, dtype=np.float16)[:, None, None] / 8


def stream(
    folder: Path, *, memory_gb: float = 0.0, windows: int = 4, epoch: int = 0
) -> BatchStream:
    corpus = Corpus.load(folder, "train", zooms=(1, 3), view_px=VIEW_PX, memory_gb=memory_gb)
    batches = BatchStream(corpus, None, batch_size=8, seed=0, windows=windows)
    batches.epoch = epoch
    return batches


def assert_same(one: Batch, other: Batch) -> None:
    assert torch.equal(one.views, other.views)
    assert torch.equal(one.mel, other.mel)
    assert torch.equal(one.gsd_m, other.gsd_m)
    assert torch.equal(one.context.latlon, other.context.latlon)
    assert one.text == other.text


def test_batches_are_the_same_from_memory_from_disk_and_from_workers(shards: Path) -> None:
    memory, disk = stream(shards, memory_gb=1, epoch=3), stream(shards, epoch=3)
    assert disk.corpus.on_disk
    workers = BatchLoader(stream(shards, epoch=3), 2)
    assert len(workers) == len(memory) == 5
    for step, batch in enumerate(workers):
        assert_same(batch, memory[step])
        assert_same(batch, disk[step])
    assert step == 4
    assert_same(stream(shards, epoch=3)[4], memory[4])  # any step can be the first


def test_workers_know_the_epoch_that_is_set_before_the_first_batch(shards: Path) -> None:
    batches = stream(shards)
    found = iter(BatchLoader(batches, 1))
    batches.epoch = 2
    assert_same(next(found), stream(shards, epoch=2)[0])


def test_a_batch_is_drawn_from_all_shards(shards: Path) -> None:
    batches = stream(shards)
    latlon = torch.tensor([[r.lat, r.lon] for r in batches.corpus.recordings])
    for batch in batches:
        rows = (batch.context.latlon[:, None] == latlon).all(-1).int().argmax(1)
        assert len(set((rows // 4).tolist())) >= 5  # of eight rows, from ten shards of four


@pytest.mark.parametrize(("windows", "sets"), [(1, 8), (4, 2), (8, 1)])
def test_training_draws_one_set_of_windows(windows: int, sets: int, shards: Path) -> None:
    batches, firsts = stream(shards, windows=windows), set()
    for batches.epoch in range(6):
        mel = batches._mels(np.arange(8), batches._windows(0))
        level = 8 * (mel[:, :, 0, 0] % 1)
        assert mel.shape[1] == windows
        assert (np.diff(level, axis=1) == 1).all()
        firsts |= set(level[:, 0].tolist())
    assert firsts == {float(windows * chosen) for chosen in range(sets)}


def test_a_broken_recording_is_one_line_from_a_worker(shards: Path) -> None:
    batches = stream(shards)
    path = shards / "train-00007.tar"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(CorruptShard) as caught:
        list(BatchLoader(batches, 2))
    assert str(caught.value).startswith(f"{path}: sample ")
    assert "\n" not in str(caught.value)


def test_training_from_disk_repeats_training_from_memory(tmp_path: Path) -> None:
    shards = write_tiny_shards(tmp_path / "shards")
    recipe = {"epochs": 1, "batch_size": 20, "precision": "32-true"}
    for name, where in (("memory", {}), ("disk", {"memory_gb": 0, "workers": 1})):
        train(tiny_experiment(training=recipe | where), shards, tmp_path / name, seed=1)
    logs = [(tmp_path / name / run.LOG_NAME).read_text() for name in ("memory", "disk")]
    assert logs[0] == logs[1]
