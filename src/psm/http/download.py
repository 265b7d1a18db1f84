"""Resumable download of a file: counted, checked, taken up where it broke off."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from psm.http.failures import RequestFailed

CUT_SHORT = "the file comes cut short"
_LONGEST_S = 1800.0  # a server that sends a byte now and then is no help


def pieces(answer: httpx.Response, most_bytes: int, who: str) -> Iterator[bytes]:
    """The body of an answer, as long as it is not too much and does not take too long.

    Raises:
        RequestFailed: it is, or it does; the latter may pass.
    """
    size, began = 0, time.monotonic()
    for piece in answer.iter_bytes():
        size += len(piece)
        if size > most_bytes:
            raise too_large(most_bytes)
        if time.monotonic() > began + _LONGEST_S:
            raise _failed(f"{who} answers too slowly", f"{size:,} bytes")
        yield piece


def too_large(most_bytes: int) -> RequestFailed:
    """More than anybody needs."""
    return RequestFailed("the file is too large", detail=f"more than {most_bytes:,} bytes")


class Download:
    """A file that grows by one answer after the other, until it is whole.

    Args:
        path: of the file.
        size, md5: of the whole, where they are known.
        most_bytes: that it may have.
        who: sends it, in the words of errors.

    Attributes:
        received: bytes that came, those that came again too.
    """

    def __init__(
        self, path: Path, *, size: int | None, md5: str, most_bytes: int, who: str
    ) -> None:
        self._path, self._size, self._md5 = path, size, md5.lower()
        self._most, self._who = most_bytes, who
        self.received = 0
        self.begin()

    def begin(self) -> None:
        """From the first byte."""
        self._have = 0
        self._validator = ""
        self._path.write_bytes(b"")

    @property
    def length(self) -> int:
        """Bytes that are there."""
        return self._have

    def headers(self) -> dict[str, str]:
        """Ask for what is missing, where the server offers that and the file is still the same."""
        plain = {"Accept-Encoding": "identity"}  # else its length says nothing of ours
        if self._have and self._validator:
            return {**plain, "Range": f"bytes={self._have}-", "If-Range": self._validator}
        return plain

    def receive(self, answer: httpx.Response) -> None:
        """Write what comes.

        Raises:
            RequestFailed: it breaks off, is not what it should be, or is too large; all but the
                last may pass.
        """
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind in ("text/html", "application/json"):
            raise _failed("a web page comes instead of the file", kind)
        if answer.status_code != 206 or not self._goes_on(answer):
            self.begin()
        self._validator = _validator(answer)
        missing = _missing(answer)
        if self._have + (missing or 0) > self._most:
            raise too_large(self._most)
        whole = None if missing is None else self._have + missing
        try:
            with self._path.open("ab") as file:
                for piece in pieces(answer, self._most - self._have, self._who):
                    file.write(piece)
                    self._have += len(piece)
                    self.received += len(piece)
        except (httpx.RemoteProtocolError, httpx.ReadError) as problem:
            raise _failed(CUT_SHORT, type(problem).__name__) from None
        self._check(whole)

    def _goes_on(self, answer: httpx.Response) -> bool:
        return str(answer.headers.get("Content-Range", "")).startswith(f"bytes {self._have}-")

    def _check(self, whole: int | None) -> None:
        for wanted in (whole, self._size):
            if wanted is not None and self._have < wanted:
                raise _failed(CUT_SHORT, f"{self._have:,} of {wanted:,} bytes")
        if self._size is not None and self._have != self._size:
            problem = f"{self._have:,} bytes instead of {self._size:,}"
        elif self._md5 and _md5(self._path) != self._md5:
            problem = "another MD5"
        else:
            return
        self.begin()
        raise _failed("the file is not the one that is listed", problem)


def _failed(reason: str, detail: str) -> RequestFailed:
    return RequestFailed(reason, may_pass=True, detail=detail)


def _validator(answer: httpx.Response) -> str:
    """What tells whether the file is still the same, if the server can send a part of it."""
    if answer.status_code != 206 and answer.headers.get("Accept-Ranges", "").lower() != "bytes":
        return ""
    tag = str(answer.headers.get("ETag", ""))
    if tag and not tag.startswith("W/"):
        return tag
    return str(answer.headers.get("Last-Modified", ""))


def _missing(answer: httpx.Response) -> int | None:
    """Bytes that the answer brings, if it says so."""
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and "Content-Encoding" not in answer.headers else None


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
