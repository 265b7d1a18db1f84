"""A tiny build, finished but for its outputs: rows with their clips, log-mels and tiles."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from psm.collect.archives.archive import ArchiveTerms
from psm.collect.outputs.recordings import BuiltRecording, DataSetInfo
from psm.data.audio import decode_audio
from psm.data.framing import Framing
from psm.experiments import load_experiment
from psm.seeding import generator
from tests import hub

SOURCES = ("aporee", "freesound", "inaturalist", "xenocanto", "yfcc")
FRAMING = Framing(audio=load_experiment("earth-tiny").model.audio)
TILE_PX = 320
ABOUT = DataSetInfo(
    date="2026-05-04",
    version="0.1.0",
    config="sources:\n  aporee:\n",
    terms={
        name: ArchiveTerms(
            title=f"The archive {name}",
            home=f"https://{name}.example",
            terms_url=f"https://{name}.example/terms",
            attribution=f"Recordings of {name}",
            requests_per_s=1.0,
        )
        for name in SOURCES
    },
    refused={
        ("clean", "no place"): 12,
        ("fetch", "gone"): 3,
        ("decode", "not a readable audio file"): 2,
        ("split", "in the buffer between splits"): 1,
    },
    listed=68,
    preset="earth-tiny",
    sample_rate_hz=hub.RATE_HZ,
    imagery_attribution="Contains modified Copernicus Sentinel data",
    imagery_licence="Copernicus Sentinel terms",
    buffer_km=17.0,
    models={"qwen": "tests/qwen", "pengi": "tests/pengi", "score": "tests/clap"},
)
"""What is said of it."""


def rows(folder: Path, count: int = 20) -> list[BuiltRecording]:
    """Recordings of all archives; three of five are for training. Their files lie in ``folder``."""
    return [_row(folder, number) for number in range(count)]


def _row(folder: Path, number: int) -> BuiltRecording:
    rng = generator(0, "build", number)
    source = SOURCES[number % len(SOURCES)]
    key = f"{source}-{number}"
    clip, mel, tile = (folder / "files" / f"{key}{end}" for end in (".flac", ".npy", ".jpg"))
    clip.parent.mkdir(parents=True, exist_ok=True)
    sound = hub.clip(number)
    clip.write_bytes(sound)
    tile.write_bytes(hub.tile(number, TILE_PX))
    buffer = io.BytesIO()
    np.save(buffer, FRAMING.mel(decode_audio(sound, FRAMING.audio.sample_rate_hz, key)))
    mel.write_bytes(buffer.getvalue())
    style = ("meta", "qwen", "pengi")[number % 3]
    captions = [
        {"source": s, "style": s, "text": f"{s} hears {number}", "score": 0.1 * i, "model": m}
        for i, (s, m) in enumerate((("meta", ""), ("qwen", "tests/qwen"), ("pengi", "tests/pengi")))
    ]
    return BuiltRecording(
        key=key,
        source=source,
        id=str(number),
        lat=10.0 * (number % 5) + float(rng.uniform(0.0, 0.1)),
        lon=20.0,
        caption=f"{style} hears {number}",
        caption_source=style,
        captions=json.dumps(captions),
        split=("train", "train", "train", "val", "test")[number % 5],
        cell=f"N{10 * (number % 5):02d}E020",
        clip=clip,
        mel=mel,
        tile=tile,
        tile_gsd_m=(10.0, 12.5)[number % 2],
        tile_provider="stac",
        year=2019,
        month=number % 12 + 1,
        day=4,
        hour=None if source == "freesound" or number % 4 == 0 else (number * 1.5) % 24,
        timezone="Europe/Vienna",
        country=("AT", "SI", "HU")[number % 3],
        title=f"Frogs & {number}",
        description="<b>Frogs</b>",
        tags=("frog", "pond"),
        text=f"Frogs & {number}.",
        language=("en", "de")[number % 2],
        species="Rana temporaria" if number % 2 else "",
        author=f"Ada {number % 3}",
        licence=("CC-BY-4.0", "CC0-1.0", "CC-BY-NC-4.0")[number % 3],
        page=f"https://{source}.example/{number}",
        duration_s=1.0 + number,
        media_rate_hz=44_100,
    )
