"""Shards that people packed again: every reader reads the same of them, or refuses alike."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from psm.data.audit import audit
from psm.data.corpus import Corpus
from psm.data.members import split_names
from psm.data.shards import Sample, read_shard, shard_paths, write_shard
from psm.data.storedviews import add_views
from psm.errors import CorruptRecording, CorruptShard, MissingData
from tests.tiny import VIEW_PX, tiny_samples, write_tiny_shards

Members = list[tuple[str, bytes]]


def unpacked(path: Path) -> Members:
    with tarfile.open(path) as archive:
        return [(info.name, archive.extractfile(info).read()) for info in archive]


def packed(path: Path, members: Members, form: int = tarfile.PAX_FORMAT) -> None:
    with tarfile.open(path, "w", format=form) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if name.endswith("/"):
                info.type = tarfile.DIRTYPE
            archive.addfile(info, io.BytesIO(data))


def renamed(change: Callable[[str], str]) -> Callable[[Members], Members]:
    return lambda members: [(change(name), data) for name, data in members]


READ: dict[str, Callable[[Members], Members]] = {
    "by kind": lambda m: sorted(m, key=lambda one: one[0].partition(".")[2]),
    "capitals": renamed(lambda n: n.replace(".jpg", ".JPG").replace(".json", ".Json")),
    "dot and slash": lambda m: [("./", b""), *renamed(lambda n: f"./{n}")(m)],
    "in a folder": lambda m: [("v1.2/", b""), *renamed(lambda n: f"v1.2/{n}")(m)],
    "dotted keys": renamed(lambda n: n.replace("train", "site.01_tr")),
    "of a Mac": lambda m: [
        x for n, d in m for x in ((f"._{n}", b"\0\5\x16\7"), (n, d))
    ] + [(".DS_Store", b"x")],
    "more beside": lambda m: [*m, (f"{m[0][0].partition('.')[0]}.birdnet.json", b"[]")],
    "long names": renamed(lambda n: "x" * 180 + n),
    "notes": lambda m: [("__meta__.json", b"{}"), *m],
}  # fmt: skip

REFUSED: dict[str, tuple[Callable[[Members], Members], str]] = {
    "no tile": (lambda m: [x for x in m if not x[0].endswith("jpg")], "lacks tile.jpg"),
    "no log-mel": (lambda m: [x for x in m if not x[0].endswith("npy")], "lacks mel.npy"),
    "no recording": (lambda m: [x for x in m if not x[0].endswith("json")], "lacks json"),
    "twice": (lambda m: [*m, m[0]], "is there twice"),
    "twice by case": (lambda m: [*m, (m[0][0].upper(), m[0][1])], "lacks|twice"),
    "a stranger": (lambda m: [*m, ("README.txt", b"hello")], "'README' lacks"),
    "nothing": (lambda _: [], "holds no samples"),
}


def results(folder: Path) -> dict[str, object]:
    """What each reader makes of the training shard."""
    path = folder / "train-00000.tar"

    def trained() -> list[str]:
        corpus = Corpus.load(folder, "train", zooms=(1,), view_px=VIEW_PX)
        return [recording.key for recording in corpus.recordings]

    readers = {
        "train": trained,
        "evaluate": lambda: [sample.recording.key for sample in read_shard(path)],
        "audit": lambda: audit(folder, workers=1).recordings["train"],
        "views": lambda: add_views(folder, zooms=(1,), view_px=VIEW_PX, workers=1),
    }
    found: dict[str, object] = {}
    for name, read in readers.items():
        try:
            found[name] = read()
        except CorruptShard as problem:
            found[name] = problem
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_shards(tmp_path)


@pytest.mark.parametrize("way", READ)
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_what_one_reader_reads_all_read(folder: Path, way: str, form: int) -> None:
    for path in folder.iterdir():
        packed(path, READ[way](unpacked(path)), form)
    keys = [sample.recording.key for sample in tiny_samples("train", 40)]
    assert results(folder) == {"train": keys, "evaluate": keys, "audit": 40, "views": 3}


@pytest.mark.parametrize("way", REFUSED)
def test_what_one_reader_refuses_all_refuse_in_the_same_words(folder: Path, way: str) -> None:
    change, words = REFUSED[way]
    path = folder / "train-00000.tar"
    packed(path, change(unpacked(path)))
    found = results(folder)
    assert len({str(problem) for problem in found.values()}) == 1
    with pytest.raises(CorruptShard, match=f"{path.name}: .*({words})"):
        raise found["train"]  # type: ignore[misc]


@pytest.mark.parametrize("damage", ["gzip", "end cut off", "joined", "link"])
def test_tars_that_are_not_plain_are_refused_by_all(folder: Path, damage: str) -> None:
    path = folder / "train-00000.tar"
    content, words = path.read_bytes(), {}
    if damage == "gzip":
        content, words = gzip.compress(content), "compressed by gzip: unpack it first"
    elif damage == "end cut off":
        with tarfile.open(path) as archive:
            content, words = content[: archive.getmembers()[-3].offset], "its end is missing"
    elif damage == "joined":
        content, words = content * 2, "goes on after its end"
    else:
        with tarfile.open(path, "a") as archive:
            info = tarfile.TarInfo("k.json")
            info.type, info.linkname = tarfile.LNKTYPE, archive.getnames()[0]
            archive.addfile(info)
        content, words = path.read_bytes(), "k.json is a link"
    path.write_bytes(content)
    found = results(folder)
    assert {type(problem) for problem in found.values()} == {CorruptShard}
    assert len({str(problem) for problem in found.values()}) == 1
    assert words in str(found["train"])


def test_shards_are_found_by_suffix_in_capitals_and_named_where_compressed(folder: Path) -> None:
    (folder / "train-00000.tar").rename(folder / "train-00000.TAR")
    assert [path.name for path in shard_paths(folder, "train")] == ["train-00000.TAR"]
    (folder / "val-00000.tar").rename(folder / "val-00000.tar.gz")
    with pytest.raises(MissingData, match=r"plain tars, not compressed as val-00000\.tar\.gz"):
        shard_paths(folder, "val")


def test_a_dot_of_a_key_is_told_from_that_of_a_suffix() -> None:
    names = ["d.1/a.b.json", "d.1/a.b.tile.jpg", "d.1/a.b.mel.npy", "d.1/a.b.more.json", "c.txt"]
    assert split_names(names) == {
        "d.1/a.b.json": ("d.1/a.b", "json"),
        "d.1/a.b.tile.jpg": ("d.1/a.b", "tile.jpg"),
        "d.1/a.b.mel.npy": ("d.1/a.b", "mel.npy"),
        "d.1/a.b.more.json": ("d.1/a.b", "more.json"),
        "c.txt": ("c", "txt"),
    }


@pytest.mark.parametrize("key", [".hidden", "._k", "__k", "a/", "./a", "a."])
def test_a_key_that_nobody_would_find_again_is_not_written(tmp_path: Path, key: str) -> None:
    sample = next(iter(tiny_samples("train", 1)))
    about = {**sample.recording.to_json(), "key": key}
    other = Sample(
        sample.recording.from_json(json.loads(json.dumps(about))), sample.tile, np.copy(sample.mel)
    )
    with pytest.raises(CorruptRecording, match="is no key of a sample"):
        write_shard(tmp_path / "train-00000.tar", [other])
    assert list(tmp_path.iterdir()) == []
