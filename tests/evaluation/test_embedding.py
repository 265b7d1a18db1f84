"""What a model is told for each kind of query."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from psm.data.context import Context
from psm.data.corpus import Corpus
from psm.data.recording import Recording
from psm.evaluation.protocol import (
    CONTEXT,
    IMAGE,
    QUERIES,
    SOURCE_FREE,
    embed_corpus,
    evaluate_retrieval,
)
from psm.gaussian import Gaussian
from psm.model import PSM


class Witness(nn.Module):
    """Answers with what it was asked: which context was valid, at which gsd."""

    def __init__(self, *, with_fusion: bool = True) -> None:
        super().__init__()
        self.config = SimpleNamespace(name="witness", dim=8)
        self.device = torch.device("cpu")
        self.fusion = nn.Identity() if with_fusion else None

    def image_features(self, views: Tensor, gsd_m: Tensor) -> Tensor:
        assert views.shape[1:] == (3, 4, 4)
        return torch.cat([gsd_m[:, None], torch.ones(len(views), 7)], dim=1)

    def fuse(self, image: Tensor, context: Context) -> Gaussian:
        return self._point(torch.cat([image[:, :1], context.valid.float()], dim=1))

    def encode_audio(self, mel: Tensor) -> Gaussian:
        return self._point(mel.float().flatten(1)[:, :6])

    def encode_text(self, texts: list[str]) -> Gaussian:
        return self._point(torch.tensor([[float(len(text))] * 6 for text in texts]))

    def _point(self, mean: Tensor) -> Gaussian:
        return Gaussian(mean, torch.full_like(mean, -9.0))


@pytest.fixture
def corpus(recordings: tuple[Recording, ...]) -> Corpus:
    rng = np.random.default_rng(0)
    views = rng.integers(0, 255, (60, 4, 4, 3), dtype=np.uint8)
    mels = rng.normal(size=(60, 1, 3, 2)).astype(np.float16)
    return Corpus(recordings, {1: views, 3: views}, mels)


def witness(*, with_fusion: bool = True) -> PSM:
    return Witness(with_fusion=with_fusion)


def test_each_query_knows_what_it_says(corpus: Corpus) -> None:
    embedded = embed_corpus(witness(), corpus, zoom=3)
    told = {query: location.mean[:, 1:].bool() for query, location in embedded.locations.items()}
    assert not told[IMAGE].any()
    has_hour = torch.tensor([recording.hour is not None for recording in corpus.recordings])
    for query, with_source in ((CONTEXT, True), (SOURCE_FREE, False)):
        assert told[query][:, :2].all()
        assert torch.equal(told[query][:, 2], has_hour)
        assert (told[query][:, 3:] == with_source).all()
    gsd = embedded.locations[IMAGE].mean[:, 0].numpy()
    np.testing.assert_allclose(gsd, 3 * corpus.gsd_m)


def test_without_fusion_there_is_the_image_alone(corpus: Corpus) -> None:
    assert embed_corpus(witness(with_fusion=False), corpus).queries == (IMAGE,)


def test_retrieval_end_to_end(corpus: Corpus) -> None:
    report = evaluate_retrieval(witness(), corpus)
    assert {row.model for row in report.rows} == {"witness"}
    assert {row.query for row in report.rows} == set(QUERIES)
    assert all(row.gallery == 60 for row in report.rows if row.restriction == "all")
    assert report.row("place+time+source").r_at_10pct > 0
