"""Client of one server: requests in turn, tried again where that may help, and no secret told."""

from __future__ import annotations

import json
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from psm.errors import ConfigError
from psm.extras import DISTRIBUTION, require
from psm.files import atomic_path
from psm.http.failures import (
    LONGEST_WAIT_S,
    RequestFailed,
    TooManyRequests,
    is_temporary,
    retry_after,
)
from psm.http.ratelimit import Limiter

if TYPE_CHECKING:
    import httpx

    from psm.http.transport import Signature

_ATTEMPTS = 4
_BACK_OFF_S = 0.5
_TIMEOUT_S = 30.0
_MOST_JSON_BYTES = 64 * 2**20
MOST_BYTES = 512 * 2**20
"""Of a file. Hours of sound; what is longer is no recording of a place."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A secret of the user's, and how the server wants it sent.

    Attributes:
        title: of the server, for people.
        variable: of the environment, that holds the secret.
        help: how to get one, in a sentence.
        scheme, parameter: in the header after this word, or else as this parameter of the query.
    """

    title: str
    variable: str
    help: str
    scheme: str = ""
    parameter: str = ""

    def secret(self) -> str:
        """As it is set. Read when it is needed and never kept, where a traceback might show it."""
        return os.environ.get(self.variable, "").strip()

    def signature(self) -> Signature:
        """What puts it on requests.

        Raises:
            ConfigError: it is not set, or is none.
        """
        from psm.http.transport import Signature, keep_out_of_logs

        secret = self.secret()
        if not secret or not (secret.isascii() and secret.isprintable()):
            problem = "is not set" if not secret else "is no key: it has unusual characters"
            raise ConfigError(f"{self.title}: {self.variable} {problem}. {self.help}")
        keep_out_of_logs(secret)
        return Signature(secret, scheme=self.scheme, parameter=self.parameter)


class Client:
    """Asks one server. Threads may share it.

    Retries are a loop of our own: ``stamina`` writes what it retries to a log, arguments and
    errors and so addresses with keys, and cannot leave the waiting to the rate limiter.

    Args:
        purpose: that the server is told, as ``soundscape maps``.
        limiter: gives the turns.
        who: the server, in the words of errors.
        base_url: what URLs are relative to, ends with a slash. Only what lies below gets the
            credential.
        credential: asked for at the first request.
        timeout_s: until the server answers, or sends more.
        extra: of this package, that brings httpx.

    Raises:
        MissingExtra: httpx is not installed.
    """

    def __init__(
        self,
        purpose: str,
        limiter: Limiter,
        *,
        who: str = "the server",
        base_url: str = "",
        credential: Credential | None = None,
        timeout_s: float = _TIMEOUT_S,
        extra: str = "maps",
    ) -> None:
        self._httpx = require("httpx", extra)
        self._purpose, self._limiter, self._who = purpose, limiter, who
        self.base_url, self._credential, self._timeout_s = base_url, credential, timeout_s
        self._opened: httpx.Client | None = None
        self._lock = threading.Lock()

    def get(
        self,
        url: str,
        receive: Callable[[httpx.Response], T],
        *,
        parameters: Mapping[str, str | int] | None = None,
        headers: Callable[[], dict[str, str]] = dict,
        attempts: int = _ATTEMPTS,
    ) -> T:
        """What ``receive`` makes of the answer.

        Args:
            url: relative to ``base_url``, or absolute.
            receive: reads the answer, whatever its status; a :class:`RequestFailed` of it that may
                pass has the server asked again.
            parameters: of the query.
            headers: of each attempt.
            attempts: at most.

        Raises:
            ConfigError: the credential is missing or wrong.
            RequestFailed: no attempt brought a usable answer.
        """
        client, address = self.open(), self._address(url)
        problem = RequestFailed(f"{self._who} does not answer", may_pass=True)
        for attempt in range(attempts):
            try:
                with client.stream("GET", address, params=parameters, headers=headers()) as answer:
                    return receive(answer)
            except RequestFailed as failed:
                if isinstance(failed, TooManyRequests) or not failed.may_pass:
                    raise
                problem = failed
            except (
                self._httpx.InvalidURL,
                self._httpx.UnsupportedProtocol,
                self._httpx.TooManyRedirects,
            ) as wrong:
                raise RequestFailed("no address of the web", detail=type(wrong).__name__) from None
            except self._httpx.HTTPError as failed:
                # Its message may hold an address; who it is says enough.
                problem = RequestFailed(
                    f"{self._who} does not answer", may_pass=True, detail=type(failed).__name__
                )
            if problem.wait_s is not None:
                self._limiter.hold(problem.wait_s)
                if problem.wait_s > LONGEST_WAIT_S:
                    break
            elif attempt + 1 < attempts:
                # Chance keeps clients apart here; it changes nothing of what is fetched.
                time.sleep(_BACK_OFF_S * 2**attempt * random.uniform(0.75, 1.25))
        raise problem from None

    def json(self, url: str, parameters: Mapping[str, str | int] | None = None) -> object:
        """The answer in JSON.

        Args:
            url: relative to ``base_url``, or absolute.
            parameters: of the query.

        Raises:
            ConfigError: the credential is missing or wrong.
            RequestFailed: the server does not answer, or not in JSON.
        """
        return self.get(url, self._read_json, parameters=parameters)

    def download(self, url: str, path: Path, *, size: int | None = None, md5: str = "") -> None:
        """Write a file, complete and checked, or nothing.

        Args:
            url: relative to ``base_url``, or absolute.
            path: of the file.
            size, md5: bytes and digest of the file, where they are known.

        Raises:
            ConfigError: the credential is missing or wrong.
            RequestFailed: it is gone, too large, cut short, not what is listed, or no answer comes.
        """
        from psm.http.download import Download, too_large

        if size is not None and size > MOST_BYTES:
            raise too_large(MOST_BYTES)
        with atomic_path(path, verify=False) as aside:
            body = Download(aside, size=size, md5=md5, most_bytes=MOST_BYTES, who=self._who)

            def receive(answer: httpx.Response) -> None:
                self._check(answer)
                body.receive(answer)

            try:
                self.get(url, receive, headers=body.headers)
            finally:
                self._limiter.took(body.received)
            if not body.length:
                raise RequestFailed("the file is empty")

    def open(self) -> httpx.Client:
        """What sends the requests, opened once.

        The first request does it: so that what is never asked needs no credential.

        Raises:
            ConfigError: the credential is missing.
        """
        from psm.http.transport import SigningTransport, keep_addresses_out_of_logs

        with self._lock:
            if self._opened is None:
                keep_addresses_out_of_logs()
                signing = self._credential and SigningTransport(
                    self._httpx.HTTPTransport(),
                    base_url=self.base_url,
                    signature=self._credential.signature(),
                )
                opened = self._httpx.Client(
                    headers={"User-Agent": _user_agent(self._purpose)},
                    timeout=self._timeout_s,
                    follow_redirects=True,
                    event_hooks={"request": [self._turns()]},  # of redirects too
                    transport=signing,
                )
                weakref.finalize(self, opened.close)
                self._opened = opened
            return self._opened

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            self._opened = None

    def _check(self, answer: httpx.Response) -> None:
        status, host, credential = answer.status_code, answer.url.host, self._credential
        if status in (401, 403):
            if credential is not None and str(answer.url).startswith(self.base_url):
                raise ConfigError(
                    f"{credential.title} answers {status}: is {credential.variable} right? "
                    f"{credential.help}"
                )
            raise RequestFailed("not for everybody", detail=f"{host} answers {status}")
        if status in (404, 410):
            raise RequestFailed("gone", detail=f"{host} answers {status}")
        if status not in (200, 206):
            may_pass = status == 416 or is_temporary(status)
            wait_s = retry_after(answer.headers.get("Retry-After")) if may_pass else None
            raise RequestFailed(
                f"{self._who} answers HTTP {status}", may_pass=may_pass, detail=host, wait_s=wait_s
            )

    def _read_json(self, answer: httpx.Response) -> object:
        from psm.http.download import pieces

        self._check(answer)
        said = b"".join(pieces(answer, _MOST_JSON_BYTES, self._who))
        if self._credential and (secret := self._credential.secret()):
            # Servers may send it back, as in the address of a file.
            said = said.replace(secret.encode(), b"")
        try:
            return json.loads(said)
        except (ValueError, RecursionError):
            kind = answer.headers.get("Content-Type", "nothing said").partition(";")[0]
            raise RequestFailed(
                f"{self._who} does not answer in JSON", may_pass=True, detail=kind
            ) from None

    def _address(self, url: str) -> str:
        if url.startswith("//"):
            return f"https:{url}"
        return url if "://" in url else f"{self.base_url}{url}"

    def _turns(self) -> Callable[[httpx.Request], None]:
        # Without this client in it: what is opened outlives it otherwise, and is never closed.
        limiter, base_url = self._limiter, self.base_url
        return lambda request: limiter.wait(counts=str(request.url).startswith(base_url))


def _user_agent(purpose: str) -> str:
    """Says to servers who asks."""
    try:
        number = version(DISTRIBUTION)
    except PackageNotFoundError:
        number = "0"
    return f"psm/{number} ({purpose})"
