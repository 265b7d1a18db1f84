"""Texts: the recordist's words stay, what machines added goes."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.collect.cleaning.markup import text_of
from psm.collect.cleaning.texts import UNDETERMINED, cleaned, cleaned_tag, language_of, own_text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<p>Frogs &amp; rain</p><p>at night</p>", "Frogs & rain\nat night"),
        ("a<br/>b<script>alert('x')</script>c", "a\nbc"),
        ("1 &lt; 2", "1 < 2"),
        ("wind <3 and 5>4", "wind <3 and 5>4"),
        ("Church+bells%2C+early%21", "Church bells, early!"),
        ("%3Cb%3Ewaves%3C%2Fb%3E+at+night", "waves at night"),
        ("C++ and 50% of it", "C++ and 50% of it"),
        ("tab\there\x00 zero\u200bwidth so\u00adft", "tab here zerowidth soft"),
        ("one\r\n\r\n  two\u2028three", "one\ntwo\nthree"),
        ("<a href='x'>unclosed", "unclosed"),
        ("cafe\u0301", "café"),
    ],
)
def test_text_is_what_a_reader_sees(raw: str, text: str) -> None:
    assert text_of(raw) == text


@pytest.mark.parametrize(
    "boilerplate",
    [
        "DSC_0042", "IMG_1234.JPG", "MVI_0031.mov", "ZOOM0001", "ZOOM0001_LR.WAV", "STE-012.wav",
        "P1010023", "R09_0012.wav", "DR0000_0012.wav", "20200503_061200.WAV", "REC001",
        "VID_20200503_061200", "2MA00012_20200503_061200.wav", "PXL_20210503_101112", "Track 001",
        "Uploaded from my iPhone", "Recorded with a Zoom H4n.", "recorded using my iPhone 6",
        "Aufgenommen mit Zoom H2", "Enregistré avec Tascam DR-40", "https://freesound.org/s/1/",
        "www.example.org/sounds?x=1", "jane.doe+x@example.co.uk", "jane (at) example.org",
        "All rights reserved", "© 2012 Jane Doe", "***", "<br>", "&nbsp;", "\x00\x01", "- - -",
    ],
)  # fmt: skip
def test_boilerplate_leaves_nothing(boilerplate: str) -> None:
    assert cleaned(boilerplate) == ""
    assert own_text(boilerplate, boilerplate, [boilerplate]) == ""
    assert cleaned(f"Waves at night. {boilerplate}") == "Waves at night."


@pytest.mark.parametrize("name", ["Untitled", "New Recording 12", "voice memo", "recording 3"])
def test_a_title_that_an_app_gave_is_none(name: str) -> None:
    assert cleaned(name) == ""
    assert cleaned(f"{name} of frogs") == f"{name} of frogs"


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("Recorded on a rainy day in Berlin", "Recorded on a rainy day in Berlin"),
        ("Sound made by frogs", "Sound made by frogs"),
        (
            "Recorded with a Zoom H4n at the beach in Cornwall, waves crashing",
            "at the beach in Cornwall, waves crashing",
        ),
        ("church_bells.wav", "church bells"),
        ("rain_on_tent", "rain on tent"),
        ("Train 4711 to Köln", "Train 4711 to Köln"),
        ("Bells of St. Paul: loud!", "Bells of St. Paul: loud!"),
        ("Rain ---- on the roof ......", "Rain - on the roof."),
        ("gulls (IMG_0001.JPG) at sea", "gulls at sea"),
        ("鳥の声", "鳥の声"),
    ],
)
def test_words_stay(raw: str, kept: str) -> None:
    assert cleaned(raw) == kept


def test_tags_of_machines_are_no_words() -> None:
    tags = ["geo:lat=51.5", "upload:source=phone", "2012", "field-recording", "church_bells"]
    assert [cleaned_tag(tag) for tag in tags] == ["", "", "", "field recording", "church bells"]


@pytest.mark.parametrize(
    ("title", "description", "tags", "text"),
    [
        (
            "Church bells",
            "Early in the morning",
            ["Rome"],
            "Church bells. Early in the morning. Rome",
        ),
        ("Church bells", "Church bells of Rome", ["rome", "bell"], "Church bells of Rome. bell"),
        ("Church bells!", "church bells", [], "Church bells!"),
        ("", "", ["frogs", "Frogs", "pond"], "frogs, pond"),
        ("DSC_0042.MOV", "<i>Surf</i>", ["DSC0042", "geo:lat=1"], "Surf."),
        ("Dawn", "First line\n\nSecond line", [], "Dawn. First line. Second line."),
        ("", "", [], ""),
    ],
)
def test_nothing_is_said_twice(title: str, description: str, tags: list[str], text: str) -> None:
    assert own_text(title, description, tags) == text


@given(st.text(max_size=200), st.text(max_size=200), st.lists(st.text(max_size=30), max_size=5))
def test_any_words_become_one_clean_line(title: str, description: str, tags: list[str]) -> None:
    text = own_text(title, description, tags)
    assert text == " ".join(text.split())
    assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Cn") for letter in text)
    assert not re.search(r"https?://\S", text)
    assert len(text) <= 2000
    assert text == own_text(title, description, tags)


@pytest.mark.parametrize(
    "unit", ["<", "a@", "+", "%20", "<a ", "&", ".", "a.", "_", "<!--", "1:", "GX", "(at)", "copyright ", "recorded with zoom "]  # noqa: E501
)  # fmt: skip
def test_long_repetitive_text_does_no_harm(unit: str) -> None:
    assert len(own_text(unit * 30_000, unit * 30_000, [unit * 1000])) <= 2000


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("ocean waves at the beach of Brighton", "en"),
        ("Kirchenglocken am Morgen in Köln", "de"),
        ("鳥の声", "ja"),
        ("Waves", UNDETERMINED),
        ("Turdus merula", UNDETERMINED),
        ("12345 67890 12", UNDETERMINED),
        ("", UNDETERMINED),
    ],
)
def test_a_language_is_named_where_it_can_be_told(text: str, language: str) -> None:
    assert language_of(text) == language
