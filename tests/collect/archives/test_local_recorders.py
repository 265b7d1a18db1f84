"""A folder as recorders left it, as the archive `local` lists it: clips, places, captions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from psm.collect.archives.archive import ListedRecording, ListingRequest
from psm.collect.archives.registry import open_archive
from psm.collect.refusal import Refused
from psm.data.dates import Clock
from psm.errors import ConfigError
from psm.importing.field import deployments, matching
from tests.importing.field.cards import FIRST, RATE_HZ, SECOND, card


def listed(folder: Path, **settings: object) -> tuple[list[ListedRecording], dict[str, str]]:
    given = {"folder": str(folder), **settings}
    pages = list(open_archive("local", given).list(ListingRequest()))
    records = [record for page in pages for record in page.records]
    return records, {name: reason for page in pages for name, reason in page.refused}


def test_clips_have_place_time_words_and_names_of_their_own(tmp_path: Path) -> None:
    folder = card(tmp_path, [FIRST, "H9_20230514_043000"])
    records, refused = listed(
        folder,
        deployments=str(tmp_path / "sites.csv"),
        detections=str(tmp_path / "birdnet.csv"),
        least="0.5",  # as a command line gives it
    )
    first, second = records
    assert (first.lat, first.lon, first.suffix) == (52.9, 10.1, ".wav")
    assert first.description.startswith("Turdus merula bird (Turdus merula), Erithacus")
    assert first.more["sounds"] == "Turdus merula\nErithacus rubecula"
    assert (second.species, second.recorded) == ("Strix aluco", "2023-05-14T04:30:16")
    assert second.clock is Clock.LOCAL
    assert first.id != second.id
    assert {*refused.values()} == {matching.NO_RECORDING, deployments.UNKNOWN_RECORDER}


def test_fetching_a_clip_cuts_it_out_and_leaves_the_recording_alone(tmp_path: Path) -> None:
    folder = card(tmp_path, [SECOND])
    settings = {"folder": str(folder), "cut": "10", "lat": 1, "lon": 2}
    source = open_archive("local", settings)
    *_, last = next(source.list(ListingRequest())).records
    assert (last.more["begin_s"], last.more["end_s"], last.lat) == ("20.0", "30.0", 1.0)
    source.fetch(last, tmp_path / "clip.wav")
    whole, _ = soundfile.read(folder / last.more["file"], dtype="float32")
    clip, rate_hz = soundfile.read(tmp_path / "clip.wav", dtype="float32")
    assert rate_hz == RATE_HZ
    assert np.array_equal(clip, whole[20 * RATE_HZ :])
    (folder / last.more["file"]).write_bytes(b"RIFF")
    with pytest.raises(Refused):
        source.fetch(last, tmp_path / "other.wav")
    (folder / last.more["file"]).unlink()
    with pytest.raises(Refused, match="gone"):
        source.fetch(last, tmp_path / "other.wav")


def test_a_place_of_all_is_for_those_that_say_none(tmp_path: Path) -> None:
    folder = card(tmp_path, [FIRST, "H9_20230514_043000"], 1.0)
    table = str(tmp_path / "sites.csv")
    records, refused = listed(folder, deployments=table, lat=1, lon=2)
    assert [record.lat for record in records] == [52.9, 1.0]
    assert not refused


def test_a_table_of_files_and_one_of_recorders_are_one_too_many(tmp_path: Path) -> None:
    folder = card(tmp_path, [FIRST], 1.0)
    table = str(tmp_path / "sites.csv")
    with pytest.raises(ConfigError, match="rows of recorders may stand in the deployments"):
        open_archive("local", {"folder": str(folder), "table": table, "deployments": table})
