"""Training in less memory: the gradients of the whole batch, whatever is kept of it."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from psm.errors import ConfigError
from psm.inference.batches import audio_gaussians, image_features
from psm.training import objective, recomputation, train
from psm.training.dataloader import Batch
from psm.training.recomputation import recomputed_activations
from psm.training.task import TrainingTask, batch_norms
from tests.tiny import write_tiny_shards
from tests.training.steps import EXPERIMENTS, assert_equal, changed, outcome, prepared


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_shards(tmp_path_factory.mktemp("shards"))


def saved_bytes(one: TrainingTask, batch: Batch) -> int:
    """What the forward pass keeps for the backward pass, in plain sight."""
    sizes: list[int] = []

    def pack(kept: Tensor) -> Tensor:
        sizes.append(0 if isinstance(kept, torch.nn.Parameter) else kept.nbytes)
        return kept

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept):
        one.loss_of(batch)
    return sum(sizes)


@pytest.mark.parametrize("towers", EXPERIMENTS)
def test_cached_gradients_are_those_of_the_batch(towers: str, shards: Path) -> None:
    plain = outcome(*prepared(changed(towers), shards))
    cached = outcome(*prepared(changed(towers, micro_batch=3), shards))
    assert_equal(cached, plain, atol=2e-6, rtol=2e-4)


def test_parts_are_embedded_again_with_the_same_dropout(
    shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, batch = prepared(changed("clap", dropout=0.5, micro_batch=3), shards)
    cached = outcome(one, batch)
    monkeypatch.setattr(recomputation, "checkpoint", lambda run, *given, **_: run(*given))
    kept = outcome(one, batch)
    assert_equal(cached, kept, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("micro_batch", [None, 3])
def test_layers_computed_again_give_the_same_gradients(
    micro_batch: int | None, shards: Path
) -> None:
    one, batch = prepared(changed("clap", dropout=0.5, micro_batch=micro_batch), shards)
    kept = outcome(one, batch)
    with recomputed_activations(one.model):
        again = outcome(one, batch)
    assert_equal(again, kept, atol=1e-7, rtol=1e-5)
    assert not any("forward" in vars(module) for module in one.modules())


def test_both_keep_less(shards: Path) -> None:
    one, batch = prepared(changed("clap"), shards)
    everything = saved_bytes(one, batch)
    with recomputed_activations(one.model):
        assert saved_bytes(one, batch) < 0.5 * everything
    parts, _ = prepared(changed("clap", micro_batch=2), shards)
    assert saved_bytes(parts, batch) < 0.1 * everything


def test_a_step_stays_on_the_device_of_its_batch(
    shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The meta device has shapes and no values, and mixes with others as little as a GPU does.
    one, batch = prepared(changed("cnn", micro_batch=3), shards)
    one.to("meta")
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # knows no meta
    loss, _ = one.loss_of(batch.to(torch.device("meta")))
    torch.autograd.backward(loss)
    assert loss.is_meta
    val = one.validation
    assert image_features(one.model, val.views(1), val.gsd_m).is_meta
    assert audio_gaussians(one.model, val.mels).mean.is_meta


def test_parts_of_a_batch_are_no_matter_for_batch_statistics(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"micro_batch=3: .*batch_norm=fixed"):
        train(changed("cnn", micro_batch=3, batch_norm="batch"), shards, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    model = train(changed("cnn", micro_batch=3), shards, tmp_path / "out")
    for norm in batch_norms(model):
        assert norm.num_batches_tracked == 0
        assert not torch.equal(norm.weight, torch.ones_like(norm.weight))


def test_distances_are_float32_under_autocast(
    shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, batch = prepared(changed("cnn"), shards)
    plain, seen = objective.three_pair_loss, []

    def watched(*args: Any, **options: Any) -> Any:
        seen.append((args, options, plain(*args, **options)[0]))
        return plain(*args, **options)

    monkeypatch.setattr(objective, "three_pair_loss", watched)
    with torch.autocast("cpu", torch.bfloat16):
        one.loss_of(batch)
    args, options, loss = seen[0]
    assert torch.equal(loss, plain(*args, **options)[0])


@pytest.mark.parametrize("micro_batch", [None, 3])
def test_half_precision_with_a_scaled_loss(micro_batch: int | None, shards: Path) -> None:
    one, batch = prepared(changed("clap", micro_batch=micro_batch), shards)
    exact = outcome(one, batch)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    optimizer = torch.optim.SGD(one.parameters(), lr=0.0)
    one.zero_grad()
    with torch.autocast("cpu", torch.float16, cache_enabled=False):
        loss, _ = one.loss_of(batch)
    torch.autograd.backward(scaler.scale(loss))
    scaler.unscale_(optimizer)
    torch.testing.assert_close(loss.detach(), exact[""], atol=0, rtol=1e-2)
    ours, theirs = (
        torch.cat([gradients[name].flatten() for name in exact if name])
        for gradients in ({n: p.grad for n, p in one.named_parameters()}, exact)
    )
    assert torch.cosine_similarity(ours, theirs, dim=0) > 0.98
    assert (ours.norm() / theirs.norm()).item() == pytest.approx(1.0, abs=0.05)
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 2.0**10  # nothing overflowed
