from __future__ import annotations

import csv

import pytest
import yaml

from psm.collect.outputs import attribution
from psm.collect.outputs.attribution import licence_url
from tests.collect import builds
from tests.collect.outputs.test_recordings import row


def test_every_recording_is_attributed_as_its_licence_asks(tmp_path):
    rows = builds.rows(tmp_path, 6)
    attribution.write(tmp_path, rows, builds.ABOUT)
    with (tmp_path / "ATTRIBUTION.csv").open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert [line["key"] for line in lines] == sorted(row.key for row in rows)
    assert lines[0] == {
        "key": "aporee-0",
        "title": "Frogs & 0",
        "author": "Ada 0",
        "licence": "CC-BY-4.0",
        "licence_url": "https://creativecommons.org/licenses/by/4.0/",
        "page": "https://aporee.example/0",
        "archive": "The archive aporee",
        "attribution": "“Frogs & 0” by Ada 0, The archive aporee (https://aporee.example/0), "
        "CC BY 4.0. Cut and mixed to mono.",
    }


def test_the_citation_names_the_build_its_archives_and_the_paper(tmp_path):
    rows = builds.rows(tmp_path, 2)
    attribution.write(tmp_path, rows, builds.ABOUT)
    cited = yaml.safe_load((tmp_path / "CITATION.cff").read_text())
    assert (cited["cff-version"], cited["type"]) == ("1.2.0", "dataset")
    titles = [reference["title"] for reference in cited["references"]]
    assert titles[:2] == ["The archive aporee", "The archive freesound"]
    assert titles[2].startswith("PSM: Learning Probabilistic Embeddings")


def test_nothing_is_written_again(tmp_path):
    rows = builds.rows(tmp_path, 4)
    attribution.write(tmp_path, rows, builds.ABOUT)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.glob("*.c*")}
    attribution.write(tmp_path, rows[::-1], builds.ABOUT)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.glob("*.c*")} == before


@pytest.mark.parametrize(
    ("licence", "url"),
    [
        ("CC-BY-NC-SA-2.0", "https://creativecommons.org/licenses/by-nc-sa/2.0/"),
        ("CC-BY-3.0-DE", "https://creativecommons.org/licenses/by/3.0/de/"),
        ("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("CC-BY", ""),
        ("unknown", ""),
    ],
)
def test_a_licence_can_be_read_where_it_stands(licence, url):
    assert licence_url(licence) == url


def test_what_is_not_known_is_not_made_up():
    said = attribution.attribution(row(), builds.ABOUT)
    assert said == "Untitled recording, The archive aporee, licence unknown. Cut and mixed to mono."
