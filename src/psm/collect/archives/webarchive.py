"""An archive on the web: asked by an HTTP client whose failures refuse the recording."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from psm.collect.archives.archive import ArchiveTerms, ListedRecording
from psm.collect.refusal import RateLimited, Refused
from psm.errors import ConfigError
from psm.http import (
    Client,
    Credential,
    RateLimits,
    RequestFailed,
    StoredRateLimiter,
    TooManyRequests,
)

_WHO = "the archive"


class ArchiveClient(Client):
    """Asks one archive. Threads may share it.

    Args:
        name: of the archive.
        terms: what it asks for; names the environment variable of the credential.
        base_url: of its interface. Only what lies below gets the credential.
        folder: keeps the pace of requests.
        scheme, parameter: how the credential is sent: see :class:`~psm.http.Credential`.
        bytes_per_day: of media, if the archive limits them.

    Raises:
        ConfigError: the address is none of the web.
        MissingExtra: httpx is not installed.
    """

    def __init__(
        self,
        name: str,
        terms: ArchiveTerms,
        *,
        base_url: str,
        folder: Path,
        scheme: str = "",
        parameter: str = "",
        bytes_per_day: int | None = None,
    ) -> None:
        address = urlsplit(base_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ConfigError(f"archive {name}: base_url {base_url!r} is no address of the web")
        host = address.netloc.rpartition("@")[2].replace(":", "-")
        limits = RateLimits(
            requests_per_s=terms.requests_per_s,
            requests_per_day=terms.requests_per_day,
            bytes_per_day=bytes_per_day,
        )
        credential = Credential(
            title=terms.title,
            variable=terms.credential,
            help=terms.credential_help,
            scheme=scheme,
            parameter=parameter,
        )
        super().__init__(
            "collects recordings for soundscape maps",
            StoredRateLimiter(folder / f"{name}-{host}.json", limits, who=_WHO),
            who=_WHO,
            base_url=base_url if base_url.endswith("/") else f"{base_url}/",
            credential=credential if terms.credential else None,
            extra="collect",
        )

    def json(self, url: str, parameters: Mapping[str, str | int] | None = None) -> object:
        """See :meth:`psm.http.Client.json`.

        Raises:
            ConfigError: the credentials are missing or wrong.
            Refused: the archive does not answer, or not in JSON.
        """
        with _refusing():
            return super().json(url, parameters)

    def download(self, url: str, path: Path, *, size: int | None = None, md5: str = "") -> None:
        """See :meth:`psm.http.Client.download`.

        Raises:
            ConfigError: the credentials are missing or wrong.
            Refused: it is gone, too large, cut short, not what is listed, or no answer comes.
        """
        with _refusing():
            super().download(url, path, size=size, md5=md5)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except TooManyRequests as failed:
        raise RateLimited(failed.reason, detail=failed.detail) from None
    except RequestFailed as failed:
        raise Refused(failed.reason, may_pass=failed.may_pass, detail=failed.detail) from None


class WebArchive:
    """An archive that is asked over HTTP, by its :attr:`client`.

    Args:
        name: as in keys.
        terms: what it asks for.
        base_url: of its interface, or of a mirror.
        state: folder that keeps the pace of requests.
        requests_per_s, requests_per_day: other limits, for those who agreed on them.
        scheme, parameter, bytes_per_day: as of :class:`ArchiveClient`.
    """

    def __init__(
        self,
        name: str,
        terms: ArchiveTerms,
        *,
        base_url: str,
        state: Path,
        requests_per_s: float | None = None,
        requests_per_day: int | None = None,
        scheme: str = "",
        parameter: str = "",
        bytes_per_day: int | None = None,
    ) -> None:
        for option, value in {
            "requests_per_s": requests_per_s,
            "requests_per_day": requests_per_day,
        }.items():
            if value is not None and not value > 0:
                raise ConfigError(f"archive {name}: {option} is {value}; it has to be above 0")
        self.name = name
        self.terms = replace(
            terms,
            requests_per_s=requests_per_s or terms.requests_per_s,
            requests_per_day=requests_per_day or terms.requests_per_day,
        )
        self.client = ArchiveClient(
            name,
            self.terms,
            base_url=base_url,
            folder=state,
            scheme=scheme,
            parameter=parameter,
            bytes_per_day=bytes_per_day,
        )

    def fetch(self, record: ListedRecording, path: Path) -> None:
        """Write the media file of a recording to ``path``.

        Args:
            record: as it was listed; its size and MD5 are checked where they are known.
            path: of the file to write; whole or not at all.

        Raises:
            ConfigError: the credentials are missing or wrong.
            Refused: it is gone, too large, cut short, not what is listed, or no answer comes.
        """
        self.client.download(record.url, path, size=record.size_bytes, md5=record.md5)
