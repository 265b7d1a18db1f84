"""What all archives have to do alike: list everything, in order, from any cursor; and fetch."""

from __future__ import annotations

import importlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from psm.collect.archives.archive import Archive, ListedRecording, ListingRequest, Page
from psm.collect.archives.registry import ARCHIVES, open_archive
from psm.collect.refusal import Refused
from psm.errors import ConfigError, MissingData
from tests.collect.loopback import Answer, Archives, Made, Trouble, archives, passes
from tests.collect.loopback.tables import EXPORT, SOUNDING_EARTH

pytestmark = pytest.mark.usefixtures("credentials")

ONLINE = ("aporee", "freesound", "inaturalist", "xenocanto")
DATA = {"aporee": "items", "freesound": "results", "inaturalist": "results",
        "xenocanto": "recordings"}  # fmt: skip


@pytest.fixture
def options(served: Archives, tmp_path: Path) -> dict[str, dict[str, Any]]:
    return served.options(tmp_path / "tables")


@pytest.fixture(params=[*ARCHIVES, "aporee:metadata", "inaturalist:export"])
def source(
    request: pytest.FixtureRequest,
    options: dict[str, dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Archive:
    """Each archive, with few entries on a page."""
    name, _, other = request.param.partition(":")
    monkeypatch.setattr(importlib.import_module(f"psm.collect.archives.{name}"), "_PAGE_SIZE", 7)
    given = options[name]
    if other:
        table = {"metadata": SOUNDING_EARTH, "export": EXPORT}[other]
        given = {**given, other: str(tmp_path / "tables" / table)}
    if name == "aporee" and not other:
        monkeypatch.setattr("psm.collect.archives.aporee._PAGE_SIZE", 100)
    return open_archive(name, given, state=tmp_path / "state")


def ids(pages: list[Page]) -> list[str]:
    return [record.id for page in pages for record in page.records]


def test_everything_is_listed_or_refused(source: Archive, served: Archives) -> None:
    pages = list(source.list(ListingRequest()))
    refused = [one for page in pages for one in page.refused]
    assert len(ids(pages)) + len(refused) == len(served.of(source.name))
    assert len(set(ids(pages))) == len(ids(pages))
    assert all(name and reason for name, reason in refused)
    assert [page.cursor is None for page in pages] == [False] * (len(pages) - 1) + [True]
    for record in (record for page in pages for record in page.records):
        assert record.source == source.name
        assert record.suffix.startswith(".")
        assert json.loads(json.dumps(record.title + record.description)) is not None


def test_a_listing_goes_on_from_any_cursor(source: Archive) -> None:
    pages = list(source.list(ListingRequest()))
    assert list(source.list(ListingRequest())) == pages
    for number, page in enumerate(pages[:-1]):
        assert list(source.list(ListingRequest(), page.cursor)) == pages[number + 1 :]


@pytest.mark.parametrize("most", [1, 5, 7, 10, 1000])
def test_no_more_are_listed_than_wanted(source: Archive, most: int) -> None:
    everything = ids(list(source.list(ListingRequest())))
    wanted = ListingRequest(most=most)
    pages = list(source.list(wanted))
    assert ids(pages) == everything[:most]
    if pages[0].cursor is not None:
        assert (
            ids(list(source.list(wanted, pages[0].cursor)))
            == everything[len(pages[0].records) : most]
        )


def test_a_foreign_cursor_is_refused(source: Archive) -> None:
    cursors = ["x", "|", "3|"]
    if source.name in ("freesound", "inaturalist", "xenocanto"):
        cursors += ["3|7 0", "3|0 -1", "3|a b"]
    for cursor in cursors:
        with pytest.raises(Refused, match="another listing"):
            list(source.list(ListingRequest(), cursor))


@pytest.mark.parametrize("name", ["freesound", "inaturalist", "xenocanto"])
@pytest.mark.parametrize("bounds", [(-20.0, 0.0, 60.0, 60.0), (100.0, -60.0, -50.0, 70.0)])
def test_bounds_may_cross_the_antimeridian(
    name: str,
    bounds: tuple[float, float, float, float],
    options: dict[str, dict[str, Any]],
    served: Archives,
    tmp_path: Path,
) -> None:
    west, south, east, north = bounds
    pages = list(
        open_archive(name, options[name], state=tmp_path).list(ListingRequest(bounds=bounds))
    )
    listed = set(ids(pages)) | {one for page in pages for one, _ in page.refused}
    inside = [m for m in served.of(name) if m.lat is not None and south <= m.lat <= north]
    inside = [
        m
        for m in inside
        if m.lon is not None
        and (west <= m.lon <= east if west <= east else (m.lon >= west or m.lon <= east))
    ]
    assert inside
    assert len(listed) == len(inside)
    assert ids(pages)[0] in {m.id for m in inside}


def test_what_can_be_fetched_is_what_was_recorded(
    served: Archives, options: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """Of all archives; a misbehaving one delivers in the end, or the recording is refused."""
    for name in ARCHIVES:
        source = open_archive(name, options[name], state=tmp_path / "state")
        made = {one.id: one for one in served.of(name)}
        for page in source.list(ListingRequest()):
            for record in page.records:
                if name != "local":
                    _fetch(source, record, made[record.id], served, tmp_path)
    assert not served.past_limit


def _fetch(
    source: Archive, record: ListedRecording, made: Made, served: Archives, tmp_path: Path
) -> None:
    path = tmp_path / "media" / f"{record.key}{record.suffix}"
    if passes(made) or made.trouble is Trouble.SURPRISE:
        source.fetch(record, path)
        assert path.read_bytes() == served.media(made)
    else:
        with pytest.raises(Refused):
            source.fetch(record, path)
        assert not path.exists()


SURPRISES: tuple[object, ...] = (
    None, True, 0, -1.5, 1e308, "", "x", "NaN", "1e999", [], ["a", None, 3], {}, {"a": []},
    "\ud800 \x00", "z" * 100_000,
)  # fmt: skip


@pytest.mark.parametrize("name", ONLINE)
def test_entries_of_another_form_are_refused_alone(
    name: str, options: dict[str, dict[str, Any]], served: Archives, tmp_path: Path
) -> None:
    good = _answer(served, name, options, tmp_path)
    entry = good[DATA[name]][0]
    bad: list[Any] = [None, 3, "entry", []]
    for field in entry:
        bad.append({key: value for key, value in entry.items() if key != field})
        bad += [{**entry, field: surprise} for surprise in SURPRISES]
    if name == "inaturalist":  # without an id it could not go on
        bad.append({**entry, "id": 10_000})
        bad += [{**entry, "sounds": [s]} for s in SURPRISES]
        bad += [{**entry, "sounds": [{**entry["sounds"][0], "id": s}]} for s in SURPRISES]
    _serve(served, {**good, DATA[name]: [*bad, entry]}, name)
    pages = list(open_archive(name, options[name], state=tmp_path).list(ListingRequest()))
    assert all(page.refused for page in pages[:1])
    for page in pages:
        for record in page.records:
            record.description.encode()
            assert record.lat is None or isinstance(record.lat, float)
        assert all(isinstance(n, str) and n for n, _ in page.refused)


@pytest.mark.parametrize("name", ONLINE)
@pytest.mark.parametrize("answer", [[], {}, "x", None, {"items": 3, "results": {}}, 7])
def test_answers_of_another_form_are_refused(
    name: str,
    answer: object,
    options: dict[str, dict[str, Any]],
    served: Archives,
    tmp_path: Path,
) -> None:
    served.misbehave = lambda *_: Answer(body=json.dumps(answer).encode())
    with pytest.raises(Refused, match="the listing has another form than documented"):
        list(open_archive(name, options[name], state=tmp_path).list(ListingRequest()))


def _answer(
    served: Archives, name: str, options: dict[str, dict[str, Any]], tmp_path: Path
) -> dict[str, Any]:
    caught: list[bytes] = []
    server_answer = served.answer

    def answer(*asked: Any) -> Answer:
        given = server_answer(*asked)
        caught.append(given.body)
        return given

    served.answer = answer  # type: ignore[method-assign]
    next(iter(open_archive(name, options[name], state=tmp_path).list(ListingRequest())))
    served.answer = server_answer  # type: ignore[method-assign]
    return dict(json.loads(caught[0]))


def _serve(served: Archives, answer: dict[str, Any], name: str) -> None:
    """One page of this, then none."""
    answer = {key: value for key, value in answer.items() if key not in ("next", "cursor")}
    left = [json.dumps(answer).encode(), json.dumps({**answer, DATA[name]: []}).encode()]
    served.misbehave = lambda *_: Answer(body=left.pop(0) if len(left) > 1 else left[0])


# Opening.


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("nowhere", {}, "'nowhere' is not known; there are aporee, freesound"),
        ("aporee", {"token": "x"}, "no option 'token'; it has base_url, metadata"),
        ("aporee", {"state": "x"}, "no option 'state'"),
        ("aporee", {"base_url": "archive.org"}, "is no address of the web"),
        ("aporee", {"requests_per_s": 0}, "has to be above 0"),
        ("inaturalist", {"taxon": "birds"}, "option 'taxon': "),
        ("yfcc", {}, "needs the option 'metadata'"),
        ("local", {}, "needs the option 'folder'"),
        ("local", {"folder": ".", "lat": 3.0}, "both lat and lon"),
        ("local", {"folder": ".", "clock": "moon"}, "option 'clock'"),
    ],
)
def test_settings_are_strict(
    name: str, settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        open_archive(name, settings, state=tmp_path)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("aporee", {"metadata": "/no/such.csv"}),
        ("inaturalist", {"export": "/no/such.csv"}),
        ("yfcc", {"metadata": "/no/such"}),
        ("local", {"folder": "/no/such"}),
    ],
)
def test_files_that_are_not_there_are_missing(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(MissingData, match="/no/such"):
        open_archive(name, settings)


def test_every_archive_says_its_terms() -> None:
    for name, kind in ARCHIVES.items():
        terms = kind.terms
        assert terms.requests_per_s > 0
        if name != "local":
            assert terms.terms_url.startswith("https://")
            assert terms.attribution
        assert bool(terms.credential) == bool(terms.credential_help)


def test_the_limit_of_the_server_is_never_passed(tmp_path: Path) -> None:
    """At a small rate, from two processes' worth of sources one after the other."""
    with archives(40, requests_per_s=20.0) as server:
        options = server.options(tmp_path / "tables")
        for _ in range(2):
            for name in ONLINE:
                given = {**options[name], "requests_per_s": 20.0}
                for _ in open_archive(name, given, state=tmp_path / "state").list(ListingRequest()):
                    pass
        assert not server.past_limit
        assert not [a for a in server.asked if a.status == 429]


def test_credentials_go_to_the_interface_alone(
    served: Archives, options: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    for name in ("freesound", "xenocanto"):
        source = open_archive(name, options[name], state=tmp_path / "state")
        for page in source.list(ListingRequest(most=3)):
            for record in page.records:
                with suppress(Refused):
                    source.fetch(record, tmp_path / "media" / record.key)
    for asked in served.asked:
        is_interface = "/apiv2/" in asked.path or "/api/3/" in asked.path
        assert is_interface == ("key=" in asked.path or "Authorization" in asked.headers)
