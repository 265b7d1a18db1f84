"""Tables of Sat2Sound's protocol, from the results of one model or of several joined."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from psm.evaluation.protocols.published import CAPTION_USES
from psm.evaluation.protocols.sat2sound import (
    AUDIO_DIRECTIONS,
    CAPTION_DIRECTIONS,
    Sat2SoundResult,
    Sat2SoundRow,
)
from psm.evaluation.retrieval import CONTEXT, IMAGE, SOURCE_FREE
from psm.evaluation.retrievalreport import score_text
from psm.evaluation.typesetting import ResultTable, TableRow, Value, asked_alike, block_of

_ARROWS = {
    "image_to_audio": "I→S",
    "audio_to_image": "S→I",
    "image_to_caption": "I→T",
    "caption_to_image": "T→I",
}
_CONTEXT = {IMAGE: "–", SOURCE_FREE: "no source", CONTEXT: "✓"}
_TEXT = {"none": "–", "audio": "in the recordings", "query": "in the query"}
_COUNTED = (
    "†: as the published code counts, ranks below a tenth of the gallery, one too few, and the "
    "median without its half."
)


def sat2sound_tables(results: Sequence[Sat2SoundResult]) -> tuple[ResultTable, ...]:
    """For each gallery: images and sound, then images and captions.

    Models share a table where they were asked the same of the same recordings.

    Raises:
        ConfigError: two models in one table have one name.
    """
    groups = asked_alike(
        results,
        lambda result: (result.imagery, result.recordings, result.share),
        lambda result: f"on {result.imagery}",
    )
    tables = []
    for number, group in enumerate(groups, start=1):
        suffix = f"{group[0].imagery}-{number}" if len(groups) > 1 else group[0].imagery
        tables += [_sounds(group, suffix), _captions(group, suffix)]
    return tuple(tables)


def _sounds(group: Sequence[Sat2SoundResult], suffix: str) -> ResultTable:
    first = group[0]
    return ResultTable(
        label=f"sat2sound-{suffix}",
        title=f"Sat2Sound's protocol: images and sound, {_about(first)}",
        caption=(
            f"R@{first.share:.0%} and median rank (1-based, ties averaged). Text: the answer's own "
            "caption is added to every recording, or to every query; both hold a part of the "
            f"answer, which is another task. {_COUNTED}"
        ),
        columns=("zoom", "model", "context", "text", *_columns(first, AUDIO_DIRECTIONS)),
        labels=4,
        lines=(
            _chance(first, 4),
            *(
                line
                for zoom, use in product(_zooms(group), CAPTION_USES)
                for line in _lines(group, zoom, use, AUDIO_DIRECTIONS, (_TEXT[use],))
            ),
        ),
    )


def _captions(group: Sequence[Sat2SoundResult], suffix: str) -> ResultTable:
    first = group[0]
    return ResultTable(
        label=f"sat2sound-captions-{suffix}",
        title=f"Sat2Sound's protocol: images and captions, {_about(first)}",
        caption=(
            f"R@{first.share:.0%} and median rank of a place's own caption among those of all "
            f"recordings, of which {first.distinct_captions:,} differ; equal ones are tied. "
            f"{_COUNTED}"
        ),
        columns=("zoom", "model", "context", *_columns(first, CAPTION_DIRECTIONS)),
        labels=3,
        lines=(
            _chance(first, 3),
            *(
                line
                for zoom in _zooms(group)
                for line in _lines(group, zoom, "none", CAPTION_DIRECTIONS, ())
            ),
        ),
    )


def _columns(first: Sat2SoundResult, directions: Sequence[str]) -> list[str]:
    name = next(iter(first.rows)).published.name
    return [
        column
        for arrow in map(_ARROWS.__getitem__, directions)
        for column in (
            f"{arrow} R@{first.share:.0%}",
            f"{arrow} rank",
            f"{arrow} {name}†",
            f"{arrow} rank†",
        )
    ]


def _lines(
    group: Sequence[Sat2SoundResult],
    zoom: int,
    use: str,
    directions: Sequence[str],
    labels: tuple[str, ...],
) -> list[TableRow]:
    rows = []
    for result in group:
        asked = {row.query for row in result.rows if row.zoom == zoom}
        for query in _CONTEXT:
            if query in asked:
                found = [result.row(zoom, query, direction, use) for direction in directions]
                values = [value for row in found for value in _values(row)]
                rows.append(((str(zoom), result.model, _CONTEXT[query], *labels), values))
    return block_of(rows)


def _values(row: Sat2SoundRow) -> list[Value]:
    recall, median = row.published.reported
    return [
        (float("-inf") if row.recall is None else row.recall, score_text(row.recall)),
        (-row.median_rank, f"{row.median_rank:,.1f}"),
        (recall, f"{recall:.3f}"),
        (-median, f"{median:,}"),
    ]


def _chance(first: Sat2SoundResult, labels: int) -> TableRow:
    recall, median = first.chance
    figures = (score_text(recall), f"{median:,.1f}", "", "")
    return TableRow(("", "chance", *[""] * (labels - 2), *figures, *figures), is_reference=True)


def _zooms(group: Sequence[Sat2SoundResult]) -> list[int]:
    return sorted({row.zoom for result in group for row in result.rows})


def _about(first: Sat2SoundResult) -> str:
    return f"{first.imagery}, {first.gallery:,} recordings"
