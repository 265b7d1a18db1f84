"""Folders of recorders: every file is a clip with place, time and caption, or a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psm.data.dates import Clock
from psm.data.sound.decoder import read_part, read_whole
from psm.data.sound.media import opened
from psm.errors import ConfigError, MissingData, UnusableSound
from psm.importing.field import clips, deployments, matching, placing, recordings
from psm.importing.field.clips import Cut, clips_of
from psm.importing.field.labels import Label
from psm.importing.field.placing import FieldClip
from psm.importing.field.recordings import FieldFolder, FieldOptions
from tests.data.recorders.soundfiles import guano
from tests.importing.field.cards import (
    BIRDNET,
    DEPLOYMENTS,
    FIRST,
    SECOND,
    card,
    detected,
    sound,
)


def read(folder: Path, **options: Any) -> list[FieldClip]:
    return list(FieldFolder(folder, FieldOptions(**options)).clips())


def tables(tmp_path: Path) -> dict[str, Path]:
    return {"deployments": tmp_path / "sites.csv", "detections": tmp_path / "birdnet.csv"}


def test_long_recordings_are_cut_where_something_was_detected(tmp_path: Path) -> None:
    found = read(card(tmp_path), **tables(tmp_path), clip_s=10.0)
    assert [(c.begin_s, c.end_s, c.sounds) for c in found] == [
        (0.0, 10.0, ("Turdus merula", "Erithacus rubecula")),
        (16.5, 26.5, ("Strix aluco",)),
        (20.0, 30.0, ("Parus major",)),
    ]
    first, second, third = found
    assert first.caption == (
        "Turdus merula bird (Turdus merula), Erithacus rubecula bird (Erithacus rubecula)"
    )
    assert (first.lat, first.lon, first.site, first.recorder) == (52.9, 10.1, "Heath", "H3")
    assert (second.recorded, second.clock) == ("2023-05-14T04:30:16", Clock.LOCAL)
    assert third.name == f"Data/{SECOND}-0020000-0030000ms.wav"


def test_thresholds_decide_what_counts(tmp_path: Path) -> None:
    found = read(card(tmp_path), **tables(tmp_path), least=0.85)
    assert [(c.sounds, c.problem) for c in found] == [
        (("Turdus merula",), ""), ((), recordings.NOT_DETECTED),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cut", "spans"),
    [
        ("whole", [(None, None)]),
        ("15", [(0.0, 15.0), (15.0, 30.0)]),
        ("14", [(0.0, 14.0), (14.0, 30.0)]),  # what is left is not lost
        ("3600", [(None, None)]),
    ],
)
def test_recordings_are_cut_at_intervals(
    tmp_path: Path, cut: str, spans: list[tuple[float | None, float | None]]
) -> None:
    folder = card(tmp_path, [FIRST])
    found = read(folder, deployments=tmp_path / "sites.csv", cut=cut)
    assert [(c.begin_s, c.end_s) for c in found] == spans
    (tmp_path / "birdnet.csv").write_text(BIRDNET + detected(FIRST, (2, 5, "Strix aluco", 0.9)))
    found = read(folder, **tables(tmp_path), cut=cut)
    assert found[0].sounds == ("Strix aluco",)
    assert [c.problem for c in found[1:]] == [recordings.NOT_DETECTED] * (len(spans) - 1)


def test_a_sound_longer_than_a_clip_is_not_cut() -> None:
    labels = [Label(word="rain", start_s=5.0, end_s=25.0), Label(word="drop", start_s=6, end_s=6)]
    (clip,) = clips_of(labels, 60.0, Cut(clips.DETECTIONS, 10.0))
    assert (clip.begin_s, clip.end_s, clip.caption) == (5.0, 25.0, "rain, drop")
    (whole,) = clips_of([Label(word="rain")], 60.0, Cut(clips.DETECTIONS, 10.0))
    assert (whole.begin_s, whole.caption) == (None, "rain")


def test_part_of_a_recording_is_what_is_there_in_the_whole(tmp_path: Path) -> None:
    for suffix in ("wav", "flac"):
        path = sound(tmp_path / f"a.{suffix}", 5.0)
        with opened(path) as media:
            whole = read_whole(media, longest_s=60.0, most_mb=10.0).samples
        with opened(path) as media:
            part = read_part(media, from_s=2.0, kept_s=1.5)
        assert part.duration_s == 5.0
        assert np.array_equal(part.samples, whole[16_000:28_000])
        with opened(path) as media, pytest.raises(UnusableSound, match="behind the end"):
            read_part(media, from_s=5.0, kept_s=1.0)


def test_what_a_header_names_is_a_label_where_no_table_speaks_of_it(tmp_path: Path) -> None:
    named = guano("Species Manual ID: Strix aluco", "Loc Position: 48.2 16.4")
    sound(tmp_path / "owl.wav", 1.0, named)
    sound(tmp_path / "slow.wav", 1.0, guano("TE: 10", "Loc Position: 48.2 16.4"))
    found = {c.file: c for c in read(tmp_path)}
    assert (found["owl.wav"].caption, found["owl.wav"].lat) == ("Strix aluco", 48.2)
    assert found["slow.wav"].problem == placing.SLOWED


def test_every_recording_that_cannot_be_used_has_its_reason(tmp_path: Path) -> None:
    names = [FIRST, "H9_20230514_043000", "H3_20120514_043000", "H3_20880514_043000"]
    folder = card(tmp_path, names, 1.0)
    (tmp_path / "sites.csv").write_text(DEPLOYMENTS + "H4,Bog,north,8.9,,\n")
    found = read(folder, deployments=tmp_path / "sites.csv")
    assert [(Path(c.file).name, c.problem) for c in found] == [
        ("H3_20120514_043000.wav", deployments.NOWHERE),  # its clock is in the wrong year
        (f"{FIRST}.wav", ""),
        ("H3_20880514_043000.wav", placing.AHEAD),
        ("H9_20230514_043000.wav", deployments.UNKNOWN_RECORDER),
        ("sites.csv, line 3", "no place: latitude and longitude are no degrees"),
    ]
    assert "is its clock right?" in found[0].detail
    assert [c.problem for c in read(folder)[:2]] == [placing.NO_PLACE] * 2


def test_two_recorders_at_one_place_are_two_recorders(tmp_path: Path) -> None:
    folder = card(tmp_path, [FIRST, "H4_20230514_043000"], 1.0)
    (tmp_path / "sites.csv").write_text(DEPLOYMENTS + "H4,Heath,52.9,10.1,,\n")
    found = read(folder, deployments=tmp_path / "sites.csv")
    assert [(c.recorder, c.site, c.problem) for c in found] == [
        ("H3", "Heath", ""), ("H4", "Heath", ""),
    ]  # fmt: skip


def test_detections_without_their_recordings_are_told(tmp_path: Path) -> None:
    folder = card(tmp_path, [FIRST])
    *_, lost = read(folder, **tables(tmp_path))
    assert (lost.file, lost.problem, lost.detail) == (
        f"D:\\field\\{SECOND}.wav", matching.NO_RECORDING, "1 in birdnet.csv",
    )  # fmt: skip
    (tmp_path / "birdnet.csv").write_text(BIRDNET + detected("other", (0, 3, "Strix aluco", 0.9)))
    with pytest.raises(MissingData, match=r"birdnet\.csv: speaks of no recording in .*other"):
        read(folder, **tables(tmp_path))


def test_files_that_recorders_number_alike_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for moth in ("moth1", "moth2"):
        sound(tmp_path / "cards" / moth / "20230514_043000.WAV", 1.0)
    head, row = "file,start,end,label\n", "{}20230514_043000.WAV,0,1,{}\n"
    both = head + row.format("E:/x/moth1/", "owl") + row.format("moth2\\", "wren")
    (tmp_path / "labels.csv").write_text(both + row.format("", "fox"))
    (tmp_path / "sites.csv").write_text("folder,lat,lon\nmoth1,1,2\nmoth2,3,4\n")
    *found, lost = read(
        tmp_path / "cards",
        deployments=tmp_path / "sites.csv",
        detections=tmp_path / "labels.csv",
    )
    assert [(c.lat, c.caption) for c in found] == [(1.0, "owl"), (3.0, "wren")]
    assert lost.problem == matching.SEVERAL


def test_tables_that_name_no_file_are_of_the_file_that_they_are_named_after(tmp_path: Path) -> None:
    folder = card(tmp_path, [FIRST, f"{FIRST}_000"], 1.0)
    (tmp_path / "labels").mkdir()
    for name, word in ((FIRST, "owl"), (f"{FIRST}_000", "wren")):
        (tmp_path / "labels" / f"{name}.Table.1.selections.txt").write_text(f"0\t1\t{word}\n")
    found = read(
        folder, deployments=tmp_path / "sites.csv", detections=tmp_path / "labels", cut="whole"
    )
    assert {Path(c.file).stem: c.caption for c in found} == {FIRST: "owl", f"{FIRST}_000": "wren"}


def test_times_of_day_become_seconds_of_the_file(tmp_path: Path) -> None:
    folder = card(tmp_path, [FIRST])
    head = "eventDate,scientificName,associatedMedia\n"
    text = f"2023-05-14T04:30:20/2023-05-14T04:30:23,Strix aluco,{FIRST}.wav\n"
    text += f"2023-05-14T05:30:20/2023-05-14T05:30:23,Parus major,{FIRST}.wav\n"
    (tmp_path / "occurrence.csv").write_text(head + text)
    outside, inside = read(
        folder, deployments=tmp_path / "sites.csv", detections=tmp_path / "occurrence.csv"
    )
    assert (inside.begin_s, inside.end_s, inside.caption) == (16.5, 26.5, "Strix aluco")
    assert (outside.problem, outside.detail) == (recordings.OUTSIDE, "Parus major at 3620 of 30 s")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cut": "detections"}, ConfigError, "where are they"),
        ({"cut": "often"}, ConfigError, "choose whole, detections, or seconds"),
        ({"least": 7.0}, ConfigError, r"lies in \[0, 1\]"),
        ({"deployments": Path("lost.csv")}, MissingData, "lost.csv: no such table of deployments"),
        ({"detections": "logits.csv"}, ConfigError, "say from which on they count: --least-score"),
    ],
)
def test_bad_options_are_one_line(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    folder = card(tmp_path, [FIRST], 1.0)
    (tmp_path / "logits.csv").write_text(f"filename,start,end,label,logits\n{FIRST}.wav,0,1,x,2\n")
    if "detections" in options:
        options = {"detections": tmp_path / options["detections"]}
    with pytest.raises(error, match=message):
        read(folder, **options)
    (tmp_path / "none").mkdir()
    with pytest.raises(MissingData, match="no recordings in it"):
        read(tmp_path / "none")
