"""Safe reading of files written by ``torch.save``, through PyTorch's allow-list.

``pickle.loads`` on a foreign file runs whatever the file says. Here tensors and plain values may be
rebuilt, and nothing else may be called. Checkpoints of masked autoencoders hold the command line
that they were trained by, an ``argparse.Namespace``: its name is answered by an inert class of
ours, so that not even that one is built.
"""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import torch

from psm.errors import CheckpointMismatch, ForeignPickle, MissingData


class CommandLine:
    """Stand-in for ``argparse.Namespace``: attributes, and nothing that acts."""


def read_pickle(path: Path) -> Any:
    """The content of a file written by ``torch.save``, without running anything from it.

    Raises:
        MissingData: no such file.
        ForeignPickle: it holds something that is not on PyTorch's allow-list.
        CheckpointMismatch: it is not such a file.
    """
    if not path.is_file():
        raise MissingData(f"{path}: no such file")
    try:
        with torch.serialization.safe_globals([(CommandLine, "argparse.Namespace")]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        found = re.search(r"GLOBAL ([\w.]+)", str(problem))
        if found is None:
            raise CheckpointMismatch(f"{path}: not a PyTorch checkpoint") from None
        raise ForeignPickle(
            f"{path}: refused, it wants to call {found[1]}; a checkpoint needs tensors and plain "
            "settings only"
        ) from None
    except (RuntimeError, EOFError, OSError, KeyError, ValueError) as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise CheckpointMismatch(f"{path}: not a PyTorch checkpoint ({reason})") from None
