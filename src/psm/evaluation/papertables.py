"""Tables of the paper, from the results of one model or of several joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from psm.data.context import CONTEXT_FIELDS
from psm.evaluation.oracles import DIRECTIONS, SOURCE_TAG
from psm.evaluation.psm2024 import Fields, PaperRow, Psm2024Result
from psm.evaluation.retrieval import RESTRICTIONS
from psm.evaluation.retrievalreport import RetrievalRow, query_label, score_text
from psm.evaluation.typesetting import ResultTable, TableRow, Value, asked_alike, block_of

_ARROWS = {"image_to_audio": "I→S", "audio_to_image": "S→I"}
_FIELD_NAMES = {
    "latlon": "lat/long",
    "month": "month",
    "hour": "hour",
    "audio_source": "audio source",
    "caption_source": "caption source",
}
_PUBLISHED_MARK = "†"


def paper_tables(results: Sequence[Psm2024Result]) -> tuple[ResultTable, ...]:
    """For each imagery: retrieval, context ablation, our rows, our rows by source.

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
        builders = (_retrieval, _ablation, _own_rows, _by_source)
        tables += [table for build in builders if (table := build(group, suffix)).lines]
    return tuple(tables)


def _retrieval(group: Sequence[Psm2024Result], suffix: str) -> ResultTable:
    lines = _known_by_tag_alone(group) if group[0].share == 0.1 else []
    for zoom, composed in product(_zooms(group), (False, True)):
        rows = [
            (
                (str(zoom), _name(result), _mark(bool(fields)), _mark(composed)),
                _figures([result.row(zoom, fields, d, composed) for d in DIRECTIONS]),
            )
            for result in group
            if zoom in _zooms([result])
            for fields in dict.fromkeys(((), result.context))
        ]
        lines += block_of(rows)
    percent = f"R@{group[0].share:.0%}"
    return ResultTable(
        label=f"retrieval-{suffix}",
        title=f"Retrieval, {_about(group)}",
        caption=(
            f"{percent} and median rank (1-based, ties averaged), image to sound and sound to "
            "image. Context: the location is told all that the model knows. Text: the answer's own "
            "caption joins the query, which is another task." + _definitions(group)
        ),
        columns=(
            "zoom", "model", "context", "text",
            *(f"{arrow} {what}" for arrow in _ARROWS.values() for what in (percent, "rank")),
        ),
        labels=4,
        lines=tuple(lines),
    )  # fmt: skip


def _known_by_tag_alone(group: Sequence[Psm2024Result]) -> list[TableRow]:
    """What chance and the audio source alone reach, which every figure should be read against."""
    rows = [row for row in group[0].honest[0].reference if row.restriction == "all"]
    lines = []
    for query, name in (("none", "chance"), (SOURCE_TAG, "source tag alone")):
        found = [
            row for d in DIRECTIONS for row in rows if (row.query, row.direction) == (query, d)
        ]
        figures = (
            text for r in found for text in (score_text(r.r_at_10pct), f"{r.median_rank:,.1f}")
        )
        lines.append(TableRow(("", name, "", "", *figures), is_reference=True))
    return lines


def _ablation(group: Sequence[Psm2024Result], suffix: str) -> ResultTable:
    columns = [*product(_zooms(group), DIRECTIONS)]
    lines = []
    for result in group:
        subsets = list(dict.fromkeys(row.fields for row in result.rows))
        if len(subsets) > 1:
            lines += block_of(
                [
                    (
                        (_name(result), *(_mark(field in fields) for field in CONTEXT_FIELDS)),
                        [_recall(result, zoom, fields, d) for zoom, d in columns],
                    )
                    for fields in subsets
                ]
            )
    return ResultTable(
        label=f"ablation-{suffix}",
        title=f"What the location is told, {_about(group)}",
        caption=f"R@{group[0].share:.0%} without text." + _definitions(group),
        columns=(
            "model",
            *(_FIELD_NAMES[field] for field in CONTEXT_FIELDS),
            *(f"{_ARROWS[d]} zoom {zoom}" for zoom, d in columns),
        ),
        labels=1 + len(CONTEXT_FIELDS),
        lines=tuple(lines),
    )


def _own_rows(group: Sequence[Psm2024Result], suffix: str) -> ResultTable:
    first = group[0].honest[0]
    lines = _own_lines("", "", first.reference, is_reference=True)
    for zoom, result in product(_zooms(group), group):
        for honest in result.honest:
            if honest.zoom == zoom:
                lines += _own_lines(str(zoom), result.model, honest.rows)
    return ResultTable(
        label=f"honest-{suffix}",
        title=f"Our rows, {_about(group)}",
        caption=(
            "R@10% by our definitions, with 95 % intervals by bootstrap over cells, in the whole "
            "gallery and in one that holds the query's audio source alone. Attained: (score - "
            "chance) / (oracle - chance) in the whole gallery."
        ),
        columns=(
            "zoom", "model", "query",
            *(_ARROWS[d] + (", same source" if r == "same_source" else "")
              for r, d in product(RESTRICTIONS, DIRECTIONS)),
            "attained",
        ),
        labels=3,
        lines=tuple(lines),
    )  # fmt: skip


def _own_lines(
    zoom: str, model: str, rows: Sequence[RetrievalRow], *, is_reference: bool = False
) -> list[TableRow]:
    lines: list[TableRow] = []
    for who, query in dict.fromkeys((row.model, row.query) for row in rows):
        found = {
            (r.restriction, r.direction): r for r in rows if (r.model, r.query) == (who, query)
        }
        lines.append(
            TableRow(
                cells=(
                    zoom,
                    who if is_reference else model,
                    "" if who == "chance" else query_label(query),
                    *(_interval(found[key]) for key in product(RESTRICTIONS, DIRECTIONS)),
                    _shares(found["all", direction] for direction in DIRECTIONS),
                ),
                opens_block=not lines,
                is_reference=is_reference,
            )
        )
    return lines


def _by_source(group: Sequence[Psm2024Result], suffix: str) -> ResultTable:
    asked = {row.source: row.queries for row in group[0].honest[0].per_source}
    lines: list[TableRow] = []
    for zoom, result in product(_zooms(group), group):
        rows = [row for honest in result.honest if honest.zoom == zoom for row in honest.per_source]
        found = {(r.query, r.restriction, r.source, r.direction): r.r_at_10pct for r in rows}
        pairs = dict.fromkeys((row.query, row.restriction) for row in rows)
        for number, (query, restriction) in enumerate(pairs):
            values = [
                " / ".join(score_text(found[query, restriction, source, d]) for d in DIRECTIONS)
                for source in asked
            ]
            gallery = "same source" if restriction == "same_source" else "whole"
            lines.append(
                TableRow(
                    (str(zoom), result.model, query_label(query), gallery, *values),
                    opens_block=not number,
                )
            )
    return ResultTable(
        label=f"sources-{suffix}",
        title=f"Our rows by audio source, {_about(group)}",
        caption=(
            "R@10% of the queries of each source, image to sound / sound to image, by our "
            "definitions. A gallery of the same source leaves nothing to be won by knowing it."
        ),
        columns=(
            "zoom", "model", "query", "gallery",
            *(f"{source} ({count:,})" for source, count in asked.items()),
        ),
        labels=4,
        lines=tuple(lines),
    )  # fmt: skip


def _figures(rows: Sequence[PaperRow]) -> list[Value]:
    return [
        value
        for row in rows
        for value in (
            _scored(row.recall),
            (-row.median_rank, f"{row.median_rank:,.1f}"),
        )
    ]


def _recall(result: Psm2024Result, zoom: int, fields: Fields, direction: str) -> Value:
    if zoom not in _zooms([result]):
        return float("-inf"), ""
    return _scored(result.row(zoom, fields, direction).recall)


def _scored(recall: float | None) -> Value:
    return float("-inf") if recall is None else recall, score_text(recall)


def _zooms(group: Sequence[Psm2024Result]) -> list[int]:
    return sorted({row.zoom for result in group for row in result.rows})


def _name(result: Psm2024Result) -> str:
    return result.model + (_PUBLISHED_MARK if result.definitions == "published" else "")


def _about(group: Sequence[Psm2024Result]) -> str:
    return f"{group[0].imagery}, {group[0].gallery:,} recordings"


def _definitions(group: Sequence[Psm2024Result]) -> str:
    if all(result.definitions == "ours" for result in group):
        return ""
    return f" {_PUBLISHED_MARK}: composed and counted as the published code does."


def _mark(is_so: bool) -> str:
    return "✓" if is_so else "–"


def _shares(rows: Iterable[RetrievalRow]) -> str:
    shares = [row.attainable_share for row in rows]
    if all(share is None for share in shares):
        return ""
    return " / ".join("–" if share is None else f"{share:.0%}" for share in shares)


def _interval(row: RetrievalRow) -> str:
    score = score_text(row.r_at_10pct)
    return score if row.ci95 is None else f"{score} ({row.ci95[0]:.3f}–{row.ci95[1]:.3f})"
