"""Files of other people's weights: read without running anything, and checked before use.

A file of weights is a pickle or safetensors; its content decides, not its suffix. What a model can
be filled with are plain tensors of finite numbers under names that are text; anything else is
refused by the name of the tensor.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from psm.errors import CheckpointMismatch
from psm.unpickling import read_pickle, require_file

DERIVED = ("relative_position_index", "position_ids", "token_type_ids", "num_batches_tracked")
"""Ends of the names of whole numbers that the configuration implies."""

_HEADER_SIZE = struct.Struct("<Q")


def read_weights(path: Path) -> Any:
    """The content of a file of weights; of safetensors its tensors by name.

    Raises:
        MissingData: no such file.
        ForeignPickle: it holds something that is not on PyTorch's allow-list.
        CheckpointMismatch: it is no file of weights.
    """
    require_file(path)
    if not is_safetensors(path):
        return read_pickle(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as problem:
        raise CheckpointMismatch(f"{path}: not readable as safetensors ({problem})") from None


def is_safetensors(path: Path) -> bool:
    """Whether a file is safetensors, by its suffix or by how it begins: a size, then JSON."""
    if path.suffix.lower() == ".safetensors":
        return True
    with path.open("rb") as stream:
        start = stream.read(_HEADER_SIZE.size + 1)
    if len(start) <= _HEADER_SIZE.size:
        return False
    (size,) = _HEADER_SIZE.unpack(start[: _HEADER_SIZE.size])
    return start.endswith(b"{") and size < path.stat().st_size


def named_tensors(content: Any, origin: str) -> dict[str, Tensor]:
    """``content`` as tensors by name, without what wrappers of a model put before all names.

    Raises:
        CheckpointMismatch: it is not a mapping of names to tensors.
    """
    if not isinstance(content, Mapping) or not content:
        raise CheckpointMismatch(f"{origin}: no weights in it")
    for name, value in content.items():
        if not isinstance(name, str):
            raise CheckpointMismatch(f"{origin}: a tensor is named {name!r:.40}, which is no text")
        if not isinstance(value, Tensor):
            raise CheckpointMismatch(
                f"{origin}: holds more than tensors, {name!r:.60} is {_kind(value)}"
            )
    # torch.compile puts its own part into the middle of names, DDP one before all of them.
    tensors = {name.replace("_orig_mod.", ""): tensor for name, tensor in content.items()}
    for wrapper in ("module.", "model."):
        if all(name.startswith(wrapper) for name in tensors):
            tensors = {name.removeprefix(wrapper): tensor for name, tensor in tensors.items()}
    return tensors


def require_numbers(tensors: Mapping[str, Tensor], origin: str) -> None:
    """Refuse weights that no model can compute with, by the name of the first.

    Raises:
        CheckpointMismatch: one is sparse, quantised, complex, of whole numbers, without its
            numbers, or not finite in float32.
    """
    for name, tensor in tensors.items():
        if problem := _problem(name, tensor):
            raise CheckpointMismatch(f"{origin}: {name} {problem}")


def _problem(name: str, tensor: Tensor) -> str:
    if tensor.is_quantized:
        return "is quantised; save the model with its float weights"
    if tensor.is_nested or tensor.layout != torch.strided:
        return "is sparse; save it as a dense tensor"
    if tensor.is_meta or tensor.untyped_storage().nbytes() < tensor.numel() * tensor.itemsize:
        return f"is {tuple(tensor.shape)}, and the file does not hold as many numbers"
    if tensor.is_complex():
        return "is complex, not floating point"
    if name.endswith(DERIVED):
        return ""
    if not tensor.is_floating_point():
        return f"is of {_dtype(tensor)}, not of floating point"
    values = tensor.float()
    if not values.isfinite().all():
        wrong = int((~values.isfinite()).sum())
        return f"is not finite: {wrong} of its {values.numel()} numbers are NaN or infinite"
    if name.endswith("running_var") and bool((values < 0).any()):
        return "is negative, which a variance cannot be"
    return ""


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"
