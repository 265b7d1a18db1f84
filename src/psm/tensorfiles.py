"""Files of what a model folder holds beside its weights: some tensors, and a few words about them.

They are safetensors whose metadata carry one JSON document; the same content is the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from psm.errors import CheckpointMismatch
from psm.files import atomic_path

Kept = TypeVar("Kept")


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> Path:
    """Write tensors and what is to be said of them; complete or absent.

    Args:
        path: the file.
        tensors: by name, on any device.
        about: ready for JSON.

    Returns:
        The path.
    """
    whole = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
    with atomic_path(path) as aside:
        save_file(whole, aside, {"about": json.dumps(dict(about), ensure_ascii=False)})
        sort_header(aside)
    return path


def read_tensors(
    path: Path, names: Iterable[str], *, version: int
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """What :func:`write_tensors` wrote into a model folder.

    Args:
        path: the file.
        names: of the tensors that it must have.
        version: that its ``about`` must have.

    Returns:
        The tensors, and what is said of them but for the version; ``None`` where there is no file.

    Raises:
        CheckpointMismatch: it is broken, of another version, or a number is not finite.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as stored:
            about = dict(json.loads(stored.metadata()["about"]))
            tensors = {name: stored.get_tensor(name) for name in names}
        if about.pop("version") != version:
            raise ValueError("another version")
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
            raise ValueError("not finite")
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        raise unusable(path) from None
    return tensors, about


def built(kind: Callable[..., Kept], path: Path, values: Mapping[str, Any]) -> Kept:
    """What a file held, as an instance of its class.

    Raises:
        CheckpointMismatch: the values are not those of the class.
    """
    try:
        return kind(**values)
    except TypeError:
        raise unusable(path) from None


def unusable(path: Path) -> CheckpointMismatch:
    """The error of a file that cannot be used, with how to make it again."""
    return CheckpointMismatch(
        f"{path}: not readable; make it again with `psm calibrate --model {path.parent}`"
    )


def sort_header(path: Path) -> None:
    """Put the header of a safetensors file in order, so that the same content is the same bytes.

    The library writes the metadata in another order each time.
    """
    with path.open("r+b") as stream:
        size = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        if len(text) <= size:
            stream.seek(8)
            stream.write(text.ljust(size))
