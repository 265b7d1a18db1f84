"""What was recorded from the published Sat2Sound, read from the folder beside the checkout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from psm.encoders.codebook import Absent, Codebook, CodebookHead
from tests.reference.conftest import Close
from tests.tinyt5 import write_tokenizer

FOLDER = Path(__file__).parents[4] / "shared" / "reference" / "sat2sound"
_ABSENT = "the recordings of Sat2Sound are not beside the checkout"
needs_recordings = pytest.mark.skipif(not FOLDER.is_dir(), reason=_ABSENT)


def require_recordings() -> None:
    """Leave out a whole module, whose cases are those of the recordings, where there are none."""
    if not FOLDER.is_dir():
        pytest.skip(_ABSENT, allow_module_level=True)


def load(name: str) -> dict[str, np.ndarray]:
    """The arrays of one group, its weights left out."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return {key: arrays[key] for key in arrays if not key.startswith("sd.")}


def tensors(name: str) -> dict[str, Tensor]:
    """The same as float32 tensors."""
    return {
        key: torch.from_numpy(np.asarray(value, np.float32)) for key, value in load(name).items()
    }


def weights(name: str, prefix: str = "") -> dict[str, Tensor]:
    """The weights of one group whose published names begin with ``prefix``, which is cut off."""
    start = f"sd.{prefix}"
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return {
            key.removeprefix(start): torch.from_numpy(arrays[key].astype(np.float32))
            for key in arrays
            if key.startswith(start)
        }


def manifest(name: str) -> dict[str, Any]:
    """Settings of one group."""
    content: dict[str, Any] = json.loads((FOLDER / "manifest.json").read_text())
    return content[name]


def published_head(
    tensors: dict[str, Tensor], side: str, codebook: Codebook, absent: Absent
) -> CodebookHead:
    """The head of one modality with the weights of a group; the codebook is filled too."""
    start = f"fdt.{side}_query_model.q_map."
    query = {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}
    head = CodebookHead(len(query["0.weight"]), codebook, absent).eval()
    head.query.load_state_dict(query)
    codebook.codes.weight.data.copy_(tensors["fdt.space_dict"])
    return head


def write_t5(folder: Path) -> None:
    """The small T5 of the recordings as a folder, with a tokenizer of a few words."""
    from transformers import T5Config, T5EncoderModel

    model = T5EncoderModel(T5Config(**manifest("e_text")["t5"]))
    model.load_state_dict(weights("e_text", "t5."), strict=False)
    model.save_pretrained(folder)
    write_tokenizer(folder)


def relatively(close: Close, ours: Any, recorded: Any, within: float = 1e-4) -> None:
    """Close, relative to the largest value of the array, as the recordings state tolerances."""
    largest = float(np.abs(np.asarray(recorded)).max())
    close(np.asarray(ours) / largest, np.asarray(recorded) / largest, within)


def within(recorded: np.ndarray | Tensor, tolerance: float = 1e-4) -> float:
    """A tolerance relative to the largest value of an array, as the recordings state theirs."""
    return tolerance * float(np.abs(np.asarray(recorded)).max())
