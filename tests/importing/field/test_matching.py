"""What was detected is of a recording of that name in that folder, or of none."""

from __future__ import annotations

from pathlib import Path

import pytest

from psm.importing.field.detections import Detections
from psm.importing.field.labels import DetectionTable, Label
from psm.importing.field.matching import NO_RECORDING, OTHER_FOLDER, SEVERAL, matched

AT = "20240512_043000.WAV"


def detections(*tables: tuple[str, list[str]]) -> Detections:
    """Tables by their names, each with the files that they say something is heard in."""
    return Detections(Path("birdnet"), [
        DetectionTable(origin=origin, labels=[Label(word=f"{origin} {n}", file=file)
                                              for n, file in enumerate(files)])
        for origin, files in tables
    ])  # fmt: skip


def found(names: list[str], *tables: tuple[str, list[str]], home: str = "card") -> dict[str, int]:
    """Labels of each recording, and of each reason."""
    result = matched(detections(*tables), names, home=Path(home))
    counts = {name: len(labels) for name, labels in result.labels.items()}
    for _, reason, detail in result.refused:
        counts[reason] = counts.get(reason, 0) + int(detail.split(" ")[0])
    return counts


def test_a_recorder_without_its_card_gives_no_label_to_another_on_the_same_timetable() -> None:
    own, lost = ("a.csv", [f"D:\\park\\moth1\\{AT}"]), ("b.csv", [f"D:\\park\\moth2\\{AT}"])
    assert found([f"moth1/{AT}"], own, lost) == {f"moth1/{AT}": 1, OTHER_FOLDER: 1}
    assert found([f"moth1/{AT}", f"moth3/{AT}"], own, lost) == {f"moth1/{AT}": 1, OTHER_FOLDER: 1}
    # The card itself may be what is imported.
    assert found([AT], own, lost, home="card/moth1") == {AT: 1, OTHER_FOLDER: 1}


def test_one_table_that_speaks_of_several_folders_leaves_open_whose_a_lone_file_is() -> None:
    both = ("all.csv", [f"D:\\park\\moth1\\{AT}", f"D:\\park\\moth2\\{AT}"])
    assert found([f"renamed/{AT}"], both) == {OTHER_FOLDER: 2}
    assert found([f"moth2/{AT}"], both) == {f"moth2/{AT}": 1, OTHER_FOLDER: 1}


def test_tables_of_two_programs_name_one_recording_in_folders_of_their_own() -> None:
    tables = ("birdnet.csv", [f"D:\\in\\{AT}"]), ("raven.txt", [f"/home/x/raven/{AT}"])
    assert found([f"moth1/{AT}"], *tables) == {f"moth1/{AT}": 2}
    name = "H3_20240512_043000.wav"
    named = ("birdnet.csv", [f"D:\\in\\{name}"]), ("raven.txt", [f"H3/{name}"])
    assert found([f"H3/{name}"], *named) == {f"H3/{name}": 2}


def test_tables_in_folders_of_recorders_are_of_their_recordings() -> None:
    names = [f"moth1/{AT}", f"moth2/{AT}"]
    bare = ("moth1/results.csv", [AT]), ("moth2/20240512_043000.BirdNET.results.csv", [""])
    assert found(names, *bare) == dict.fromkeys(names, 1)
    assert found(names[:1], bare[1], ("moth1/20240512_043000.txt", [""])) == {
        names[0]: 1, OTHER_FOLDER: 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "reason"),
    [(AT, SEVERAL), (f"E:/moth9/{AT}", OTHER_FOLDER), ("20240513_043000.WAV", NO_RECORDING)],
)
def test_what_is_of_no_recording_says_why(said: str, reason: str) -> None:
    assert found([f"moth1/{AT}", f"moth2/{AT}"], ("a.csv", [said])) == {reason: 1}
