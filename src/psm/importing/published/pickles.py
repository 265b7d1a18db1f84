"""Pickled tensors, as published shards hold them, read through an allow-list.

A tensor may be rebuilt from its storage, and nothing else may be called; :mod:`psm.unpickling`
reads whole checkpoints likewise.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import _utils as torch_utils

from psm.errors import CorruptShard, ForeignPickle


def tensor_from_pickle(data: bytes, name: str) -> NDArray[np.float32]:
    """The tensor that ``data`` holds, as an array; ``name`` is for the error.

    Raises:
        ForeignPickle: it asks for anything but a tensor.
        CorruptShard: it is broken, or holds no tensor of floats.
    """
    try:
        tensor = _TensorsOnly(io.BytesIO(data), name).load()
    except ForeignPickle:
        raise
    except Exception as problem:
        # Damaged opcodes make the unpickler raise almost anything; nothing of ours runs inside.
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise CorruptShard(f"{name}: not a pickled tensor ({reason})") from None
    if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
        raise CorruptShard(f"{name}: holds {type(tensor).__name__}, not a tensor of floats")
    return np.array(tensor.detach().float().numpy())


class _TensorsOnly(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, name: str) -> None:
        super().__init__(stream)
        self.name = name

    def find_class(self, module: str, name: str) -> Any:
        match module, name:
            case "torch._utils", "_rebuild_tensor_v2":
                return torch_utils._rebuild_tensor_v2
            case "torch.storage", "_load_from_bytes":
                return self._storage
            case "collections", "OrderedDict":
                return OrderedDict
        raise ForeignPickle(f"{self.name}: refused, it wants to call {module}.{name}")

    def _storage(self, data: bytes) -> Any:
        # A storage is a pickle within the pickle: PyTorch's own allow-list reads it.
        try:
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as problem:
            first = str(problem).splitlines()[0]
            raise ForeignPickle(
                f"{self.name}: refused, its storage is no storage ({first})"
            ) from None
