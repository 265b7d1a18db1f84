"""Sat2Sound in training: it learns and comes back; its loss; captions that are not kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from psm import PSM
from psm.data.corpus import Corpus
from psm.encoders.heads import point
from psm.familiarity import Familiarity
from psm.inference.familiarityfit import fit_familiarity
from psm.inference.gallerymaking import gallery_of_corpus
from psm.inference.queries import recording_term, text_terms
from psm.inference.split import encode_split
from psm.losses import InfoNCE
from psm.training import run, train
from psm.training.dataloader import BatchStream, cached_text_features
from psm.training.objective import Sat2SoundLoss
from tests.tiny import tiny_experiment, write_tiny_shards


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_shards(tmp_path_factory.mktemp("shards"))


def codebook_experiment(**loss: object):
    model = tiny_experiment().model.model_dump()
    model["heads"] = {"kind": "codebook", "codes": 24, "temperature": 2.0, "probabilistic": False}
    return tiny_experiment(model=model, loss={"kind": "sat2sound", **loss})


def test_a_codebook_learns_and_comes_back(shards: Path, tmp_path: Path) -> None:
    experiment = codebook_experiment(label_weight=0.1, pseudo_positive_warmup=0.5)
    model = train(experiment, shards, tmp_path, seed=1)
    rows = [json.loads(line) for line in (tmp_path / run.LOG_NAME).read_text().splitlines()]
    assert rows[-1]["train/loss"] < rows[0]["train/loss"]
    assert {"train/loss_location_both", "train/loss_labels"} <= rows[0].keys()
    loaded = PSM.from_pretrained(tmp_path)
    queries = ["frogs", "traffic in a long street"]
    torch.testing.assert_close(loaded.encode_text(queries).mean, model.encode_text(queries).mean)
    assert loaded.negative_scale == model.negative_scale > 0  # fitted: no loss taught it


def test_captions_that_do_not_fit_are_read_batch_by_batch(shards: Path) -> None:
    model = PSM(codebook_experiment().model).eval()
    corpus = Corpus.load(shards, "val", zooms=(1, 3), view_px=16)
    kept = cached_text_features(model, corpus)
    assert kept is not None
    assert kept.dtype == torch.float16
    assert cached_text_features(model, corpus, memory_gb=1e-6) is None
    batch = BatchStream(corpus, None, batch_size=8, seed=0)[0]
    again = BatchStream(corpus, kept, batch_size=8, seed=0)[0]
    assert isinstance(batch.text, list)
    assert isinstance(again.text, torch.Tensor)
    with torch.no_grad():
        read, cached = model.encode_text(batch.text).mean, model.text_head(again.text).mean
    torch.testing.assert_close(read, cached, atol=2e-3, rtol=0.0)


def test_pairs_and_draws_add_up() -> None:
    torch.manual_seed(0)
    one, other, audio, text = (point(torch.randn(6, 8)) for _ in range(4))
    loss = Sat2SoundLoss()
    both, report = loss([one, other], audio, text)
    each = [loss([location], audio, text)[0] for location in (one, other)]
    torch.testing.assert_close(both, torch.stack(each).mean())
    pairs = [report[f"loss_{a}"] for a in ("location_audio", "location_text", "audio_text")]
    torch.testing.assert_close(report["loss"], sum(pairs) / 3 + report["loss_location_both"])


def test_a_pseudo_positive_takes_a_share_of_its_row() -> None:
    equal = point(torch.ones(4, 3)).unit()  # every pair is a pseudo-positive
    ours, _ = InfoNCE(pseudo_positive_weight=1.0)(equal, equal)
    published, _ = InfoNCE(pseudo_positive_weight=1.0, published=True)(equal, equal)
    plain, _ = InfoNCE()(equal, equal)
    torch.testing.assert_close(ours, 2.0 * plain)
    torch.testing.assert_close(published, 5.0 * plain)


def test_pseudo_positives_come_in_by_and_by() -> None:
    loss = Sat2SoundLoss(pseudo_positive_weight=0.2, pseudo_positive_warmup=0.5)
    weights = []
    for step in (0, 25, 50, 90):
        loss.warm_up(step, 100)
        weights.append({pair.pseudo_positive_weight for pair in loss.pairs.values()})
    assert weights == [{0.0}, {0.1}, {0.2}, {0.2}]


def test_what_it_is_asked_is_familiar_however_long(shards: Path) -> None:
    torch.manual_seed(0)
    model = PSM(codebook_experiment().model).eval()
    model.familiarity = _familiarity(model, shards)
    asked = ["frogs", "frogs in a pond", "a caption that is a good deal longer than any of them"]
    terms = text_terms(model, asked)
    assert terms[1].likeness is not None
    (nearest, cosine), *_ = terms[1].likeness.nearest
    assert nearest == "frogs in a pond"  # a caption that it learnt
    assert cosine == pytest.approx(1.0, abs=1e-3)
    for count in (1, 3):  # windows of a recording
        sound = np.zeros(count * model.config.audio.clip_samples, np.float32)
        sound[::7] = 0.1
        assert recording_term(model, sound).likeness is not None
    split = encode_split(model, shards, "val", zooms=(1,))
    torch.testing.assert_close(split.text[:1], split.text[2:3])  # the same caption


def _familiarity(model: PSM, shards: Path) -> Familiarity:
    learnt, held_out = (
        Corpus.load(shards, split, zooms=(1,), view_px=16) for split in ("train", "val")
    )
    found = fit_familiarity(model, learnt, held_out, gallery_of_corpus(model, learnt))
    assert found is not None
    return found
