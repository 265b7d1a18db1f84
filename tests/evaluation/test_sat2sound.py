"""Sat2Sound's protocol for models of ours: its rows, its files, its tables beside the paper's."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from psm import PSM
from psm.data.context import CONTEXT_FIELDS, Context
from psm.data.recording import Recording
from psm.errors import ConfigError, MissingData
from psm.evaluation.protocols.joining import read_every, write_every
from psm.evaluation.protocols.published import looked_up, paired, published_figures
from psm.evaluation.protocols.sat2sound import (
    Sat2SoundResult,
    evaluate_sat2sound,
    write_captions,
)
from psm.evaluation.protocols.sat2soundtables import sat2sound_tables
from psm.evaluation.psm2024 import evaluate_psm2024
from psm.evaluation.retrieval import CONTEXT, IMAGE, SOURCE_FREE
from psm.gaussian import Gaussian, combine, csd
from psm.inference.split import SplitFeatures, raw_locations, raw_text
from psm.ranks import retrieval_ranks
from tests.tiny import tiny_experiment


@pytest.fixture(scope="module")
def model() -> PSM:
    torch.manual_seed(0)
    return PSM(tiny_experiment().model).eval()


@pytest.fixture(scope="module")
def features(recordings: tuple[Recording, ...], model: PSM) -> SplitFeatures:
    generator = torch.Generator().manual_seed(0)
    recordings = recordings[:57]

    def draw(dim: int) -> torch.Tensor:
        return torch.randn(len(recordings), dim, generator=generator)

    images = {zoom: draw(model.config.dim) for zoom in (1, 3)}
    return SplitFeatures(recordings, images, draw(model.audio.out_dim), draw(model.text.out_dim))


@pytest.fixture(scope="module")
def result(model: PSM, features: SplitFeatures) -> Sat2SoundResult:
    return evaluate_sat2sound(model, features, name="psm")


def test_there_is_a_row_for_every_zoom_query_caption_and_direction(result: Sat2SoundResult) -> None:
    asked = [(row.zoom, row.query, row.captions, row.direction) for row in result.rows]
    assert len(set(asked)) == len(asked) == 2 * 3 * (3 * 2 + 2)
    assert {row.query for row in result.rows} == {IMAGE, CONTEXT, SOURCE_FREE}
    assert (result.gallery, result.distinct_captions) == (57, 57)
    assert result.chance == (pytest.approx(5 / 57), 29.0)


@torch.inference_mode()
@pytest.mark.parametrize("query", [IMAGE, CONTEXT])
def test_rows_are_what_the_ranks_say(
    query: str, model: PSM, features: SplitFeatures, result: Sat2SoundResult
) -> None:
    fields = CONTEXT_FIELDS if query == CONTEXT else ()
    context = Context.of_recordings(features.recordings).only(*fields)
    place = model.fuse(features.images[3], context)
    audio, text = model.audio_head(features.audio), model.text_head(features.text)
    both, joined = combine([audio, text]), combine([place, text])
    for captions, direction, asks, answers in (
        ("none", "image_to_audio", place, audio), ("none", "audio_to_image", audio, place),
        ("audio", "image_to_audio", place, both), ("audio", "audio_to_image", both, place),
        ("query", "image_to_audio", joined, audio), ("query", "audio_to_image", both, place),
        ("none", "image_to_caption", place, text), ("none", "caption_to_image", text, place),
    ):  # fmt: skip
        ranks = retrieval_ranks(asks, answers)
        row = result.row(3, query, direction, captions)
        assert row.fields == fields
        assert row.recall == pytest.approx((ranks <= 5).double().mean().item())
        assert row.median_rank == ranks.quantile(0.5).item()
        assert row.published.name == "R@5.7"
        assert row.published.recall == pytest.approx((ranks < 5.7).double().mean().item())
        assert row.published.reported == (round(row.published.recall, 3), int(row.median_rank))
        assert row.ci95 is not None
        assert row.ci95[0] <= row.recall <= row.ci95[1]


@given(
    ranks=st.lists(st.integers(2, 80).map(lambda twice: twice / 2), min_size=1, max_size=60),
    per_cent=st.integers(1, 100),
)
def test_the_published_count_is_that_of_whole_ranks_below(
    ranks: list[float], per_cent: int
) -> None:
    found = published_figures(torch.tensor(ranks).double().numpy(), float(per_cent))
    top = per_cent / 100 * len(ranks)
    assert found.recall == pytest.approx(sum(rank < top for rank in ranks) / len(ranks))
    assert found.name == f"R@{int(top) if top == math.floor(top) else top}"
    assert found.reported[1] == math.floor(found.median_rank)


def test_a_place_says_the_caption_of_its_zoom_or_of_the_first() -> None:
    captions = {"a": {1: "one a", 3: "three a"}, "b": {1: "one b"}}
    rows = looked_up([1, 0, 2], ["a", "b", "c"], captions, 3)
    assert [row["top1key"] for row in rows] == ["b", "a", "c"]
    assert [row["top1_caption"] for row in rows] == ["one b", "three a", ""]
    point = Gaussian(torch.ones(1, 2), torch.zeros(1, 2))
    with pytest.raises(ValueError, match="choose one of none, audio, query"):
        paired(point, point, point, "text", asks="image")


def test_nearest_captions_are_written_for_every_place(
    model: PSM, features: SplitFeatures, tmp_path: Path
) -> None:
    path = write_captions(model, features, tmp_path / "captions.csv")
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["key"] for row in rows] == [one.key for one in features.recordings]
    places = raw_locations(model, features, 1, CONTEXT_FIELDS).unit()
    order = csd(places, raw_text(model, features).unit()).argsort(1)
    for row, best in zip(rows, order[:, :3].tolist(), strict=True):
        assert [row[f"nearest_{k}"] for k in (1, 2, 3)] == [f"caption {at}" for at in best]


def test_tables_stand_beside_those_of_the_paper(
    model: PSM, features: SplitFeatures, result: Sat2SoundResult, tmp_path: Path
) -> None:
    other = result.model_copy(update={"model": "other"})
    for one in (result, other):
        write_every({"sat2sound": (one,)}, tmp_path / one.model)
    near = replace(features, images={1: features.images[1]})
    paper = evaluate_psm2024(model, near, name="psm")
    write_every({"psm2024": (paper,)}, tmp_path / "psm")
    found = read_every([tmp_path / "psm", tmp_path / "other" / "sat2sound.json"])
    assert found == {"psm2024": (paper,), "sat2sound": (result, other)}
    assert len(write_every(found, tmp_path / "joined")) == 2
    names = {path.name for path in (tmp_path / "joined").iterdir()}
    assert names == {f"{p}.{s}" for p in ("psm2024", "sat2sound") for s in ("json", "md", "tex")}
    assert read_every([tmp_path / "joined"]) == found
    json.loads((tmp_path / "joined" / "sat2sound.json").read_text(), parse_constant=pytest.fail)


def test_tables_hold_every_figure_both_ways(result: Sat2SoundResult) -> None:
    sounds, captions = sat2sound_tables([result, result.model_copy(update={"model": "other"})])
    assert len(sounds.lines) == 1 + 2 * 3 * 2 * 3
    assert len(captions.lines) == 1 + 2 * 2 * 3
    assert captions.lines[0].cells[:5] == ("", "chance", "", "0.088", "29.0")
    row = result.row(3, CONTEXT, "image_to_caption")
    expected = (f"{row.recall:.3f}", f"{row.median_rank:.1f}", f"{row.published.recall:.3f}")
    cells = [line.cells for line in captions.lines if line.cells[:3] == ("3", "psm", "✓")]
    assert [found[3:6] for found in cells] == [expected]
    assert "one too few" in captions.caption
    assert "another task" in sounds.caption
    with pytest.raises(ConfigError, match=r"called 'psm'.*--name"):
        sat2sound_tables([result, result])


def test_what_is_no_result_is_an_error_that_helps(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="--protocol psm2024, sat2sound"):
        read_every([tmp_path])
    path = tmp_path / "sat2sound.json"
    for text, message in (
        ("{", "not readable as JSON"),
        ('{"results": [{"protocol": "clap"}]}', "protocol 'clap'; known are psm2024, sat2sound"),
        ('{"results": [{"protocol": "sat2sound"}]}', "model"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            read_every([tmp_path])
