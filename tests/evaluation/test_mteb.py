"""MTEB's tasks: its own numbers on a made run, its form on disk, and what can be reached."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from psm import PSM
from psm.errors import ConfigError, CorruptRecording, CorruptShard, MissingData
from psm.evaluation.protocols import mtebencoding
from psm.evaluation.protocols.joining import read_every
from psm.evaluation.protocols.measuring import measure_mteb
from psm.evaluation.protocols.mteb import MtebResult, evaluate_mteb, mteb_tables
from psm.evaluation.protocols.mtebdata import find_tasks, read_task
from psm.evaluation.protocols.trec import (
    Judged,
    attainable_ndcg,
    chance_ndcg,
    expected_ndcg,
    mean_scores,
)
from tests.evaluation.mtebset import ASKED, PICTURES, made_run, rows, tiny_model, write_task

RECORDED = json.loads((Path(__file__).parent / "mteb_scores.json").read_text())
"""Scores by mteb's own code, which benchmarks/mteb_equality.py wrote."""
DISCOUNTS = 1.0 / np.log2(np.arange(2, 12))


@pytest.fixture(scope="module")
def model() -> PSM:
    return tiny_model()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both tasks, one with a card and one without."""
    path = tmp_path_factory.mktemp("mteb")
    write_task(path / "A2I", "audio")
    write_task(path / "I2A", "image", card=False)
    return path


def test_scores_are_those_of_mteb(record_property: Callable[[str, object], None]) -> None:
    scores, queries, documents, relevant = made_run()
    found = mean_scores(scores, Judged.of(queries, documents, relevant))
    assert set(found) - set(RECORDED["scores"]) == {"accuracy"}
    worst = max(abs(found[name] - value) for name, value in RECORDED["scores"].items())
    record_property("deviation", (worst, 1e-6))
    assert worst <= 1e-6
    assert found["accuracy"] == found["recall_at_1"]


@settings(max_examples=20)
@given(data=st.data(), size=st.integers(1, 4))
def test_the_expectation_over_ties_is_that_of_all_orders(data: st.DataObject, size: int) -> None:
    numbers = st.lists(st.integers(0, 2), min_size=2 * size, max_size=2 * size)
    scores = np.array(data.draw(numbers), np.float32).reshape(2, size)
    grades = np.array(data.draw(numbers), np.int64).reshape(2, size)
    names = [f"d{n}" for n in range(size)]
    every = []
    for order in itertools.permutations(range(size)):
        renamed = Judged(names, grades[:, order])
        every.append(mean_scores(scores[:, order], renamed)["ndcg_at_10"])
    assert expected_ndcg(scores, Judged(names, grades)) == pytest.approx(np.mean(every))
    flat = np.ones((2, size), np.float32)
    assert chance_ndcg(Judged(names, grades)) == expected_ndcg(flat, Judged(names, grades))


@given(data=st.data(), size=st.integers(1, 12), queries=st.integers(1, 6))
def test_nothing_that_sees_content_alone_expects_more_than_is_attainable(
    data: st.DataObject, size: int, queries: int
) -> None:
    contents = [
        np.array(data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)))
        for n in (queries, size)
    ]
    answers = data.draw(st.lists(st.integers(0, size - 1), min_size=queries, max_size=queries))
    grades = np.zeros((queries, size), np.int64)
    grades[np.arange(queries), answers] = 1
    judged = Judged([f"d{n}" for n in range(size)], grades)
    best = attainable_ndcg(contents[0].tolist(), contents[1].tolist(), judged)
    rng = np.random.default_rng(1)
    for _ in range(20):
        table = rng.normal(size=(6, 6)).astype(np.float32)
        scores = table[np.ix_(contents[0], contents[1])]
        assert expected_ndcg(scores, judged) <= best + 1e-12
    everything_differs = attainable_ndcg(range(queries), range(size), judged)
    assert everything_differs == pytest.approx(1.0)


@pytest.mark.parametrize("query", ["A2I", "I2A"])
def test_a_task_is_measured_beside_what_is_attainable(
    query: str, model: PSM, folder: Path, tmp_path: Path
) -> None:
    found = evaluate_mteb(model, read_task(query, folder / query), tmp_path)
    assert (found.queries, found.documents) == (len(ASKED), len(PICTURES))
    distinct = {"image": 18, "audio": 20}
    assert found.distinct_documents == distinct[found.document]
    three = DISCOUNTS[:3].mean()  # three equal pictures, each the answer to one query
    assert found.attainable == pytest.approx((16 + 3 * three) / 19)
    assert found.chance == pytest.approx(DISCOUNTS.sum() / 20)
    assert 0.0 <= found.expected <= found.attainable
    assert set(RECORDED["scores"]) <= set(found.scores)


def test_finished_parts_are_not_encoded_again(
    model: PSM, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = read_task("A2I", folder / "A2I")
    first = evaluate_mteb(model, task, tmp_path)
    monkeypatch.setattr(mtebencoding, "_encode", lambda *_: pytest.fail("encoded again"))
    assert evaluate_mteb(model, task, tmp_path) == first
    (torn, *_) = sorted(tmp_path.iterdir())
    torn.write_bytes(torn.read_bytes()[:100])
    monkeypatch.undo()
    assert evaluate_mteb(model, task, tmp_path) == first


def test_a_folder_of_tasks_makes_one_table(model: PSM, folder: Path, tmp_path: Path) -> None:
    results = measure_mteb(model, [str(folder)], tmp_path, name="psm")
    assert [result.task for result in results] == ["A2I", "I2A"]
    assert read_every([tmp_path]) == {"mteb": results}
    (table,) = mteb_tables(results)
    assert [line.cells[:2] for line in table.lines] == [
        (task, who) for task in ("A2I", "I2A") for who in ("chance", "attainable", "psm")
    ]
    assert table.lines[1].cells[2] == f"{results[0].attainable:.4f}"
    assert table.lines[2].cells[2] == f"{results[0].scores['ndcg_at_10']:.4f}"
    assert "20 documents (18 differ)" in table.caption
    with pytest.raises(ConfigError, match=r"called 'psm'.*--name"):
        mteb_tables([*results, *results])


def test_what_the_library_saved_reads_the_same(folder: Path, tmp_path: Path) -> None:
    task = read_task("A2I", folder / "A2I")
    for part in ("queries", "corpus", "default"):
        files = str(folder / "A2I" / part / "*.parquet")
        name = "qrels" if part == "default" else part
        Dataset.from_parquet(files, cache_dir=str(tmp_path / "cache")).save_to_disk(
            tmp_path / "saved" / name
        )
    saved = read_task("A2I", tmp_path / "saved")
    assert saved.relevant == task.relevant
    assert [*saved.corpus.parts(7)] == [*task.corpus.parts(7)]
    assert [*saved.queries.parts(64)] == [*task.queries.parts(64)]


def broken(folder: Path, part: str, values: list[dict]) -> Path:
    Dataset.from_list(values).to_parquet(folder / part / "test-00000-of-00001.parquet")
    return folder


@pytest.mark.parametrize(
    ("part", "values", "message"),
    [
        ("default", [{"query-id": "q0", "corpus-id": "x", "score": 1}], "'x', which the corpus"),
        ("default", [{"query-id": "q0", "corpus-id": "d0", "score": 0}], "no query that the qrels"),
        ("default", [{"query": "q0"}], "needs columns query-id, corpus-id, score"),
        ("corpus", [{"id": "d0", "text": "a pond"}], "needs one column of image or audio"),
        ("corpus", [{"name": "d0", "image": b""}], "no column id among name, image"),
        ("corpus", [{"id": "d0", "image": b""}] * 2, "have one id"),
    ],
)
def test_a_broken_task_is_refused(
    part: str, values: list[dict], message: str, tmp_path: Path
) -> None:
    write_task(tmp_path / "task", "audio")
    if part == "corpus":
        answers = [{"query-id": "q0", "corpus-id": "d0", "score": 1}]
        broken(tmp_path / "task", "default", answers)
    with pytest.raises(ConfigError, match=message):
        read_task("task", broken(tmp_path / "task", part, values))


def test_broken_media_are_named(model: PSM, tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", "audio")
    values = [*rows("image", tuple(range(19)), "d"), {"id": "d19", "image": {"bytes": b"x"}}]
    broken(task, "corpus", [{**row, "image": row["image"]["bytes"]} for row in values])
    with pytest.raises(CorruptRecording, match="d19: not a readable image"):
        evaluate_mteb(model, read_task("task", task), tmp_path / "features")
    path = task / "corpus" / "test-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CorruptShard, match=r"test-00000-of-00001\.parquet: not readable"):
        read_task("task", task)


def test_where_there_is_no_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingData, match="needs tables corpus, queries and qrels"):
        find_tasks(str(tmp_path))
    with pytest.raises(MissingData, match="no such folder, and no name of a data set"):
        find_tasks(str(tmp_path / "nowhere"))
    monkeypatch.setattr("psm.http.hub.away", lambda: "no answer")
    with pytest.raises(MissingData, match="download it elsewhere and give the folder"):
        find_tasks("dukesun99/SoundingEarth-A2I")
    write_task(tmp_path / "task", "audio")
    (name, path, revision) = find_tasks(str(tmp_path / "task"))[0]
    assert (name, path, revision) == ("task", tmp_path / "task", None)
    for file in (tmp_path / "task" / "queries").iterdir():
        file.unlink()
    with pytest.raises(MissingData, match="no table queries or query"):
        read_task("task", tmp_path / "task")


def test_images_of_images_are_refused(model: PSM, folder: Path, tmp_path: Path) -> None:
    task = read_task("A2I", folder / "A2I")
    same = type(task)(task.name, None, task.corpus, task.corpus, task.relevant)
    with pytest.raises(ConfigError, match="asks image of image"):
        evaluate_mteb(model, same, tmp_path)
    assert MtebResult.model_fields["protocol"].default == "mteb"
