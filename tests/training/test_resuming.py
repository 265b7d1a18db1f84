"""A training that was killed, stopped or robbed of its disk goes on as if nothing had happened."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from psm import checkpoints
from psm.config import Experiment
from psm.data.corpus import find_split
from psm.data.identity import identity
from psm.data.shards import write_shard
from psm.data.storedviews import add_views
from psm.errors import CheckpointMismatch, ConfigError, NotEnoughMemory, SettingsChanged
from psm.locking import alone_in
from psm.model import PSM
from psm.training import dry_run, resuming, run, train
from psm.training.task import TrainingTask
from tests.tiny import VIEW_PX, tiny_experiment, tiny_samples, write_tiny_shards


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_shards(tmp_path_factory.mktemp("shards"))


def experiment(epochs: int = 3) -> Experiment:
    return tiny_experiment(training={"epochs": epochs, "batch_size": 8, "precision": "32-true"})


@pytest.fixture(scope="module")
def undisturbed(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole") / "out"
    train(experiment(), shards, out)
    return results(out)


def results(out: Path) -> dict[str, bytes]:
    names = (checkpoints.WEIGHTS_NAME, checkpoints.CONFIG_NAME, run.LOG_NAME)
    return {name: (out / name).read_bytes() for name in names}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than the temporary one, where the machine has one."""
    shm = Path("/dev/shm")
    is_other = shm.is_dir() and shm.stat().st_dev != Path(tempfile.gettempdir()).stat().st_dev
    folder = Path(tempfile.mkdtemp(dir=shm)) if is_other else tmp_path
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("moment", ["half written", "not flushed", "between the names"])
@pytest.mark.parametrize("epoch", [1, 3])
def test_a_write_that_is_cut_off_costs_an_epoch_at_most(
    shards: Path,
    undisturbed: dict[str, bytes],
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    epoch: int,
) -> None:
    out, written = elsewhere / "out", 0

    def due(path: object) -> bool:
        nonlocal written
        written += ".ckpt" in str(path)
        return written == epoch

    with monkeypatch.context() as patch:
        if moment == "not flushed":
            patch.setattr(
                resuming.os,
                "fsync",
                lambda handle: stop(due(os.readlink(f"/proc/self/fd/{handle}"))),
            )
        elif moment == "half written":
            opened = Path.open

            def cut_off(path: Path, *args: Any, **settings: Any) -> Any:
                if ".partial" in path.name and path.suffix == ".ckpt" and due(path):
                    path.write_bytes(b"PK\3\4half of it")
                    stop(True)
                return opened(path, *args, **settings)

            patch.setattr(Path, "open", cut_off)
        else:
            moved = Path.replace

            def renamed(path: Path, to: Path) -> Path:
                if ".partial" in path.name and due(path):
                    stop(True)
                return moved(path, to)

            patch.setattr(Path, "replace", renamed)
        with pytest.raises(OSError, match=r"the disk is full|No space left"):
            train(experiment(), shards, out)
    assert not (out / checkpoints.WEIGHTS_NAME).exists()
    train(experiment(), shards, out)
    assert results(out) == undisturbed
    assert not list(out.rglob("*.partial*"))


def stop(now: bool) -> None:
    if now:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def killed_at(epoch: int, shards: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = run.EpochLog.on_train_epoch_start

    def killed(self: Any, trainer: Any, module: Any) -> None:
        if trainer.current_epoch == epoch:
            raise RuntimeError("killed")
        start(self, trainer, module)

    with monkeypatch.context() as patch:
        patch.setattr(run.EpochLog, "on_train_epoch_start", killed)
        with pytest.raises(RuntimeError, match="killed"):
            train(experiment(), shards, out)


@pytest.mark.parametrize("damage", ["cut short", "changed", "pickled", "something else"])
def test_a_broken_point_is_said_and_the_one_before_taken(
    shards: Path,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: str,
) -> None:
    out = tmp_path / "out"
    killed_at(2, shards, out, monkeypatch)
    last, before = (out / "resume" / name for name in ("last.ckpt", "before.ckpt"))
    assert [torch.load(p, weights_only=True)["epoch"] for p in (before, last)] == [0, 1]
    broken(last, damage)
    with (out / run.LOG_NAME).open("a") as stream:
        stream.write('{"epoch": 3, "st')  # cut off likewise
    train(experiment(), shards, out)
    assert "last.ckpt: broken (" in capsys.readouterr().err
    assert results(out) == undisturbed


def broken(path: Path, damage: str) -> None:
    content = bytearray(path.read_bytes())
    if damage == "cut short":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "changed":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "pickled":
        torch.save({"state_dict": object()}, path)
    else:
        torch.save({"state_dict": {}}, path)


def test_points_that_are_all_broken_are_one_line(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(2, shards, tmp_path, monkeypatch)
    for name in ("last.ckpt", "before.ckpt"):
        broken(tmp_path / "resume" / name, "cut short")
    with pytest.raises(CheckpointMismatch, match=r"no resume point is whole.*--no-resume"):
        train(experiment(), shards, tmp_path)
    train(experiment(1), shards, tmp_path, resume=False)
    assert (tmp_path / checkpoints.WEIGHTS_NAME).exists()


def test_a_point_of_other_weights_is_one_line(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(2, shards, tmp_path, monkeypatch)
    path = tmp_path / "resume" / "last.ckpt"
    point = torch.load(path, weights_only=True)
    weights = point["state_dict"]
    name = next(name for name in weights if name.startswith("model.text."))
    weights[f"{name}.of_before"] = weights.pop(name)
    torch.save(point, path)
    with pytest.raises(CheckpointMismatch, match=rf"another version.*{name}.*--no-resume"):
        train(experiment(), shards, tmp_path)


def test_a_training_that_was_killed_before_its_model_was_written_writes_it(
    shards: Path, undisturbed: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(TrainingTask, "match_probability", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(experiment(), shards, tmp_path)
    train(experiment(), shards, tmp_path)
    assert results(tmp_path) == undisturbed


def test_sigterm_stops_as_an_interrupt_does(
    shards: Path,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    # Whoever starts the tests in the background has interrupts ignored.
    theirs = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, theirs))
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGINT):
        start = run.EpochLog.on_train_epoch_start

        def stopped(
            self: Any, trainer: Any, module: Any, *, start: Any = start, number: int = number
        ) -> None:
            if trainer.current_epoch == 1:
                os.kill(os.getpid(), number)
            start(self, trainer, module)

        with monkeypatch.context() as patch:
            patch.setattr(run.EpochLog, "on_train_epoch_start", stopped)
            with pytest.raises(KeyboardInterrupt):
                train(experiment(), shards, tmp_path)
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    train(experiment(), shards, tmp_path)
    assert results(tmp_path) == undisturbed


def changed_shards(folder: Path, change: str) -> Path:
    samples = tiny_samples("train", 40)
    first = samples[0]
    if change == "a caption":
        first = replace(first, recording=replace(first.recording, caption="rain"))
    elif change == "a tile":
        first = replace(first, tile=255 - first.tile)
    elif change == "a log-mel":
        mel = np.copy(first.mel)
        mel[0, 3, 3] += 1
        first = replace(first, mel=mel)
    elif change == "a recording less":
        samples = samples[:-1]
    samples = [first, *samples[1:]]
    write_tiny_shards(folder)
    # In two shards: how recordings lie in them says nothing.
    for number, part in enumerate((samples[:7], samples[7:])):
        write_shard(folder / f"train-{number:05d}.tar", part)
    if change == "views":
        add_views(folder, zooms=(1, 3), view_px=VIEW_PX)
    return folder


CHANGES = ("a caption", "a tile", "a log-mel", "a recording less", "views")


@pytest.mark.parametrize("change", CHANGES)
def test_other_data_do_not_go_on_in_a_run_or_pass_for_its_model(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    other = changed_shards(tmp_path / "other", change)
    killed_at(1, shards, tmp_path / "killed", monkeypatch)
    train(experiment(1), shards, tmp_path / "done")
    kept = (tmp_path / "done" / checkpoints.WEIGHTS_NAME).read_bytes()
    for name, epochs in (("killed", 3), ("done", 1)):
        with pytest.raises(SettingsChanged, match=r"another data set .*train.*--no-resume"):
            train(experiment(epochs), other, tmp_path / name)
    assert (tmp_path / "done" / checkpoints.WEIGHTS_NAME).read_bytes() == kept


def test_the_same_data_in_other_shards_are_the_same(
    shards: Path, undisturbed: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(1, shards, tmp_path / "out", monkeypatch)
    train(experiment(), changed_shards(tmp_path / "again", "nothing"), tmp_path / "out")
    assert results(tmp_path / "out") == undisturbed


@pytest.mark.parametrize("change", [*CHANGES, "nothing"])
def test_large_data_are_told_by_a_part_of_each_file(
    shards: Path, tmp_path: Path, change: str
) -> None:
    settings: dict[str, Any] = {"zooms": (1, 3), "view_px": VIEW_PX, "whole_bytes": 0}
    other = changed_shards(tmp_path, change)
    one, two = (identity(find_split(f, "train")[0], **settings) for f in (shards, other))
    assert (one == two) is (change == "nothing")


def test_a_run_that_was_begun_before_data_were_noted_goes_on(
    shards: Path,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    killed_at(1, shards, tmp_path, monkeypatch)
    (tmp_path / "resume" / "data.json").unlink()
    train(experiment(), shards, tmp_path)
    assert "does not say of which data" in capsys.readouterr().err
    assert results(tmp_path) == undisturbed
    assert json.loads((tmp_path / "resume" / "data.json").read_text())["splits"]["val"]


def test_another_recipe_is_refused_by_the_name_of_the_setting(shards: Path, tmp_path: Path) -> None:
    train(experiment(1), shards, tmp_path)
    with pytest.raises(SettingsChanged, match=r"training\.epochs 1 then, 2 now"):
        train(experiment(2), shards, tmp_path)


def test_two_trainings_in_one_folder_are_refused(shards: Path, tmp_path: Path) -> None:
    with (
        alone_in(tmp_path, "training", notes=tmp_path / "resume"),
        pytest.raises(ConfigError, match=rf"process {os.getpid()} .* is training here"),
    ):
        train(experiment(1), shards, tmp_path)
    train(experiment(1), shards, tmp_path)


def test_the_same_weights_are_the_same_bytes(tmp_path: Path) -> None:
    model = PSM(tiny_experiment().model)
    for number in range(12):
        model.save_pretrained(tmp_path / str(number))
    assert (
        len({(tmp_path / str(n) / checkpoints.WEIGHTS_NAME).read_bytes() for n in range(12)}) == 1
    )
    PSM.from_pretrained(tmp_path / "0")


@pytest.mark.parametrize("job", ["interactive", "batch"])
def test_a_job_of_slurm_trains_as_one_process(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_JOB_NAME", job)
    monkeypatch.setenv("SLURM_NTASKS", "4")
    monkeypatch.setenv("SLURM_NTASKS_PER_NODE", "2(x2)")
    monkeypatch.setenv("SLURM_NNODES", "2")
    train(experiment(1), shards, tmp_path)
    assert (tmp_path / checkpoints.WEIGHTS_NAME).exists()


def test_several_tasks_of_srun_are_told_to_be_one(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    with pytest.raises(ConfigError, match=r"srun --ntasks=1, and --devices 4"):
        train(experiment(1), shards, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("starts", [train, dry_run])
def test_whoever_runs_out_of_memory_is_told_of_the_settings_that_help(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starts: Any
) -> None:
    monkeypatch.setattr(TrainingTask, "_encode", lambda *_: torch.empty(1 << 50))
    out = () if starts is dry_run else (tmp_path,)
    with pytest.raises(NotEnoughMemory, match=r"out of memory: .*training\.micro_batch=2 "):
        starts(experiment(1), shards, *out, accelerator="cpu")


def test_errors_that_are_not_of_memory_stay_what_they_are(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainingTask, "_encode", lambda *_: torch.ones(2) @ torch.ones(3))
    with pytest.raises(RuntimeError, match="size"):
        train(experiment(1), shards, tmp_path)
