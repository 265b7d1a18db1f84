"""An audit finds whatever two splits share, and proves it where there is nothing."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from psm.cli import main
from psm.data.audit import LeakKind, audit
from psm.data.recording import CaptionSource, Recording
from psm.data.shards import Sample, write_shard
from psm.errors import CorruptShard, MissingData
from psm.seeding import generator

SIDE_PX, GSD_M = 40, 100.0  # tiles of 4 km


def sample(number, split, **changes):
    rng = generator(0, "audit", number)
    recording = Recording(
        **{
            "key": f"aporee-{number}", "lat": 1.0 * number, "lon": 179.9, "audio_source": None,
            "caption_source": CaptionSource.META, "caption": "wind", "split": split,
            "cell": "N00E178", "gsd_m": GSD_M,
        } | changes
    )  # fmt: skip
    tile = rng.integers(0, 255, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    mel = rng.normal(size=(1, 5, 4)).astype(np.float16)
    return Sample(recording, tile, mel)


def data_set(folder, **more):
    """Ten recordings of each split, a degree apart, and ``more`` of them by split."""
    for n, split in enumerate(("train", "val", "test")):
        samples = [sample(10 * n + i, split) for i in range(10)]
        write_shard(folder / f"{split}-00000.tar", [*samples, *more.get(split, [])])
    return folder


def psm(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["psm", *map(str, arguments)])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_a_clean_data_set_passes(tmp_path, monkeypatch, capsys):
    found = audit(data_set(tmp_path), workers=1)
    assert found.leaks == ()
    assert found.recordings == {"train": 10, "val": 10, "test": 10}
    assert found.gap_km["val", "test"] == pytest.approx(111.2, abs=0.1)
    assert found.widest_km["test"] == pytest.approx(4.0)
    assert psm(monkeypatch, "data", "audit", tmp_path, "--workers", "1") == 0
    assert "no two splits share a place, a recording or a tile" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("shared", "change"),
    [
        (LeakKind.KEY, lambda s: replace(s, recording=replace(s.recording, key="aporee-3"))),
        (LeakKind.MEL, lambda s: replace(s, mel=sample(3, "train").mel)),
        (LeakKind.TILE, lambda s: replace(s, tile=sample(3, "train").tile)),
        # Across the antimeridian, 3 km north and 3 km east.
        (
            LeakKind.GROUND,
            lambda s: replace(s, recording=replace(s.recording, lat=3.03, lon=179.93)),
        ),
        (LeakKind.NAME, lambda s: replace(s, recording=replace(s.recording, split="train"))),
    ],
)  # fmt: skip
def test_whatever_two_splits_share_is_found(tmp_path, monkeypatch, capsys, shared, change):
    odd = change(sample(99, "val", lat=-60.0))
    found = audit(data_set(tmp_path, val=[odd]), workers=1)
    assert [one.shared for one in found.leaks] == [shared]
    offence = found.leaks[0]
    assert odd.recording.key in (offence.key, offence.other_key)
    if shared is not LeakKind.NAME:
        assert (offence.split, offence.key) == ("train", "aporee-3")
        assert offence.other_split == "val"
    assert psm(monkeypatch, "data", "audit", tmp_path, "--workers", "1") == 1
    said = capsys.readouterr().err
    assert shared in said
    assert offence.other_key in said


def test_within_a_split_the_same_again_is_said_and_is_no_offence(tmp_path):
    again = replace(sample(99, "train", lat=5.0), mel=sample(3, "train").mel)
    found = audit(data_set(tmp_path, train=[again]), workers=1)
    assert found.leaks == ()
    assert found.repeated[LeakKind.MEL] == 1


def test_what_cannot_be_audited_is_named(tmp_path):
    with pytest.raises(MissingData, match="holds no shards"):
        audit(tmp_path)
    write_shard(tmp_path / "train-00000.tar", [sample(0, "train")])
    with pytest.raises(MissingData, match="of train alone"):
        audit(tmp_path)
    write_shard(tmp_path / "val-00000.tar", [sample(1, "val", gsd_m=0.0)])
    with pytest.raises(CorruptShard, match="'aporee-1' does not say how many metres"):
        audit(tmp_path, workers=1)
