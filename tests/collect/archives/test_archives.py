"""What each archive has of its own."""

from __future__ import annotations

import bz2
import csv
import gzip
from pathlib import Path
from typing import Any

import pytest

from psm.collect.archives import xenocanto
from psm.collect.archives.archive import ListedRecording, ListingRequest
from psm.collect.archives.registry import open_archive
from psm.collect.refusal import Refused
from psm.data.dates import Clock
from psm.errors import ConfigError
from tests.collect.loopback import SECRETS, Answer, Archives, Made, Trouble
from tests.collect.loopback.entries import dumps, yfcc, yfcc_photo

pytestmark = pytest.mark.usefixtures("credentials")


@pytest.fixture
def options(served: Archives, tmp_path: Path) -> dict[str, dict[str, Any]]:
    return served.options(tmp_path / "tables")


def listed(name: str, settings: dict[str, Any], tmp_path: Path) -> dict[str, ListedRecording]:
    source = open_archive(name, settings, state=tmp_path / "state")
    return {r.id: r for page in source.list(ListingRequest()) for r in page.records}


def made(served: Archives, name: str) -> dict[str, Made]:
    return {m.id: m for m in served.of(name) if m.trouble is not Trouble.SURPRISE}


def test_aporee_says_place_and_time(
    served: Archives, options: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    records = listed("aporee", options["aporee"], tmp_path)
    for name, one in made(served, "aporee").items():
        assert (records[name].lat, records[name].lon) == (one.lat, one.lon)
        assert records[name].tags == one.tags
        assert records[name].recorded[:10] == f"{one.when:%Y-%m-%d}"
        assert not records[name].recorded.endswith("Z")
        assert records[name].clock is Clock.LOCAL


def test_aporee_of_sounding_earth_is_fetched_alike(
    served: Archives, options: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    table = str(tmp_path / "tables" / "metadata.csv")
    mine = listed("aporee", options["aporee"], tmp_path)
    theirs = listed("aporee", {**options["aporee"], "metadata": table}, tmp_path)
    assert theirs.keys() >= mine.keys()
    same = [name for name in mine if name in made(served, "aporee")]
    assert all(theirs[n].lat == mine[n].lat and theirs[n].url == mine[n].url for n in same)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (None, "gone"),
        ([{"name": "a.flac"}], "no MP3"),
        ([{"name": "../a.mp3"}], "no MP3"),
        ([{"name": "a.mp3", "size": "many"}], "size is not a number"),
        ([3], "another form"),
        ({"a.mp3": {}}, "another form"),
    ],
)
def test_an_item_without_a_recording_is_refused(
    served: Archives,
    options: dict[str, dict[str, Any]],
    tmp_path: Path,
    files: object,
    reason: str,
) -> None:
    source = open_archive("aporee", options["aporee"], state=tmp_path / "state")
    record = next(source.list(ListingRequest(most=1))).records[0]
    served.misbehave = lambda *_: Answer(body=dumps({"files": files}))
    with pytest.raises(Refused, match=reason):
        source.fetch(record, tmp_path / "a.mp3")


def test_a_place_may_be_in_the_coverage(
    served: Archives, options: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    item = {"identifier": "aporee_1", "coverage": "somewhere -12.5,130.25", "title": ["a", "b"]}
    served.misbehave = lambda *_: Answer(body=dumps({"items": [item], "total": 1}))
    record = listed("aporee", options["aporee"], tmp_path)["aporee_1"]
    assert (record.lat, record.lon, record.title) == (-12.5, 130.25, "a b")


def test_freesound_knows_only_the_date_of_upload(
    served: Archives, options: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    records = listed("freesound", options["freesound"], tmp_path)
    assert all(record.clock is Clock.UPLOAD for record in records.values())
    assert all(record.suffix == ".mp3" for record in records.values())
    assert served.asked[0].headers["Authorization"] == f"Token {SECRETS['FREESOUND_TOKEN']}"


def test_originals_need_another_credential(
    served: Archives,
    options: dict[str, dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {**options["freesound"], "originals": True}
    record = next(iter(listed("freesound", given, tmp_path).values()))
    assert (record.suffix, record.size_bytes, len(record.md5)) == (".wav", 1234567, 32)
    assert all(SECRETS["FREESOUND_BEARER"] not in str(record.url) for record in [record])
    source = open_archive("freesound", given, state=tmp_path / "state")
    with pytest.raises(Refused, match="cut short"):  # the fake serves the preview
        source.fetch(record, tmp_path / "a.wav")
    assert served.asked[-1].path.endswith(f"/sounds/{record.id}/download/")
    monkeypatch.delenv("FREESOUND_BEARER")
    with pytest.raises(ConfigError, match="FREESOUND_BEARER is not set"):
        listed("freesound", given, tmp_path)


def test_every_sound_of_an_observation_is_a_recording(
    served: Archives, options: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    records = listed("inaturalist", options["inaturalist"], tmp_path)
    observations = [name.split("-")[0] for name in records]
    assert len(set(observations)) < len(observations)
    for name, record in records.items():
        one = made(served, "inaturalist").get(name)
        if one is not None and one.id.split("-")[0] not in _second(served):
            assert record.is_obscured == one.is_obscured
            assert (record.accuracy_m or 0) > (20_000 if one.is_obscured else 0)
            assert record.suffix == one.suffix
            assert record.licence == (one.licence or "all rights reserved")


def _second(served: Archives) -> set[str]:
    """Observations of several sounds: these share the place of the first."""
    numbers = [m.id.split("-")[0] for m in served.of("inaturalist")]
    return {number for number in numbers if numbers.count(number) > 1}


def test_inaturalist_is_asked_as_it_was_told(
    served: Archives, options: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    asked = {"taxon": 3, "place": 7, "quality": "research"}
    listed("inaturalist", {**options["inaturalist"], **asked}, tmp_path)
    assert all("taxon_id=3&place_id=7&quality_grade=research" in a.path for a in served.asked)


def test_sounds_kept_elsewhere_and_genera_are_told(
    served: Archives, options: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    sounds = [{"id": 1, "file_url": None}, {"id": 2, "file_url": "https://x.org/sounds/2"}]
    taxon = {"name": "Turdus", "rank": "genus"}
    found = [{"id": 5, "sounds": sounds, "taxon": taxon, "location": None}]
    left = [found, []]
    served.misbehave = lambda *_: Answer(body=dumps({"results": left.pop(0)}))
    source = open_archive("inaturalist", options["inaturalist"], state=tmp_path)
    page, last = source.list(ListingRequest())
    assert page.refused == (("5-1", "no file"),)
    assert [(r.id, r.species, r.lat, r.suffix) for r in page.records] == [("5-2", "", None, "")]
    assert not last.records


def test_open_data_of_inaturalist_has_no_sounds(
    options: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "observations.csv.gz"
    names = ["observation_uuid", "observer_id", "latitude", "longitude", "positional_accuracy",
             "taxon_id", "quality_grade", "observed_on", "anomaly_score"]  # fmt: skip
    path.write_bytes(gzip.compress(("\t".join(names) + "\n" + "\t".join("123456789")).encode()))
    with pytest.raises(ConfigError, match="photos, but no sounds"):
        listed("inaturalist", {**options["inaturalist"], "export": str(path)}, tmp_path)


def test_yfcc_has_videos_with_a_place_only(
    served: Archives, options: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    records = listed("yfcc", options["yfcc"], tmp_path)
    assert records.keys() == made(served, "yfcc").keys()
    for name, one in made(served, "yfcc").items():
        record = records[name]
        assert record.url.endswith(f"/{one.digest[:3]}/{one.digest[3:6]}/{one.digest}.mp4")
        assert (record.title, record.description) == (one.title, one.text)
        assert (record.tags, record.author) == (one.tags, one.author)
        assert 0 < (record.accuracy_m or 0) < 50_000


def test_yfcc_may_be_in_parts(served: Archives, tmp_path: Path) -> None:
    ones = list(made(served, "yfcc").values())
    lines = [yfcc(one) for one in ones]
    (tmp_path / "yfcc100m_dataset-0").write_text("\n".join(lines[:4]))
    (tmp_path / "yfcc100m_dataset-1.bz2").write_bytes(bz2.compress("\n".join(lines[4:]).encode()))
    assert list(listed("yfcc", {"metadata": str(tmp_path)}, tmp_path)) == [m.id for m in ones]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a,b,c\n", "another form than documented"),
        (("\t" * 22).encode(), "another form than documented"),
    ],
)
def test_another_table_is_no_yfcc(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "yfcc100m_dataset").write_bytes(content)
    with pytest.raises(Refused, match=reason) as refused:
        listed("yfcc", {"metadata": str(tmp_path)}, tmp_path)
    assert "25 by tabs" in refused.value.detail


def test_a_broken_line_or_file_is_told(served: Archives, tmp_path: Path) -> None:
    path = tmp_path / "yfcc100m_dataset.bz2"
    lines = "\n".join([yfcc_photo(1), "broken\tline", yfcc(served.of("yfcc")[0])])
    path.write_bytes(bz2.compress(lines.encode()))
    (page,) = open_archive("yfcc", {"metadata": str(path)}, state=tmp_path).list(ListingRequest())
    assert [reason for _, reason in page.refused] == ["a line without 25 columns"]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Refused, match="cannot be read"):
        list(open_archive("yfcc", {"metadata": str(path)}, state=tmp_path).list(ListingRequest()))


def test_xenocanto_has_times_that_are_none(
    served: Archives, options: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    settings = {**options["xenocanto"], "query": "grp:birds"}
    records = listed("xenocanto", settings, tmp_path)
    for name, one in made(served, "xenocanto").items():
        if name in records:
            assert records[name].species == one.species
            assert ("?" in records[name].recorded) is False
            assert (":" in records[name].recorded) is one.time_is_known
    assert "query=grp%3Abirds+box%3A-90%2C-180%2C90%2C180" in served.asked[0].path
    assert SECRETS["XENO_CANTO_KEY"] in served.asked[0].path


def test_a_column_that_is_missing_is_named(
    options: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "metadata.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerow(["key", "latitude", "title"])
    with pytest.raises(ConfigError, match="no column longitude among key, latitude, title"):
        listed("aporee", {**options["aporee"], "metadata": str(path)}, tmp_path)


def test_the_archive_of_the_documentation_works(served: Archives, tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "archives.md").read_text()
    code = "from __future__ import annotations\n" + text.split("```python\n")[1].split("```")[0]
    names = dict(vars(xenocanto))  # for what a file of an archive imports
    exec(code, names)
    sound = {"id": 1, "file": f"{served.url}/it/1.mp3", "lat": "1.5", "lon": 2, "licence": "CC0"}
    left = [{"sounds": [sound, {"id": 2, "lat": []}], "next": "b"}, {"sounds": []}]
    served.misbehave = lambda *_: Answer(body=dumps(left.pop(0)))
    source = names["Elsewhere"](state=tmp_path, base_url=served.url)
    first, last = source.list(ListingRequest())
    assert [(r.key, r.lat, r.lon) for r in first.records] == [("elsewhere-1", 1.5, 2.0)]
    assert first.refused == (("2", "lat is not a text"),)
    assert last.cursor is None
