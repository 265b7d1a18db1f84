"""Asking archives politely: in turn, tried again, checked, and never telling a secret."""

from __future__ import annotations

import json
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from psm.collect.archives.archive import Terms
from psm.collect.refusal import Refused
from psm.collect.web.pace import Limits, Pace
from psm.errors import ConfigError
from psm.extras import require
from psm.files import atomic_path
from psm.web import (
    LONGEST_WAIT_S,
    keep_addresses_out_of_logs,
    keep_out_of_logs,
    may_pass,
    retry_after,
    user_agent,
)

if TYPE_CHECKING:
    import httpx

    from psm.collect.web.transport import Signature

_ATTEMPTS = 4
_BACK_OFF_S = 0.5
_TIMEOUT_S = 30.0
_MOST_JSON_BYTES = 64 * 2**20
MOST_BYTES = 512 * 2**20
"""Of a media file. Hours of sound; what is longer is no recording of a place."""

T = TypeVar("T")


class Client:
    """Questions to one archive. Threads may share it.

    Args:
        name: of the archive.
        terms: what it asks for; names the environment variable of the credential.
        base_url: of its interface, ends with a slash. Only what lies below gets the credential.
        folder: keeps the pace of requests.
        scheme, parameter: how the credential is sent: in the header after this word, else as
            this parameter of the query.
        bytes_per_day: of media, if the archive limits them.

    Raises:
        ConfigError: the address is none of the web.
        MissingExtra: httpx is not installed.
    """

    def __init__(
        self,
        name: str,
        terms: Terms,
        *,
        base_url: str,
        folder: Path,
        scheme: str = "",
        parameter: str = "",
        bytes_per_day: int | None = None,
    ) -> None:
        if urlsplit(base_url).scheme not in ("http", "https") or not urlsplit(base_url).hostname:
            raise ConfigError(f"source {name}: base_url {base_url!r} is no address of the web")
        self._httpx = require("httpx", "collect")
        self._name, self._terms = name, terms
        self.base_url = base_url if base_url.endswith("/") else f"{base_url}/"
        self._scheme, self._parameter = scheme, parameter
        limits = Limits(
            requests_per_s=terms.requests_per_s,
            requests_per_day=terms.requests_per_day,
            bytes_per_day=bytes_per_day,
        )
        host = urlsplit(base_url).netloc.rpartition("@")[2].replace(":", "-")
        self._pace = Pace(folder / f"{name}-{host}.json", limits)
        self._opened: httpx.Client | None = None
        self._lock = threading.Lock()

    def json(self, url: str, parameters: Mapping[str, str | int] | None = None) -> object:
        """The answer in JSON.

        Args:
            url: relative to ``base_url``, or absolute.
            parameters: of the query.

        Raises:
            ConfigError: the credentials are missing or wrong.
            Refused: the archive does not answer, or not in JSON.
        """
        return self._ask(url, parameters, dict, self._read_json)

    def download(self, url: str, path: Path, *, size: int | None = None, md5: str = "") -> None:
        """Write a file, complete and checked, or nothing.

        Raises:
            ConfigError: the credentials are missing or wrong.
            Refused: it is gone, too large, cut short, not what is listed, or no answer comes.
        """
        from psm.collect.web.body import Body, too_large

        if size is not None and size > MOST_BYTES:
            raise too_large(MOST_BYTES)
        with atomic_path(path) as aside:
            body = Body(aside, size=size, md5=md5, most_bytes=MOST_BYTES)
            try:
                self._ask(url, None, body.headers, body.receive)
            finally:
                self._pace.took(body.received)
            if not body.length:
                raise Refused("the file is empty")

    def _ask(
        self,
        url: str,
        parameters: Mapping[str, str | int] | None,
        headers: Callable[[], dict[str, str]],
        receive: Callable[[httpx.Response], T],
    ) -> T:
        from psm.collect.web.body import Passing

        client, address = self._client(), self._address(url)
        problem = Passing("the archive does not answer")
        for attempt in range(_ATTEMPTS):
            try:
                with client.stream("GET", address, params=parameters, headers=headers()) as answer:
                    self._check(answer)
                    return receive(answer)
            except Passing as passing:
                problem = passing
            except (
                self._httpx.InvalidURL,
                self._httpx.UnsupportedProtocol,
                self._httpx.TooManyRedirects,
            ) as wrong:
                raise Refused("no address of the web", detail=type(wrong).__name__) from None
            except self._httpx.HTTPError as failed:
                # Its message may hold an address; who it is says enough.
                problem = Passing("the archive does not answer", type(failed).__name__)
            if problem.wait_s is not None:
                self._pace.hold(problem.wait_s)
                if problem.wait_s > LONGEST_WAIT_S:
                    break
            elif attempt + 1 < _ATTEMPTS:
                # Chance keeps clients apart here; it changes nothing of what is collected.
                time.sleep(_BACK_OFF_S * 2**attempt * random.uniform(0.75, 1.25))
        raise Refused(problem.reason, may_pass=True, detail=problem.detail)

    def _check(self, answer: httpx.Response) -> None:
        from psm.collect.web.body import Passing

        status, host = answer.status_code, answer.url.host
        if status in (401, 403):
            if self._terms.credential and str(answer.url).startswith(self.base_url):
                raise ConfigError(
                    f"{self._terms.title} answers {status}: is {self._terms.credential} right? "
                    f"{self._terms.credential_help}"
                )
            raise Refused("not for everybody", detail=f"{host} answers {status}")
        if status in (404, 410):
            raise Refused("gone", detail=f"{host} answers {status}")
        if status == 416 or may_pass(status):
            wait_s = retry_after(answer.headers.get("Retry-After"))
            raise Passing(f"the archive answers HTTP {status}", host, wait_s=wait_s)
        if status not in (200, 206):
            raise Refused(f"the archive answers HTTP {status}", detail=host)

    def _read_json(self, answer: httpx.Response) -> object:
        from psm.collect.web.body import Passing, pieces

        said = b"".join(pieces(answer, _MOST_JSON_BYTES))
        if secret := self._secret():  # archives may send it back, as in the address of a file
            said = said.replace(secret.encode(), b"")
        try:
            return json.loads(said)
        except (ValueError, RecursionError):
            kind = answer.headers.get("Content-Type", "nothing said").partition(";")[0]
            raise Passing("the archive does not answer in JSON", kind) from None

    def _address(self, url: str) -> str:
        if url.startswith("//"):
            return f"https:{url}"
        return url if "://" in url else f"{self.base_url}{url}"

    def _client(self) -> httpx.Client:
        """Opened when it is first needed: so that what needs no credential asks for none."""
        from psm.collect.web.transport import PoliteTransport

        with self._lock:
            if self._opened is None:
                keep_addresses_out_of_logs()
                opened = self._httpx.Client(
                    headers={"User-Agent": user_agent("collects recordings for soundscape maps")},
                    timeout=_TIMEOUT_S,
                    follow_redirects=True,
                    transport=PoliteTransport(
                        self._httpx.HTTPTransport(),
                        pace=self._pace,
                        base_url=self.base_url,
                        signature=self._signature(),
                    ),
                )
                weakref.finalize(self, opened.close)
                self._opened = opened
            return self._opened

    def _secret(self) -> str:
        # Read when it is needed and never kept here, where a traceback might show it.
        return os.environ.get(self._terms.credential, "").strip() if self._terms.credential else ""

    def _signature(self) -> Signature | None:
        from psm.collect.web.transport import Signature

        variable = self._terms.credential
        if not variable:
            return None
        secret = self._secret()
        if not secret or not (secret.isascii() and secret.isprintable()):
            problem = "is not set" if not secret else "is no key: it has unusual characters"
            raise ConfigError(
                f"{self._terms.title}: {variable} {problem}. {self._terms.credential_help}"
            )
        keep_out_of_logs(secret)
        return Signature(secret, scheme=self._scheme, parameter=self._parameter)
