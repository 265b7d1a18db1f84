"""A trained model on disk: ``config.yaml`` and ``model.safetensors`` in one folder.

Nothing is unpickled. Every key of the weights is accounted for, and a folder is complete or absent:
files are written aside and moved into place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from psm.config import Experiment, ModelConfig
from psm.coverage import FILE_NAME as COVERAGE_NAME
from psm.errors import CheckpointMismatch, MissingData
from psm.experiments import with_current_names
from psm.familiarity import FILE_NAME as FAMILIARITY_NAME
from psm.files import atomic_path
from psm.http import hub
from psm.provenance import FILE_NAME as PROVENANCE_NAME
from psm.tensorfiles import sort_header
from psm.uncertainty import FILE_NAME as UNCERTAINTY_NAME
from psm.weightfiles import require_numbers
from psm.yamlfiles import parse, read_yaml, write_yaml


class Hash(Protocol):
    """A hash of :mod:`hashlib` that is being computed."""

    def update(self, data: bytes | memoryview, /) -> None: ...


CONFIG_NAME = "config.yaml"
WEIGHTS_NAME = "model.safetensors"
TOKENIZER_NAME = "tokenizer"

PACKAGED = resources.files("psm") / "pretrained"
"""Folder of the trained models that come with the package."""
CALIBRATION_NAME = "calibration.json"
GALLERY_NAME = "gallery.safetensors"


def packaged() -> tuple[str, ...]:
    """Names of the trained models that come with the package."""
    return tuple(sorted(entry.name for entry in PACKAGED.iterdir() if entry.is_dir()))


def resolve(checkpoint: str | Path) -> Path:
    """The local folder of a checkpoint; a hub id is downloaded first.

    ``earth-small`` is the model that comes with the package, unless there is a folder of that name.

    Raises:
        MissingData: neither a checkpoint folder nor a reachable hub repository.
    """
    folder = Path(checkpoint)
    if (folder / CONFIG_NAME).is_file() and (folder / WEIGHTS_NAME).is_file():
        return folder
    if not folder.exists() and str(checkpoint) in packaged():
        return Path(str(PACKAGED / str(checkpoint)))
    looks_local = folder.exists() or folder.is_absolute() or str(checkpoint).count("/") != 1
    if looks_local or str(checkpoint).startswith("."):
        raise MissingData(
            f"{checkpoint}: not a model folder (needs {CONFIG_NAME} and {WEIGHTS_NAME}); "
            "train one with `psm train` or `psm demo`"
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
    )

    try:
        about = (
            CALIBRATION_NAME, COVERAGE_NAME, FAMILIARITY_NAME, GALLERY_NAME, PROVENANCE_NAME,
            UNCERTAINTY_NAME,
        )  # fmt: skip
        wanted = [CONFIG_NAME, WEIGHTS_NAME, *about, f"{TOKENIZER_NAME}/*"]
        with hub.asked_once(checkpoint):
            path = snapshot_download(str(checkpoint), allow_patterns=wanted)
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as problem:
        raise MissingData(
            f"{checkpoint}: no such folder, and the hub did not answer ({hub.reason(problem)})"
        ) from None
    return Path(path)


def tokenizer_folder(folder: Path) -> Path | None:
    """Where the tokenizer of a checkpoint is; ``None`` where its text tower is kept elsewhere."""
    inside = folder / TOKENIZER_NAME
    return inside if inside.is_dir() else None


def read_experiment(folder: Path) -> Experiment:
    """The experiment that a checkpoint was trained by."""
    path = folder / CONFIG_NAME
    return parse(Experiment, with_current_names(read_yaml(path)), str(path))


def save(model: nn.Module, experiment: Experiment, folder: Path, *, is_half: bool = False) -> None:
    """Write ``model`` and ``experiment`` into ``folder``, with ``is_half`` in float16."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: (tensor.half() if is_half and tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in _stored(model).items()
    }
    # The weights last: a folder that has them is a whole model.
    with atomic_path(folder / CONFIG_NAME) as path:
        write_yaml(experiment, path)
    with atomic_path(folder / WEIGHTS_NAME) as path:
        save_file(tensors, path, metadata={"format": "pt", "model": experiment.model.name})
        sort_header(path)


def load_weights(model: nn.Module, folder: Path) -> None:
    """Fill ``model`` from ``folder``, every key accounted for.

    Raises:
        CheckpointMismatch: a key is missing, unexpected or of another shape, a number is not
            finite, or the file is broken.
    """
    tensors = _read(folder)
    fill(model, tensors, str(folder / WEIGHTS_NAME))
    require_numbers(tensors, str(folder / WEIGHTS_NAME))


def weights_fingerprint(model: nn.Module | Path) -> str:
    """A hash of the stored weights of a model, or of those in its folder: the same for both.

    Weights stored in half precision count as the float32 that they are loaded as. A file is read
    once in a process while it stays the same: all that lies beside it is compared with it.

    Raises:
        CheckpointMismatch: the file is broken.
    """
    if not isinstance(model, Path):
        return _fingerprint(_stored(model))
    try:
        about = (model / WEIGHTS_NAME).stat()
    except OSError:
        return _fingerprint(_read(model))  # says what is wrong
    return _fingerprint_of_file(model, about.st_mtime_ns, about.st_size, about.st_ino)


@lru_cache(maxsize=32)
def _fingerprint_of_file(folder: Path, *version: int) -> str:
    del version  # what must be the same
    return _fingerprint(_read(folder))


def _fingerprint(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    hash_tensors(digest, tensors, as_=_as_loaded, with_shapes=True)
    return digest.hexdigest()


def hash_tensors(
    digest: Hash,
    tensors: Mapping[str, Tensor],
    *,
    as_: Callable[[Tensor], Tensor] = Tensor.detach,
    with_shapes: bool = False,
) -> None:
    """Feed names and values of ``tensors``, in the order of their names, to ``digest``.

    Fingerprints of models, of stores and of kept features are made of it, each with settings of its
    own that must stay: they are compared with those on disk.

    Args:
        digest: from :mod:`hashlib`.
        tensors: by name, on any device.
        as_: turns each into what is hashed of it.
        with_shapes: whether its type and shape are hashed too.
    """
    for name, tensor in sorted(tensors.items()):
        values = as_(tensor.detach().cpu())
        about = f"{name} {values.dtype} {tuple(values.shape)} " if with_shapes else name
        digest.update(about.encode())
        digest.update(values.contiguous().flatten().view(torch.uint8).numpy().data)


def _as_loaded(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def fill(model: nn.Module, tensors: Mapping[str, Tensor], origin: str) -> None:
    """Fill ``model`` with ``tensors``, which came from ``origin``.

    Raises:
        CheckpointMismatch: a key is missing, unexpected or of another shape.
    """
    wanted = _stored(model)
    complaints = [f"missing {name}" for name in wanted.keys() - tensors.keys()]
    complaints += [f"unexpected {name}" for name in tensors.keys() - wanted.keys()]
    complaints += [
        f"{name} is {tuple(tensors[name].shape)}, not {tuple(wanted[name].shape)}"
        for name in wanted.keys() & tensors.keys()
        if tensors[name].shape != wanted[name].shape
    ]
    complaints += [
        f"{name} is of {_kind(tensors[name])}, not of {_kind(wanted[name])}"
        for name in wanted.keys() & tensors.keys()
        if tensors[name].is_floating_point() != wanted[name].is_floating_point()
    ]
    if complaints:
        first = ", ".join(sorted(complaints)[:3])
        raise CheckpointMismatch(
            f"{origin}: {len(complaints)} of {len(wanted)} tensors do not fit its config ({first})"
        )
    model.load_state_dict(tensors, strict=False)


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _read(folder: Path) -> dict[str, Tensor]:
    path = folder / WEIGHTS_NAME
    try:
        return load_file(path)
    except (SafetensorError, OSError) as problem:
        raise CheckpointMismatch(f"{path}: not readable as safetensors ({problem})") from None


def _stored(model: nn.Module) -> dict[str, Tensor]:
    # A frozen tower is kept by reference: its config names the weights.
    config: Any = getattr(model, "config", None)
    by_reference: tuple[str, ...] = ()
    if isinstance(config, ModelConfig):
        towers: dict[str, Any] = {"text.": config.text_tower, "audio.": config.audio_tower}
        by_reference = tuple(
            prefix for prefix, tower in towers.items() if tower.frozen and tower.weights
        )
    return {
        name: tensor
        for name, tensor in model.state_dict().items()
        if not name.startswith(by_reference)
    }
