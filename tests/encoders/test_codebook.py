"""The codebook: sparsemax, what is absent, and towers that give tokens."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from psm import PSM
from psm.config import ContextConfig, HeadConfig, TextTowerConfig
from psm.data.context import Context
from psm.encoders.audiotowers import CNNTower, ResidualTower
from psm.encoders.codebook import Codebook, CodebookHead, sparsemax
from psm.encoders.fusion import TokenFusion
from psm.encoders.minilm import MiniLMTower
from psm.encoders.textencoding import encode_texts
from psm.encoders.texttowers import build_text_tower
from psm.encoders.tokens import Tokens
from psm.errors import ConfigError
from tests.tiny import BANDS, tiny_experiment

TEXTS = ["frogs", "church bells far away over a quiet valley", "rain"]


def codebook_model(**changes: object) -> PSM:
    model = tiny_experiment().model.model_dump()
    model["heads"] = {"kind": "codebook", "codes": 24, "temperature": 2.0, "probabilistic": False}
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return PSM(tiny_experiment(model={**model, **changes}).model).eval()


def bisected(scores: np.ndarray) -> np.ndarray:
    """Sparsemax by looking for its threshold: the weights add up to 1 where it is right."""
    low, high = scores.min() - 1.0, scores.max()
    for _ in range(200):
        middle = 0.5 * (low + high)
        if np.maximum(scores - middle, 0.0).sum() > 1.0:
            low = middle
        else:
            high = middle
    return np.maximum(scores - low, 0.0)


@given(arrays.arrays(np.float64, st.integers(1, 12), elements=st.floats(-3.0, 3.0)))
@settings(max_examples=60, deadline=None)
def test_sparsemax_is_the_projection_onto_the_simplex(scores: np.ndarray) -> None:
    found = sparsemax(torch.from_numpy(scores)[None])[0].numpy()
    np.testing.assert_allclose(found, bisected(scores), atol=1e-9)
    assert found.sum() == pytest.approx(1.0)


def test_the_gradient_of_sparsemax_is_that_of_differences() -> None:
    scores = torch.tensor([[0.3, 0.9, -0.4, 0.8, 0.1]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(sparsemax, (scores,))


@torch.no_grad()
def test_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    head = CodebookHead(6, Codebook(20, 8, 2.0))
    tokens = torch.randn(2, 5, 6)
    short = Tokens(tokens, torch.tensor([[True] * 3 + [False] * 2, [True] * 5]))
    alone = Tokens.all_known(tokens[:1, :3])
    padded = torch.nn.functional.pad(short.packed(), (0, 4 * 6))
    for features in (short.packed(), padded):
        torch.testing.assert_close(head(features).mean[:1], head(alone.packed()).mean)


@torch.no_grad()
def test_many_rows_at_once_are_worked_on_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    head = CodebookHead(6, Codebook(20, 8, 2.0))
    features = torch.randn(7, 5 * 6)
    whole = head.weights(features)
    monkeypatch.setattr("psm.encoders.codebook._MOST_SCORES", 2 * 5 * 20)
    torch.testing.assert_close(head.weights(features), whole)


@torch.no_grad()
def test_what_is_not_known_of_the_context_does_not_choose() -> None:
    torch.manual_seed(0)
    fusion = TokenFusion(ContextConfig(depth=1, heads=2, feedforward=16, hidden=4), 8).eval()
    image = torch.randn(2, 3 * 8)
    known = Context.of(lat=[1.0, 2.0], lon=[3.0, 4.0], month=[5.0, np.nan])
    fused = Tokens.unpacked(fusion(image, known), 8)
    assert fused.known.tolist() == [[True] * 5, [True] * 4 + [False]]
    alone = fusion(image[1:], known.rows(slice(1, 2)))
    torch.testing.assert_close(fused.values[1, :4].flatten(), alone[0])
    assert fusion(image).shape == image.shape  # nothing is known


@pytest.mark.parametrize(
    "tower", [CNNTower((4, 6, 8), BANDS), ResidualTower((4, 6, 8), (0, 1), BANDS)]
)
@torch.no_grad()
def test_moments_of_sound_are_tokens(tower: CNNTower | ResidualTower) -> None:
    mel = torch.randn(2, 2, 33, BANDS) * 10.0 - 40.0
    tokens = tower.eval().tokens(mel)
    assert tokens.values.shape[::2] == (2, tower.token_dim)
    assert tokens.known.all()
    first = tower.tokens(mel[:, :1]).values
    torch.testing.assert_close(tokens.values[:, : first.shape[1]], first)


@torch.no_grad()
def test_words_are_tokens_whatever_is_read_beside_them() -> None:
    tower = build_text_tower(TextTowerConfig(), 16)
    together = encode_texts(tower, TEXTS, as_tokens=True)
    assert tower.token_dim is not None
    tokens = Tokens.unpacked(together, tower.token_dim)
    assert tokens.known.sum(1).tolist() == tower.lengths(TEXTS)
    alone = tower.tokens(TEXTS[:1]).packed()[0]
    torch.testing.assert_close(together[0, : len(alone)], alone, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_all_three_lie_among_the_codes() -> None:
    model = codebook_model()
    views = torch.zeros(3, 3, 16, 16, dtype=torch.uint8)
    image = model.image_features(views, torch.full((3,), 1000.0))
    assert image.shape[1] == model.config.image_features
    found = [
        model.fuse(image),
        model.encode_audio(torch.zeros(3, 1, 33, BANDS)),
        model.encode_text(TEXTS),
    ]
    for gaussian in found:
        torch.testing.assert_close(gaussian.mean.norm(dim=-1), torch.ones(3))
    assert not model.knows_uncertainty
    assert model.match_uncertainty(found[0], found[1]).isnan().all()


def test_codes_are_stored_once_and_are_an_embedding_which_is_not_decayed() -> None:
    model = codebook_model()
    assert [name for name in model.state_dict() if "codes" in name] == ["codebook.codes.weight"]
    assert model.codebook is not None
    assert isinstance(model.codebook.codes, torch.nn.Embedding)


def test_a_tower_without_tokens_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MiniLMTower, "token_dim", None)
    with pytest.raises(ConfigError, match="text_tower: sentence gives no tokens"):
        codebook_model()
    with pytest.raises(ValueError, match="probabilistic=false"):
        HeadConfig(kind="codebook")
