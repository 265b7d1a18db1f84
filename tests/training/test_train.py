"""Training: it learns, a killed run goes on as if nothing had happened, what is cached is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from psm import PSM
from psm.data.corpus import Corpus
from psm.data.shards import write_shard
from psm.errors import SettingsChanged
from psm.gallery import Gallery
from psm.gaussian import Gaussian
from psm.losses import PCMEPlusPlus
from psm.training import run, train
from psm.training.dataloader import BatchStream, cached_text_features
from psm.training.objective import three_pair_loss
from psm.training.optimisation import parameter_groups
from tests.tiny import tiny_experiment, tiny_samples, write_tiny_shards


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_shards(tmp_path_factory.mktemp("shards"))


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / run.LOG_NAME).read_text().splitlines()]


@pytest.mark.parametrize("kind", ["pcmepp", "infonce"])
def test_loss_falls_and_the_model_comes_back(kind: str, shards: Path, tmp_path: Path) -> None:
    loss = {"kind": kind, "pseudo_positive_warmup": 0.5, "contrastive_weight": 0.5}
    changes: dict[str, Any] = {"loss": loss}
    experiment = tiny_experiment(**changes)
    model = train(experiment, shards, tmp_path, seed=1)
    rows = log(tmp_path)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert rows[-1]["train/loss"] < rows[0]["train/loss"]
    loaded = PSM.from_pretrained(tmp_path)
    queries = ["frogs", "traffic"]
    torch.testing.assert_close(loaded.encode_text(queries).mean, model.encode_text(queries).mean)
    assert loaded.negative_scale == model.negative_scale > 0
    gallery = Gallery.find(tmp_path)  # of these very weights, or it would be refused
    assert gallery is not None
    assert (len(gallery), gallery.recordings) == (40, 40)
    assert (tmp_path / "tensorboard").is_dir()


def test_a_killed_run_repeats_the_same_curve(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = tiny_experiment()
    whole = train(experiment, shards, tmp_path / "whole", seed=3)
    start = run.EpochLog.on_train_epoch_start

    def killed(self: Any, trainer: Any, module: Any) -> None:
        if trainer.current_epoch == 2:
            raise RuntimeError("killed")
        start(self, trainer, module)

    with monkeypatch.context() as patch:
        patch.setattr(run.EpochLog, "on_train_epoch_start", killed)
        with pytest.raises(RuntimeError, match="killed"):
            train(experiment, shards, tmp_path / "halves", seed=3)
    assert len(log(tmp_path / "halves")) == 2
    begun: list[int] = []

    def noted(self: Any, trainer: Any, module: Any) -> None:
        begun.append(trainer.current_epoch)
        start(self, trainer, module)

    monkeypatch.setattr(run.EpochLog, "on_train_epoch_start", noted)
    resumed = train(experiment, shards, tmp_path / "halves", seed=3)
    assert begun == [2, 3]
    assert log(tmp_path / "halves") == log(tmp_path / "whole")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_another_experiment_does_not_take_over_a_run(shards: Path, tmp_path: Path) -> None:
    one = tiny_experiment(training={"epochs": 1, "batch_size": 8, "precision": "32-true"})
    train(one, shards, tmp_path, seed=0)
    before = (tmp_path / "model.safetensors").read_bytes()
    for experiment, seed in ((tiny_experiment(), 0), (one, 1)):
        with pytest.raises(SettingsChanged, match="another experiment or seed"):
            train(experiment, shards, tmp_path, seed=seed)
    assert (tmp_path / "model.safetensors").read_bytes() == before
    train(one, shards, tmp_path, seed=0)  # finished already: loads
    assert len(log(tmp_path)) == 1


def test_batches_depend_on_seed_and_epoch_alone(shards: Path) -> None:
    experiment = tiny_experiment()
    corpus = Corpus.load(shards, "train", zooms=(1, 3), view_px=16)
    text = torch.arange(len(corpus), dtype=torch.float32)[:, None]

    def stream(seed: int, epoch: int) -> BatchStream:
        batches = BatchStream(corpus, text, batch_size=8, seed=seed)
        batches.epoch = epoch
        return batches

    first, again, other = stream(0, 1)[2], stream(0, 1)[2], stream(0, 2)[2]
    assert torch.equal(first.views, again.views)
    assert torch.equal(first.mel, again.mel)
    assert not torch.equal(first.text, other.text)
    seen = torch.cat([batch.text for batch in stream(0, 0)]).flatten()
    assert sorted(seen.tolist()) == list(range(len(corpus)))
    assert set(first.gsd_m.tolist()) <= {1000.0, 3000.0}
    assert experiment.model.text_tower.frozen


def test_cached_text_features_are_those_of_the_tower(shards: Path) -> None:
    model = PSM(tiny_experiment().model)
    corpus = Corpus.load(shards, "val", zooms=(1,), view_px=16)
    cached = cached_text_features(model, corpus)
    assert cached is not None
    alone = model.text([corpus.recordings[3].caption])
    torch.testing.assert_close(cached[3], alone[0], atol=1e-5, rtol=1e-4)


def test_norms_biases_and_embeddings_do_not_decay() -> None:
    model = PSM(tiny_experiment().model)
    decayed, kept = parameter_groups(model, 0.1)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert decayed["weight_decay"] == 0.1
    assert kept["weight_decay"] == 0.0
    for parameter in decayed["params"]:
        assert names[id(parameter)].endswith("weight")
        assert parameter.ndim >= 2
    kept_names = {names[id(parameter)] for parameter in kept["params"]}
    assert {
        "fusion.cls",
        "fusion.tokens.audio_source.weight",
        "satellite.norm.weight",
    } <= kept_names
    assert not any(name.startswith("text.") for name in names.values() if name in kept_names)


def test_draws_of_the_context_count_by_their_mean() -> None:
    loss = PCMEPlusPlus(pseudo_positive_weight=0.0, vib_weight=0.0)
    torch.manual_seed(0)
    one, other, audio, text = (
        Gaussian(F.normalize(torch.randn(6, 8), dim=-1), torch.randn(6, 8) - 4.0) for _ in range(4)
    )
    both, _ = three_pair_loss(loss, [one, other], audio, text, text_weight=0.3)
    each = [three_pair_loss(loss, [g], audio, text, text_weight=0.3)[0] for g in (one, other)]
    torch.testing.assert_close(both, torch.stack(each).mean())


def test_few_validation_recordings_have_no_recall(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split, count in (("train", 16), ("val", 9)):
        write_shard(tmp_path / f"{split}-00000.tar", tiny_samples(split, count))
    one = tiny_experiment(training={"epochs": 1, "batch_size": 8, "precision": "32-true"})
    train(one, tmp_path, tmp_path / "out")
    assert log(tmp_path / "out")[0]["val/image_to_audio_r10"] is None
    assert "too few recordings to tell, 10 at least" in capsys.readouterr().err
