"""The published shards: what is taken over, what is refused, and training on the result."""

from __future__ import annotations

import io
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from psm.config import Experiment
from psm.data.corpus import Corpus
from psm.data.recording import CaptionSource
from psm.errors import CorruptRecording, CorruptShard, MissingData, SettingsChanged
from psm.importing.conversion import ImportReport, convert
from psm.importing.published.metadata import PublishedCaptions
from psm.importing.published.webdataset import PublishedShards, imagery_of
from psm.training import train
from tests.publishedtars import Members, write_tar
from tests.tiny import BANDS, FRAMES, VIEW_PX, tiny_experiment

pytestmark = pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")


def import_shards(folder: Path, out: Path, gsd_m: float = 10.0, **more: Any) -> ImportReport:
    return convert(PublishedShards(folder, gsd_m, **more), out, workers=1)


class Burglar:
    """Would touch a file in the working directory when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.system, ("touch burglar-was-here",)


def members(number: int, **changes: Any) -> Members:
    rng = np.random.default_rng(number)
    tile = Image.fromarray(rng.integers(0, 256, (3 * VIEW_PX, 3 * VIEW_PX, 3), dtype=np.uint8))
    jpeg = io.BytesIO()
    tile.save(jpeg, "JPEG")
    about = {
        "sample_id": "x", "date": "2019-05-04 7:02 AM PDT", "latitude": 10.0 + number,
        "longitude": 20.0, "text": f"frogs {number}", "title": float("nan"), **changes,
    }  # fmt: skip
    mel = torch.randn(4, FRAMES, BANDS, generator=torch.Generator().manual_seed(number))
    return {
        "audio_mel1.pyd": pickle.dumps(20 * mel - 40),
        "image.jpg": jpeg.getvalue(),
        "meta.json": json.dumps(about).encode(),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    published = tmp_path / "with_sentinel"
    published.mkdir()
    archives = ("yfcc", "iNat", "aporee", "freesound")
    for first, name in ((0, "train_sentinel_0b"), (40, "val_sentinel")):
        keys = [f"{archives[number % 4]}-{number}" for number in range(first, first + 16)]
        write_tar(
            published / f"{name}.tar",
            {key: members(first + row) for row, key in enumerate(keys)},
        )
    return published


def test_recordings_arrive_with_what_is_known_of_them(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = import_shards(folder, out)
    assert report.imported == {"train": 16, "val": 16}
    assert not report.refused
    recordings = Corpus.load(out, "train", zooms=(1, 3), view_px=VIEW_PX).recordings
    by_key = {recording.key: recording for recording in recordings}
    inat, freesound = by_key["iNat-1"], by_key["freesound-3"]
    assert (inat.audio_source, inat.caption_source, inat.caption) == ("inat", "meta", "frogs 1")
    assert (inat.month, inat.hour, inat.cell) == (5, pytest.approx(7 + 2 / 60), "N10E020")
    assert inat.gsd_m == 10.0
    # Freesound's dates are of the upload.
    assert (freesound.month, freesound.hour, freesound.upload_month) == (None, None, 5)


def test_the_best_caption_is_taken_and_stays_what_its_author_wrote(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "clap_score_geosound.csv").write_text(
        ",sample_id,best_caption\n0,yfcc-0,pengi\n1,iNat-1,qwen\n2,aporee-2,meta\n"
    )
    for source, key in (("pengi", "yfcc-0"), ("qwen", "aporee-2")):
        row = {"sample_id": key, f"{source}_caption": f"{source} hears a pond"}
        path = tmp_path / f"geosound_audio_caption_{source}.json"
        path.write_text(json.dumps(row) + "\n")
    out = tmp_path / "out"
    report = import_shards(folder, out, captions=PublishedCaptions.load(tmp_path))
    assert report.refused == {"no qwen caption": 1}  # named as the best, and not there
    recordings = Corpus.load(out, "train", zooms=(), view_px=1).recordings
    captions = {r.key: (r.caption_source, r.caption) for r in recordings}
    assert captions["yfcc-0"] == ("pengi", "pengi hears a pond")
    assert captions["aporee-2"] == ("meta", "frogs 2")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("clap_score_geosound.csv", "sample_id,best_caption\nx,me\n", "line 2.*'me'"),
        ("clap_score_geosound.csv", "sample_id\nx\n", "line 2.*best_caption"),
        ("clap_score_geosound.csv", "sample_id,best_caption\nx\n", "line 2.*fewer fields"),
        ("geosound_audio_caption_qwen.json", '{"qwen_caption": "x"}\n', "line 1.*sample_id"),
        ("geosound_audio_caption_pengi.json", "{\n", "line 1"),
    ],
)
def test_broken_captions_are_named(name: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(CorruptRecording, match=f"{name}: {message}"):
        PublishedCaptions.load(tmp_path)


def test_a_caption_may_hold_what_other_texts_end_lines_with(tmp_path: Path) -> None:
    text = json.dumps({"sample_id": "x", "qwen_caption": "a\u2028b"}, ensure_ascii=False)
    path = tmp_path / "geosound_audio_caption_qwen.json"
    path.write_text(text + "\n", encoding="utf-8")
    assert PublishedCaptions.load(tmp_path).texts[CaptionSource.QWEN] == {"x": "a\u2028b"}


def test_soundingearth_names_its_fields_otherwise(tmp_path: Path) -> None:
    about = {
        "long_key": "9995_11936", "caption": "A pond. The location of the sound is: Bonn.",
        "date_recorded": "June 26th, 2010", "licenseurl": "https://example.org/by/4.0",
    }  # fmt: skip
    write_tar(tmp_path / "train_0.tar", {"9995_11936": members(1, **about)})
    assert imagery_of(tmp_path) == "googleEarth"
    import_shards(tmp_path, tmp_path / "out", 0.2)
    (recording,) = Corpus.load(tmp_path / "out", "train", zooms=(), view_px=1).recordings
    assert (recording.key, recording.audio_source) == ("aporee-9995_11936", "aporee")
    assert recording.caption == "A pond."
    assert (recording.month, recording.hour) == (6, None)
    assert (recording.licence, recording.gsd_m) == ("https://example.org/by/4.0", 0.2)


def test_what_cannot_be_used_is_refused_by_reason_and_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good, no_tile = members(0), members(1)
    del no_tile["image.jpg"]
    write_tar(
        tmp_path / "train_sentinel_0b.tar",
        {
            "yfcc-0": good,
            "yfcc-1": no_tile,
            "yfcc-2": {**good, "audio_mel1.pyd": pickle.dumps(Burglar())},
            "yfcc-3": members(3, latitude=99.0),
            "yfcc-4": members(4, longitude=None),
            "yfcc-5": members(5, text=""),
            "yfcc-6": {**good, "image.jpg": good["image.jpg"][:200]},
            "yfcc-7": {**good, "meta.json": b"{"},
            "vimeo-8": good,
            "yfcc-9": {**good, "audio_mel1.pyd": pickle.dumps(torch.full((4, 2, 2), torch.nan))},
        },
    )
    report = import_shards(tmp_path, tmp_path / "out")
    assert report.imported == {"train": 1}
    assert sum(report.refused.values()) == 9
    reasons = " | ".join(report.refused)
    for expected in (
        "no image.jpg", "posix.system", "latitude outside [-90, 90]", "no longitude",
        "no meta caption", "not a readable image", "not JSON", "unknown archive 'vimeo'",
        "not finite",
    ):  # fmt: skip
        assert expected in reasons
    assert not (tmp_path / "burglar-was-here").exists()


def test_a_resumed_import_reads_only_what_is_missing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, out = tmp_path / "undisturbed", tmp_path / "out"
    import_shards(folder, undisturbed, shard_size=4)
    assert len(list(undisturbed.glob("train-*.tar"))) == 4
    source = PublishedShards(folder, 10.0, shard_size=4)

    def breaks_off(shard: PublishedShards, part: Any) -> Any:
        if part.name == "00000002":
            raise KeyboardInterrupt
        return rows(shard, part)

    rows = PublishedShards.rows
    with monkeypatch.context() as patch:
        patch.setattr(PublishedShards, "rows", breaks_off)
        with pytest.raises(KeyboardInterrupt):
            convert(source, out, workers=1)
    done = {path: path.stat().st_mtime_ns for path in out.glob("*.tar")}
    assert len(done) == 2
    monkeypatch.setattr("psm.importing.published.webdataset.spans", None)  # the index is kept
    report = convert(source, out, workers=1)
    assert report.imported == {"train": 16, "val": 16}
    assert all(path.stat().st_mtime_ns == at for path, at in done.items())
    assert {p.name: p.read_bytes() for p in out.glob("*.tar")} == {
        p.name: p.read_bytes() for p in undisturbed.glob("*.tar")
    }


def test_a_tar_that_is_rewritten_at_the_same_size_is_another_import(tmp_path: Path) -> None:
    path = tmp_path / "test_sentinel.tar"
    for number, text in enumerate(("frogs in a pond", "bells in a town")):
        write_tar(path, {"yfcc-0": members(0, text=text)})
        os.utime(path, ns=(0, 0))
        if number == 0:
            size = path.stat().st_size
            import_shards(tmp_path, tmp_path / "out")
    assert path.stat().st_size == size
    with pytest.raises(SettingsChanged, match=r"another import \(test_sentinel\.tar was"):
        import_shards(tmp_path, tmp_path / "out")


def test_names_of_tars_tell_the_imagery(folder: Path, tmp_path: Path) -> None:
    assert imagery_of(folder) == "sentinel"
    write_tar(tmp_path / "train_bingmap_0b.tar", {"yfcc-0": members(0)})
    assert imagery_of(tmp_path) == "bingmap"


def test_tiles_that_are_too_small_for_a_preset_are_refused(folder: Path, tmp_path: Path) -> None:
    report = import_shards(folder, tmp_path / "out", tile_px=1000)
    assert report.refused == {"image.jpg: smaller than the largest view, 1000 pixels": 32}


def test_no_shards_and_broken_tars_are_errors(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="no published shards"):
        import_shards(tmp_path, tmp_path / "out")
    (tmp_path / "train.tar").write_bytes(b"not a tar" * 1000)
    with pytest.raises(CorruptShard, match=r"train\.tar"):
        import_shards(tmp_path, tmp_path / "out")


def test_imported_shards_train_end_to_end(folder: Path, tmp_path: Path) -> None:
    import_shards(folder, tmp_path / "out")
    experiment: Experiment = tiny_experiment(
        training={"epochs": 1, "batch_size": 8, "precision": "32-true"}
    )
    train(experiment, tmp_path / "out", tmp_path / "model", seed=0)
    assert (tmp_path / "model" / "model.safetensors").is_file()
