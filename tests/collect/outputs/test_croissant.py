from __future__ import annotations

import hashlib
import json
from itertools import islice

import pytest

from psm.collect.outputs import attribution, croissant, parquet, webdatasets
from tests.collect import builds

# mlcroissant 1.1 uses what rdflib 7 and pandas 3 deprecate.
pytestmark = [
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword"),
]


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    folder = tmp_path_factory.mktemp("build")
    rows = builds.rows(folder)
    webdatasets.pack(folder, rows, workers=1)
    parquet.write(folder, rows, builds.ABOUT, workers=1)
    attribution.write(folder, rows, builds.ABOUT)
    croissant.write(folder, rows, builds.ABOUT)
    return folder, rows


@pytest.fixture(scope="module")
def opened(build):
    mlcroissant = pytest.importorskip("mlcroissant")
    return mlcroissant.Dataset(jsonld=str(build[0] / croissant.FILE))


def test_it_validates_without_a_warning(opened):
    assert opened.metadata.ctx.issues.errors == set()
    assert opened.metadata.ctx.issues.warnings == set()
    assert opened.metadata.ctx.conforms_to.value == "http://mlcommons.org/croissant/1.1"


def test_every_file_is_there_with_its_checksum(build):
    folder, _ = build
    files = json.loads((folder / croissant.FILE).read_text())["distribution"]
    named = {f["contentUrl"]: f for f in files if f["@type"] == "cr:FileObject"}
    written = [p for part in ("parquet", "shards") for p in (folder / part).glob("*.*")]
    written = [p for p in written if p.is_file()]
    assert {str(p.relative_to(folder)) for p in written} < named.keys()
    for name, file in named.items():
        assert file["sha256"] == hashlib.sha256((folder / name).read_bytes()).hexdigest()


def test_records_can_be_read_by_its_word(build, opened):
    _, rows = build
    by_key = {row.key: row for row in rows}
    records = list(islice(opened.records("recordings"), 20))
    found = {record["recordings/sample_id"].decode(): record for record in records}
    assert found.keys() == by_key.keys()
    for key, record in found.items():
        assert record["recordings/split"].decode() == by_key[key].split
        assert record["recordings/latitude"] == by_key[key].lat


def test_the_same_rows_in_any_order_are_the_same_text(build):
    folder, rows = build
    before = (folder / croissant.FILE).read_text()
    croissant.write(folder, rows[::-1], builds.ABOUT)
    assert (folder / croissant.FILE).read_text() == before
