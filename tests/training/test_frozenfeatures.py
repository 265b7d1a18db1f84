"""Features of a frozen audio tower: asked once, kept beside the data, found again."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from psm import PSM
from psm.config import Experiment
from psm.data.corpus import Corpus
from psm.data.shards import write_shard
from psm.errors import CacheNotKept
from psm.inference.batches import audio_gaussians
from psm.training import frozenfeatures, train
from psm.training.dataloader import BatchStream
from psm.training.frozenfeatures import FOLDER_NAME, cached_audio_features
from psm.yamlfiles import parse
from tests.tiny import tiny_clap_experiment, tiny_experiment, tiny_samples, write_tiny_shards


def frozen(experiment: Experiment, **training: Any) -> Experiment:
    values = experiment.model_dump()
    values["model"]["audio_tower"]["frozen"] = True
    values["training"].update(training)
    return parse(Experiment, values, "frozen")


def model_of(experiment: Experiment) -> PSM:
    torch.manual_seed(0)
    return PSM(experiment.model).eval()


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    return write_tiny_shards(tmp_path / "data")


def corpus_of(folder: Path, split: str = "train") -> Corpus:
    return Corpus.load(folder, split, zooms=(1,), view_px=16, with_mels=False)


def asked(monkeypatch: pytest.MonkeyPatch, model: PSM) -> list[int]:
    """Recordings that the tower is asked for, call by call."""
    calls: list[int] = []
    forward = model.audio.forward

    def watched(mel: torch.Tensor, is_longer: torch.Tensor | None = None) -> torch.Tensor:
        calls.append(len(mel))
        return forward(mel, is_longer)

    monkeypatch.setattr(model.audio, "forward", watched)
    return calls


def test_a_tower_that_learns_has_none(shards: Path) -> None:
    assert (
        cached_audio_features(model_of(tiny_experiment()), corpus_of(shards), by_set=True) is None
    )


def test_each_recording_is_asked_once_and_found_by_the_next_training(
    shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozenfeatures, "_PART", 16)
    model, corpus = model_of(frozen(tiny_experiment())), corpus_of(shards)
    calls = asked(monkeypatch, model)
    first = cached_audio_features(model, corpus, by_set=True)
    assert first is not None
    assert sum(calls) == len(corpus) == 40
    parts = sorted((shards / FOLDER_NAME).rglob("*.npy"))
    assert len(parts) == 3
    # Killed while the second part was written, and a part cut short by a full disk.
    parts[1].unlink()
    parts[2].write_bytes(parts[2].read_bytes()[:-8])
    calls.clear()
    again = cached_audio_features(model, corpus, by_set=True)
    assert sum(calls) == 16 + 8
    calls.clear()
    torch.testing.assert_close(again, first, atol=0, rtol=0)
    cached_audio_features(model, corpus, by_set=True)
    assert not calls


def test_another_tower_or_other_shards_are_not_taken_for_it(
    shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = frozen(tiny_experiment())
    model = model_of(experiment)
    cached_audio_features(model, corpus_of(shards), by_set=True)
    other = model_of(experiment)
    with torch.no_grad():
        next(iter(other.audio.parameters())).add_(1e-3)
    calls = asked(monkeypatch, other)
    cached_audio_features(other, corpus_of(shards), by_set=True)
    assert sum(calls) == 40
    calls = asked(monkeypatch, model)
    path = shards / "train-00000.tar"
    write_shard(path, tiny_samples("train", 40)[::-1])
    os.utime(path, ns=(1, 1))
    turned = cached_audio_features(model, corpus_of(shards), by_set=True)
    assert sum(calls) == 40
    mels = torch.from_numpy(np.asarray(corpus_of(shards).mels[:3]))
    assert turned is not None
    with torch.inference_mode():
        torch.testing.assert_close(turned[:3, 0], model.audio_features(mels))


@pytest.mark.parametrize("towers", ["cnn", "clap"])
def test_they_are_what_the_tower_says(tmp_path: Path, towers: str) -> None:
    """Of recordings with windows for two sets of CLAP's four, of which training draws one."""
    samples = [
        replace(s, mel=np.concatenate([s.mel + k for k in range(8)]).astype(np.float16))
        for s in tiny_samples("train", 6)
    ]
    write_shard(tmp_path / "train-00000.tar", samples)
    model = model_of(frozen({"cnn": tiny_experiment, "clap": tiny_clap_experiment}[towers]()))
    corpus = corpus_of(tmp_path)
    by_set = cached_audio_features(model, corpus, by_set=True)
    whole = cached_audio_features(model, corpus, by_set=False)
    assert by_set is not None
    assert whole is not None
    assert by_set.shape[:2] == (6, {"cnn": 8, "clap": 2}[towers])
    with torch.inference_mode():
        found = model.audio_head(whole)
        last = model.audio_features(torch.from_numpy(corpus.mels[:])[:, -model.audio.windows :])
    heard = audio_gaussians(model, corpus.mels)
    torch.testing.assert_close(found.mean, heard.mean, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(by_set[:, -1], last, atol=1e-5, rtol=1e-4)
    # Training draws one set of each row, as it does from log-mels.
    drawn = {}
    for name, sound in (("features", by_set), ("mels", None)):
        batches = BatchStream(
            corpus,
            torch.zeros(6, 1),
            sound=sound,
            batch_size=6,
            seed=0,
            windows=model.audio.windows,
        )
        batches.epoch = 1
        drawn[name] = batches[0]
    assert drawn["features"].mel.shape == (6, model.audio.out_dim)
    torch.testing.assert_close(drawn["features"].views, drawn["mels"].views)
    kept = {tuple(row) for row in by_set.flatten(0, 1).tolist()}
    assert {tuple(row) for row in drawn["features"].mel.tolist()} <= kept


def test_a_disk_that_cannot_be_written_is_said(shards: Path) -> None:
    (shards / FOLDER_NAME).write_text("in the way")
    model = model_of(frozen(tiny_experiment()))
    with pytest.warns(CacheNotKept, match=FOLDER_NAME):
        features = cached_audio_features(model, corpus_of(shards), by_set=False)
    assert features is not None
    assert len(features) == 40


def test_training_with_them_leaves_the_tower_as_it_was_and_asks_it_no_more(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = frozen(tiny_experiment(), epochs=2)
    before = model_of(experiment)
    first = train(experiment, shards, tmp_path / "first", accelerator="cpu")
    monkeypatch.setattr(frozenfeatures, "_encoded", lambda *_: pytest.fail("asked again"))
    second = train(experiment, shards, tmp_path / "second", accelerator="cpu")
    states = [model.state_dict() for model in (first, second)]
    for name, values in states[0].items():
        torch.testing.assert_close(states[1][name], values, atol=0, rtol=0)
    assert any(
        not torch.equal(values, before.state_dict()[name])
        for name, values in states[0].items()
        if name.startswith("audio_head.")
    )
