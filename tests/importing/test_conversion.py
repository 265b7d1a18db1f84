"""The machinery of imports: resuming, killing, retrying, reporting."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from psm.data.shards import RawSample
from psm.errors import CorruptRecording, MissingData, SettingsChanged
from psm.importing.conversion import convert
from psm.importing.dataset import DatasetPart, ForeignDataset
from tests.tiny import tiny_samples


@dataclass(frozen=True)
class Numbers(ForeignDataset):
    """Recordings by number, three a part. Multiples of ``bad`` are refused; ``killer`` kills."""

    count: int = 9
    bad: int = 4
    killer: int = -1
    unreadable: int = -1

    def describe(self) -> str:
        return "numbers"

    def fingerprint(self) -> dict[str, Any]:
        return {"count": self.count}

    def parts(self, cache: Path) -> list[DatasetPart]:  # noqa: ARG002
        starts = range(0, self.count, 3)
        return [DatasetPart(f"{n:05d}", range(start, start + 3)) for n, start in enumerate(starts)]

    def rows(self, part: DatasetPart) -> Iterator[tuple[str, Any]]:
        for number in part.place:
            if number == self.unreadable:
                raise MissingData("the network is gone")
            if number == self.killer:
                os.kill(os.getpid(), signal.SIGKILL)
            yield f"n{number}", number

    def sample(self, part: DatasetPart, name: str, row: Any) -> RawSample:  # noqa: ARG002
        if self.bad and row % self.bad == 0:
            raise CorruptRecording("a bad number")
        sample = tiny_samples("val" if row % 3 == 0 else "train", row + 1)[row]
        return RawSample(sample.recording, sample.tile_jpeg, sample.mel)


def shards(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("[!.]*.tar"))}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    report = convert(Numbers(), folder, workers=1)
    assert report.imported == {"train": 4, "val": 2}
    assert report.refused == {"a bad number": 3}
    return folder


def test_each_split_of_a_part_is_a_shard(undisturbed: Path) -> None:
    names = "train-00000 train-00001 train-00002 val-00001 val-00002"
    assert set(shards(undisturbed)) == {f"{name}.tar" for name in names.split()}


def test_the_report_lies_beside_the_shards(undisturbed: Path) -> None:
    report = json.loads((undisturbed / "import" / "report.json").read_text())
    assert report == {
        "imported": {"train": 4, "val": 2},
        "licences": {"unknown": 6},
        "refused": {"a bad number": 3},
    }
    with (undisturbed / "import" / "refused.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["recording", "reason"]
    assert rows[1:] == [[f"n{n}", "a bad number"] for n in (0, 4, 8)]


def test_two_workers_write_the_same_bytes(undisturbed: Path, tmp_path: Path) -> None:
    convert(Numbers(), tmp_path, workers=2)
    assert shards(tmp_path) == shards(undisturbed)


def test_a_killed_import_ends_with_the_same_bytes(undisturbed: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from psm.importing.conversion import convert\n"
        "from tests.importing.test_conversion import Numbers\n"
        "convert(Numbers(killer=5), Path(sys.argv[1]), workers=1)"
    )
    root = Path(__file__).parents[2]
    paths = os.pathsep.join([str(root), str(root / "src")])
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": paths}, cwd=root, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    assert list(shards(tmp_path)) == ["train-00000.tar"]
    assert list(tmp_path.glob(".*.partial.tar"))
    first = (tmp_path / "train-00000.tar").stat().st_mtime_ns
    convert(Numbers(), tmp_path, workers=1)
    assert shards(tmp_path) == shards(undisturbed)
    assert (tmp_path / "train-00000.tar").stat().st_mtime_ns == first
    assert not list(tmp_path.glob(".*.partial.tar"))


def test_a_source_that_breaks_off_can_be_gone_on_with(undisturbed: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="network"):
        convert(Numbers(unreadable=5), tmp_path, workers=1)
    assert list(shards(tmp_path)) == ["train-00000.tar"]
    convert(Numbers(), tmp_path, workers=1)
    assert shards(tmp_path) == shards(undisturbed)


def test_what_was_refused_is_tried_again_when_asked(tmp_path: Path) -> None:
    convert(Numbers(), tmp_path, workers=1)
    assert convert(Numbers(bad=0), tmp_path, workers=1).refused
    report = convert(Numbers(bad=0), tmp_path, workers=1, retry=True)
    assert not report.refused
    assert sum(report.imported.values()) == 9


def test_another_import_does_not_mix_in(undisturbed: Path, tmp_path: Path) -> None:
    before = shards(undisturbed)
    with pytest.raises(SettingsChanged, match=r"another import \(count was 9, now 12\)"):
        convert(Numbers(count=12), undisturbed, workers=1)
    assert shards(undisturbed) == before
    (tmp_path / "train-00000.tar").touch()
    with pytest.raises(SettingsChanged, match="shards of something else"):
        convert(Numbers(), tmp_path, workers=1)
