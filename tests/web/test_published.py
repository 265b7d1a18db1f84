"""A published folder behind a small file server: the page without a server of ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psm.model import PSM
from psm.server import ServerState, Settings
from psm.server.publishing.folder import publish
from psm.server.served import open_all
from tests.web.conftest import SCALE
from tests.web.explorer import Explorer

Open = Callable[..., Explorer]
PHRASES = ("frogs croaking", "church bells ringing", "road traffic", "thunder")


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Tests are silent."""


@pytest.fixture(scope="module")
def site(world: tuple[PSM, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a published globe, below a path, behind the file server of Python."""
    model, url = world
    root: Path = tmp_path_factory.mktemp("site")
    phrases = root / "phrases.txt"
    phrases.write_text("\n".join(PHRASES))
    settings = Settings(vocabulary=phrases, prepare=False)
    publish(ServerState(model, open_all((url,), model), settings), root / "some" / "where")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/some/where/"
    server.shutdown()
    thread.join(10.0)
    server.server_close()


@pytest.fixture
def published(browser: Any, site: str) -> Iterator[Open]:
    """Opens the page; nothing may go wrong in it, be missing, or leave the folder."""
    opened: list[Explorer] = []
    strange: list[str] = []

    def make(hash_: str = "", **options: Any) -> Explorer:
        context = browser.new_context(
            viewport={"width": 1280, "height": 800}, device_scale_factor=SCALE,
            color_scheme="light", reduced_motion="reduce", **options,
        )  # fmt: skip
        context.set_default_timeout(60_000)
        page = context.new_page()
        ours = (site, "blob:", "data:")

        def refuse(route: Any) -> None:
            strange.append(route.request.url)
            route.abort()

        def missed(response: Any) -> None:
            if response.status >= 400:
                strange.append(response.url)

        page.route(lambda url: not url.startswith(ours), refuse)
        page.on("response", missed)
        e = Explorer(page, site)
        opened.append(e)
        e.open(hash_)
        return e

    yield make
    for e in opened:
        e.page.context.close()
        assert e.errors == []
    assert strange == []


def test_its_maps_are_those_of_the_server(published: Open, explorer: Open) -> None:
    for hash_ in ("#q=frogs+croaking&m=7&h=22", "#q=thunder&not=road+traffic&m=1&utc=4&layer=both"):
        ours, theirs = published(hash_), explorer(hash_)
        ours.settle()
        theirs.settle()
        pictures = ours.map_pixels(), theirs.map_pixels()
        assert np.abs(pictures[0] - pictures[1]).mean() < 2.0
        regions = [e.page.get_by_role("region", name="Best places") for e in (ours, theirs)]
        lists = [region.get_by_role("listitem").all_inner_texts() for region in regions]
        values = [[text.splitlines()[-1] for text in texts] for texts in lists]
        assert len(values[0]) >= 3
        assert values[0] == values[1]


def test_typed_words_find_their_nearest_phrase_and_the_page_says_so(published: Open) -> None:
    e = published("#m=7&h=22")
    e.ask("the frog croaks")
    said = e.page.get_by_text("the nearest of 4 phrases")
    assert said.inner_text().startswith("Showing “frogs croaking” for “the frog croaks”")
    assert "q=frogs+croaking" in e.hash
    e.ask("thunder, -trafic*2")
    assert "q=thunder&not=road+traffic*2" in e.hash
    assert "for “trafic”" in said.inner_text()
    e.ask("thunder")
    assert said.count() == 0
    for typed, words in (
        ("dragons", "None of the 4 phrases of this page is near “dragons”"),
        ("frogs, thunder", "one sound at a time"),
    ):
        e.ask(typed)
        assert words in e.page.get_by_role("alert").inner_text()


def test_a_place_has_its_value_its_year_and_its_sounds(published: Open, explorer: Open) -> None:
    hash_ = "#q=frogs+croaking&m=7&h=22&at=48,16"
    texts = []
    for e in (published(hash_), explorer(hash_)):
        e.settle()
        place = e.page.get_by_role("region", name="Chosen place")
        place.get_by_test_id("value").wait_for()
        place.get_by_role("heading", name="Through the year and the day").wait_for()
        place.get_by_test_id("top-sounds").wait_for()
        assert place.locator("h2").inner_text().startswith("Near ")
        texts.append(place.get_by_test_id("value").inner_text())
        if not texts[1:]:
            sounds = place.get_by_test_id("top-sounds").get_by_role("listitem").all_inner_texts()
            assert {text.splitlines()[0] for text in sounds} == set(PHRASES)
    assert texts[0] == texts[1]


def test_it_offers_nothing_that_takes_a_server(published: Open) -> None:
    e = published("#q=thunder&m=7&h=22&at=48,16")
    e.settle()
    for name in ("Download", "Ask with a recording", "Listen"):
        assert e.page.get_by_role("button", name=name).count() == 0
    assert e.page.get_by_role("radio", name="Truth").count() == 0
    assert e.page.get_by_role("button", name="Share").count() == 1
    e.page.get_by_title("What this map stands on").click()
    link = e.page.get_by_role("link", name="what is in it")
    assert link.get_attribute("href").endswith("some/where/README.txt")
    assert e.violations() == []
