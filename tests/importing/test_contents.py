"""Content hashes: of every file, remembered for large ones as long as they are the same file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from psm.importing import contents
from psm.importing.contents import content_hashes


@pytest.fixture
def hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read; files of a byte and more are large, and have long been there."""
    monkeypatch.setenv("PSM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(contents, "REMEMBERED_BYTES", 1)
    monkeypatch.setattr(contents, "_SETTLED_S", -1.0)
    read: list[Path] = []
    real = contents.sha256_of

    def counted(path: Path) -> str:
        read.append(path)
        return real(path)

    monkeypatch.setattr(contents, "sha256_of", counted)
    return read


def test_names_lie_below_the_folder_and_hashes_tell_contents_apart(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    first, second, third = (tmp_path / "data" / name for name in ("a", "b", "c"))
    first.write_bytes(b"one")
    second.write_bytes(b"two")
    third.write_bytes(b"one")
    found = content_hashes([third, first, second], tmp_path)
    assert list(found) == ["data/a", "data/b", "data/c"]
    assert found["data/a"] == found["data/c"] != found["data/b"]


def test_a_large_file_is_read_once_until_it_changes(hashed: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    path.write_bytes(b"one")
    before = path.stat()
    first = content_hashes([path], tmp_path)
    assert content_hashes([path], tmp_path) == first
    assert hashed == [path]
    path.write_bytes(b"two")  # as long as before, and with the time of before
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert content_hashes([path], tmp_path) != first
    assert hashed == [path, path]


def test_a_file_that_changed_just_now_is_not_remembered(
    hashed: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_SETTLED_S", 60.0)
    path = tmp_path / "train.parquet"
    path.write_bytes(b"one")
    for _ in range(2):
        content_hashes([path], tmp_path)
    assert len(hashed) == 2


@pytest.mark.parametrize("note", [b"{", b"[]", b"{}"])
def test_a_broken_note_or_cache_costs_time_alone(
    note: bytes, hashed: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "train.parquet"
    path.write_bytes(b"one")
    first = content_hashes([path], tmp_path)
    for known in (tmp_path / "cache" / "contents").glob("*.json"):
        known.write_bytes(note)
    assert content_hashes([path], tmp_path) == first
    monkeypatch.setenv("PSM_CACHE", "/dev/null")
    assert content_hashes([path], tmp_path) == first
    assert len(hashed) == 3
