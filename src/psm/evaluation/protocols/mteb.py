"""Tasks of MTEB (Muennighoff et al. 2023, Enevoldsen et al. 2025) that pair images and recordings.

SoundingEarth there (Heidler et al. 2023) has 1,000 queries and 2,048 documents, one answer each,
and is scored by nDCG@10. Some of its images are the same picture: whoever looks at pictures alone
cannot tell the recordings of one such image from those of the other. What can be reached stands
beside every score.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float32
from pydantic import BaseModel, ConfigDict

from psm import __version__
from psm.errors import ConfigError
from psm.evaluation.protocols.mtebdata import Task
from psm.evaluation.protocols.mtebencoding import TILE_GSD_M, EncodedMedia, encode_media
from psm.evaluation.protocols.trec import (
    Judged,
    attainable_ndcg,
    chance_ndcg,
    expected_ndcg,
    mean_scores,
)
from psm.evaluation.typesetting import ResultTable, TableRow, Value, asked_alike, block_of
from psm.gaussian import Gaussian, csd
from psm.model import PSM
from psm.progress import console

MTEB_NAME = "mteb.json"
MAIN_SCORE = "ndcg_at_10"

_SHOWN = (MAIN_SCORE, "recall_at_1", "recall_at_10", "mrr_at_10")
_HEADINGS = ("nDCG@10", "R@1", "R@10", "MRR@10")
_BLOCK = 256


class MtebResult(BaseModel):
    """Result of one model in one task; its JSON is what tables are joined from.

    Attributes:
        protocol: names this format.
        version: of the package that measured.
        model: what the tables call the model.
        task: name of its folder or repository.
        revision: of the repository; ``None`` for a folder.
        content: fingerprint of the names and the answers; only equal ones share a table.
        query, document: ``image`` or ``audio``.
        queries, documents: how many.
        distinct_queries, distinct_documents: how many of them differ in their pixels or samples.
        scores: every score of MTEB by its name; equal scores stand in falling order of the names
            of documents, as in ``trec_eval``.
        expected: nDCG@10 where equal scores stand in every order equally often.
        attainable: the best ``expected`` of whoever knows the content alone.
        chance: ``expected`` when nothing is known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: Literal["mteb"] = "mteb"
    version: str = __version__
    model: str
    task: str
    revision: str | None
    content: str
    query: str
    document: str
    queries: int
    documents: int
    distinct_queries: int
    distinct_documents: int
    scores: dict[str, float]
    expected: float
    attainable: float
    chance: float


def evaluate_mteb(model: PSM, task: Task, keep: Path, *, name: str | None = None) -> MtebResult:
    """A task by one model.

    Images are locations of which the model is told nothing but the picture: neither place nor time
    is in the data. Scores are the model's own distance, nearer is better.

    Args:
        model: in evaluation mode, on any device.
        task: of images and recordings.
        keep: folder for features of finished parts.
        name: what the tables call the model; its configured name by default.

    Raises:
        ConfigError: queries and documents are of one kind.
        CorruptShard, CorruptRecording: media that cannot be read.
    """
    if task.queries.modality == task.corpus.modality:
        raise ConfigError(
            f"{task.name}: asks {task.queries.modality} of {task.corpus.modality}; images are held "
            "against recordings only"
        )
    label = task.name.replace("/", "--")
    queries = encode_media(model, task.queries, keep, f"{label}-queries")
    documents = encode_media(model, task.corpus, keep, f"{label}-corpus")
    asked = [row for row, query in enumerate(task.queries.ids) if query in task.relevant]
    ids = [task.queries.ids[row] for row in asked]
    judged = Judged.of(ids, task.corpus.ids, task.relevant)
    scores = scores_between(queries.gaussians.rows(torch.tensor(asked)), documents.gaussians)
    content = [queries.content[row] for row in asked]
    return MtebResult(
        model=name or model.config.name,
        task=task.name,
        revision=task.revision,
        content=_fingerprint(task),
        query=task.queries.modality,
        document=task.corpus.modality,
        queries=len(asked),
        documents=len(task.corpus),
        distinct_queries=len(set(content)),
        distinct_documents=len(set(documents.content)),
        scores=mean_scores(scores, judged),
        expected=expected_ndcg(scores, judged),
        attainable=_attainable(content, documents, judged),
        chance=chance_ndcg(judged),
    )


def scores_between(queries: Gaussian, documents: Gaussian) -> Float32[np.ndarray, "m n"]:
    """Scores of documents for queries, higher is better: minus the closed-form sampled distance.

    Args:
        queries: ``(m, dim)``.
        documents: ``(n, dim)``.
    """
    parts = [
        -csd(queries.rows(slice(at, at + _BLOCK)), documents).float().numpy()
        for at in range(0, len(queries.mean), _BLOCK)
    ]
    return np.concatenate(parts)


def mteb_tables(results: Sequence[MtebResult]) -> tuple[ResultTable, ...]:
    """One table of all tasks.

    Raises:
        ConfigError: two models in one task have one name.
    """
    groups = asked_alike(
        results,
        lambda result: (result.task, result.content),
        lambda result: f"in {result.task}",
    )
    lines: list[TableRow] = []
    for group in groups:
        first, task = group[0], group[0].task
        blank = [""] * (len(_SHOWN) - 1)
        for label, value in (("chance", first.chance), ("attainable", first.attainable)):
            cells = (task, label, f"{value:.4f}", *blank, f"{value:.4f}")
            opens = bool(lines) and label == "chance"
            lines.append(TableRow(cells, opens_block=opens, is_reference=True))
        lines += block_of([((task, result.model), _values(result)) for result in group])
    return (
        ResultTable(
            label="mteb",
            title="Tasks of MTEB: images and recordings",
            caption=(
                "As MTEB counts; equal scores stand in falling order of the documents' names. "
                "Ties averaged: the expectation of nDCG@10 over all orders of equal scores. "
                "Attainable: the best expectation of whoever sees the content alone. "
                + " ".join(_about(group[0]) for group in groups)
            ),
            columns=("task", "model", *_HEADINGS, "ties averaged"),
            labels=2,
            lines=tuple(lines),
        ),
    )


def _values(result: MtebResult) -> list[Value]:
    values = [*(result.scores[name] for name in _SHOWN), result.expected]
    return [(value, f"{value:.4f}") for value in values]


def _about(result: MtebResult) -> str:
    return (
        f"{result.task}: {result.queries:,} queries ({result.query}; {result.distinct_queries:,} "
        f"differ), {result.documents:,} documents ({result.distinct_documents:,} differ)."
    )


def _attainable(queries: list[bytes], documents: EncodedMedia, judged: Judged) -> float:
    number = {digest: at for at, digest in enumerate(dict.fromkeys([*queries, *documents.content]))}
    return attainable_ndcg(
        [number[digest] for digest in queries],
        [number[digest] for digest in documents.content],
        judged,
    )


def say_how_wide(model: PSM) -> None:
    """Say so where the images show less than the model's views."""
    imagery = model.config.imagery
    width_m = imagery.view_px * imagery.gsd_m * imagery.zooms[0]
    shown_m = 1024 * TILE_GSD_M
    if width_m > 1.01 * shown_m:
        console().print(
            f"SoundingEarth's images show {shown_m:.0f} m, and {model.config.name} has learnt "
            f"views of {width_m:,.0f} m: it sees them whole, at another scale than it knows"
        )


def _fingerprint(task: Task) -> str:
    parts = [*task.corpus.ids, "", *(repr(pair) for pair in sorted(
        (query, *sorted(grades.items())) for query, grades in task.relevant.items()
    ))]  # fmt: skip
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
