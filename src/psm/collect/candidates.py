"""From the page of a listing to rows, and from a row back to the record of its archive."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from psm.collect.archives.archive import Page, Record
from psm.collect.columns import Fields, Stage, State
from psm.collect.refusal import Refused
from psm.data.dates import Clock

_ID = re.compile(r"[A-Za-z0-9_-]{1,120}")
_SUFFIX = re.compile(r"(\.[A-Za-z0-9]{1,8})?")


@dataclass(frozen=True)
class Listing:
    """How far the listing of a source has come.

    Attributes:
        cursor: where it goes on; ``None`` at its beginning.
        is_complete: nothing is left to list.
        count: rows it has given.
    """

    cursor: str | None = None
    is_complete: bool = False
    count: int = 0


def rows_of(source: str, page: Page) -> list[Fields]:
    """A row for each entry of a page; of entries with the same id the first counts."""
    rows: dict[str, Fields] = {}
    for record in page.records:
        rows.setdefault(record.key, _row(source, record))
    for name, reason in page.refused:
        key = f"{source}-{name}"
        row = {"key": key, "source": source, "id": name}
        rows.setdefault(key, {**row, **refusal(Stage.LIST, Refused(reason))})
    return list(rows.values())


def refusal(stage: Stage, why: Refused) -> Fields:
    """The columns that say why a row is refused."""
    return {
        "state": State.REFUSED,
        "reason": why.reason,
        "may_pass": why.may_pass,
        "detail": why.detail,
        "stage": stage,
    }


def record_of(row: Mapping[str, Any]) -> Record:
    """What the archive said, as it is kept in the column ``record``."""
    values = json.loads(row["record"])
    values["clock"] = Clock(values["clock"])
    values["tags"] = tuple(values["tags"])
    return Record(**values)


def _row(source: str, record: Record) -> Fields:
    row: Fields = {"key": record.key, "source": source, "id": record.id}
    # Both become names of files.
    if not _ID.fullmatch(record.id) or not _SUFFIX.fullmatch(record.suffix):
        odd = Refused("an id or a kind of file that is no file name", detail=record.suffix)
        return {**row, **refusal(Stage.LIST, odd)}
    kept = json.dumps(asdict(record), ensure_ascii=False, sort_keys=True)
    return {**row, "state": State.LISTED, "record": kept}
