"""What ``psm.collect`` exports, and that its example works."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import psm.collect
from psm.collect import ARCHIVES, ListingRequest, open_archive


def example() -> str:
    """The archive in the docstring of the package."""
    text = str(psm.collect.__doc__)
    return textwrap.dedent(" " * 8 + text[text.rindex("from pathlib import Path") :])


def test_an_archive_of_ones_own_works_as_the_docstring_says(tmp_path, monkeypatch):
    monkeypatch.setitem(ARCHIVES, "elsewhere", ARCHIVES["local"])  # what is there comes back
    exec(example(), {})
    archive = open_archive("elsewhere", {"base_url": "https://example.com/"}, state=tmp_path)
    entry = {"id": 1, "file": "f.mp3", "lat": 1.0, "lon": 2.0, "licence": "CC0"}
    answers = {
        "": {"sounds": [entry], "next": "2"},
        "2": {"sounds": [{**entry, "id": 2}, {**entry, "id": 3}], "next": ""},
    }
    monkeypatch.setattr(archive.client, "json", lambda _url, asked: answers[asked["after"]])
    found = list(archive.list(ListingRequest(most=2)))
    keys = [record.key for page in found for record in page.records]
    assert keys == ["elsewhere-1", "elsewhere-2"]


def test_all_that_is_exported_is_there():
    for name in psm.collect.__all__:
        assert getattr(psm.collect, name).__doc__


def test_importing_the_package_imports_nothing_slow():
    code = "import sys, psm.collect; print(*({'torch', 'duckdb', 'numpy'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""
