"""`psm data import` of a folder of recorders: shards with clips, captions, labels and times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from psm.data.corpus import Corpus
from psm.errors import ConfigError
from psm.importing.conversion import convert
from psm.importing.dataset import ImportOptions
from psm.importing.field import dataset as dataset_module
from psm.importing.field import deployments
from psm.importing.field.dataset import FieldRecordings
from psm.importing.formats import FORMATS, open_dataset, recognise
from psm.yamlfiles import write_yaml
from tests import hub
from tests.data.recorders.soundfiles import guano
from tests.importing.field.cards import FIRST, SECOND, card, sound
from tests.test_cli import psm
from tests.tiny import tiny_experiment

CLIP_S = tiny_experiment().model.audio.clip_s


def tiled(folder: Path, *keys: str) -> Path:
    """The folder, with a tile of each recording."""
    for number, key in enumerate(keys):
        path = folder / "tiles" / f"{key}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(hub.tile(number))
    return folder


def test_the_command_makes_a_data_set_of_a_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = card(tmp_path, [FIRST, SECOND, "H9_20230514_043000"])
    sound(folder / "whole.wav", 1.0)
    write_yaml(tiny_experiment(), tmp_path / "tiny.yaml")
    command: list[str | Path] = ["data", "import", folder, tmp_path / "out", "--workers", "1"]
    command += ["--deployments", tmp_path / "sites.csv", "--detections", tmp_path / "birdnet.csv"]
    command += ["--preset", tmp_path / "tiny.yaml", "--gsd", "10"]
    keys = [path.stem for path in keys_of(folder, tmp_path)]
    tiled(folder, *keys)
    assert psm(*command) == 0
    printed, said = capsys.readouterr()
    assert "all in train: its 1 place cannot be split 0.72 km apart" in said
    assert (
        "4 recordings of recorders; time and place from their files and from sites.csv" in printed
    )
    assert "birdnet.csv, of which 4 of 5 detections count" in printed
    corpus = Corpus.load(tmp_path / "out", "train", zooms=(), view_px=1)
    first, *_, last = corpus.recordings
    assert (first.month, first.hour, first.lat) == (5, 4.5, 52.9)
    assert last.sounds == ("Parus major",)
    assert last.caption == "Parus major bird (Parus major)"
    report = json.loads((tmp_path / "out" / "import" / "report.json").read_text())
    assert report["refused"] == {deployments.UNKNOWN_RECORDER: 2}
    refused = (tmp_path / "out" / "import" / "refused.csv").read_text()
    assert "H9_20230514_043000" in refused


def keys_of(folder: Path, beside: Path) -> list[Path]:
    """Names of the clips."""
    from psm.importing.field.recordings import FieldFolder, FieldOptions

    options = FieldOptions(
        deployments=beside / "sites.csv", detections=beside / "birdnet.csv", clip_s=CLIP_S
    )
    return [Path(clip.name) for clip in FieldFolder(folder, options).clips() if not clip.problem]


def dataset(folder: Path, **options: Any) -> FieldRecordings:
    write_yaml(tiny_experiment(), folder.parent / "tiny.yaml")
    given: dict[str, Any] = {
        "preset": str(folder.parent / "tiny.yaml"),
        "gsd_m": 10.0,
        "splits": {"all": "test"},
    }
    found = open_dataset(str(folder), ImportOptions(**(given | options)))
    assert isinstance(found, FieldRecordings)
    return found


def test_files_of_one_name_have_keys_of_their_folders_and_clocks_that_were_not_set_are_counted(
    tmp_path: Path,
) -> None:
    for name in ("a/19700101_000500.WAV", "b/19700101_000500.WAV", "b/XY_20230514_043000.WAV"):
        sound(tmp_path / "cards" / name, 1.0)
    (tmp_path / "sites.csv").write_text("folder,lat,lon\na,1,2\nb,3,4\n")
    head = "file,start,end,label\n"
    rows = ("a/19700101_000500", "b/19700101_000500", "XY_20230514_043000")
    (tmp_path / "labels.csv").write_text(head + "".join(f"{row}.wav,0,1,owl\n" for row in rows))
    tiled(tmp_path / "cards", "a_19700101_000500", "b_19700101_000500", "XY_20230514_043000")
    report = convert(
        dataset(tmp_path / "cards", deployments=tmp_path / "sites.csv",
                detections=tmp_path / "labels.csv", cut="whole"),
        tmp_path / "out", workers=1,
    )  # fmt: skip
    assert report.imported == {"test": 3}
    assert report.unknown == {"date: the first day of a clock that was never set": 2}


@pytest.mark.parametrize(("has_timezones", "hour"), [(True, 0.25), (False, None)])
def test_utc_becomes_local_time_where_time_zones_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_timezones: bool, hour: float | None
) -> None:
    monkeypatch.setattr(dataset_module, "has_timezones", lambda: has_timezones)
    stamp = guano("Timestamp: 2023-05-31T22:15:00Z", "Loc Position: 52.5 13.4",
                  "Species Manual ID: Strix aluco")  # fmt: skip
    sound(tmp_path / "cards" / "owl.wav", 1.0, stamp)
    tiled(tmp_path / "cards", "owl")
    found = dataset(tmp_path / "cards")
    assert any("psm-maps[collect]" in note for note in found.notes()) is not has_timezones
    report = convert(found, tmp_path / "out", workers=1)
    (owl,) = Corpus.load(tmp_path / "out", "test", zooms=(), view_px=1).recordings
    assert (owl.month, owl.hour) == (6 if has_timezones else None, hour)
    assert bool(report.unknown) is not has_timezones


def test_an_import_goes_on_with_the_same_tables_alone(tmp_path: Path) -> None:
    folder = card(tmp_path, [FIRST], 1.0)
    (folder / "tiles").mkdir()
    tables = {"deployments": tmp_path / "sites.csv", "detections": tmp_path / "birdnet.csv"}
    claim = dataset(folder, **tables).fingerprint()
    assert dataset(folder, **tables).fingerprint() == claim
    assert dataset(folder, **tables, least=0.9).fingerprint() != claim
    assert dataset(folder, **tables, cut="60").fingerprint() != claim
    with (tmp_path / "birdnet.csv").open("a") as table:
        table.write("\n")
    assert dataset(folder, **tables).fingerprint() != claim


def test_a_folder_of_recorders_is_one_without_a_table_or_with_tables_that_are_named(
    tmp_path: Path,
) -> None:
    folder = card(tmp_path, [FIRST], 1.0)
    assert recognise(str(folder)) is FORMATS["recorders"]
    (folder / "sites.csv").write_text("recorder,lat,lon\nH3,1,2\n")
    assert recognise(str(folder)) is FORMATS["table"]
    found = open_dataset(str(folder), ImportOptions(deployments=folder / "sites.csv"))
    assert isinstance(found, FieldRecordings)
    with pytest.raises(ConfigError, match="--least-score is an option of recorders"):
        open_dataset(str(folder), ImportOptions(least_score=0.0))
    with pytest.raises(ConfigError, match="of your own recordings it is --split all=train"):
        dataset(folder, deployments=folder / "sites.csv", splits={"extra": "train"})
