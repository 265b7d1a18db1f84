"""Tables of detections of many programs say the same of the same recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from psm.errors import ConfigError, GuessedEncoding, MissingData
from psm.importing.field.detections import read_detections, read_table_of_detections
from psm.importing.field.labels import DetectionTable, Label, Presence, with_both_names
from psm.importing.field.labeltables import RUNS_ON

ROBIN = "0.0,3.0,Erithacus rubecula,European Robin,0.8135,D:\\data\\a.wav"
RAVEN = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)"


def read(tmp_path: Path, text: str, name: str = "table.csv") -> DetectionTable:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return read_table_of_detections(path)


def said(label: Label, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(label, name) for name in names)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (  # BirdNET-Analyzer
            "Start (s),End (s),Scientific name,Common name,Confidence,File\n" + ROBIN,
            ("Erithacus rubecula", "European Robin", ""),
        ),
        (  # the same, for Kaleidoscope
            "OFFSET,confidence,INDIR,FOLDER,IN FILE,DURATION,TOP1MATCH\n"
            "0.0,0.8135,D:\\data,x,a.wav,3.0,European Robin",
            ("", "European Robin", ""),
        ),
        (  # the same, for R: no place is given
            "filepath,start,end,scientific_name,common_name,confidence,lat,lon,week\n"
            "D:\\data\\a.wav,0.0,3.0,Erithacus rubecula,European Robin,0.8135,-1.0,-1.0,-1",
            ("Erithacus rubecula", "European Robin", ""),
        ),
        (  # opensoundscape, a column a class
            "file,start_time,end_time,eurbla,eurrob1\nx/a.wav,0.0,3.0,0.0,0.8135",
            ("", "", "eurrob1"),
        ),
        (  # ecoSound-web
            "recording,confidence,min_time,max_time,species,uncertain,sound type\n"
            "a,0.8135,0,3,Erithacus rubecula,0,animal",
            ("", "", "Erithacus rubecula"),
        ),
    ],
)
def test_columns_are_found_by_name(tmp_path: Path, text: str, names: tuple[str, ...]) -> None:
    table = read(tmp_path, text + "\n")
    (label,) = table.labels
    assert said(label, "scientific", "common", "word") == names
    assert said(label, "start_s", "end_s", "confidence", "lat") == (0.0, 3.0, 0.8135, None)
    assert Path(label.file.replace("\\", "/")).stem == "a"
    assert label.counts(0.8, None)
    assert not label.counts(0.9, None)


def test_times_that_run_on_over_files_are_those_of_the_file(tmp_path: Path) -> None:
    head = f"{RAVEN}\tBegin File\tFile Offset (s)\tSpecies\n"
    rows = "1\tS 1\t1\t0.5\t3\t9\t99\ta.wav\t0.5\tx\n2\tS 1\t1\t15.5\t18\t9\t99\tb.wav\t0.5\ty\n"
    table = read(tmp_path, head + rows)
    assert [said(one, "file", "start_s", "end_s") for one in table.labels] == [
        ("a.wav", 0.5, 3.0),
        ("b.wav", 0.5, 3.0),
    ]
    without = (head + rows).replace("\tFile Offset (s)", "").replace("wav\t0.5", "wav")
    assert [problem for _, problem in read(tmp_path, without).problems] == [RUNS_ON, RUNS_ON]


def test_a_selection_is_one_label_however_many_views_show_it(tmp_path: Path) -> None:
    rows = (
        "1\tWaveform 1\t1\t0.5\t3\t\t\trobin\t\r\n1\tSpectrogram 1\t1\t0.5\t3\t9\t99\trobin\t\r\n"
    )
    (label,) = read(tmp_path, f"{RAVEN}\tAnnotation\t\r\n{rows}", "a.selections.txt").labels
    assert said(label, "word", "low_hz", "high_hz") == ("robin", 9.0, 99.0)


def test_the_column_of_an_annotator_may_be_called_as_he_likes(tmp_path: Path) -> None:
    table = read(tmp_path, f"{RAVEN}\tWas singt da?\n1\tS 1\t1\t0.5\t3\t9\t99\tAmsel\n")
    assert table.labels[0].word == "Amsel"


def test_nothing_found_is_no_label(tmp_path: Path) -> None:
    header = f"{RAVEN}\tCommon Name\tConfidence\tBegin Path\n"
    nocall = read(tmp_path, header + "1\tS 1\t1\t0\t3\t0\t9\tnocall\t1.0\ta.wav\n")
    assert (nocall.labels, nocall.looked_at) == ([], ("a.wav",))
    empty = read(tmp_path, f"{RAVEN}\tSpecies\n", "a.Table.1.selections.txt")
    assert (empty.labels, empty.looked_at) == ([], ("",))


def test_label_tracks_have_no_header(tmp_path: Path) -> None:
    text = "0,25\t3,0\tcall\n\\\t2100.0\t-1.0\n14.0\t14.0\tclick\n\n13\t14\t\nnoon\t1\tx\n"
    table = read(tmp_path, text, "a.txt")
    first, click, nameless = table.labels
    assert said(first, "start_s", "word", "low_hz", "high_hz") == (0.25, "call", 2100.0, None)
    assert said(click, "start_s", "end_s") == (14.0, 14.0)
    assert not nameless.counts(0.0, None)
    assert table.problems == [(6, "no label: begin and end are no numbers")]
    birdnet = read(tmp_path, "0\t3\tTurdus merula_Eurasian Blackbird\t0.44\n", "b.txt").labels[0]
    assert said(birdnet, "scientific", "common", "confidence") == (
        "Turdus merula", "Eurasian Blackbird", 0.44,
    )  # fmt: skip
    (raven,) = read(tmp_path, "1\tSpectrogram 1\t1\t0.5\t2.5\t9\t99\tEURR\n", "c.txt").labels
    assert said(raven, "start_s", "end_s", "high_hz", "word") == (0.5, 2.5, 99.0, "EURR")


def test_both_names_in_one_word_are_two_names_where_one_is_of_a_species(tmp_path: Path) -> None:
    head = "file,start,end,label\n"
    words = ("Turdus merula_Eurasian Blackbird", "site_a_noise", "Engine, far away")
    table = read(tmp_path, head + "".join(f'a.wav,0,3,"{word}"\n' for word in words))
    assert [said(one, "scientific", "common", "word") for one in table.labels] == [
        ("Turdus merula", "Eurasian Blackbird", ""),
        ("", "", "site_a_noise"),
        ("", "", "Engine, far away"),
    ]
    wide = "file,start_time,end_time,Turdus merula_Eurasian Blackbird\na.wav,0,3,0.7\n"
    assert read(tmp_path, wide).labels[0].words == "Eurasian Blackbird (Turdus merula)"


def test_what_is_not_there_or_not_sure_is_no_presence(tmp_path: Path) -> None:
    head = "recording,start_offset_s,end_offset_s,label,label_type\n"
    kinds = ("positive", "negative", "uncertain")
    table = read(tmp_path, head + "".join(f"a.wav,0,3,x,{kind}\n" for kind in kinds))
    assert [one.presence for one in table.labels] == list(Presence)
    assert [one.counts(0.5, None) for one in table.labels] == [True, False, False]


def test_a_score_is_no_confidence(tmp_path: Path) -> None:
    path = tmp_path / "detections.csv"
    path.write_text("filename,window_start,window_end,label,logits\na.wav,0,5,x,1.5\n")
    found = read_detections(path)
    (label,) = found.tables[0].labels
    assert said(label, "confidence", "score") == (None, 1.5)
    assert [label.counts(0.5, least) for least in (None, 1.0, 2.0)] == [False, True, False]
    assert found.has_scores_alone == "detections.csv"


def test_observations_say_day_time_and_place(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        "eventDate,eventTime,scientificName,vernacularName,occurrenceStatus,associatedMedia,"
        "decimalLatitude,decimalLongitude\n"
        '2023-05-14T04:30:00+02:00/2023-05-14T04:30:03+02:00,,"Turdus merula Linnaeus, 1758",'
        "Eurasian Blackbird,present,a.wav,52.9,10.1\n"
        '2023-05-14,04:30:03/04:30:06,"Erithacus rubecula (Linnaeus, 1758)",,absent,a.wav,0,0\n',
    )
    one, other = table.labels
    assert said(one, "scientific", "lat", "end_s") == ("Turdus merula", 52.9, 3.0)
    assert str(one.begin) == "2023-05-14 04:30:00"
    assert str(one.offset) == "2:00:00"
    assert said(other, "scientific", "lat", "offset") == ("Erithacus rubecula", None, None)
    assert str(other.begin) == "2023-05-14 04:30:03"
    assert other.presence is Presence.ABSENT


def test_a_name_that_another_table_explains_gets_its_other_name() -> None:
    birdnet = Label(scientific="Erithacus rubecula", common="European Robin", word="eurrob1")
    named = with_both_names([Label(word="eurrob1"), birdnet, Label(word="EURR")])
    assert [one.words for one in named] == [
        "European Robin (Erithacus rubecula)", "European Robin (Erithacus rubecula)", "EURR",
    ]  # fmt: skip


def test_rows_that_cannot_be_used_are_told_by_line(tmp_path: Path) -> None:
    rows = ["a.wav,x,3,robin,0.5", "a.wav,3,1,robin,0.5", "a.wav,0,3,robin,81", ",0,3,robin,0.5"]
    table = read(tmp_path, "file,start,end,label,confidence\n" + "\n".join(rows) + "\n")
    assert not table.labels
    assert [line for line, _ in table.problems] == [2, 3, 4, 5]
    assert [reason.partition(":")[0] for _, reason in table.problems] == [
        "start is not a number", "ends before it begins", "confidence outside [0, 1]",
        "names no recording",
    ]  # fmt: skip


def test_a_folder_gives_all_its_tables_and_says_which_are_none(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    read(tmp_path, "0\t3\trobin\n", "deep/a.txt")
    (tmp_path / "event.csv").write_text("eventID,eventDate\nx,2023-05-14\n")
    found = read_detections(tmp_path)
    assert [table.origin for table in found.tables] == ["deep/a.txt"]
    ((path, reason),) = found.left_out
    assert path.name == "event.csv"
    assert "needs columns for what is heard" in reason


def test_what_is_no_table_of_detections_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs columns for what is heard"):
        read(tmp_path, "recorder,lat,lon\nA,1,2\n")
    with pytest.raises(MissingData, match="no such table or folder"):
        read_detections(tmp_path / "lost.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="no table of detections in this folder"):
        read_detections(tmp_path / "empty")


def test_tables_that_are_not_utf8_are_read_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("0\t3\tGr\xfcnspecht\n".encode("latin-1"))
    with pytest.warns(GuessedEncoding):
        table = read_table_of_detections(path)
    assert table.labels[0].word == "Grünspecht"
