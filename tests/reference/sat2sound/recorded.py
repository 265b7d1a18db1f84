"""What was recorded from the published implementation of Sat2Sound, with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

FOLDER = Path(__file__).parent
MANIFEST: dict[str, Any] = json.loads((FOLDER / "manifest.json").read_text())


def load(name: str) -> dict[str, np.ndarray]:
    """The arrays of one group, its weights left out."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return {key: arrays[key] for key in arrays if not key.startswith("sd.")}


def tensors(name: str) -> dict[str, Tensor]:
    """The same as float32 tensors."""
    return {key: torch.from_numpy(np.asarray(value, np.float32)) for key, value in
            load(name).items()}  # fmt: skip


def weights(name: str) -> dict[str, Tensor]:
    """The weights of one group under their published names, float16 cast up."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return {
            key.removeprefix("sd."): torch.from_numpy(arrays[key].astype(np.float32))
            for key in arrays
            if key.startswith("sd.")
        }


def within(recorded: np.ndarray | Tensor, tolerance: float = 1e-4) -> float:
    """A tolerance relative to the largest value of an array, as the recordings state theirs."""
    return tolerance * float(np.abs(np.asarray(recorded)).max())
