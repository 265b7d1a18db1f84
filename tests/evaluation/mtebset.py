"""A small task in MTEB's form: twenty places, three pictures of which are the same."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from datasets import Audio, Features, Image, Value
from PIL import Image as Pillow

from psm.model import PSM
from psm.seeding import generator
from tests.hub import write
from tests.tiny import tiny_experiment

TILE_SIDE, RATE_HZ = 64, 16_000
PICTURES = (*range(18), 5, 5)
ASKED = (0, 1, *range(3, 20))
MEDIA = {"image": Image(), "audio": Audio()}
TYPES = {"score": Value("int64")}
CARD = """---
license: cc-by-4.0
configs:
- config_name: corpus
  data_files:
  - split: test
    path: corpus/test-*
- config_name: default
  data_files:
  - split: test
    path: default/test-*
- config_name: queries
  data_files:
  - split: test
    path: queries/test-*
---
A made set.
"""


def picture(number: int) -> bytes:
    """A picture as PNG."""
    pixels = generator(0, "mteb", "image", number).integers(
        0, 256, (TILE_SIDE, TILE_SIDE, 3), np.uint8
    )
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def sound(number: int) -> bytes:
    """A recording as FLAC."""
    rng = generator(0, "mteb", "audio", number)
    time = np.arange(RATE_HZ) / RATE_HZ
    wave = 0.3 * np.sin(2 * np.pi * 300 * (number + 1) * time) + 0.05 * rng.normal(size=len(time))
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(wave, -1, 1).astype(np.float32), RATE_HZ, format="FLAC")
    return buffer.getvalue()


def rows(modality: str, numbers: tuple[int, ...], prefix: str) -> list[dict[str, Any]]:
    """Rows of a table, as the ``datasets`` library stores them."""
    made = {"image": lambda n: picture(PICTURES[n]), "audio": sound}[modality]
    return [
        {"id": f"{prefix}{number}", modality: {"bytes": made(number), "path": None}}
        for number in numbers
    ]


def write_task(folder: Path, query: str = "audio", *, card: bool = True) -> Path:
    """Write the task as the hub keeps it: audio to image, or image to audio."""
    document = "image" if query == "audio" else "audio"
    everything = tuple(range(len(PICTURES)))
    tables = {
        "queries": rows(query, (*ASKED, 2), "q"),  # the last is answered by nothing
        "corpus": rows(document, everything, "d"),
        "default": [{"query-id": f"q{n}", "corpus-id": f"d{n}", "score": 1} for n in ASKED],
    }
    for name, values in tables.items():
        columns = {k: MEDIA.get(k, TYPES.get(k, Value("string"))) for k in values[0]}
        write(folder / name, {"test-00000-of-00001": values}, Features(columns))
    if card:
        (folder / "README.md").write_text(CARD)
    return folder


def tiny_model() -> PSM:
    """A model of random weights whose views are as wide as half a picture."""
    settings = tiny_experiment().model.model_dump()
    settings["imagery"] = {**settings["imagery"], "gsd_m": 0.4}
    settings["satellite"] = {**settings["satellite"], "gsd_unit_m": 0.4}
    torch.manual_seed(3)
    return PSM(tiny_experiment(model=settings).model).eval()


def made_run() -> tuple[np.ndarray, list[str], list[str], dict[str, dict[str, int]]]:
    """Scores of 1,100 documents for 40 queries, many of them equal, and graded answers."""
    rng = generator(0, "mteb run")
    scores = rng.integers(0, 400, (40, 1100)).astype(np.float32) / 8
    queries, documents = [f"q{n}" for n in range(40)], [f"d{n}" for n in range(1100)]
    relevant = {}
    for row, query in enumerate(queries):
        answers = rng.choice(1100, 1 + row % 4, replace=False).tolist()
        for answer in answers:
            scores[row, answer] += rng.integers(0, 400) / 8
        relevant[query] = {documents[n]: 1 + (n + row) % 3 for n in answers}
        relevant[query][documents[(row * 7) % 1100]] = 0
        relevant[query][documents[answers[0]]] = 1
    return scores, queries, documents, relevant
