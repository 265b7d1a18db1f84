"""Two processes that train together do what one does on the joint batch."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from psm.config import Experiment, LossConfig
from psm.data.corpus import Corpus
from psm.errors import ConfigError
from psm.training import run, train
from psm.training.dataloader import BatchStream
from psm.yamlfiles import write_yaml
from tests.tiny import tiny_experiment, write_tiny_shards
from tests.training.steps import assert_equal, changed, outcome, prepared
from tests.training.two_ranks import STEPS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_shards(tmp_path_factory.mktemp("shards"))


def recipe() -> Experiment:
    """Learning batch norms and context dropout.

    Without other dropout, whose noise differs by rank, and without pseudo-positives, which rounding
    would choose among the equal captions of the tiny shards.
    """
    experiment = changed("cnn", epochs=2, batch_norm="batch")
    return experiment.model_copy(update={"loss": LossConfig(pseudo_positive_weight=0.0)})


@pytest.fixture(scope="module")
def out(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the two processes wrote."""
    folder = tmp_path_factory.mktemp("ranks")
    write_yaml(recipe(), folder / "recipe.yaml")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.training.two_ranks"]
    command += [str(folder / "recipe.yaml"), str(shards), str(folder)]
    group = {
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "NODE_RANK": "0", "WORLD_SIZE": "2",
        "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
    }  # fmt: skip
    started = [
        subprocess.Popen(
            command, cwd=folder, env={**os.environ, **group, "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        printed = [process.communicate(timeout=600)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0], "\n".join(printed)
    (folder / "printed.json").write_text(json.dumps(printed))
    return folder


@pytest.mark.parametrize("towers", STEPS)
def test_a_step_has_loss_gradients_and_statistics_of_the_joint_batch(
    towers: str, shards: Path, out: Path
) -> None:
    task, batch = prepared(changed(towers, **STEPS[towers]), shards)
    alone = outcome(task, batch)
    scores = task.validate()
    for rank in range(2):
        together = torch.load(out / f"{towers}-{rank}.pt", weights_only=True)
        for name in set(together) - set(alone):  # reduced over ranks, none of which used it
            assert together.pop(name).abs().max() == 0
        assert_equal(together, alone, atol=2e-6, rtol=2e-4)
        buffers = torch.load(out / f"{towers}-buffers-{rank}.pt", weights_only=True)
        for name, buffer in task.named_buffers():
            torch.testing.assert_close(buffers[name], buffer, atol=1e-6, rtol=1e-5)
        assert json.loads((out / f"{towers}-{rank}.json").read_text()) == pytest.approx(scores)


def test_training_gives_the_weights_of_one_process(shards: Path, out: Path, tmp_path: Path) -> None:
    alone = train(recipe(), shards, tmp_path, seed=3)
    weights = load_file(out / "whole" / "model.safetensors")
    for name, tensor in weights.items():
        torch.testing.assert_close(tensor, alone.state_dict()[name], atol=2e-4, rtol=2e-3)
    together, single = (
        [json.loads(line) for line in (folder / run.LOG_NAME).read_text().splitlines()]
        for folder in (out / "whole", tmp_path)
    )
    assert len(together) == len(single) == 2
    for ours, theirs in zip(together, single, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-3)


def test_a_killed_run_of_two_repeats_the_same_curve(out: Path) -> None:
    whole, halves = out / "whole", out / "halves"
    assert (whole / run.LOG_NAME).read_text() == (halves / run.LOG_NAME).read_text()
    weights = [load_file(folder / "model.safetensors") for folder in (whole, halves)]
    for name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][name]), name


def test_a_killed_run_of_two_goes_on_as_one(shards: Path, out: Path) -> None:
    resumed = train(recipe(), shards, out / "first", seed=3)
    log = (out / "first" / run.LOG_NAME).read_text().splitlines()
    assert log[0] == (out / "whole" / run.LOG_NAME).read_text().splitlines()[0]
    assert len(log) == 2
    for name, tensor in load_file(out / "whole" / "model.safetensors").items():
        torch.testing.assert_close(resumed.state_dict()[name], tensor, atol=2e-4, rtol=2e-3)


def test_only_the_first_process_writes_and_speaks(out: Path) -> None:
    first, second = json.loads((out / "printed.json").read_text())
    assert first.count("epoch 1/2") == 3  # of the resumed run none: it went on after it
    assert first.count("epoch 2/2") == 2
    assert first.count("trained; measure it") == 2
    assert "epoch" not in second
    assert "measure it" not in second
    assert len(list((out / "whole" / "tensorboard").glob("events*"))) == 1


def test_ranks_read_the_parts_of_one_batch(shards: Path) -> None:
    corpus = Corpus.load(shards, "train", zooms=(1, 3), view_px=16)
    whole = BatchStream(corpus, None, batch_size=8, seed=0)[2]
    parts = [
        BatchStream(corpus, None, batch_size=8, seed=0, rank=r, world_size=4)[2] for r in range(4)
    ]
    assert torch.equal(torch.cat([part.views for part in parts]), whole.views)
    assert torch.equal(torch.cat([part.mel for part in parts]), whole.mel)
    assert torch.equal(torch.cat([part.gsd_m for part in parts]), whole.gsd_m)
    assert [caption for part in parts for caption in part.text] == whole.text


def test_a_batch_that_does_not_divide_is_refused(shards: Path) -> None:
    corpus = Corpus.load(shards, "train", zooms=(1,), view_px=16)
    with pytest.raises(ConfigError, match="a multiple of 3"):
        BatchStream(corpus, None, batch_size=8, seed=0, world_size=3)


def test_clap_over_several_processes_keeps_its_statistics(shards: Path, tmp_path: Path) -> None:
    experiment = changed("clap", batch_norm="batch")
    with pytest.raises(ConfigError, match="batch_norm=fixed"):
        train(experiment, shards, tmp_path / "out", accelerator="cpu", devices=2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "machine", [{"devices": 0}, {"devices": "some"}, {"accelerator": "abacus"}]
)
def test_a_machine_that_is_not_there(
    machine: dict[str, str | int], shards: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="devices"):
        train(tiny_experiment(), shards, tmp_path / "out", **machine)
    assert not (tmp_path / "out").exists()
