"""Tars in pieces: every sample once, nothing read that is not wanted, damage found beforehand."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from psm.data.tars import samples_of, spans
from psm.errors import CorruptShard


def write(path: Path, names: list[str]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name in names:
            data = name.encode() * 300
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def tar(tmp_path: Path) -> Path:
    samples = [f"{'long-' * 30}{number}.{end}" for number in range(7) for end in ("A.pyd", "json")]
    return write(tmp_path / "a.tar", ["__meta__", *samples])


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_pieces_hold_every_sample_once(tar: Path, size: int) -> None:
    pieces = spans(tar, size)
    assert len(pieces) == -(-7 // size)
    found = [sample for piece in pieces for sample in samples_of(tar, piece, ("json",))]
    assert [sample["__key__"][-1] for sample in found] == list("0123456")
    assert all(set(sample) == {"__key__", "json"} for sample in found)
    assert all(sample["json"] == f"{sample['__key__']}.json".encode() * 300 for sample in found)


def test_a_tar_without_samples_has_no_pieces(tmp_path: Path) -> None:
    assert spans(write(tmp_path / "a.tar", ["__meta__"]), 3) == []


@pytest.mark.parametrize("damage", ["cut", "header", "empty", "text"])
def test_damage_is_found_before_anything_is_read(tar: Path, damage: str) -> None:
    data = tar.read_bytes()
    middle = spans(tar, 3)[1].start
    tar.write_bytes({
        "cut": data[: len(data) // 2],
        "header": data[:middle] + b"x" * 512 + data[middle + 512 :],
        "empty": b"",
        "text": b"not a tar" * 1000,
    }[damage])  # fmt: skip
    with pytest.raises(CorruptShard, match=r"a\.tar: not a readable tar"):
        spans(tar, 3)


def test_a_member_that_is_there_twice_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", ["x.json", "x.json"])
    with pytest.raises(CorruptShard, match=r"x\.json is there twice"):
        list(samples_of(path, spans(path, 1)[0], ("json",)))
