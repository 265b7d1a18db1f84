"""A PSM of production shape and toy size, and recordings for it: whole pipelines in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from psm import PSM
from psm.config import Experiment
from psm.data.recording import AUDIO_SOURCES, CAPTION_SOURCES, Recording
from psm.data.shards import Sample, write_shard
from psm.provenance import DataSet, Provenance
from psm.seeding import generator
from psm.yamlfiles import parse

VIEW_PX, FRAMES, BANDS = 16, 33, 16


def tiny_experiment(**changes: Any) -> Experiment:
    """An experiment whose model has 16 dimensions; ``changes`` are groups of settings."""
    values: dict[str, Any] = {
        "model": {
            "name": "tiny",
            "dim": 16,
            "imagery": {"view_px": VIEW_PX, "zooms": [1, 3], "gsd_m": 1000.0},
            "satellite": {"patch_px": 8, "dim": 16, "depth": 1, "heads": 2, "gsd_unit_m": 1000.0},
            "audio": {"n_mels": BANDS, "clip_s": 0.64},
            "audio_tower": {"channels": [4, 8, 8]},
            "context": {"depth": 1, "heads": 2, "feedforward": 32, "hidden": 8},
        },
        "training": {"epochs": 4, "batch_size": 8, "precision": "32-true"},
        **changes,
    }
    return parse(Experiment, values, "tiny")


def tiny_clap_experiment(**changes: Any) -> Experiment:
    """The same with both CLAP towers, which learn, on the recordings of the tiny shards."""
    model = tiny_experiment().model.model_dump()
    model["audio_tower"] = {
        "kind": "clap",
        "clap": {
            "spec_size": 64, "num_mel_bins": BANDS, "window_size": 4, "enable_fusion": True,
            "patch_embeds_hidden_size": 8, "hidden_size": 32, "depths": [1, 1, 1],
            "num_attention_heads": [1, 2, 2],
        },
    }  # fmt: skip
    model["text_tower"] = {
        "kind": "clap",
        "weights": None,
        "frozen": False,
        "clap": {
            "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
            "num_attention_heads": 2,
        },
    }  # fmt: skip
    return tiny_experiment(**{"model": model, **changes})


def tiny_samples(split: str, count: int) -> list[Sample]:
    """Recordings whose tile, sound and caption agree: a low or a high world."""
    samples = []
    for number in range(count):
        rng = generator(0, "tiny", split, number)
        kind = number % 2
        tile = rng.integers(100 * kind, 100 * kind + 80, (3 * VIEW_PX, 3 * VIEW_PX, 3))
        mel = rng.normal(-40, 5, (1, FRAMES, BANDS))
        mel[..., kind * BANDS // 2 : (kind + 1) * BANDS // 2] += 30.0
        recording = Recording(
            key=f"{AUDIO_SOURCES[number % 4]}-{split}{number}",
            lat=float(rng.uniform(-60, 60)),
            lon=float(rng.uniform(-180, 180)),
            month=int(rng.integers(1, 13)),
            hour=float(rng.uniform(0, 24)) if number % 4 else None,
            audio_source=AUDIO_SOURCES[number % 4],
            caption_source=CAPTION_SOURCES[number % 3],
            caption=("frogs in a pond", "traffic in a street")[kind],
            split=split,
            cell=f"N{number % 5:02d}E000",
            gsd_m=1000.0,
            sounds=(("frogs",), ("traffic",))[kind],
        )
        samples.append(Sample(recording, tile.astype(np.uint8), mel.astype(np.float16)))
    return samples


def write_tiny_shards(folder: Path) -> Path:
    """Shards of three splits in ``folder``."""
    for split, count in (("train", 40), ("val", 16), ("test", 16)):
        write_shard(folder / f"{split}-00000.tar", tiny_samples(split, count))
    return folder


def write_tiny_model(folder: Path, trained_on: DataSet, **changes: Any) -> Path:
    """A model folder of random weights; ``changes`` are groups of settings."""
    experiment = tiny_experiment(**changes)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = PSM(experiment.model)
    model.provenance = Provenance(trained_on=(trained_on,))
    model.save_pretrained(folder, experiment)
    return folder
