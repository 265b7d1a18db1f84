"""All archives on one loopback server, each in its documented form, with their ill humours."""

from __future__ import annotations

import base64
import hashlib
import math
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.collect.loopback import entries, tables
from tests.collect.loopback.entries import dumps
from tests.collect.loopback.media import Videos, audio
from tests.collect.loopback.world import PASSES, Made, Trouble, make

SECRETS = {
    "FREESOUND_TOKEN": "fs-0123456789abcdef-secret",
    "FREESOUND_BEARER": "fs-bearer-fedcba98-secret",
    "XENO_CANTO_KEY": "xc-0123456789abcdef-secret",
}
"""The credentials that are accepted, by environment variable."""

BURST_S = 2.0
"""So much of a second's requests may come at once: a busy machine delivers them in clumps."""

_TYPES = {".mp3": "audio/mpeg", ".wav": "audio/x-wav", ".ogg": "audio/ogg", ".mp4": "video/mp4"}
_PAGE = b"<!DOCTYPE html><html><body>We are down for maintenance.</body></html>"


@dataclass(frozen=True)
class Asked:
    """A request: when, which archive, path with query, headers, and what was answered."""

    at_s: float
    archive: str
    path: str
    headers: Mapping[str, str]
    status: int


@dataclass
class Answer:
    """What is sent. ``sent`` bytes of the body only; ``pause_s`` between its pieces."""

    status: int = 200
    body: bytes = b""
    type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None
    pause_s: float = 0.0


Query = dict[str, str]


@dataclass(frozen=True)
class Request:
    """A question to an archive: the path after its name, the query, the headers."""

    path: str
    query: Query
    headers: Mapping[str, str]


Misbehaviour = Callable[[str, str, Query], Answer | None]


class Bucket:
    """Counts requests past a rate."""

    def __init__(self, per_s: float) -> None:
        self._per_s, self._level, self._at = per_s, 0.0, time.monotonic()
        self._lock = threading.Lock()

    def is_full(self) -> bool:
        """Whether one more is too many."""
        with self._lock:
            now = time.monotonic()
            self._level = max(0.0, self._level - (now - self._at) * self._per_s) + 1.0
            self._at = now
            return self._level > 1.0 + max(2.0, BURST_S * self._per_s)


class Archives(ThreadingHTTPServer):
    """The server. What misbehaves is asked first: ``misbehave(archive, path, query)``."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, recordings: int = 100, seed: int = 0, *, requests_per_s: float = 50.0, port: int = 0
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.made = make(recordings, seed)
        self.requests_per_s = requests_per_s
        self.retry_after = "1"
        self.misbehave: Misbehaviour | None = None
        self.asked: list[Asked] = []
        self.past_limit: Counter[str] = Counter()
        self._by_source: dict[str, list[Made]] = {}
        for one in self.made:
            self._by_source.setdefault(one.source, []).append(one)
        self._files = {f"{m.source} {_file_id(m)}": m for m in self.made}
        self._videos = Videos(self.made)
        self._failed: Counter[str] = Counter()
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def of(self, source: str) -> list[Made]:
        """The recordings of an archive, in the order of its listing."""
        return self._by_source.get(source, [])

    def options(self, folder: Path) -> dict[str, dict[str, Any]]:
        """Of each source, to build from this server; tables and files are written to ``folder``."""
        tables.write(self.made, folder)
        pace = {"requests_per_s": self.requests_per_s}
        return {
            "aporee": {"base_url": f"{self.url}/aporee/", **pace},
            "freesound": {"base_url": f"{self.url}/freesound/apiv2/", **pace},
            "inaturalist": {"base_url": f"{self.url}/inaturalist/v1/", **pace},
            "xenocanto": {"base_url": f"{self.url}/xenocanto/api/3/", **pace},
            "yfcc": {
                "metadata": str(folder / tables.YFCC),
                "base_url": f"{self.url}/yfcc/data/videos/mp4/",
                **pace,
            },
            "local": {"folder": str(folder / tables.LOCAL)},
        }

    def media(self, made: Made) -> bytes:
        """The file of a recording."""
        if made.trouble is Trouble.NOISE:
            return hashlib.sha512(made.key.encode()).digest() * 40
        if made.suffix == ".mp4":
            return self._videos[made]
        return audio(made.sound, made.suffix, made.trouble is Trouble.SILENT)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are no news; everything else is a mistake here."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def answer(self, archive: str, path: str, query: Query, headers: Mapping[str, str]) -> Answer:
        with self._lock:
            bucket = self._buckets.setdefault(archive, Bucket(self.requests_per_s))
        if bucket.is_full():
            self.past_limit[archive] += 1
            return Answer(429, dumps({"detail": "Throttled."}), headers={"Retry-After": "1"})
        if self.misbehave and (wrong := self.misbehave(archive, path, query)):
            return wrong
        asked = getattr(self, f"_{archive.replace('-', '_')}", None)
        return asked(Request(path, query, headers)) if asked else Answer(404, b"{}")

    def _aporee(self, ask: Request) -> Answer:
        if ask.path == "services/search/v1/scrape":
            return self._scrape(ask.query)
        kind, _, rest = ask.path.partition("/")
        made = self._files.get(f"aporee {rest.partition('/')[0]}")
        if kind == "metadata":
            if made is None or made.trouble is Trouble.GONE:
                return Answer(body=b"{}")
            body = self.media(made)
            files = entries.aporee_files(made, len(body), hashlib.md5(body).hexdigest())
            return Answer(body=dumps({"files": files, "metadata": entries.aporee(made)}))
        if kind == "download" and made is not None:
            return Answer(302, headers={"Location": f"{self.url}/aporee-node/items/{rest}"})
        return Answer(404, _PAGE, "text/html")

    def _aporee_node(self, ask: Request) -> Answer:
        return self._file("aporee", ask.path.split("/")[1], ask.headers)

    def _scrape(self, query: Query) -> Answer:
        if query.get("q") != "collection:radio-aporee-maps" or int(query["count"]) < 100:
            return Answer(400, dumps({"error": "invalid or no parameters"}))
        start = int(base64.b64decode(query["cursor"])) if "cursor" in query else 0
        found = self.of("aporee")
        end = start + int(query["count"])
        answer: dict[str, Any] = {
            "total": len(found),
            "items": _map(entries.aporee, found[start:end]),
        }
        if end < len(found):
            answer["cursor"] = base64.b64encode(str(end).encode()).decode()
        return Answer(body=dumps({**answer, "count": len(answer["items"])}))

    def _freesound(self, ask: Request) -> Answer:
        said = ask.headers.get("Authorization", "")
        is_owner = said == f"Bearer {SECRETS['FREESOUND_BEARER']}"
        if not is_owner and said != f"Token {SECRETS['FREESOUND_TOKEN']}":
            detail = "Invalid token" if said else "Authentication credentials were not provided."
            return Answer(401, dumps({"detail": detail}))
        parts = ask.path.strip("/").split("/")
        if parts[1:2] == ["sounds"] and parts[3:] == ["download"]:
            if not is_owner:
                return Answer(401, dumps({"detail": "OAuth2 required"}))
            return self._file("freesound", parts[2], ask.headers)
        if parts[1:] != ["search", "text"]:
            return Answer(404, dumps({"detail": "Not found."}))
        found = [
            m for m in self.of("freesound") if _is_inside(m, _box(ask.query.get("filter", "")))
        ]
        size, page = min(150, int(ask.query.get("page_size", 15))), int(ask.query.get("page", 1))
        if page > max(1, math.ceil(len(found) / size)):
            return Answer(404, dumps({"detail": "Invalid page."}))
        after = f"{self.url}/freesound/apiv2/search/text/?page={page + 1}&page_size={size}"
        fields = ask.query.get("fields", "id,name,tags,username,license").split(",")
        shown = [entries.freesound(m, self.url) for m in found[(page - 1) * size : page * size]]
        results = [{name: e[name] for name in fields if name in e} for e in shown]
        more = after if page * size < len(found) else None
        return Answer(
            body=dumps({"count": len(found), "next": more, "results": results, "previous": None})
        )

    def _freesound_cdn(self, ask: Request) -> Answer:
        return self._file("freesound", ask.path.rpartition("/")[2].partition("-")[0], ask.headers)

    def _inaturalist(self, ask: Request) -> Answer:
        if ask.path != "v1/observations" or ask.query.get("sounds") != "true":
            return Answer(404, dumps({"error": "Not found", "status": 404}))
        box = [float(ask.query[n]) for n in ("swlng", "swlat", "nelng", "nelat") if n in ask.query]
        found = entries.observations(
            [m for m in self.of("inaturalist") if _is_inside(m, box or None)], self.url
        )
        left = [o for o in found if o["id"] > int(ask.query.get("id_above", 0))]
        results = left[: min(200, int(ask.query.get("per_page", 30)))]
        total = {"total_results": len(left), "page": 1, "per_page": len(results)}
        return Answer(body=dumps({**total, "results": results}))

    def _inaturalist_static(self, ask: Request) -> Answer:
        return self._file("inaturalist", ask.path.rpartition("/")[2].partition(".")[0], ask.headers)

    def _xenocanto(self, ask: Request) -> Answer:
        parts = ask.path.split("/")
        if parts[1:] == ["download"]:
            return self._file("xenocanto", parts[0], ask.headers)
        if ask.path != "api/3/recordings":
            return Answer(404, _PAGE, "text/html")
        if ask.query.get("key") != SECRETS["XENO_CANTO_KEY"]:
            error = {"error": "client_error", "message": "Missing or invalid 'key' parameter"}
            return Answer(401, dumps(error))
        if ":" not in ask.query.get("query", ""):
            return Answer(400, dumps({"error": "client_error", "message": "Use search tags"}))
        found = [m for m in self.of("xenocanto") if _is_inside(m, _box(ask.query["query"]))]
        size, page = int(ask.query.get("per_page", 100)), int(ask.query.get("page", 1))
        shown = found[(page - 1) * size : page * size]
        answer = {
            "numRecordings": str(len(found)),
            "numSpecies": "6",
            "page": page,
            "numPages": max(1, math.ceil(len(found) / size)),
            "recordings": [entries.xenocanto(m, self.url) for m in shown],
        }
        return Answer(body=dumps(answer))

    def _yfcc(self, ask: Request) -> Answer:
        return self._file("yfcc", ask.path.rpartition("/")[2].partition(".")[0], ask.headers)

    def _file(self, source: str, name: str, headers: Mapping[str, str]) -> Answer:
        made = self._files.get(f"{source} {name}")
        if made is None or made.trouble is Trouble.GONE:
            return Answer(404, b"gone", "text/plain")
        if made.trouble is Trouble.PAGE:
            return Answer(200, _PAGE, "text/html; charset=utf-8")
        with self._lock:
            self._failed[made.key] += 1
            is_first = self._failed[made.key] == 1
        if made.trouble is Trouble.BUSY and is_first:
            return Answer(429, b"slow down", "text/plain", {"Retry-After": self.retry_after})
        if made.trouble is Trouble.FLAKY and is_first:
            return Answer(503, _PAGE, "text/html")
        body = self.media(made)
        tag = f'"{hashlib.md5(body).hexdigest()}"'
        answer = Answer(200, body, _TYPES[made.suffix], {"ETag": tag, "Accept-Ranges": "bytes"})
        start = headers.get("Range", "").removeprefix("bytes=").removesuffix("-")
        if start.isdigit() and headers.get("If-Range") == tag:
            answer.status, answer.body = 206, body[int(start) :]
            answer.headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        if made.trouble is Trouble.SHORT or (made.trouble is Trouble.CUT and is_first):
            answer.sent = len(answer.body) // 2
        if made.trouble is Trouble.SHORT:
            del answer.headers["Accept-Ranges"], answer.headers["ETag"]
        if made.trouble is Trouble.SLOW:
            answer.pause_s = 0.02
        return answer


class _Handler(BaseHTTPRequestHandler):
    server: Archives
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        archive, _, path = parts.path.lstrip("/").partition("/")
        query = {name: values[-1] for name, values in parse_qs(parts.query, True).items()}
        if archive == "_counts":
            return self._send(Answer(body=dumps(self._counts())))
        answer = self.server.answer(archive, path, query, self.headers)
        seen = Asked(
            time.monotonic(), archive, self.path, dict(self.headers.items()), answer.status
        )
        self.server.asked.append(seen)
        return self._send(answer)

    def _counts(self) -> dict[str, Any]:
        asked = list(self.server.asked)
        return {
            "asked": Counter(a.archive for a in asked),
            "refused": Counter(a.archive for a in asked if a.status in (401, 403)),
            "past_limit": self.server.past_limit,
        }

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        headers = {"Content-Type": answer.type, "Content-Length": str(len(answer.body))}
        for name, value in {**headers, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        body = answer.body if answer.sent is None else answer.body[: answer.sent]
        pieces = 8 if answer.pause_s else 1
        step = max(1, math.ceil(len(body) / pieces))
        for start in range(0, len(body), step):
            self.wfile.write(body[start : start + step])
            time.sleep(answer.pause_s)
        if len(body) < len(answer.body):
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def _file_id(made: Made) -> str:
    """How the address of its file names a recording."""
    if made.source == "yfcc":
        return made.digest
    return made.id.split("-")[1] if made.source == "inaturalist" else made.id


def _map(write: Callable[[Made], Any], made: list[Made]) -> list[Any]:
    return [write(one) for one in made]


def _box(text: str) -> list[float] | None:
    """West, south, east, north of a filter of Freesound or a query of xeno-canto."""
    if "Intersects(" in text:
        return [float(n) for n in text.split("Intersects(")[1].split(")")[0].split()]
    if "box:" in text:
        south, west, north, east = map(float, text.split("box:")[1].split()[0].split(","))
        return [west, south, east, north]
    return None


def _is_inside(made: Made, box: list[float] | None) -> bool:
    if box is None:
        return True
    if made.lat is None or made.lon is None:
        return False
    return box[0] <= made.lon <= box[2] and box[1] <= made.lat <= box[3]


@contextmanager
def archives(recordings: int = 100, seed: int = 0, **options: Any) -> Iterator[Archives]:
    """A running server."""
    server = Archives(recordings, seed, **options)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def passes(made: Made) -> bool:
    """Whether its file comes in the end."""
    return made.trouble in (Trouble.NONE, Trouble.SLOW, Trouble.SILENT, Trouble.NOISE, *PASSES)
