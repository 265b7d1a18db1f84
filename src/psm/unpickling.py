"""Safe reading of files written by ``torch.save``, through PyTorch's allow-list.

``pickle.loads`` on a foreign file runs whatever the file says. Here tensors and plain values may be
rebuilt, and nothing else may be called. Checkpoints of masked autoencoders hold the command line
that they were trained by, an ``argparse.Namespace``: its name is answered by an inert class of
ours, so that not even that one is built.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch

from psm.errors import CheckpointMismatch, ForeignPickle, MissingData

_WEIGHTS = (".ckpt", ".pt", ".pth", ".bin", ".safetensors")
_NAMED = 3


class CommandLine:
    """Stand-in for ``argparse.Namespace``: attributes, and nothing that acts."""


def read_pickle(path: Path) -> Any:
    """The content of a file written by ``torch.save``, without running anything from it.

    Raises:
        MissingData: no such file.
        ForeignPickle: it holds something that is not on PyTorch's allow-list.
        CheckpointMismatch: it is not such a file.
    """
    require_file(path)
    try:
        with torch.serialization.safe_globals([(CommandLine, "argparse.Namespace")]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        found = re.search(r"GLOBAL ([\w.]+)", str(problem))
        if found is None:
            raise _no_checkpoint(path, "") from None
        raise ForeignPickle(
            f"{path}: refused, it wants to call {found[1]}; a checkpoint needs tensors and plain "
            "settings only"
        ) from None
    except Exception as problem:
        # Damaged opcodes make the unpickler raise almost anything; nothing of ours runs inside.
        words = str(problem).strip() or type(problem).__name__
        raise _no_checkpoint(path, words.splitlines()[0]) from None


def require_file(path: Path) -> None:
    """Refuse what cannot be a file of weights, and say what it is instead.

    Raises:
        MissingData: no such file, or a folder.
        CheckpointMismatch: an empty file, a web page or a pointer to a large file elsewhere.
    """
    if path.is_dir():
        raise MissingData(f"{path}: a folder, not a checkpoint; {_in_folder(path)}")
    if not path.is_file():
        raise MissingData(f"{path}: no such file")
    try:
        with path.open("rb") as stream:
            start = stream.read(512)
    except OSError as problem:
        raise MissingData(f"{path}: cannot be read ({problem.strerror})") from None
    if what := _what_else(start):
        raise CheckpointMismatch(f"{path}: not a PyTorch checkpoint but {what}")


def _what_else(start: bytes) -> str:
    """What a file is that begins like this, where people take it for weights."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        return "an empty file; download it again"
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page; download the file that the page links to"
    if text.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS; fetch the file with `git lfs pull`"
    if text.startswith(b"{") and b'"weight_map"' in start:
        return "the index of weights in several files; join them into one"
    return ""


def _in_folder(folder: Path) -> str:
    """What to name in a folder that was given for a file."""
    found = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in _WEIGHTS)
    if (folder / "config.yaml").is_file() and "model.safetensors" in found:
        return "it is a model folder already, use it with --model"
    if not found:
        return f"no {', '.join(_WEIGHTS)} in it either"
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"name the file in it: {', '.join(found[:_NAMED])}{more}"


def _no_checkpoint(path: Path, said: str) -> CheckpointMismatch:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            is_pickle = any(name.endswith("data.pkl") for name in archive.namelist())
        if not is_pickle:
            return CheckpointMismatch(
                f"{path}: not a PyTorch checkpoint but another zip; unpack it and name the file"
            )
    elif _starts_as_zip(path):
        said = "cut short; download it again"
    return CheckpointMismatch(f"{path}: not a PyTorch checkpoint{f' ({said})' if said else ''}")


def _starts_as_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"PK\x03\x04"
