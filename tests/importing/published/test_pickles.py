"""Pickled tensors: read when they are tensors, refused by name when they are more."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from psm.errors import CorruptShard, ForeignPickle
from psm.importing.published.webdataset import tensor_from_pickle


class Burglar:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_a_pickled_tensor_is_read() -> None:
    tensor = torch.arange(24.0).reshape(2, 3, 4).transpose(0, 1)
    np.testing.assert_array_equal(tensor_from_pickle(pickle.dumps(tensor), "mel"), tensor.numpy())


def test_a_hostile_pickle_is_refused_by_name_and_not_run(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    with pytest.raises(ForeignPickle, match=r"clip\.pyd.*posix\.system"):
        tensor_from_pickle(pickle.dumps(Burglar(touched)), "clip.pyd")
    assert not touched.exists()


class Smuggler:
    """A tensor's storage that is a pickle of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return torch.storage._load_from_bytes, (pickle.dumps(Burglar(self.path)),)


def test_a_pickle_hidden_in_the_storage_is_refused_too(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    with pytest.raises((ForeignPickle, CorruptShard), match=r"clip\.pyd"):
        tensor_from_pickle(pickle.dumps(Smuggler(touched)), "clip.pyd")
    assert not touched.exists()


@pytest.mark.parametrize(
    "data", [b"", b"hello", pickle.dumps([1.0]), pickle.dumps(torch.ones(2))[:-9]]
)
def test_what_is_no_tensor_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptShard, match=r"clip\.pyd"):
        tensor_from_pickle(data, "clip.pyd")
