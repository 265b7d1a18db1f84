"""What archives on the web have in common."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from psm.collect.archives.archive import Record, Terms
from psm.collect.web.client import Client
from psm.errors import ConfigError


class Archive:
    """An archive that is asked by its :attr:`client`.

    Args:
        name: as in keys.
        terms: what it asks for.
        base_url: of its interface, or of a mirror.
        state: folder that keeps the pace of requests.
        requests_per_s, requests_per_day: other limits, for those who agreed on them.
        scheme, parameter, bytes_per_day: as of :class:`~psm.collect.web.client.Client`.
    """

    def __init__(
        self,
        name: str,
        terms: Terms,
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
                raise ConfigError(f"source {name}: {option} is {value}; it has to be above 0")
        self.name = name
        self.terms = replace(
            terms,
            requests_per_s=requests_per_s or terms.requests_per_s,
            requests_per_day=requests_per_day or terms.requests_per_day,
        )
        self.client = Client(
            name,
            self.terms,
            base_url=base_url,
            folder=state,
            scheme=scheme,
            parameter=parameter,
            bytes_per_day=bytes_per_day,
        )

    def fetch(self, record: Record, path: Path) -> None:
        """Write the media file of a recording to ``path``."""
        self.client.download(record.url, path, size=record.size_bytes, md5=record.md5)
