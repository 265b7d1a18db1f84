"""Shards: what is written comes back, what is broken is named, nothing is half-written."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from psm.data.corpus import Corpus
from psm.data.recording import AudioSource, CaptionSource, Recording
from psm.data.shards import Sample, read_shard, shard_paths, write_shard
from psm.errors import CorruptRecording, CorruptShard, MissingData


def recording(number: int = 0, **changes: object) -> Recording:
    values = {
        "key": f"aporee-{number}", "lat": 1.5, "lon": -2.5, "month": 3, "hour": None,
        "audio_source": AudioSource.APOREE, "caption_source": CaptionSource.META,
        "caption": "Wind, near Zürich", "split": "train", "cell": "N00W004",
        "licence": "CC0-1.0", "gsd_m": 1000.0, "sounds": ("wind",),
    }  # fmt: skip
    return Recording(**{**values, **changes})


def samples(count: int = 3) -> Iterator[Sample]:
    rng = np.random.default_rng(0)
    for number in range(count):
        tile = np.full((40, 40, 3), 40 * number, np.uint8)
        mel = rng.normal(-20, 10, (1, 5, 4)).astype(np.float16)
        yield Sample(recording(number), tile, mel)


def member(name: str, data: bytes) -> tuple[tarfile.TarInfo, io.BytesIO]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info, io.BytesIO(data)


def test_samples_come_back(tmp_path: Path) -> None:
    write_shard(tmp_path / "train-00000.tar", samples())
    back = list(read_shard(tmp_path / "train-00000.tar"))
    for before, after in zip(samples(), back, strict=True):
        assert after.recording == before.recording
        np.testing.assert_array_equal(after.mel, before.mel)
        assert np.abs(after.tile.astype(int) - before.tile).max() <= 2  # JPEG


def test_the_same_samples_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        write_shard(tmp_path / name, samples())
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_a_failure_while_writing_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[Sample]:
        yield next(samples())
        raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError, match="disk on fire"):
        write_shard(tmp_path / "train-00000.tar", broken())
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_tar_is_named(tmp_path: Path) -> None:
    path = tmp_path / "train-00000.tar"
    write_shard(path, samples())
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(CorruptShard, match="train-00000"):
        list(read_shard(path))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("k.tile.jpg", b"no image", "not a readable image"),
        ("k.json", b"{}", "unreadable metadata"),
        ("k.json", json.dumps({**recording().to_json(), "lat": 95.0}).encode(), "latitude 95"),
        ("k.mel.npy", b"\x93NUMPY", "sample 'k'"),
        ("k.mel.npy", None, "lacks mel.npy"),
    ],
)
def test_a_corrupt_member_is_named(
    tmp_path: Path, name: str, data: bytes | None, message: str
) -> None:
    write_shard(tmp_path / "good.tar", samples(1))
    with tarfile.open(tmp_path / "good.tar") as good:
        members = {
            f"k.{info.name.split('.', 1)[1]}": good.extractfile(info).read()
            for info in good.getmembers()
        }
    members.pop(name)
    if data is not None:
        members[name] = data
    with tarfile.open(tmp_path / "bad.tar", "w") as bad:
        for each, content in members.items():
            bad.addfile(*member(each, content))
    with pytest.raises(CorruptShard, match=message):
        list(read_shard(tmp_path / "bad.tar"))


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    write_shard(tmp_path / "good.tar", samples(1))
    with (
        tarfile.open(tmp_path / "good.tar") as good,
        tarfile.open(tmp_path / "bad.tar", "w") as bad,
    ):
        for info in good.getmembers():
            content = good.extractfile(info).read()
            if info.name.endswith(".npy"):
                content = buffer.getvalue()
            bad.addfile(*member(info.name, content))
    with pytest.raises(CorruptShard, match="allow_pickle=False"):
        list(read_shard(tmp_path / "bad.tar"))


def test_no_shards_is_an_error_that_helps(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="psm earth build"):
        shard_paths(tmp_path, "train")


def test_corpus_cuts_a_view_for_every_zoom(tmp_path: Path) -> None:
    write_shard(tmp_path / "train-00000.tar", samples(3))
    write_shard(tmp_path / "train-00001.tar", samples(2))
    corpus = Corpus.load(tmp_path, "train", zooms=(1, 5), view_px=8)
    assert len(corpus) == 5
    assert corpus.views(1).shape == corpus.views(5).shape == (5, 8, 8, 3)
    assert corpus.mels.dtype == np.float16
    np.testing.assert_allclose(corpus.gsd_m, 1000.0)


@pytest.mark.parametrize("field", ["lat", "lon", "month", "hour"])
def test_recordings_out_of_range_are_refused(field: str) -> None:
    with pytest.raises(CorruptRecording, match="aporee-0"):
        recording(**{field: 500})
