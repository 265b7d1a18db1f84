"""Columns of the catalogue, and the state of a row that follows from them.

A row is one candidate. Each stage that works on rows one by one fills columns of its own, and one
of them, its mark, is filled in every row that passed it. How far a row has come therefore follows
from its columns, and whoever empties the columns of a stage has the stage done again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SCHEMA_VERSION = 1

Fields = dict[str, Any]
"""Columns of a row, by name."""


class CandidateState(StrEnum):
    """State of a candidate."""

    LISTED = "listed"
    FETCHED = "fetched"
    DECODED = "decoded"
    CAPTIONED = "captioned"
    IMAGED = "imaged"
    PACKED = "packed"
    REFUSED = "refused"


class Stage(StrEnum):
    """Stages of a build, in their order."""

    LIST = "list"
    CLEAN = "clean"
    SELECT = "select"
    FETCH = "fetch"
    DECODE = "decode"
    DEDUPLICATE = "deduplicate"
    CAPTION = "caption"
    IMAGE = "image"
    SPLIT = "split"
    PACK = "pack"

    @property
    def place(self) -> int:
        """In the order, from 0."""
        return list(Stage).index(self)


COMPARING = (Stage.SELECT, Stage.DEDUPLICATE, Stage.SPLIT)
"""The stages that decide on a row by all the others. They decide anew in every run."""


@dataclass(frozen=True)
class StageColumns:
    """Columns that a stage fills.

    Attributes:
        columns: with their types in SQL.
        mark: the column that is filled in every row that passed.
        state: of the rows that passed; none where the stage changes no state.
    """

    columns: Mapping[str, str]
    mark: str
    state: CandidateState | None = None


STEPS: Mapping[Stage, StageColumns] = {
    Stage.LIST: StageColumns({"record": "TEXT"}, "record", CandidateState.LISTED),
    Stage.CLEAN: StageColumns(
        {
            "lat": "DOUBLE",
            "lon": "DOUBLE",
            "accuracy_m": "DOUBLE",
            "place_flags": "TEXT[]",
            "year": "INTEGER",
            "month": "INTEGER",
            "day": "INTEGER",
            "hour": "DOUBLE",
            "timezone": "TEXT",
            "country": "TEXT",
            "text": "TEXT",
            "language": "TEXT",
            "species": "TEXT",
            "author": "TEXT",
            "licence": "TEXT",
        },
        "licence",
    ),
    Stage.FETCH: StageColumns(
        {"media_bytes": "BIGINT", "media_sha256": "TEXT"}, "media_sha256", CandidateState.FETCHED
    ),
    Stage.DECODE: StageColumns(
        {
            "duration_s": "DOUBLE",
            "media_rate_hz": "INTEGER",
            "channels": "INTEGER",
            "peak_db": "DOUBLE",
            "rms_db": "DOUBLE",
            "clipped": "DOUBLE",
            "speech": "DOUBLE",
            "sound_flags": "TEXT[]",
            "fingerprint": "BLOB",
            "clip_sha256": "TEXT",
            "mel_sha256": "TEXT",
        },
        "clip_sha256",
        CandidateState.DECODED,
    ),
    Stage.CAPTION: StageColumns(
        {"captions": "TEXT", "caption": "TEXT", "caption_source": "TEXT"},
        "captions",
        CandidateState.CAPTIONED,
    ),
    Stage.IMAGE: StageColumns(
        {
            "tile_gsd_m": "DOUBLE",
            "tile_date": "TEXT",
            "tile_licence": "TEXT",
            "tile_provider": "TEXT",
            "tile_sha256": "TEXT",
        },
        "tile_sha256",
        CandidateState.IMAGED,
    ),
    Stage.SPLIT: StageColumns({"split": "TEXT", "cell": "TEXT"}, "split"),
    Stage.PACK: StageColumns({"shard": "TEXT"}, "shard", CandidateState.PACKED),
}
"""Of the stages that fill columns."""

IDENTITY: Mapping[str, str] = {
    "key": "TEXT NOT NULL",
    "source": "TEXT NOT NULL",
    "id": "TEXT NOT NULL",
    "state": "TEXT NOT NULL",
}
REFUSAL: Mapping[str, str] = {
    "reason": "TEXT",
    "may_pass": "BOOLEAN",
    "detail": "TEXT",
    "stage": "TEXT",
}

COLUMNS: Mapping[str, str] = {
    **IDENTITY,
    **REFUSAL,
    **{name: kind for step in STEPS.values() for name, kind in step.columns.items()},
}
"""All columns, with their types in SQL."""


def reached() -> str:
    """SQL expression of the state that follows from the columns of a row of ``rows``."""
    marks: list[str] = []
    whens: list[str] = []
    for step in STEPS.values():
        marks.append(f"rows.{step.mark} IS NOT NULL")
        if step.state is not None:
            whens.insert(0, f"WHEN {' AND '.join(marks)} THEN '{step.state}'")
    return f"CASE {' '.join(whens)} ELSE '{CandidateState.LISTED}' END"


def passed(stage: Stage) -> str:
    """SQL condition: rows that passed a stage and all before it, and are not refused."""
    marks = [f"{step.mark} IS NOT NULL" for s, step in STEPS.items() if s.place <= stage.place]
    return " AND ".join([*marks, f"state <> '{CandidateState.REFUSED}'"])


def waiting(stage: Stage) -> str:
    """SQL condition: rows that wait for a stage; of one that compares, all that came as far."""
    clauses = [f"{step.mark} IS NOT NULL" for s, step in STEPS.items() if s.place < stage.place]
    if stage in COMPARING:
        earlier = words(s for s in Stage if s.place < stage.place)
        clauses.append(f"(state <> '{CandidateState.REFUSED}' OR stage NOT IN ({earlier}))")
    else:
        clauses += [f"state <> '{CandidateState.REFUSED}'", f"{STEPS[stage].mark} IS NULL"]
    return " AND ".join(clauses)


def words(stages: Iterable[Stage]) -> str:
    """SQL list of stages."""
    return ", ".join(f"'{stage}'" for stage in stages)


def columns_from(stage: Stage) -> tuple[str, ...]:
    """Columns that a stage and all later ones fill."""
    return tuple(
        name for s, step in STEPS.items() if s.place >= stage.place for name in step.columns
    )
