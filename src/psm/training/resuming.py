"""Resume points: the state of a training on disk, and the recipe and data that it is of.

A point is written beside the last one and moved into its place, and the one before is kept: a kill
or a full disk at any moment leaves one that is whole.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from psm import checkpoints
from psm.config import Experiment
from psm.data.identity import identity
from psm.data.recording import Recording
from psm.data.tars import MemberIndex
from psm.errors import CheckpointMismatch, SettingsChanged
from psm.files import atomic_path, flush, sweep
from psm.progress import console
from psm.yamlfiles import write_yaml

FOLDER_NAME = "resume"
_LAST, _BEFORE = "last.ckpt", "before.ckpt"
_SEED, _DATA = "seed", "data.json"
_PARTS = {"epoch", "global_step", "loops", "state_dict", "optimizer_states", "lr_schedulers"}
_NO_RESUME = "--no-resume"

Splits = Mapping[str, tuple[MemberIndex, tuple[Recording, ...]]]
"""Train and val: where their recordings lie, and what is known of them."""


@dataclass(frozen=True)
class SplitIdentity:
    """Which recordings a split holds: how many, and a hash of them."""

    recordings: int
    identity: str


@dataclass(frozen=True)
class RunIdentity:
    """What the result of a training follows from.

    Attributes:
        experiment: model, loss and recipe.
        seed: of every random choice.
        folder: of the data, to be told.
        data: the recordings of each split.
    """

    experiment: Experiment
    seed: int
    folder: Path
    data: Mapping[str, SplitIdentity]

    @classmethod
    def of(cls, experiment: Experiment, seed: int, folder: Path, splits: Splits) -> RunIdentity:
        """The identity of a run on ``splits``, which are read for it."""
        imagery = experiment.model.imagery
        data = {
            split: SplitIdentity(
                len(members), identity(members, zooms=imagery.zooms, view_px=imagery.view_px)
            )
            for split, (members, _) in splits.items()
        }
        return cls(experiment, seed, folder, data)


class ResumePointIO(TorchCheckpointIO):
    """Writes a resume point whole or not at all, and keeps the one before."""

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: Any,
        storage_options: Any | None = None,  # noqa: ARG002
    ) -> None:
        """Write it aside, to the disk itself, and put it in the place of the last one."""
        # A disk that fills while PyTorch writes is an error of its archive; here it is one of ours.
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        last = Path(path)
        with atomic_path(last) as aside:
            with aside.open("wb") as stream:
                stream.write(buffer.getbuffer())
            flush(aside)
            if last.exists():
                last.replace(last.with_name(_BEFORE))
        _flush_folder(last.parent)


def keep_resume_points(out: Path) -> ModelCheckpoint:
    """Writes the resume point anew at the end of every epoch.

    Not by ``save_last``: without a best checkpoint beside it, that one is written at the end alone.
    """
    return ModelCheckpoint(
        out / FOLDER_NAME,
        filename=Path(_LAST).stem,
        save_top_k=1,
        every_n_epochs=1,
        enable_version_counter=False,
    )


def resume_point(out: Path) -> Path | None:
    """The newest resume point in ``out`` that is whole; what is broken is said. Writes nothing.

    Raises:
        CheckpointMismatch: there are points, and none is whole.
    """
    points = [path for name in (_LAST, _BEFORE) if (path := out / FOLDER_NAME / name).exists()]
    for path in points:
        reason = _damage(path)
        if reason is None:
            if path.name == _BEFORE and len(points) > 1:
                console().print(f"{path}: going on from this one, an epoch older")
            return path
        console().print(f"{path}: broken ({reason})")
    if points:
        raise CheckpointMismatch(
            f"{out / FOLDER_NAME}: no resume point is whole; start over with {_NO_RESUME}"
        )
    return None


def require_fitting(point: Mapping[str, Any], task: torch.nn.Module) -> None:
    """Refuse a resume point whose weights are not those of ``task``, name by name.

    Raises:
        CheckpointMismatch: another version of PSM wrote it.
    """
    then = {name: tuple(tensor.shape) for name, tensor in point["state_dict"].items()}
    now = {name: tuple(tensor.shape) for name, tensor in task.state_dict().items()}
    differs = [name for name in (*now, *then) if then.get(name) != now.get(name)]
    if differs:
        raise CheckpointMismatch(
            f"the resume point is of another version of PSM ({differs[0]} differs, of "
            f"{len(now)} tensors {len(set(differs))}): train with that version, or start over "
            f"with {_NO_RESUME}"
        )


def has_resume_point(out: Path) -> bool:
    """Whether a training was begun in ``out`` and came to the end of an epoch."""
    return any((out / FOLDER_NAME / name).exists() for name in (_LAST, _BEFORE))


def require_same_run(out: Path, run: RunIdentity) -> None:
    """Refuse to go on in ``out`` with anything else than what is there. Writes nothing.

    Raises:
        SettingsChanged: another recipe, seed or data set, or a model without a resume point.
    """
    folder = out / FOLDER_NAME
    is_finished = (out / checkpoints.WEIGHTS_NAME).exists()
    advice = f"choose another folder, or {'replace it' if is_finished else 'start over'} with"
    if not has_resume_point(out):
        if is_finished:
            raise SettingsChanged(
                f"{out}: holds a model without a resume point; "
                f"choose another folder, or replace it with {_NO_RESUME}"
            )
        return
    recipe, seed = folder / checkpoints.CONFIG_NAME, folder / _SEED
    differs = [] if recipe.exists() else ["the recipe is not there"]
    if recipe.exists():
        differs += _differences(checkpoints.read_experiment(folder), run.experiment)
    then = seed.read_text().strip() if seed.exists() else "unknown"
    if then != str(run.seed):
        differs.append(f"seed {then} then, {run.seed} now")
    if differs:
        raise SettingsChanged(
            f"{out}: holds a run of another experiment or seed ({'; '.join(differs)}); "
            f"{advice} {_NO_RESUME}"
        )
    other = _other_data(folder / _DATA, run)
    if other is not None:
        raise SettingsChanged(f"{out}: {other}; {advice} {_NO_RESUME}")


def start_over(out: Path, run: RunIdentity) -> None:
    """Clear ``out`` of an older run and note whose run it is now."""
    folder = out / FOLDER_NAME
    folder.mkdir(parents=True, exist_ok=True)
    for name in (_LAST, _BEFORE, _DATA, _SEED, checkpoints.CONFIG_NAME):
        (folder / name).unlink(missing_ok=True)
    (out / checkpoints.WEIGHTS_NAME).unlink(missing_ok=True)
    _note_data(folder, run)
    with atomic_path(folder / _SEED) as aside:
        aside.write_text(str(run.seed))
    with atomic_path(folder / checkpoints.CONFIG_NAME) as aside:
        write_yaml(run.experiment, aside)


def go_on(out: Path, run: RunIdentity) -> None:
    """Note the data of a run that was begun before data were noted, and sweep up after a kill."""
    if not (out / FOLDER_NAME / _DATA).exists():
        _note_data(out / FOLDER_NAME, run)
    for folder in (out, out / FOLDER_NAME):
        sweep(folder)


def _note_data(folder: Path, run: RunIdentity) -> None:
    splits = {split: asdict(about) for split, about in run.data.items()}
    with atomic_path(folder / _DATA) as aside:
        aside.write_text(json.dumps({"folder": str(run.folder), "splits": splits}, indent=1) + "\n")


def _other_data(note: Path, run: RunIdentity) -> str | None:
    """How the data of ``run`` differ from what was noted; ``None`` where they do not."""
    try:
        about = json.loads(note.read_text())
        known = {split: SplitIdentity(**values) for split, values in about["splits"].items()}
    except FileNotFoundError:
        console().print(
            f"{note.parent.parent}: does not say of which data it is; taken as of these"
        )
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return f"{note.name} of its resume point is broken"
    for split, now in run.data.items():
        then = known.get(split)
        if then != now:
            counts = (
                f"{then.recordings:,} recordings of {split} then, {now.recordings:,} now"
                if then is not None and then.recordings != now.recordings
                else f"as many recordings of {split}, not the same"
            )
            return f"holds a run of another data set ({about['folder']}: {counts})"
    return None


def _differences(then: Experiment, now: Experiment) -> list[str]:
    """The first settings in which two experiments would give different results."""
    before, after = (dict(_flat(_results_of(one).model_dump(mode="json"))) for one in (then, now))
    names = (name for name in {**before, **after} if before.get(name) != after.get(name))
    return [f"{name} {before.get(name)} then, {after.get(name)} now" for name in islice(names, 3)]


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _results_of(experiment: Experiment) -> Experiment:
    """``experiment`` without what changes memory and time alone: a run may go on with another."""
    plain = {"micro_batch": None, "checkpoint_activations": False, "memory_gb": 0, "workers": None}
    training = experiment.training.model_copy(update=plain)
    return experiment.model_copy(update={"training": training})


def _damage(path: Path) -> str | None:
    """Why a resume point cannot be read, or ``None``: every byte is checked against its sum."""
    try:
        with zipfile.ZipFile(path) as archive:
            wrong = archive.testzip()
        if wrong is not None:
            return f"{wrong} was changed"
        point = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile) as problem:
        return (str(problem) or type(problem).__name__).splitlines()[0][:120]
    except pickle.UnpicklingError:
        return "holds something else than numbers"
    missing = _PARTS - set(point) if isinstance(point, dict) else _PARTS
    return f"lacks {min(missing)}" if missing else None


def _flush_folder(folder: Path) -> None:
    """Have the names in a folder written to the disk, where the system does that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError:
        pass  # a file system that knows no such thing
    finally:
        os.close(handle)
