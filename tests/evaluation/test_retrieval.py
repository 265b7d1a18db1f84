"""The rows of retrieval: what is asked, against what, and what the report says."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console

from psm.data.recording import AUDIO_SOURCES
from psm.evaluation.oracles import DIRECTIONS, SOURCE_TAG
from psm.evaluation.plots import plot_retrieval
from psm.evaluation.retrieval import (
    COMPOSED,
    CONTEXT,
    IMAGE,
    QUERIES,
    RESTRICTIONS,
    SOURCE_FREE,
    EmbeddedCorpus,
    compare,
    evaluate_embedded,
)
from psm.evaluation.retrievalreport import RetrievalReport, retrieval_table
from psm.gaussian import combine
from psm.ranks import TiedRanks, chance_ranks, retrieval_ranks, tag_ranks

PROMISED = ("model", "query", "direction", "restriction", "gallery", "r_at_10pct", "median_rank")


@pytest.fixture(scope="module")
def report(embedded: EmbeddedCorpus) -> RetrievalReport:
    return evaluate_embedded(embedded, name="fake", references=references(embedded))


def references(embedded: EmbeddedCorpus) -> dict[tuple[str, str, str], TiedRanks]:
    """An oracle of the place that puts the answer fourth of sixty; source tags as they are."""
    sources = [recording.audio_source.value for recording in embedded.recordings]
    ones = np.ones(len(sources), np.int64)
    fourth = TiedRanks(3 * ones, ones, 60 * ones)
    known = {("place", direction, "all"): fourth for direction in DIRECTIONS}
    known |= {(SOURCE_TAG, direction, "all"): tag_ranks(sources) for direction in DIRECTIONS}
    return known


def test_there_is_a_row_for_every_query_direction_and_restriction(report: RetrievalReport) -> None:
    labels = [(row.query, row.direction, row.restriction) for row in report.rows]
    assert sorted(labels) == sorted(
        (query, direction, restriction)
        for query in QUERIES
        for direction in DIRECTIONS
        for restriction in RESTRICTIONS
    )
    assert len(report.per_source) == 4 * len(report.rows)
    assert {row.queries for row in report.per_source} == {15}


def test_rows_hold_the_recall_of_the_ranks(
    report: RetrievalReport, embedded: EmbeddedCorpus
) -> None:
    ranks = retrieval_ranks(embedded.locations[CONTEXT], embedded.audio).numpy()
    row = report.row(CONTEXT)
    assert row.r_at_10pct == pytest.approx((ranks <= 6).mean())
    assert row.r_at_1 == pytest.approx((ranks <= 1).mean())
    assert row.median_rank == np.median(ranks)
    assert row.ci95 is not None
    assert row.ci95[0] <= row.r_at_10pct <= row.ci95[1]


def test_more_knowledge_scores_higher(report: RetrievalReport) -> None:
    scores = [report.row(query).r_at_10pct for query in (IMAGE, SOURCE_FREE, CONTEXT)]
    assert scores == sorted(scores)
    assert scores[0] > report.row("none").r_at_10pct


def test_share_of_the_attainable(report: RetrievalReport) -> None:
    row = report.row(IMAGE)
    assert row.attainable_share == pytest.approx((row.r_at_10pct - 0.1) / (1.0 - 0.1))
    assert report.row(COMPOSED).attainable_share is None
    assert report.row(IMAGE, restriction="same_source").attainable_share is None


def test_the_image_alone_is_also_held_against_the_pixels(embedded: EmbeddedCorpus) -> None:
    known = references(embedded)
    known |= {("pixels", d, "all"): known["place", d, "all"] for d in DIRECTIONS}
    report = evaluate_embedded(embedded, name="fake", references=known)
    row = report.row(IMAGE)
    assert row.visible_share == pytest.approx(row.attainable_share)
    assert report.row(SOURCE_FREE).visible_share is None
    assert f"{row.visible_share:.0%}/{row.visible_share:.0%}" in shown(report)


def test_the_caption_joins_the_query_in_both_directions(embedded: EmbeddedCorpus) -> None:
    assert embedded.text is not None
    asks, answers = embedded.pair(COMPOSED, "audio_to_image")
    torch.testing.assert_close(asks.mean, combine([embedded.audio, embedded.text]).mean)
    assert answers is embedded.locations[CONTEXT]
    asks, answers = embedded.pair(COMPOSED, "image_to_audio")
    expected = combine([embedded.locations[CONTEXT], embedded.text])
    torch.testing.assert_close(asks.log_var, expected.log_var)
    assert answers is embedded.audio


def test_chance_and_source_tag_are_exact(report: RetrievalReport) -> None:
    assert report.row("none").r_at_10pct == pytest.approx(0.1)
    assert report.row(SOURCE_TAG).r_at_10pct == pytest.approx(0.4)
    assert report.row(SOURCE_TAG).ci95 is None
    restricted = report.row("none", restriction="same_source")
    assert restricted.r_at_10pct == pytest.approx(1 / 15)
    assert restricted.gallery == 15


def test_json_keeps_the_promised_names(report: RetrievalReport) -> None:
    content = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert set(PROMISED) <= content["retrieval"][0].keys()
    assert content["reference_rows"] == pytest.approx(
        {"chance": 0.1, "place_oracle": 1.0, "source_oracle": 0.4}
    )


def test_without_captions_nothing_is_composed(embedded: EmbeddedCorpus) -> None:
    assert COMPOSED not in replace(embedded, text=None).queries


def test_comparison_is_paired(embedded: EmbeddedCorpus, report: RetrievalReport) -> None:
    chance = replace(report, ranks={label: chance_ranks(np.zeros(60)) for label in report.ranks})
    gain, interval = compare([report], [chance], embedded.recordings)[
        CONTEXT, "image_to_audio", "all"
    ]
    assert gain == pytest.approx(report.row(CONTEXT).r_at_10pct - 0.1)
    assert interval is not None
    assert interval[0] > 0
    gain, interval = compare([report], [report], embedded.recordings)[
        CONTEXT, "image_to_audio", "all"
    ]
    assert (gain, interval) == (0.0, (0.0, 0.0))


def test_the_table_shows_every_row(report: RetrievalReport) -> None:
    output = StringIO()
    console = Console(width=120, file=output)
    console.print(retrieval_table((*report.reference, *report.rows, *report.per_source)))
    text = output.getvalue()
    for words in ("oracle: place", "image+context, no source, inat", "exact", "audio to image"):
        assert words in text


def first(embedded: EmbeddedCorpus, count: int, **changes: object) -> EmbeddedCorpus:
    rows = slice(count)
    return EmbeddedCorpus(
        tuple(replace(r, **changes) for r in embedded.recordings[rows]),
        {query: where.rows(rows) for query, where in embedded.locations.items()},
        embedded.audio.rows(rows),
        embedded.text.rows(rows) if embedded.text is not None else None,
    )


def shown(report: RetrievalReport) -> str:
    out = Console(file=StringIO(), width=140)
    out.print(retrieval_table((*report.rows, *report.reference)))
    return out.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("count", [1, 3, 9])
def test_a_gallery_without_a_tenth_has_no_recall_in_it(
    embedded: EmbeddedCorpus, count: int
) -> None:
    report = evaluate_embedded(first(embedded, count), name="fake")
    rows = (*report.rows, *report.per_source, *report.reference)
    assert {(row.r_at_10pct, row.ci95, row.attainable_share) for row in rows} == {(None,) * 3}
    assert f"too few ({count})" in shown(report)
    assert json.loads(json.dumps(report.to_json()))["reference_rows"]["chance"] is None
    plot_retrieval([report])


def test_a_recall_of_few_recordings_is_not_shown(embedded: EmbeddedCorpus) -> None:
    few, enough = (evaluate_embedded(first(embedded, n), name="fake") for n in (49, 50))
    assert few.row(IMAGE).too_few == 49
    assert enough.row(IMAGE).too_few is None
    assert few.row("none").too_few is None  # chance is exact
    told = f"{few.row(CONTEXT).r_at_10pct:.3f}"
    assert "too few (49)" in shown(few)
    assert told not in [word for line in shown(few).splitlines() for word in line.split()[1:3]]
    assert "too few" not in shown(enough).split("same")[0]
    plot_retrieval([few])


def test_ten_recordings_have_a_tenth(embedded: EmbeddedCorpus) -> None:
    report = evaluate_embedded(first(embedded, 10), name="fake")
    assert report.row("none").r_at_10pct == pytest.approx(0.1)
    assert report.row(CONTEXT).ci95 is not None
    # Of the same source there are two or three.
    assert report.row(CONTEXT, restriction="same_source").r_at_10pct is None


def test_queries_of_small_galleries_are_no_misses(embedded: EmbeddedCorpus) -> None:
    sources = [AUDIO_SOURCES[0]] * 20 + [AUDIO_SOURCES[1]] * 3
    part = first(embedded, 23)
    mixed = replace(
        part,
        recordings=tuple(
            replace(r, audio_source=s) for r, s in zip(part.recordings, sources, strict=True)
        ),
    )
    report = evaluate_embedded(mixed, name="fake")
    alone = evaluate_embedded(first(embedded, 20, audio_source=AUDIO_SOURCES[0]), name="fake")
    same = {"restriction": "same_source"}
    assert report.row(CONTEXT, **same).r_at_10pct == alone.row(CONTEXT, **same).r_at_10pct
    assert report.row("none", **same).r_at_10pct == pytest.approx(0.1)


def test_one_cell_gives_no_interval(embedded: EmbeddedCorpus) -> None:
    report = evaluate_embedded(first(embedded, 60, cell="N00E000"), name="fake")
    assert {row.ci95 for row in report.rows} == {None}
    assert "one cell" in shown(report)
