"""Labels of recordings in training: found, loaded beside the batch, and named by the loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from psm.data.corpus import Corpus
from psm.gaussian import Gaussian
from psm.losses import CategoricalLabelLoss, LabelLoss
from psm.training.dataloader import BatchStream
from psm.training.labels import Labels
from tests.tiny import VIEW_PX, tiny_samples, write_tiny_shards
from tests.training.steps import changed, outcome, prepared


def test_labels_are_those_that_recordings_have() -> None:
    low, high = (sample.recording for sample in tiny_samples("train", 2))
    both, none = replace(low, sounds=("traffic", "frogs")), replace(low, sounds=())
    labels = Labels.find([low, high, both, none])
    assert labels is not None
    assert labels.names == ("frogs", "traffic")
    assert labels.of_recordings.int().tolist() == [[1, 0], [0, 1], [1, 1], [0, 0]]
    assert labels.shares.tolist() == pytest.approx([2 / 3, 2 / 3])
    assert Labels.find([none]) is None


def test_a_batch_brings_the_labels_of_the_joint_batch(tmp_path: Path) -> None:
    corpus = Corpus.load(
        write_tiny_shards(tmp_path), "train", zooms=(1,), view_px=VIEW_PX, memory_gb=1
    )
    labels = Labels.find(corpus.recordings)
    whole = BatchStream(corpus, None, batch_size=8, seed=0, labels=labels)[1]
    parts = [
        BatchStream(corpus, None, batch_size=8, seed=0, labels=labels, rank=r, world_size=2)[1]
        for r in (0, 1)
    ]
    captions = {"frogs in a pond": [True, False], "traffic in a street": [False, True]}
    assert whole.labels is not None
    assert whole.labels.tolist() == [captions[text] for text in whole.text]
    for part in parts:
        assert part.labels is not None
        assert torch.equal(part.labels, whole.labels)
        assert torch.equal(part.rows(slice(0, 2)).labels, whole.labels)


@torch.no_grad()
def test_the_loss_is_that_of_each_label_and_forgets_rows_without() -> None:
    torch.manual_seed(0)
    rows, labels = (Gaussian(torch.randn(n, 8), torch.zeros(n, 8)).unit() for n in (5, 3))
    given = torch.rand(5, 3) < 0.5
    given[0], given[3] = torch.tensor([True, False, True]), False
    shares = torch.tensor([0.5, 0.1, 0.02])
    loss = LabelLoss(shares)
    found = loss(rows, labels, given)
    expected, counted = 0.0, 0
    for i in range(5):
        if not given[i].any():
            continue
        counted += 1
        for k in range(3):
            odds = shares[k].log() - (1 - shares[k]).log()
            logit = odds + 10.0 * float(rows.mean[i] @ labels.mean[k]) - 2.0
            p = torch.sigmoid(logit)
            expected -= float(p.log() if given[i, k] else (1 - p).log())
    assert counted < 5
    assert float(found) == pytest.approx(expected / counted, rel=1e-4)
    changed_row = rows.mean.clone()
    changed_row[3] = -changed_row[3]
    assert torch.equal(loss(Gaussian(changed_row, rows.log_var), labels, given), found)
    assert float(loss(rows, labels, torch.zeros_like(given))) == 0.0


@torch.no_grad()
def test_labels_of_a_place_compete() -> None:
    torch.manual_seed(0)
    rows, labels = (Gaussian(torch.randn(n, 8), torch.zeros(n, 8)).unit() for n in (4, 3))
    given = torch.tensor([[1, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]], dtype=torch.bool)
    shares = torch.tensor([0.5, 0.1, 0.02])
    found = float(CategoricalLabelLoss(shares)(rows, labels, given))
    expected = 0.0
    for i in (0, 1, 3):
        odds = shares * (10.0 * rows.mean[i] @ labels.mean.T).exp()
        expected -= float((odds / odds.sum()).log()[given[i]].mean()) / 3
    assert found == pytest.approx(expected, rel=1e-4)
    assert float(CategoricalLabelLoss(shares)(rows, labels, torch.zeros_like(given))) == 0.0


@pytest.mark.parametrize(
    ("setting", "side", "moved", "still"),
    [
        ("label_weight", "audio", "model.audio", ("model.satellite", "model.fusion")),
        ("location_label_weight", "location", "model.satellite", ("model.audio",)),
    ],
)
def test_naming_adds_to_the_loss_and_moves_its_side_alone(
    tmp_path: Path, setting: str, side: str, moved: str, still: tuple[str, ...]
) -> None:
    shards = write_tiny_shards(tmp_path)
    task, batch = prepared(changed("cnn", loss={setting: 0.5}), shards)
    assert list(task.objective.label_losses) == [side]
    assert batch.labels is not None
    named = outcome(task, batch)
    plain = outcome(task, replace(batch, labels=None))
    assert named[""] - plain[""] > 0.1
    assert torch.isfinite(named[f"objective.label_losses.{side}.log_scale"])
    changes = {n for n, v in named.items() if n in plain and not torch.allclose(v, plain[n])}
    assert any(name.startswith(moved) for name in changes)
    assert any(name.startswith("model.text_head") for name in changes)
    assert not any(name.startswith(still) for name in changes)
