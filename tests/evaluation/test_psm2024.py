"""The paper's protocol for models of ours: its rows, its JSON, its tables."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from psm import PSM
from psm.data.context import CONTEXT_FIELDS, Context
from psm.data.recording import Recording
from psm.errors import ConfigError, MissingData
from psm.evaluation.oracles import DIRECTIONS, SOURCE_TAG
from psm.evaluation.papertables import paper_tables
from psm.evaluation.psm2024 import (
    PUBLISHED_SUBSETS,
    Psm2024Result,
    context_subsets,
    evaluate_psm2024,
    read_results,
)
from psm.evaluation.suite import write_tables
from psm.evaluation.typesetting import ResultTable, TableRow, latex, markdown, screen
from psm.gaussian import combine
from psm.inference.split import SplitFeatures
from psm.progress import wide_console
from psm.ranks import retrieval_ranks
from tests.tiny import tiny_experiment


def build(**changes: dict) -> PSM:
    values = tiny_experiment().model.model_dump()
    for group, settings in changes.items():
        values[group] = {**values[group], **settings}
    torch.manual_seed(0)
    return PSM(tiny_experiment(model=values).model).eval()


@pytest.fixture(scope="module")
def model() -> PSM:
    return build()


@pytest.fixture(scope="module")
def features(recordings: tuple[Recording, ...], model: PSM) -> SplitFeatures:
    generator = torch.Generator().manual_seed(0)

    def draw(dim: int) -> torch.Tensor:
        return torch.randn(len(recordings), dim, generator=generator)

    return SplitFeatures(
        recordings,
        {zoom: draw(model.config.dim) for zoom in (1, 3)},
        draw(model.audio.out_dim),
        draw(model.text.out_dim),
    )


@pytest.fixture(scope="module")
def result(model: PSM, features: SplitFeatures) -> Psm2024Result:
    return evaluate_psm2024(model, features, name="psm")


@pytest.fixture(scope="module")
def without_context(features: SplitFeatures) -> Psm2024Result:
    model = build(context={"depth": 0}, heads={"probabilistic": False})
    return evaluate_psm2024(model, features, name="geoclap")


def test_there_is_a_row_for_every_zoom_subset_caption_and_direction(result: Psm2024Result) -> None:
    asked = [(row.zoom, row.fields, row.composed, row.direction) for row in result.rows]
    assert len(set(asked)) == len(asked) == 2 * 14 * 2 * 2
    assert {fields for _, fields, _, _ in asked} == set(PUBLISHED_SUBSETS)
    assert [honest.zoom for honest in result.honest] == [1, 3]
    assert result.definitions == "ours"
    assert result.gallery == 60


@torch.inference_mode()
@pytest.mark.parametrize("fields", [(), ("month", "hour"), CONTEXT_FIELDS])
def test_rows_are_what_the_ranks_say(
    fields: tuple[str, ...], model: PSM, features: SplitFeatures, result: Psm2024Result
) -> None:
    context = Context.of_recordings(features.recordings).only(*fields)
    location = model.fuse(features.images[3], context)
    audio, text = model.audio_head(features.audio), model.text_head(features.text)
    for composed in (False, True):
        for direction, query, gallery in (
            ("image_to_audio", location, audio), ("audio_to_image", audio, location),
        ):  # fmt: skip
            ranks = retrieval_ranks(combine([query, text]) if composed else query, gallery)
            row = result.row(3, fields, direction, composed)
            assert row.recall == pytest.approx((ranks <= 6).double().mean().item())
            assert row.median_rank == ranks.quantile(0.5).item()
            assert row.ci95 is not None
            assert row.ci95[0] <= row.recall <= row.ci95[1]


def test_honest_rows_stand_beside(result: Psm2024Result) -> None:
    first = result.honest[0]
    assert {row.restriction for row in first.rows} == {"all", "same_source"}
    assert {row.source for row in first.per_source} == {"yfcc", "inat", "aporee", "freesound"}
    assert {row.query for row in first.reference} >= {"none", SOURCE_TAG, "place+time+source"}
    plain = next(row for row in first.rows if row.query == "image")
    assert plain.r_at_10pct == result.row(1, ()).recall
    assert result.honest[1].reference == first.reference


def test_a_model_is_asked_only_what_it_can_be_told(without_context: Psm2024Result) -> None:
    assert {row.fields for row in without_context.rows} == {()}
    some = context_subsets(build(context={"fields": ["latlon", "month", "hour"]}))
    assert some[0] == ()
    assert some[-1] == ("latlon", "month", "hour")
    assert len(some) == 8


def test_results_are_read_back_and_joined(
    result: Psm2024Result, without_context: Psm2024Result, tmp_path: Path
) -> None:
    for one in (result, without_context):
        write_tables([one], tmp_path / one.model)
    joined = read_results([tmp_path / "psm", tmp_path / "geoclap" / "psm2024.json"])
    assert joined == (result, without_context)
    write_tables(joined, tmp_path / "joined")
    assert read_results([tmp_path / "joined"]) == joined
    names = sorted(path.name for path in (tmp_path / "joined").iterdir())
    assert names == ["psm2024.json", "psm2024.md", "psm2024.tex"]
    json.loads((tmp_path / "joined" / "psm2024.json").read_text(), parse_constant=pytest.fail)


def test_tables_hold_every_figure(result: Psm2024Result, without_context: Psm2024Result) -> None:
    retrieval, ablation, honest, sources = paper_tables([result, without_context])
    rows = [line.cells for line in retrieval.lines]
    assert rows[0][1] == "chance"
    assert rows[1][1:] == ("source tag alone", "", "", "0.400", "8.0", "0.400", "8.0")
    for zoom in (1, 3):
        for composed in (False, True):
            for one, fields in ((result, ()), (result, CONTEXT_FIELDS), (without_context, ())):
                found = [one.row(zoom, fields, d, composed) for d in DIRECTIONS]
                figures = [t for r in found for t in (f"{r.recall:.3f}", f"{r.median_rank:.1f}")]
                marks = ["✓" if fields else "–", "✓" if composed else "–"]
                assert (str(zoom), one.model, *marks, *figures) in rows
    assert len(rows) == 2 + 2 * 2 * 3
    assert len(ablation.lines) == 14  # a model without context is not in it
    assert len(honest.lines) == 6 + 2 * (4 + 1)  # chance and five oracles before the models
    assert len(sources.lines) == 2 * 2 * (4 + 1)
    assert sources.columns[-1] == "yfcc (15)"


def test_the_best_of_a_block_is_bold(result: Psm2024Result, without_context: Psm2024Result) -> None:
    lines = paper_tables([result, without_context])[0].lines[2:5]  # zoom 1, without text
    scores = [float(line.cells[4]) for line in lines]
    ranks = [float(line.cells[5]) for line in lines]
    assert [4 in line.bold for line in lines] == [score == max(scores) for score in scores]
    assert [5 in line.bold for line in lines] == [rank == min(ranks) for rank in ranks]


def test_only_equal_recordings_share_a_table(result: Psm2024Result) -> None:
    other = result.model_copy(update={"imagery": "bing"})
    assert len(paper_tables([result, other])) == 8
    fewer = result.model_copy(update={"recordings": "fewer"})
    labels = [table.label for table in paper_tables([result, fewer])]
    assert len(set(labels)) == 8
    with pytest.raises(ConfigError, match=r"called 'psm'.*--name"):
        paper_tables([result, result])


def test_a_model_of_fewer_zooms_joins_in(
    result: Psm2024Result, without_context: Psm2024Result
) -> None:
    near = result.model_copy(
        update={
            "model": "near",
            "rows": tuple(row for row in result.rows if row.zoom == 1),
            "honest": result.honest[:1],
        }
    )
    retrieval, ablation, honest, _ = paper_tables([without_context, near])
    asked = [line.cells[:2] for line in retrieval.lines if line.cells[1] == "near"]
    assert asked == [("1", "near")] * 4
    assert all(line.cells[-1] == "" and line.cells[-3] for line in ablation.lines)
    assert ("3", "near") not in {line.cells[:2] for line in honest.lines}


def test_published_definitions_are_marked(result: Psm2024Result) -> None:
    imported = result.model_copy(update={"definitions": "published", "model": "imported"})
    retrieval = paper_tables([result, imported])[0]
    assert {line.cells[1] for line in retrieval.lines[2:]} == {"psm", "imported†"}
    assert "†: composed and counted" in retrieval.caption


def test_what_is_no_result_is_an_error_that_helps(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="--protocol psm2024"):
        read_results([tmp_path / "nowhere"])
    path = tmp_path / "psm2024.json"
    for text, message in (("{", "not readable as JSON"), ('{"results": [{}]}', "results.0.model")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=re.escape(f"{path}: {message}")):
            read_results([tmp_path])


def test_latex_is_balanced_and_escaped(result: Psm2024Result) -> None:
    tables = paper_tables([result.model_copy(update={"model": "50%_a & b#1"})])
    for table in tables:
        text = latex(table)
        opened = Counter(re.findall(r"\\begin\{([a-z*]+)\}", text))
        assert opened == Counter(re.findall(r"\\end\{([a-z*]+)\}", text))
        assert opened == {"table*": 1, "tabular": 1}
        assert [text.count(rule) for rule in (r"\toprule", r"\bottomrule")] == [1, 1]
        assert len(re.findall(r"(?<!\\)\{", text)) == len(re.findall(r"(?<!\\)\}", text))
        assert text.isascii()
        assert re.search(r"(?<!\\)[%#_]", text) is None
        body = [line for line in text.splitlines() if line.endswith(r"\\")]
        assert len(body) == 1 + len(table.lines)
        assert {len(re.findall(r"(?<!\\)&", line)) for line in body} == {len(table.columns) - 1}
        align = re.search(r"\\begin\{tabular\}\{([lr]+)\}", text)
        assert align is not None
        assert len(align[1]) == len(table.columns)


def test_markdown_and_screen_show_every_cell(capsys: pytest.CaptureFixture[str]) -> None:
    lines = (
        TableRow(("a|b", "1.0"), frozenset({1}), True),
        TableRow(("c", ""), frozenset({1}), True, True),
    )
    table = ResultTable("label", "Title", "Read *it* so.", ("name", "score"), 1, lines)
    assert markdown(table).splitlines() == [
        "## Title", "", r"Read \*it\* so.", "", "| name | score |", "| --- | ---: |",
        r"| a\|b | **1.0** |", "| c |  |",
    ]  # fmt: skip
    wide_console().print(screen(table))
    shown = capsys.readouterr().err
    assert all(word in shown for word in ("Title", "Read *it* so.", "a|b", "1.0", "score"))


def test_recordings_in_another_order_are_the_same_gallery(
    model: PSM, features: SplitFeatures, result: Psm2024Result
) -> None:
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    shuffled = replace(
        features,
        recordings=tuple(features.recordings[i] for i in order.tolist()),
        images={1: features.images[1][order]},
        audio=features.audio[order],
        text=features.text[order],
    )
    again = evaluate_psm2024(model, shuffled, name="psm")
    assert again.recordings == result.recordings
    assert again.row(1, ()).recall == pytest.approx(result.row(1, ()).recall)
