"""Recordings a second from a media file to a shard, beside what the published script does.

python benchmarks/collecting.py [--recordings 64] [--rounds 3] [--workers 2]

Both read the same seeded recordings, stereo MP3 of 10 s at 44.1 kHz, and write shards with the same
small tile. The baseline follows the description of the published script: decode once, and five
times over resample to 48 kHz (soxr at high quality, as librosa does), draw CLAP's fused log-mel by
its feature extractor and pickle it. Ours decodes in confined processes, resamples once, writes the
clip as FLAC and one log-mel of four channels in float16, looks for silence, clipping and speech,
takes a fingerprint and a checksum, and packs the shard. The two take turns; processes are
started before the clock is, and each has one thread. Time is that of the clock, and that of the
processors, so that what else runs on the machine counts little.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
import torch
import webdataset
from transformers import ClapFeatureExtractor

from psm.collect.decoding import DecodedClip, DecoderPool, DecodingJob
from psm.data.audio import AudioConfig
from psm.data.recording import CaptionSource, Recording
from psm.data.shards import RawSample, write_shard
from psm.data.views import encode_jpeg
from psm.earth.sounds import SOUNDS
from psm.earth.synthesis import mix
from psm.importing.framing import Framing
from psm.parallel import run_all
from psm.seeding import generator

RATE_HZ, SECONDS, DRAWS = 44_100, 10.0, 5
TILE = encode_jpeg(np.full((64, 64, 3), 90, np.uint8))


class Cost(NamedTuple):
    """Seconds on the clock, and of all processors together."""

    wall_s: float
    cpu_s: float


def write_media(folder: Path, count: int) -> list[Path]:
    """Recordings of the simulated Earth as archives have them."""
    folder.mkdir()
    paths = []
    for number in range(count):
        rng = generator(0, "recording", number)
        sides = [mix([SOUNDS[number % len(SOUNDS)]], rng, SECONDS, RATE_HZ) for _ in range(2)]
        paths.append(folder / f"{number:05d}.mp3")
        soundfile.write(paths[-1], np.stack(sides, axis=1), RATE_HZ, compression_level=0.4)
    return paths


def as_published(shard: Path, paths: list[Path]) -> Cost:
    """What the recordings of one process take."""
    torch.set_num_threads(1)
    extractor = ClapFeatureExtractor(truncation="fusion")
    np.random.seed(0)  # noqa: NPY002 - the extractor draws from it
    start, cpu_s = time.perf_counter(), time.process_time()
    with webdataset.TarWriter(str(shard), encoder=False) as writer:
        for path in paths:
            samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
            mono = samples.mean(axis=1)
            sample = {"__key__": path.stem, "image.jpg": TILE}
            for draw in range(1, DRAWS + 1):
                at_48k = soxr.resample(mono, rate_hz, 48_000, quality="HQ")
                found = extractor(at_48k, sampling_rate=48_000, return_tensors="pt")
                mel = found["input_features"][0].contiguous()
                sample[f"audio_mel{draw}.pyd"] = pickle.dumps(mel)
            sample["meta.json"] = json.dumps({"latitude": 1.0, "longitude": 2.0}).encode()
            writer.write(sample)
    return Cost(time.perf_counter() - start, time.process_time() - cpu_s)


def published(folder: Path, paths: list[Path], workers: int) -> Cost:
    """The slowest of so many processes, and the processor time of all."""
    parts = [paths[first::workers] for first in range(workers)]
    jobs = [(folder / f"{number}.tar", part) for number, part in enumerate(parts)]
    costs = list(run_all(_published_part, None, jobs, workers=workers))
    return Cost(max(cost.wall_s for cost in costs), sum(cost.cpu_s for cost in costs))


def _published_part(_: None, job: tuple[Path, list[Path]]) -> Cost:
    return as_published(*job)


def ours(decoder: DecoderPool, folder: Path, paths: list[Path]) -> Cost:
    """From files to a shard."""
    jobs = [
        DecodingJob(p.stem, p, folder / f"{p.stem}.flac", folder / f"{p.stem}.npy") for p in paths
    ]
    by_key = {job.key: job for job in jobs}
    start, cpu_s = time.perf_counter(), _cpu_s(decoder)

    def samples() -> list[RawSample]:
        found = []
        for key, outcome in decoder.decode_all(jobs):
            assert isinstance(outcome, DecodedClip), outcome
            about = Recording(
                key=key, lat=1.0, lon=2.0, audio_source=None, caption_source=CaptionSource.META,
                caption="a sound", split="train", cell="0",
            )  # fmt: skip
            found.append(RawSample(about, TILE, np.load(by_key[key].mel)))
        return sorted(found, key=lambda sample: sample.recording.key)

    write_shard(folder / "train-00000.tar", samples())
    return Cost(time.perf_counter() - start, _cpu_s(decoder) - cpu_s)


def _cpu_s(decoder: DecoderPool) -> float:
    """Processor time of this process and of those that decode."""
    ticks = 0
    for process_id in decoder.process_ids:
        said = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
        ticks += int(said[11]) + int(said[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    framings = {
        "ours, fused as CLAP wants it": Framing(audio=AudioConfig.clap(), fused=True),
        "ours, 5 s as embedded": Framing(audio=AudioConfig()),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_media(folder / "media", options.recordings)
        megabytes = sum(path.stat().st_size for path in paths) / 1e6 / len(paths)
        decoders = {
            kind: DecoderPool(framing, workers=options.workers)
            for kind, framing in framings.items()
        }
        runs: dict[str, Callable[[], Cost]] = {
            "as published": lambda: published(folder, paths, options.workers)
        }
        for kind, decoder in decoders.items():
            ours(decoder, folder, paths[: 4 * options.workers])  # starts its processes
            runs[kind] = lambda decoder=decoder: ours(decoder, folder, paths)
        costs: dict[str, list[Cost]] = {kind: [] for kind in runs}
        for _ in range(options.rounds):
            for kind, run in runs.items():
                costs[kind].append(run())
        for decoder in decoders.values():
            decoder.close()
    for kind, found in costs.items():
        wall_s = statistics.median(cost.wall_s for cost in found) / len(paths)
        cpu_s = statistics.median(cost.cpu_s for cost in found) / len(paths)
        pairs = list(zip(costs["as published"], found, strict=True))
        by_clock = statistics.median(base.wall_s / cost.wall_s for base, cost in pairs)
        by_cpu = [base.cpu_s / cost.cpu_s for base, cost in pairs]
        print(
            f"{kind:29} {1 / wall_s:6.1f} recordings/s {megabytes / wall_s:6.2f} MB/s "
            f"{by_clock:5.1f} x; {1000 * cpu_s:4.0f} ms of a processor each, "
            f"{statistics.median(by_cpu):4.1f} x (paired, {min(by_cpu):.1f} to {max(by_cpu):.1f})"
        )


if __name__ == "__main__":
    main()
