"""Catalogue rows of candidates: made from a listing page, and read back as listed recordings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from psm.collect.archives.archive import ListedRecording, Page
from psm.collect.columns import CandidateState, Fields, Stage
from psm.collect.refusal import Refused
from psm.data.dates import Clock

_ID = re.compile(r"[A-Za-z0-9_-]{1,120}")
_SUFFIX = re.compile(r"(\.[A-Za-z0-9]{1,8})?")


@dataclass(frozen=True)
class ListingProgress:
    """Progress of the listing of an archive.

    Attributes:
        cursor: where it goes on; ``None`` at its beginning.
        is_complete: nothing is left to list.
        count: rows it has given.
    """

    cursor: str | None = None
    is_complete: bool = False
    count: int = 0


def rows_of(archive: str, page: Page) -> list[Fields]:
    """A row for each entry of a page; of entries with the same id the first counts."""
    rows: dict[str, Fields] = {}
    for record in page.records:
        rows.setdefault(record.key, _row(archive, record))
    for name, reason in page.refused:
        key = f"{archive}-{name}"
        row = {"key": key, "source": archive, "id": name}
        rows.setdefault(key, {**row, **refusal(Stage.LIST, Refused(reason))})
    return list(rows.values())


def refusal(stage: Stage, why: Refused) -> Fields:
    """The columns that say why a row is refused."""
    return {
        "state": CandidateState.REFUSED,
        "reason": why.reason,
        "may_pass": why.may_pass,
        "detail": why.detail,
        "stage": stage,
    }


def record_of(row: Mapping[str, Any]) -> ListedRecording:
    """The listed recording that is kept in the column ``record``."""
    values = json.loads(row["record"])
    values["clock"] = Clock(values["clock"])
    values["tags"] = tuple(values["tags"])
    return ListedRecording(**values)


def _row(archive: str, record: ListedRecording) -> Fields:
    row: Fields = {"key": record.key, "source": archive, "id": record.id}
    # Both become names of files.
    if not _ID.fullmatch(record.id) or not _SUFFIX.fullmatch(record.suffix):
        odd = Refused("an id or a kind of file that is no file name", detail=record.suffix)
        return {**row, **refusal(Stage.LIST, odd)}
    kept = json.dumps(asdict(record), ensure_ascii=False, sort_keys=True)
    return {**row, "state": CandidateState.LISTED, "record": kept}
