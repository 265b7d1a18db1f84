"""What an archive of recordings has to be able to do: list them, and hand one over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from psm.collect.record import Record
from psm.errors import PSMError


class Refused(PSMError):
    """A recording that cannot be used; the message is alike for those that fail alike.

    Args:
        reason: in words that name no recording, as ``no place``.
        may_pass: asking again later may help.
        detail: about this one recording.
    """

    def __init__(self, reason: str, *, may_pass: bool = False, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.may_pass, self.detail = reason, may_pass, detail


class NotNow(Refused):
    """The archive may not be asked before some time has passed; that says nothing of a recording.

    Args:
        reason: as of :class:`Refused`.
        detail: when it may be asked again.
    """

    def __init__(self, reason: str, *, detail: str = "") -> None:
        super().__init__(reason, may_pass=True, detail=detail)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What an archive asks of those who use it.

    Attributes:
        title: of the archive, for people.
        home: its address.
        terms_url: where its rules stand.
        attribution: how it wants to be named.
        requests_per_s: most requests a second.
        requests_per_day: most requests a day, where there is a limit.
        credential: name of the environment variable with the token or key; empty if none is needed.
        credential_help: how to get one, in a sentence.
    """

    title: str
    home: str
    terms_url: str
    attribution: str
    requests_per_s: float
    requests_per_day: int | None = None
    credential: str = ""
    credential_help: str = ""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which recordings are asked of an archive; what it cannot filter by is filtered afterwards.

    Attributes:
        bounds: west, south, east, north in degrees; ``west > east`` crosses the antimeridian.
        most: recordings, or all there are.
    """

    bounds: tuple[float, float, float, float] | None = None
    most: int | None = None


@dataclass(frozen=True)
class Page:
    """A part of a listing.

    Attributes:
        records: of the recordings in it.
        cursor: where the listing goes on after it, as text; ``None`` after the last page.
        refused: ids, or where there is none places in the listing, of entries that are no
            recordings, each with a reason.
    """

    records: tuple[Record, ...]
    cursor: str | None
    refused: tuple[tuple[str, str], ...] = ()


class Source(Protocol):
    """An archive. It keeps no state: a listing is resumed from the cursor of its last page."""

    @property
    def name(self) -> str:
        """As in keys, options and tables: ``aporee``."""
        ...

    @property
    def terms(self) -> Terms:
        """What the archive asks for."""
        ...

    def list(self, wanted: Wanted, cursor: str | None = None) -> Iterator[Page]:
        """The pages of a listing, from the beginning or from a cursor, always in the same order.

        Raises:
            ConfigError: the credentials are missing or wrong.
            Refused: the archive does not answer (``may_pass``), or in a form that is not known.
        """
        ...

    def fetch(self, record: Record, path: Path) -> None:
        """Write the media file of a recording to ``path``.

        Raises:
            Refused: it is gone, not what the listing says, or the archive does not answer.
            ConfigError: the credentials are missing or wrong.
        """
        ...
