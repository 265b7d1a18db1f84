"""The guard: keys, rates, sizes, times, headers, and what is said when something breaks."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from psm.mapping import EmbeddedCells
from psm.server import Settings
from psm.server.guard.clients import RateLimiter
from psm.server.jobs import WorkerThread
from psm.server.lrucache import LRUCache
from psm.server.problems import Problem
from psm.server.routes import root

Make = Callable[..., FastAPI]
ANSWER = "/api/v1/stores/world/answer?text=frogs"


def test_every_answer_carries_the_headers(client: TestClient) -> None:
    for path in ("/", "/api/v1/stores", "/nothing", "/base/0/0/0.webp"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "worker-src 'self' blob:" in policy
        assert "unsafe-eval" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_other_sites_may_not_ask_unless_they_are_named(client: TestClient, make: Make) -> None:
    other = {"Origin": "https://other.example"}
    assert "access-control-allow-origin" not in client.get(ANSWER, headers=other).headers
    with TestClient(make(cors=("https://other.example",))) as named:
        found = named.get(ANSWER, headers=other).headers
        assert found["access-control-allow-origin"] == "https://other.example"
        third = named.get(ANSWER, headers={"Origin": "https://third.example"}).headers
        assert "access-control-allow-origin" not in third


def test_a_base_map_of_another_site_may_be_shown(make: Make) -> None:
    url = "https://tiles.example/{z}/{x}/{y}.png"
    with TestClient(make(base=url, base_attribution="© them")) as opened:
        found = opened.get("/api/v1/base")
        assert found.json()["tiles"] == url
        assert found.json()["attribution"] == "© them"
        assert (
            "img-src 'self' data: blob: https://tiles.example;"
            in (found.headers["content-security-policy"])
        )


def test_a_key_opens_the_api(make: Make) -> None:
    with TestClient(make(key="söcret")) as opened:
        refused = opened.get(ANSWER)
        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"
        wrong = {"X-API-Key": "secret"}
        assert opened.get(ANSWER, headers=wrong).status_code == 401
        assert opened.get("/metrics").status_code == 401
        given = opened.get(ANSWER, headers={"X-API-Key": "söcret".encode()})
        assert given.status_code == 200
        assert given.headers["cache-control"].startswith("private")
        assert opened.get(f"{ANSWER}&key=s%C3%B6cret").status_code == 200
        for path in ("/", "/health/live", "/base/0/0/0.webp"):
            assert opened.get(path).status_code == 200


def test_a_client_that_asks_too_much_is_told_when_to_come_back(make: Make) -> None:
    with TestClient(make(rate_per_s=0.5, burst=3.0)) as opened:
        found = [opened.get("/api/v1/colours") for _ in range(5)]
        assert [each.status_code for each in found] == [200, 200, 200, 429, 429]
        assert 1 <= int(found[-1].headers["retry-after"]) <= 3
        assert found[-1].json()["type"] == "/problems/rate"
        assert opened.get("/health/live").status_code == 200


def test_buckets_are_of_one_client_each_and_few() -> None:
    rate = RateLimiter(lambda *_: None, settings=Settings(rate_per_s=1.0, burst=2.0))  # type: ignore[arg-type,return-value]
    assert rate.take("a", 2.0) == 0.0
    assert 0.0 < rate.take("a", 1.0) <= 1.0
    assert rate.take("b", 20.0) == 0.0  # dearer than any bucket: a full one pays it
    for number in range(25_000):
        rate.take(f"{number}", 1.0)
    assert len(rate._buckets) <= 20_000


class Gate(threading.Event):
    """An event that also knows whether somebody has come to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_reached = threading.Event()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Holds every exact answer back until it is set."""
    gate, whole = Gate(), EmbeddedCells.distances

    def waits(self: EmbeddedCells, *args: object, **kwargs: object) -> object:
        gate.is_reached.set()
        gate.wait(20.0)
        return whole(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(EmbeddedCells, "distances", waits)
    yield gate
    gate.set()


def test_a_full_queue_is_503_and_the_rest_goes_on(make: Make, held: Gate) -> None:
    app = make(queue=2, rate_per_s=1e6, burst=1e6)
    with TestClient(app) as opened:
        found: list[int] = []

        def ask(month: int) -> None:
            found.append(
                opened.get(
                    f"/api/v1/stores/slow/value?text=a&lat=0&lon=0&month={month}"
                ).status_code
            )

        threads = [threading.Thread(target=ask, args=(month,)) for month in range(1, 8)]
        threads[0].start()
        assert held.is_reached.wait(20.0)
        for thread in threads[1:]:
            thread.start()
        while len(found) < 4:  # one is worked on, two wait
            threading.Event().wait(0.01)
        assert set(found) == {503}
        assert opened.get("/api/v1/stores").status_code == 200  # the loop is free
        assert opened.get("/health/ready").status_code == 200
        busy = opened.get("/api/v1/stores/slow/value?text=a&lat=0&lon=0&month=9")
        assert busy.status_code == 503
        assert int(busy.headers["retry-after"]) >= 1
        held.set()
        for thread in threads:
            thread.join()
        assert sorted(found) == [200, 200, 200, 503, 503, 503, 503]
        again = opened.get("/api/v1/stores/slow/value?text=a&lat=0&lon=0&month=9")
        assert again.status_code == 200


def test_tiles_of_one_map_ask_the_model_once(make: Make, held: threading.Event) -> None:
    app = make(queue=1)
    with TestClient(app) as opened:
        found: list[int] = []
        paths = [f"/api/v1/stores/slow/tiles/probability/2/{x}/{y}.png?text=a"
                 for x in range(3) for y in range(2)]  # fmt: skip
        threads = [
            threading.Thread(target=lambda p=path: found.append(opened.get(p).status_code))  # type: ignore[misc]
            for path in paths
        ]
        for thread in threads:
            thread.start()
        threading.Event().wait(0.2)
        held.set()
        for thread in threads:
            thread.join()
        assert found == [200] * 6


def test_what_takes_too_long_is_let_go(make: Make, held: threading.Event) -> None:
    with TestClient(make(timeout_s=0.2)) as opened:
        slow = opened.get("/api/v1/stores/slow/value?text=a&lat=0&lon=0")
        assert slow.status_code == 503
        assert slow.json()["type"] == "/problems/timeout"
        held.set()
        assert opened.get("/api/v1/stores").status_code == 200


def test_errors_that_nobody_foresaw_say_nothing_of_themselves(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(EmbeddedCells, "distances", breaks)
    with TestClient(make()) as opened:
        found = opened.get("/api/v1/stores/slow/answer?text=a")
        assert found.status_code == 500
        assert found.headers["content-type"] == "application/problem+json"
        assert "secret" not in found.text
        assert "secret of the house" in caplog.text
        assert opened.get("/api/v1/stores").status_code == 200


@pytest.mark.parametrize("length", ["100000", None])
def test_bodies_where_none_belongs_are_refused(client: TestClient, length: str | None) -> None:
    def body() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    content = b"x" * 100_000 if length else body()
    found = client.request("POST", "/api/v1/stores", content=content)
    assert found.status_code in (405, 413)
    assert client.get("/api/v1/stores").status_code == 200


def test_very_long_addresses_are_refused(client: TestClient) -> None:
    assert client.get(f"/api/v1/stores?{'a' * 9000}").status_code == 414


def test_metrics_know_routes_and_no_clients(client: TestClient) -> None:
    client.get(ANSWER)
    client.get("/some/where/else")
    found = client.get("/metrics").text
    assert (
        'psm_requests_total{method="GET",route="/api/v1/stores/{store}/answer",status="200"}'
        in found
    )
    assert 'route="none",status="404"' in found
    assert "frogs" not in found
    assert "testclient" not in found
    assert "psm_queue 0" in found


def test_access_log_is_off_unless_asked_for(
    client: TestClient, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "psm.server.access")
    client.get(ANSWER)
    assert not caplog.records
    with TestClient(make(access_log=True)) as opened:
        opened.get(f"{ANSWER}&key=hidden")
    line = json.loads(caplog.records[0].message)
    assert (line["method"], line["status"]) == ("GET", 200)
    assert line["path"] == "/api/v1/stores/world/answer"
    assert "hidden" not in caplog.text
    assert "frogs" not in caplog.text


def test_a_worker_finishes_what_waits_and_takes_nothing_new() -> None:
    worker, gate = WorkerThread("test", most=4), threading.Event()
    worker.start()
    futures = [worker.submit(lambda: gate.wait(10.0)), worker.submit(lambda: True)]
    threading.Timer(0.05, gate.set).start()
    worker.close()
    assert [future.result(0) for future in futures] == [True, True]
    with pytest.raises(Problem):
        worker.submit(lambda: None)


def test_memory_forgets_what_was_not_used_for_longest() -> None:
    recent: LRUCache[str] = LRUCache(10, len)
    for word in ("aaaa", "bbbb"):
        recent.put(word, word)
    assert recent.get("aaaa") == "aaaa"
    recent.put("cccc", "cccc")
    assert recent.get("bbbb") is None
    assert recent.get("aaaa")
    assert recent.get("cccc")
    recent.put("x", "x" * 11)
    assert recent.get("x") is None
    assert recent.total == 8
    brief: LRUCache[str] = LRUCache(10, kept_s=-1.0)
    brief.put("a", "a")
    assert brief.get("a") is None


def test_the_page_and_its_files(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert client.get("/").headers["content-type"].startswith("text/html")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "page-1a2b.js").write_text("let a = 1;\n" * 200)
    monkeypatch.setattr(root, "STATIC", tmp_path)
    root.assets.cache_clear()
    assert "not built" in client.get("/").text
    found = client.get("/assets/page-1a2b.js", headers={"Accept-Encoding": "gzip"})
    assert found.text == "let a = 1;\n" * 200
    assert found.headers["content-encoding"] == "gzip"
    assert "immutable" in found.headers["cache-control"]
    plain = client.get("/assets/page-1a2b.js", headers={"Accept-Encoding": "identity"})
    assert plain.content == found.content
    for path in ("nothing.js", "..%2findex.html", "%2e%2e/index.html", "/etc/passwd"):
        assert client.get(f"/assets/{path}").status_code == 404
    root.assets.cache_clear()
