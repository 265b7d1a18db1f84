"""Familiarity: what a model says of queries that are unlike anything it learnt."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from psm import PSM, checkpoints
from psm.data.corpus import Corpus
from psm.errors import CheckpointMismatch, StaleFamiliarity
from psm.familiarity import (
    FILE_NAME,
    UNFAMILIAR,
    Familiarity,
    Likeness,
    QueryFamiliarity,
    TermFamiliarity,
)
from psm.gaussian import Gaussian
from psm.inference.familiarityfit import _audible, fit_from_shards, known_phrases, phrases_of
from psm.inference.gallerymaking import gallery_of_corpus
from psm.seeding import generator
from psm.unitfeatures import Span
from tests.tiny import tiny_experiment, write_tiny_shards

PHRASES = ("frogs", "toads", "traffic")


def known(weights: str = "of nobody") -> Familiarity:
    """Three phrases, two of which say the same, and three recordings, one of them unnamed."""
    return Familiarity(
        phrases=PHRASES,
        texts=torch.nn.functional.normalize(
            torch.tensor([[1.0, 0, 0], [1.0, 0.1, 0], [0, 1.0, 0]])
        ),
        sounds=torch.eye(3),
        sound_phrases=torch.tensor([2, -1, 0]),
        held_out_texts=torch.linspace(0.5, 1.0, 101),
        held_out_sounds=torch.linspace(0.5, 1.0, 101),
        base_rate=0.04,
        weights=weights,
    )


def term(familiarity: float, name: str = "“x”") -> TermFamiliarity:
    return TermFamiliarity(name, Likeness(familiarity, (("frogs", 0.3), ("rain", 0.2)), 0.04))


@pytest.fixture(scope="module")
def model() -> PSM:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return PSM(tiny_experiment().model).eval()


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_shards(tmp_path_factory.mktemp("shards"))


def test_what_is_known_is_familiar_and_what_is_far_from_all_of_it_is_not() -> None:
    same, between, strange = known().of_texts(
        torch.tensor([[2.0, 0.0, 0.0], [1.0, 0.0, 0.6], [0.0, 0.0, 1.0]])
    )
    assert same.familiarity == 1.0
    assert UNFAMILIAR < between.familiarity < 1.0
    assert strange.familiarity == 0.0


def test_of_two_phrases_that_say_the_same_one_is_named() -> None:
    (found,) = known().of_texts(torch.tensor([[1.0, 0.0, 0.0]]))
    assert [text for text, _ in found.nearest] == ["frogs", "traffic"]
    assert found.nearest[0][1] == pytest.approx(1.0)


def test_a_recording_is_named_by_the_phrases_of_the_nearest_ones() -> None:
    (found,) = known().of_sounds(torch.tensor([[0.2, 1.0, 0.1]]))
    assert [text for text, _ in found.nearest] == ["traffic", "frogs"]
    assert found.familiarity > 0.9  # the nearest is one without a name


def test_the_stated_share_of_what_was_held_out_counts_as_unfamiliar() -> None:
    rng = generator(0, "held out")
    near = rng.normal(0.7, 0.05, 2000)
    levels = np.quantile(near, np.linspace(0.0, 1.0, 101))
    about = replace(known(), held_out_texts=torch.from_numpy(levels).float())
    away = np.sqrt(1.0 - near**2)
    features = torch.from_numpy(np.stack([near, np.zeros(2000), away], axis=1))
    strange = [not TermFamiliarity("x", each).is_familiar for each in about.of_texts(features)]
    assert np.mean(strange) == pytest.approx(UNFAMILIAR, abs=0.01)


def test_a_query_is_as_familiar_as_its_least_familiar_part() -> None:
    query = QueryFamiliarity((term(0.9, "“frogs”"), term(0.01, "“qwerty”")), "earth")
    assert not query.is_familiar
    assert query.statement.startswith("“qwerty” is unlike anything that earth has learnt")
    assert "frogs (0.30) and rain (0.20)" in query.statement
    assert "0.04" in query.statement
    assert query.summary["familiarity"] == 0.01
    assert json.loads(query.tag)["nearest"][0] == {"text": "frogs", "similarity": 0.3}
    several = QueryFamiliarity((term(0.0, "“a”"), term(0.0, "b.wav")), "earth")
    assert several.statement.startswith("“a” and b.wav are unlike")


def test_nothing_is_said_of_what_is_familiar() -> None:
    query = QueryFamiliarity((term(0.9),), "earth")
    assert (query.statement, query.badge) == ("", "")
    assert (term(0.9).ceiling, term(0.01).ceiling) == (1.0, 0.04)


def test_answers_to_several_queries_are_as_familiar_as_the_strangest() -> None:
    one, other = (QueryFamiliarity((term(f, n),), "earth") for f, n in ((0.9, "a"), (0.0, "b")))
    both = QueryFamiliarity.together([one, None, other, one])
    assert both is not None
    assert [each.name for each in both.terms] == ["a", "b"]
    assert not both.is_familiar
    assert QueryFamiliarity.together([None]) is None


def test_it_is_read_back_and_answers_as_before(tmp_path: Path) -> None:
    made, asked = known(), torch.tensor([[1.0, 0.3, 0.2], [0.0, 0.1, 0.9]])
    made.save(tmp_path)
    found = Familiarity.load(tmp_path)
    assert found is not None
    for before, after in zip(made.of_texts(asked), found.of_texts(asked), strict=True):
        assert after.familiarity == pytest.approx(before.familiarity, abs=0.02)
        assert [text for text, _ in after.nearest] == [text for text, _ in before.nearest]
    assert Familiarity.load(tmp_path / "nowhere") is None


def test_a_broken_file_is_refused_in_words(tmp_path: Path) -> None:
    path = known().save(tmp_path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointMismatch, match="psm calibrate"):
        Familiarity.load(tmp_path)
    replace(known(), phrases=PHRASES[:2]).save(tmp_path)
    with pytest.raises(CheckpointMismatch, match="psm calibrate"):
        Familiarity.load(tmp_path)


def test_a_model_keeps_it_and_does_not_use_that_of_other_weights(
    model: PSM, tmp_path: Path
) -> None:
    model.familiarity = known(checkpoints.weights_fingerprint(model))
    try:
        model.save_pretrained(tmp_path, is_half=True)
    finally:
        model.familiarity = None
    assert PSM.from_pretrained(tmp_path).familiarity is not None
    known().save(tmp_path)
    with pytest.warns(StaleFamiliarity, match=f"{FILE_NAME}: of other weights; run `psm calib"):
        assert PSM.from_pretrained(tmp_path).familiarity is None
    model.save_pretrained(tmp_path)
    assert not (tmp_path / FILE_NAME).exists()


def test_captions_fall_into_phrases() -> None:
    assert phrases_of("A dog barking and distant thunder - Vienna.") == [
        "dog barking",
        "distant thunder",
        "vienna",
    ]
    captions = ["Rain, wind", "The rain with an owl", "wind", "rain"]
    assert known_phrases(captions) == ["rain", "wind"]
    assert known_phrases(captions, 1) == ["rain"]
    assert known_phrases(["so many words that nobody types them", "so many words"] * 2) == [
        "so many words"
    ]


def test_a_model_learns_what_it_is_familiar_with_from_shards(model: PSM, shards: Path) -> None:
    learnt = Corpus.load(shards, "train", zooms=(), view_px=16)
    gallery = gallery_of_corpus(model, learnt)
    found = fit_from_shards(model, shards, "val", gallery)
    assert found is not None
    assert set(found.phrases) <= {"frogs in a pond", "traffic in a street"}
    assert found.weights == checkpoints.weights_fingerprint(model)
    assert 0.0 < found.base_rate < 1.0
    own, nonsense = found.of_texts(model.text_features([found.phrases[0], "asdfgh qwerty"]))
    assert own.familiarity == 1.0
    assert nonsense.familiarity == 0.0
    heard = found.of_sounds(
        model.audio_features(torch.from_numpy(np.asarray(learnt.mels[np.arange(8)])))
    )
    assert min(each.familiarity for each in heard) > UNFAMILIAR


def test_what_recordings_have_beyond_the_known_ones_counts_against_them() -> None:
    rng = generator(0, "span")
    sounds = torch.from_numpy(rng.normal(size=(60, 3)) @ rng.normal(size=(3, 12))).float()
    span = Span.of(sounds)
    assert span.components.shape[0] <= 3
    gram = span.components @ span.components.T
    torch.testing.assert_close(gram, torch.eye(len(gram)), atol=1e-4, rtol=0.0)
    beyond = torch.linalg.svd(sounds, full_matrices=True)[2][-1]
    levels = [float(span.holds(sounds[:1] + s * beyond * sounds[0].norm())) for s in (0, 1, 4)]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 0.9
    assert levels[2] < 0.3


class Listener:
    """Hears frogs: texts and recordings of them lie together, anything else lies anywhere."""

    device = torch.device("cpu")

    def text_features(self, texts: list[str]) -> torch.Tensor:
        rng = torch.Generator().manual_seed(len(texts))
        anywhere = torch.randn(len(texts), 6, generator=rng)
        frogs = torch.tensor([text == "frogs" for text in texts])[:, None]
        return torch.where(frogs, torch.eye(6)[:1], anywhere)

    @staticmethod
    def text_head(features: torch.Tensor) -> Gaussian:
        return Gaussian(features, torch.full_like(features, -5.0)).unit()

    audio_head = text_head


def test_phrases_that_say_nothing_of_the_sound_are_left_out() -> None:
    rng = generator(0, "recordings")
    is_frog = rng.random(400) < 0.3
    said = [["frogs"] if frog else ["rain"] for frog in is_frog]
    said = [[*own, "field recording"] if rng.random() < 0.5 else own for own in said]
    sounds = torch.from_numpy(0.3 * rng.normal(size=(400, 6)) + np.outer(is_frog, np.eye(6)[0]))
    kept = _audible(Listener(), sounds.float(), said, ["field recording", "frogs"])  # type: ignore[arg-type]
    assert kept == ["frogs"]
    deaf = _audible(Listener(), torch.ones(400, 6), said, ["field recording", "frogs"])  # type: ignore[arg-type]
    assert deaf == ["field recording", "frogs"]


def test_without_anything_held_out_nothing_is_known(model: PSM, shards: Path) -> None:
    gallery = gallery_of_corpus(model, Corpus.load(shards, "train", zooms=(), view_px=16))
    assert fit_from_shards(model, shards, "train", gallery) is None
