"""What was recorded from the published implementation, and the weights that it ran with."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from psm.data.context import Context

FOLDER = Path(__file__).parent
VECTORS = FOLDER / "vectors"
MANIFEST: dict[str, Any] = json.loads((VECTORS / "manifest.json").read_text())
SEED = 20241


def load(name: str) -> dict[str, np.ndarray]:
    """The arrays of one set."""
    with np.load(VECTORS / f"{name}.npz") as arrays:
        return {key: arrays[key] for key in arrays}


def floats(values: np.ndarray) -> Tensor:
    """As float32."""
    return torch.from_numpy(np.asarray(values, np.float32))


def weights(
    shapes: Mapping[str, list[int]], seed: int = SEED, *, rounded: bool = True
) -> dict[str, Tensor]:
    """The random weights that the recording was made with, rounded to float16 but at full size."""
    drawn = {name: _weight(name, tuple(shape), seed) for name, shape in shapes.items()}
    kind = np.float16 if rounded else np.float32
    return {name: floats(values.astype(kind)) for name, values in drawn.items()}


def _weight(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
    z = rng.standard_normal(shape, dtype=np.float32)
    if name.endswith("running_var"):
        values = 1 + 0.1 * np.abs(z)
    elif name.endswith("running_mean"):
        values = 0.1 * z
    elif len(shape) > 1:
        values = z / float(np.sqrt(np.prod(shape[1:])))
    elif name.endswith(".weight"):
        values = 1 + 0.02 * z
    else:
        values = 0.02 * z - (4.0 if "std_head" in name else 0.0)
    return values


def context(arrays: Mapping[str, np.ndarray]) -> Context:
    """The context of a set that gives place and time as numbers."""
    return Context.of(
        lat=arrays["lat"],
        lon=arrays["lon"],
        month=np.where(arrays["month_valid"] == 1, arrays["mon"], np.nan),
        hour=np.where(arrays["time_valid"] == 1, arrays["hour"], np.nan),
        audio_source=arrays["audio_source"],
        caption_source=arrays["caption_source"],
    )


_FIELDS = {
    "asource": "audio_source", "tsource": "caption_source", "latlong": "latlon", "month": "month",
    "time": "hour",
}  # fmt: skip


def fields(published: str) -> tuple[str, ...]:
    """Our names of a published choice of fields, as ``latlong_month``."""
    return tuple(_FIELDS[name] for name in published.split("_") if name != "none")
