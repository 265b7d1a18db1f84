"""Folders as recorders leave them: a card with long recordings, deployments and detections."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 8000
DEPLOYMENTS = "recorder,site,lat,lon,from,to\nH3,Heath,52.9,10.1,2023-05-01,2023-05-20\n"
BIRDNET = "Start (s),End (s),Scientific name,Common name,Confidence,File\n"
FIRST, SECOND = "H3_20230514_043000", "H3_20230514_050000"


def sound(path: Path, seconds: float = 30.0, *chunks: bytes) -> Path:
    """A WAV file whose sound says where it is: in each second another tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * (200 + 50 * np.floor(at)) * at), RATE_HZ)
    if chunks:
        body = path.read_bytes()[8:] + b"".join(chunks)
        path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def detected(name: str, *rows: tuple[float, float, str, float]) -> str:
    """Rows of BirdNET-Analyzer, from a computer with other folders."""
    lines = (
        f"{start},{end},{species},{species} bird,{confidence},D:\\field\\{name}.wav\n"
        for start, end, species, confidence in rows
    )
    return "".join(lines)


def card(folder: Path, names: Sequence[str] = (FIRST, SECOND), seconds: float = 30.0) -> Path:
    """A card of one recorder, and beside it the tables of deployments and detections."""
    for name in names:
        sound(folder / "card" / "Data" / f"{name}.wav", seconds)
    (folder / "sites.csv").write_text(DEPLOYMENTS)
    rows = detected(FIRST, (3, 6, "Turdus merula", 0.9), (4, 7, "Erithacus rubecula", 0.8),
                    (20, 23, "Strix aluco", 0.6), (24, 27, "Parus major", 0.2))  # fmt: skip
    rows += detected(SECOND, (27, 30, "Parus major", 0.7))
    (folder / "birdnet.csv").write_text(BIRDNET + rows)
    return folder / "card"
