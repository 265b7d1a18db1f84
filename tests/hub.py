"""A tiny data set in the schema of `MVRL/GeoSound` on the hub, written as the hub keeps it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from datasets import Array4D, Audio, Dataset, Features, Image, Value
from PIL import Image as Pillow

from psm.seeding import generator
from tests.tiny import VIEW_PX

RATE_HZ = 32_000
TEXTS = (
    "sample_id", "source", "audio_caption", "audio_caption_source",
    *(f"llava_caption_{kind}_zl{zoom}" for kind in ("bingmap", "sentinel") for zoom in (1, 3, 5)),
    "date", "description", "tags", "title", "scientific_name", "common_name", "sound_format",
    "text", "address", "bin_id",
)  # fmt: skip
FEATURES = Features({
    "audio": Audio(sampling_rate=RATE_HZ),
    "bingmap_image": Image(),
    "sentinel_image": Image(),
    **{name: Value("string") for name in TEXTS},
    "latitude": Value("float64"),
    "longitude": Value("float64"),
    "original_sampling_rate": Value("int64"),
})  # fmt: skip

STORED = {"bytes": Value("binary"), "path": Value("string")}


def clip(number: int, seconds: float = 1.0) -> bytes:
    """A recording of a low or a high world."""
    rng = generator(0, "clip", number)
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tone = 0.3 * np.sin(2 * np.pi * (400, 5000)[number % 2] * time)
    buffer = io.BytesIO()
    noise = 0.01 * rng.standard_normal(len(time))
    soundfile.write(buffer, (tone + noise).astype(np.float32), RATE_HZ, format="FLAC")
    return buffer.getvalue()


def tile(number: int, side: int = 3 * VIEW_PX, kind: str = "JPEG") -> bytes:
    """A tile of the same world."""
    rng = generator(0, "tile", number)
    low = 100 * (number % 2)
    pixels = rng.integers(low, low + 80, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def row(number: int, **changes: Any) -> dict[str, Any]:
    """One row; ``changes`` are columns."""
    archive = ("yfcc", "iNat", "aporee", "freesound")[number % 4]
    values: dict[str, Any] = {
        **dict.fromkeys(TEXTS),
        "sample_id": f"{archive}-{number}",
        "source": archive,
        "audio": {"bytes": clip(number), "path": f"{number}.flac"},
        "sentinel_image": {"bytes": tile(number), "path": None},
        "bingmap_image": {"bytes": tile(number, 4 * VIEW_PX, "PNG"), "path": None},
        "audio_caption": f"frogs {number}",
        "audio_caption_source": ("meta", "qwen", "pengi")[number % 3],
        "text": f"Frogs of {number}. The location of the sound is: Bonn.",
        "latitude": 10.0 + number % 50,
        "longitude": 20.0,
        "date": "2019-05-04 07:02:00",
        "original_sampling_rate": 44_100,
        **changes,
    }
    return values


SOUNDINGEARTH = Features({
    "sample_id": Value("string"),
    "short_id": Value("string"),
    "audio": Audio(sampling_rate=RATE_HZ),
    "googleearth_image": Image(),
    "audio_caption": Value("string"),
    "audio_caption_source": Value("string"),
    "mel_features": Array4D(shape=(2, 1, 4, 3), dtype="float32"),
    "llava_caption_googleearth_zl1": Value("string"),
    "latitude": Value("float32"),
    "longitude": Value("float32"),
    "date_recorded": Value("string"),
})  # fmt: skip


def soundingearth_row(number: int, **changes: Any) -> dict[str, Any]:
    """One row of `MVRL/SoundingEarth`; ``changes`` are columns."""
    values: dict[str, Any] = {
        "sample_id": f"aporee-9995_{number}",
        "short_id": str(number),
        "audio": {"bytes": clip(number), "path": f"{number}.flac"},
        "googleearth_image": {"bytes": tile(number), "path": None},
        "audio_caption": f"A pond, {number} frogs. .",
        "audio_caption_source": "meta",
        "mel_features": np.zeros((2, 1, 4, 3), np.float32),
        "llava_caption_googleearth_zl1": "",
        "latitude": 45.1234 + number,
        "longitude": 20.4321,
        "date_recorded": "June 26th, 2010 7:30",
    }
    return {**values, **changes}


def write(
    folder: Path,
    files: Mapping[str, list[dict[str, Any]]],
    schema: Features = FEATURES,
    **more: Any,
) -> Path:
    """Parquet files by name in ``folder``, with columns ``more`` besides those of the hub."""
    folder.mkdir(parents=True, exist_ok=True)
    features = Features({**schema, **more})
    for name, rows in files.items():
        # Encoded bytes need no encoder: media columns get their type after the table is made.
        plain = {k: STORED if isinstance(v, Audio | Image) else v for k, v in features.items()}
        table = Dataset.from_list(rows, features=Features(plain)).cast(features)
        table.to_parquet(folder / f"{name}.parquet", batch_size=8)
    return folder


def write_tiny(folder: Path) -> Path:
    """Two files of training rows, one of validation and one of test rows."""
    counts = {"train-00000-of-00002": (0, 12), "train-00001-of-00002": (12, 24)}
    counts |= {"validation-00000-of-00001": (24, 36), "test-00000-of-00001": (36, 44)}
    files = {name: [row(n) for n in range(*span)] for name, span in counts.items()}
    return write(folder / "data", files).parent
