"""Data sets of the hub's schema: what is read, computed, refused, and trained on."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pytest
import yaml
from datasets import Value
from pyarrow import parquet

from psm.data.audio import AudioConfig, decode_audio, fused_log_mel
from psm.data.corpus import Corpus
from psm.data.framing import Framing
from psm.data.shards import read_shard
from psm.errors import ConfigError, CorruptShard, MissingData, SettingsChanged
from psm.importing import ImportOptions, open_dataset
from psm.importing.conversion import convert
from psm.importing.published.columns import archive_of
from psm.importing.published.hub import HubDataset
from psm.training import train
from tests import hub
from tests.tiny import BANDS, FRAMES, VIEW_PX, tiny_experiment

FRAMING = Framing(audio=tiny_experiment().model.audio)


def source(origin: Path, **changes: Any) -> HubDataset:
    values = {"imagery": "sentinel", "gsd_m": 10.0, "framing": FRAMING, "buffer_km": 17.0}
    return HubDataset(origin=str(origin), **(values | changes))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hub.write_tiny(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="module")
def imported(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("imported")
    report = convert(source(tiny), out, workers=1)
    assert report.imported == {"train": 24, "val": 12, "test": 8}
    assert not report.refused
    return out


def test_recordings_arrive_with_what_is_known_of_them(imported: Path) -> None:
    corpus = Corpus.load(imported, "train", zooms=(1, 3), view_px=VIEW_PX)
    by_key = {recording.key: recording for recording in corpus.recordings}
    inat, freesound = by_key["iNat-1"], by_key["freesound-3"]
    assert (inat.audio_source, inat.caption_source, inat.caption) == ("inat", "qwen", "frogs 1")
    assert (inat.month, inat.hour, inat.cell) == (5, pytest.approx(7 + 2 / 60), "N10E020")
    assert (inat.lat, inat.lon, inat.gsd_m, inat.licence) == (11.0, 20.0, 10.0, "unknown")
    # Freesound's dates are of the upload.
    assert (freesound.month, freesound.hour, freesound.upload_month) == (None, None, 5)
    assert corpus.mels.shape == (24, 1, FRAMES, BANDS)


def test_row_groups_are_parts_and_only_needed_columns_are_read(tiny: Path, imported: Path) -> None:
    assert len(list(imported.glob("train-*.tar"))) == 4  # two files of 8 + 4 rows
    columns = set(source(tiny).columns)
    assert columns == {
        "sample_id", "audio", "sentinel_image", "latitude", "longitude", "source",
        "audio_caption", "audio_caption_source", "text", "date",
    }  # fmt: skip
    part = source(tiny).parts(imported)[0]
    assert {name for _, row in source(tiny).rows(part) for name in row} == columns


def test_claps_mel_is_computed_from_the_sound_and_jpegs_stay(tmp_path: Path) -> None:
    folder = hub.write(tmp_path / "hub", {
        "train-0": [hub.row(0, audio={"bytes": hub.clip(0, 12.0), "path": None}), hub.row(1)],
        "test-0": [hub.row(2)],
    })  # fmt: skip
    clap = Framing(audio=AudioConfig.clap(), fused=True)
    for name, framing in (("first", clap), ("last", replace(clap, shrunk_first=False))):
        convert(source(folder, framing=framing), tmp_path / name, workers=1)
    long, short = read_shard(tmp_path / "first" / "train-00000.tar")
    waveform = decode_audio(hub.clip(0, 12.0), 48_000, "audio")
    expected = fused_log_mel(waveform, AudioConfig.clap()).astype(np.float16)
    np.testing.assert_array_equal(long.mel, expected)
    assert short.mel.shape == (4, 1001, 64)
    assert (short.mel == short.mel[0]).all()
    last = next(read_shard(tmp_path / "last" / "train-00000.tar"))
    np.testing.assert_array_equal(last.mel, np.roll(expected, -1, axis=0))
    assert hub.tile(0) in (tmp_path / "first" / "train-00000.tar").read_bytes()


def test_imagery_is_chosen_and_becomes_jpeg(tiny: Path, tmp_path: Path) -> None:
    convert(source(tiny, imagery="bingmap", gsd_m=0.6), tmp_path, workers=1)
    sample = next(read_shard(tmp_path / "train-00000.tar"))
    assert sample.tile.shape == (4 * VIEW_PX, 4 * VIEW_PX, 3)
    # Pixels of Web Mercator shrink towards the poles; this place is 10 degrees north.
    assert sample.recording.gsd_m == pytest.approx(0.597164 * math.cos(math.radians(10.0)))
    with pytest.raises(ConfigError, match="its imagery is bingmap_image, sentinel_image"):
        _ = source(tiny, imagery="googleEarth").columns


def test_licences_are_kept(tmp_path: Path) -> None:
    rows = [hub.row(0, license="CC-BY-4.0"), hub.row(1, license=None)]
    folder = hub.write(
        tmp_path / "hub", {"train": rows, "test": [hub.row(2, license="CC0")]},
        license=Value("string"),
    )  # fmt: skip
    report = convert(source(folder), tmp_path / "out", workers=1)
    assert report.licences == {"CC-BY-4.0": 1, "unknown": 1, "CC0": 1}


@pytest.fixture(scope="module")
def soundingearth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("soundingearth")
    rows = [hub.soundingearth_row(number) for number in range(4)]
    rows[1] |= {"audio_caption": "Waves", "audio_caption_source": "qwen", "date_recorded": ""}
    rows[2] |= {"audio_caption": "Bells."}
    test = [hub.soundingearth_row(9, audio_caption=" . ")]
    hub.write(folder / "data", {"train-0": rows, "test-0": test}, hub.SOUNDINGEARTH)
    (folder / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n# SoundingEarth\n")
    return folder


def test_soundingearth_keeps_month_hour_archive_and_licence(
    soundingearth: Path, tmp_path: Path
) -> None:
    dataset = open_dataset(str(soundingearth), ImportOptions(preset=str(tiny_yaml(tmp_path))))
    assert isinstance(dataset, HubDataset)
    assert (dataset.imagery, dataset.gsd_m) == ("googleEarth", 0.2)
    assert "date_recorded as date" in dataset.describe()
    report = convert(dataset, tmp_path / "out", workers=1)
    assert report.imported == {"train": 4}
    assert report.refused == {"no caption": 1}  # of it nothing stands but the appended stop
    by_key = {
        sample.recording.key: sample.recording
        for sample in read_shard(tmp_path / "out" / "train-00000.tar")
    }
    first, second, third = (by_key[f"aporee-9995_{number}"] for number in range(3))
    assert (first.month, first.hour, first.audio_source) == (6, 7.5, "aporee")
    assert (first.lat, first.lon) == (45.1234, 20.4321)  # not 45.12340164: single precision
    assert (first.licence, first.gsd_m) == ("cc-by-4.0", 0.2)
    # The published builder appends a full stop to the recordists' own words, and to no others.
    assert [r.caption for r in (first, second, third)] == ["A pond, 0 frogs.", "Waves", "Bells"]
    assert (second.month, second.hour) == (None, None)


def test_what_is_missing_or_not_read_is_said(
    soundingearth: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    options = ImportOptions(preset=str(tiny_yaml(tmp_path)))
    convert(open_dataset(str(soundingearth), options), tmp_path / "out", workers=1)
    said = " ".join(capsys.readouterr().err.split())
    assert "no column 'source': the archive is read off each sample_id" in said
    assert "every recording has that of the data set, cc-by-4.0" in said
    assert "not read: short_id, mel_features, llava_caption_googleearth_zl1" in said
    assert "months and hours" not in said
    notes = source(tiny).notes()
    assert [note for note in notes if note.startswith("no column")] == [
        "no column for licences: they are unknown, as no card of the data set names one"
    ]
    hub.write(tmp_path / "bare", {"train": [hub.row(0)], "test": [hub.row(1)]})
    for name in ("train", "test"):
        path = tmp_path / "bare" / f"{name}.parquet"
        parquet.write_table(parquet.read_table(path).drop_columns(["date", "source"]), path)
    notes = source(tmp_path / "bare").notes()
    assert "no column 'date_recorded' or 'date': months and hours stay unknown" in notes
    convert(source(tmp_path / "bare"), tmp_path / "bare-out", workers=1)
    recording = next(read_shard(tmp_path / "bare-out" / "train-00000.tar")).recording
    assert (recording.audio_source, recording.month) == ("yfcc", None)


@pytest.mark.parametrize(
    ("sample", "archive"),
    [("aporee-1", "aporee"), ("iNat-2", "inat"), ("mine-3", None), ("aporee", None), ("", None)],
)
def test_the_archive_is_what_the_key_begins_with(sample: str, archive: str | None) -> None:
    assert archive_of(sample) == archive


def tiny_yaml(folder: Path, **model: Any) -> Path:
    path = folder / "tiny.yaml"
    experiment = tiny_experiment()
    model = {**experiment.model.model_dump(mode="json"), **model}
    path.write_text(yaml.safe_dump({"model": model}))
    return path


def test_pengis_captions_are_overwritten_where_an_imported_model_is_compared(
    tmp_path: Path,
) -> None:
    rows = [hub.row(number, audio_caption_source="pengi") for number in range(2)]
    hub.write(tmp_path / "hub", {"train": rows, "test": [hub.row(2, audio_caption="A. ")]})
    for name, reference in (("ours", False), ("published", True)):
        options = ImportOptions(preset=str(tiny_yaml(tmp_path, reference=reference)))
        dataset = open_dataset(str(tmp_path / "hub"), replace(options, imagery="sentinel"))
        convert(dataset, tmp_path / name, workers=1)
        caption = next(read_shard(tmp_path / name / "train-00000.tar")).recording.caption
        assert caption == ("Frogs of 0. The location of the sound is: Bonn." if reference
                           else "frogs 0")  # fmt: skip
    with pytest.raises(SettingsChanged, match="captions"):
        convert(dataset, tmp_path / "ours", workers=1)


def rewrite(path: Path, **columns: Any) -> None:
    """Other values of the same size in a Parquet file."""
    table = parquet.read_table(path)
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    plain = table.replace_schema_metadata(None)  # as anybody but the hub's library writes it
    parquet.write_table(plain, path, compression="none", use_dictionary=False)


def test_a_file_that_is_rewritten_at_the_same_size_is_another_import(tmp_path: Path) -> None:
    folder = hub.write(tmp_path / "hub", {"train": [hub.row(0)], "test": [hub.row(1)]})
    path = folder / "train.parquet"
    rewrite(path, latitude=[45.0])
    size, before = path.stat().st_size, path.stat()
    convert(source(folder), tmp_path / "out", workers=1)
    convert(source(folder), tmp_path / "out", workers=1)
    rewrite(path, latitude=[-45.0])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == size
    with pytest.raises(SettingsChanged, match=r"another import \(train\.parquet was"):
        convert(source(folder), tmp_path / "out", workers=1)


def test_a_binary_column_of_sound_and_images_is_read(tmp_path: Path) -> None:
    folder = hub.write(tmp_path / "hub", {"train": [hub.row(0)], "test": [hub.row(1)]})
    for number, name in enumerate(("train", "test")):
        rewrite(folder / f"{name}.parquet", audio=[hub.clip(number)],
                sentinel_image=[hub.tile(number)])  # fmt: skip
    report = convert(source(folder), tmp_path / "out", workers=1)
    assert report.imported == {"train": 1, "test": 1}
    for name in ("train", "test"):
        rewrite(folder / f"{name}.parquet", audio=["/etc/hostname"])
    report = convert(source(folder), tmp_path / "named", workers=1)
    assert report.refused == {"audio: names a file, and does not hold it": 2}


def test_a_split_of_another_name_is_left_out_or_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    names = ("train", "test", "extra")
    files = {f"{name}-00000-of-00001": [hub.row(number)] for number, name in enumerate(names)}
    hub.write(tmp_path / "hub" / "data", files)
    folder = tmp_path / "hub"
    report = convert(source(folder), tmp_path / "out", workers=1)
    assert report.imported == {"train": 1, "test": 1}
    assert "split 'extra' is left out; --split extra=train takes it" in capsys.readouterr().err
    taken = convert(source(folder, splits={"extra": "test"}), tmp_path / "taken", workers=1)
    assert taken.imported == {"train": 1, "test": 2}
    with pytest.raises(ConfigError, match=r"no split 'more'; its splits are .*extra"):
        source(folder, splits={"more": "train"}).parts(tmp_path)
    files = {"alpha-0": [hub.row(0)], "beta-0": [hub.row(1)]}
    strange = hub.write(tmp_path / "strange", {**files, "older": [hub.row(5)]})
    (strange / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files:\n"
        "  - {split: alpha, path: alpha-0.parquet}\n  - {split: beta, path: beta-0.parquet}\n---\n"
    )
    with pytest.raises(ConfigError, match="none of its splits alpha, beta is one of train"):
        source(strange).parts(tmp_path)
    told = {"alpha": "train", "beta": "val"}
    assert "files that belong to no split: older.parquet" in source(strange, splits=told).notes()
    assert convert(source(strange, splits=told), tmp_path / "told", workers=1).imported == {
        "train": 1,
        "val": 1,
    }


def test_what_cannot_be_used_is_refused_by_reason(tmp_path: Path) -> None:
    bad = {
        "audio: not a readable audio file": {"audio": {"bytes": b"noise" * 99, "path": None}},
        "no audio": {"audio": {"bytes": None, "path": "/etc/hostname"}},
        "no sentinel_image": {"sentinel_image": None},
        "sentinel_image: not a readable image (of no known format)": {
            "sentinel_image": {"bytes": b"tile" * 99, "path": None}
        },
        "sentinel_image: smaller than the largest view, 48 pixels": {
            "sentinel_image": {"bytes": hub.tile(0, 40), "path": None}
        },
        "no latitude": {"latitude": None},
        "longitude outside [-180, 180]": {"longitude": 200.0},
        "unknown archive 'vimeo'": {"source": "vimeo"},
        "unknown caption source 'me'": {"audio_caption_source": "me"},
        "no caption": {"audio_caption": " ", "text": "The location of the sound is: Bonn."},
        "no name": {"sample_id": "../.."},
    }
    good = hub.row(20, audio_caption=None)
    folder = hub.write(tmp_path / "hub", {
        "train": [good, *(hub.row(n, **changes) for n, changes in enumerate(bad.values()))],
        "test": [hub.row(21, source=None, date=None)],
    })  # fmt: skip
    report = convert(source(folder, tile_px=48), tmp_path / "out", workers=1)
    assert report.imported == {"train": 1, "test": 1}
    reasons = [reason.partition(" (Format")[0] for reason in report.refused]
    assert sorted(reasons) == sorted(bad)
    (own,) = Corpus.load(tmp_path / "out", "train", zooms=(), view_px=1).recordings
    assert (own.caption_source, own.caption) == ("meta", "Frogs of 20.")
    (other,) = Corpus.load(tmp_path / "out", "test", zooms=(), view_px=1).recordings
    assert (other.audio_source, other.month, other.hour) == (None, None, None)


def test_one_split_is_split_by_place(tmp_path: Path) -> None:
    rows = [
        hub.row(n, latitude=-40.0 + 2.0 * n, longitude=(137.5 * n) % 360 - 180) for n in range(48)
    ]
    hub.write(tmp_path, {"everything": rows})
    report = convert(source(tmp_path / "everything.parquet"), tmp_path / "out", workers=1)
    assert {"train", "test"} <= set(report.imported)
    assert sum(report.imported.values()) + report.refused["in the buffer between splits"] == 48


def test_columns_that_are_missing_are_named(tmp_path: Path) -> None:
    from datasets import Dataset

    Dataset.from_dict({"sample_id": ["a"], "latitude": [1.0]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ConfigError, match="no column 'audio'; its columns are sample_id, lat"):
        source(tmp_path / "a.parquet").describe()


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(b"no parquet" * 100)
    with pytest.raises(CorruptShard, match=r"not a readable data set"):
        source(tmp_path).describe()


def test_imported_shards_train_end_to_end(imported: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(training={"epochs": 1, "batch_size": 8, "precision": "32-true"})
    train(experiment, imported, tmp_path / "model", seed=0)
    assert (tmp_path / "model" / "model.safetensors").is_file()


def test_a_hub_id_is_pinned_to_a_commit_and_read_file_by_file(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, asked = datasets.load_dataset, []

    def stands_in(origin: str, *, revision: str, **options: Any) -> Any:
        asked.append((origin, revision))
        return load(str(tiny), **options)

    def info(api: Any, origin: str, *, revision: str | None) -> SimpleNamespace:  # noqa: ARG001
        return SimpleNamespace(sha="c0ffee")

    monkeypatch.setattr("datasets.load_dataset", stands_in)
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", info)
    pinned = source(Path("MVRL/GeoSound")).pinned()
    assert pinned.fingerprint()["content"] == "c0ffee"
    report = convert(pinned, tmp_path, workers=1)
    assert report.imported == {"train": 24, "val": 12, "test": 8}
    assert len(list(tmp_path.glob("train-*.tar"))) == 2
    assert set(asked) == {("MVRL/GeoSound", "c0ffee")}


def test_an_unreachable_hub_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(api: Any, origin: str, *, revision: str | None) -> None:  # noqa: ARG001
        raise RuntimeError("no route to host\nand more")

    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", fails)
    with pytest.raises(MissingData, match=r"cannot be reached \(no route to host\)$"):
        source(Path("MVRL/GeoSound")).pinned()
