"""Names of files in tables and on disk."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from psm.data.filenames import canonical, find, near


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    for name in ("a.wav", "deep/b c.wav", unicodedata.normalize("NFD", "Bäche.wav")):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.wav", "a.wav"),
        ("./a.wav", "a.wav"),
        ("deep\\b c.wav", "deep/b c.wav"),
        ("Bäche.wav", unicodedata.normalize("NFD", "Bäche.wav")),
        ("A.wav", None),
        ("b c.wav", None),
        ("", None),
        ("x" * 999, None),
        ("a\0.wav", None),
        ("deep", None),
    ],
)
def test_a_name_is_found_in_any_unicode_form(folder: Path, name: str, found: str | None) -> None:
    assert find(name, [folder]) == (None if found is None else folder / found)


@pytest.mark.parametrize(
    ("name", "alike"),
    [("A.WAV", "a.wav"), ("a .wav", "a.wav"), ("deep/B  C.wav", "b c.wav"), ("z.wav", "")],
)
def test_what_differs_in_case_or_blanks_is_another_file(
    folder: Path, name: str, alike: str
) -> None:
    assert find(name, [folder]) is None
    assert near(name, [folder]) == alike


def test_names_are_compared_composed() -> None:
    assert canonical(unicodedata.normalize("NFD", ".\\Bäche\\é.wav")) == "Bäche/é.wav"
