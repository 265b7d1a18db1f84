"""How fast the encoders of published size answer on a CPU, beside plain PyTorch in float32.

python benchmarks/inference.py [satellite audio text] [--threads 1] [--captions FILE]

Weights are random, of the published size: ViT-B/16 at 224 pixels, fused HTS-AT, RoBERTa-base. Plain
PyTorch runs the same weights in batches of 32 as the published code does: layer by layer, attention
of the audio tower in separate steps, captions padded to 128 tokens. The two take turns. Time is
that of the processor over threads, so that what else runs on the machine counts little.

Captions are those of the simulated Earth, in its three styles, or one a line from a file of your
own. Beside the ratio stand the deviations of what comes out: the smallest cosine between means, the
largest change of a distance, and how far ranks move in a gallery of the same items.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from transformers import ClapAudioModelWithProjection
from transformers.models.clap.modeling_clap import ClapAudioSelfAttention

from psm import PSM, Gaussian, gaussian
from psm.config import ModelConfig
from psm.data.recording import CAPTION_SOURCES
from psm.earth.captionwriter import caption
from psm.earth.sounds import SOUNDS
from psm.experiments import load_experiment
from psm.gaussian import concatenate
from psm.inference.batches import (
    audio_gaussians,
    image_features,
    location_gaussians,
    text_gaussians,
)
from psm.precision import has_bfloat16
from psm.ranks import retrieval_ranks
from psm.seeding import generator

BATCH, PADDED = 32, 128


def model() -> PSM:
    """The published size with random weights, which nothing is downloaded for."""
    torch.manual_seed(0)
    config = load_experiment("psm-sentinel").model.model_dump()
    config["audio_tower"] |= {"source": None, "clap": {"enable_fusion": True}}
    config["text_tower"] |= {"source": None}
    return PSM(ModelConfig.model_validate(config)).eval()


def plain_attention(tower: ClapAudioModelWithProjection, *, plain: bool) -> None:
    """Window attention as ``transformers`` writes it, or ours."""
    for module in tower.modules():
        if isinstance(module, ClapAudioSelfAttention):
            ours = type(module)
            if plain:
                module.forward = ClapAudioSelfAttention.forward.__get__(module)
            else:
                module.forward = ours.forward.__get__(module)


def satellite(psm: PSM, rows: int) -> tuple[Callable[[], Gaussian], Callable[[], Gaussian]]:
    """Views of a smooth landscape with grain."""
    rng = generator(0, "views")
    coarse = torch.from_numpy(rng.normal(110, 45, (rows, 3, 7, 7)))
    views = F.interpolate(coarse, (224, 224), mode="bicubic").permute(0, 2, 3, 1).numpy()
    views = np.clip(views + rng.normal(0, 12, views.shape), 0, 255).astype(np.uint8)

    def plain() -> Gaussian:
        torch.backends.mha.set_fastpath_enabled(False)
        parts = [
            psm.image_features(
                torch.from_numpy(views[at : at + BATCH]).permute(0, 3, 1, 2),
                torch.full((len(views[at : at + BATCH]),), 10.0),
            )
            for at in range(0, rows, BATCH)
        ]
        torch.backends.mha.set_fastpath_enabled(True)
        return location_gaussians(psm, torch.cat(parts))

    return plain, lambda: location_gaussians(psm, image_features(psm, views, 10.0))


def audio(psm: PSM, rows: int) -> tuple[Callable[[], Gaussian], Callable[[], Gaussian]]:
    """Log-mels of longer clips: bands of noise at levels of their own, four windows each."""
    rng = generator(0, "mels")
    level = rng.normal(-40, 15, (rows, 1, 1, 64)) + rng.normal(0, 6, (rows, 4, 1001, 1))
    mels = (level + rng.normal(0, 5, (rows, 4, 1001, 64))).astype(np.float16)

    def plain() -> Gaussian:
        plain_attention(psm.audio, plain=True)
        parts = [
            psm.encode_audio(torch.from_numpy(mels[at : at + BATCH]))
            for at in range(0, rows, BATCH)
        ]
        plain_attention(psm.audio, plain=False)
        return concatenate(parts)

    return plain, lambda: audio_gaussians(psm, mels)


def text(
    psm: PSM, rows: int, file: Path | None
) -> tuple[Callable[[], Gaussian], Callable[[], Gaussian]]:
    """Captions of distinct wording."""
    captions = list(dict.fromkeys(file.read_text().splitlines()))[:rows] if file else earth(rows)
    lengths = psm.text.lengths(captions)
    print(
        f"{len(captions)} captions of {min(lengths)} to {max(lengths)} tokens, "
        f"{np.mean(lengths):.1f} on average"
    )

    def plain() -> Gaussian:
        parts = []
        for at in range(0, len(captions), BATCH):
            tokens = psm.text.tokenizer(
                captions[at : at + BATCH], padding="max_length", truncation=True,
                max_length=PADDED, return_tensors="pt",
            )  # fmt: skip
            parts.append(psm.text_head(psm.text.model(**tokens).text_embeds))
        return concatenate(parts)

    return plain, lambda: text_gaussians(psm, captions)


def earth(rows: int) -> list[str]:
    """Captions of one to three sounds, in three styles."""
    found: dict[str, None] = {}
    sounds, number = list(SOUNDS), 0
    while len(found) < rows:
        rng = generator(0, "caption", number)
        heard = [sounds[k] for k in rng.permutation(len(sounds))[: rng.integers(1, 4)]]
        found[caption(heard, CAPTION_SOURCES[number % 3], rng, "Zürich", 5, 6.0)] = None
        number += 1
    return list(found)


def compare(name: str, psm: PSM, ways: tuple[Callable[[], Gaussian], ...], rounds: int) -> None:
    """Measure plain and ours in turns, and print what they differ by."""
    results: list[Gaussian] = []
    seconds: list[list[float]] = []
    with torch.inference_mode():
        for turn in range(rounds):
            row = []
            for way, precision in zip(ways, ("float32", "auto"), strict=True):
                psm.precision = precision
                start = time.process_time()
                results.append(way())
                row.append((time.process_time() - start) / torch.get_num_threads())
            seconds.append(row)
            print(f"{name} {turn + 1}: {row[0]:.1f} s plain, {row[1]:.1f} s ours", flush=True)
    plain, ours = results[0], results[1]
    rows = len(plain.mean)
    ratio = statistics.median(row[0] / row[1] for row in seconds)
    rates = [rows / statistics.median(column) for column in zip(*seconds, strict=True)]
    cosine = F.cosine_similarity(plain.mean, ours.mean).min().item()
    distance = gaussian.csd(plain, plain)
    change = (gaussian.csd(plain, ours) - distance).abs().max().item()
    moved = (retrieval_ranks(plain, ours) - retrieval_ranks(plain, plain)).abs()
    print(
        f"{name:10} {rates[0]:7.1f} /s plain {rates[1]:7.1f} /s ours   {ratio:.1f} x\n"
        f"{'':10} 1 - cosine of means <= {1 - cosine:.1e}, |change of csd| <= {change:.1e} "
        f"(csd up to {distance.max():.2f}), ranks moved by up to {moved.max():g} of {rows}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", nargs="*", default=["satellite", "audio", "text"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=32, help="views, recordings; captions: x 4")
    parser.add_argument("--captions", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    psm = model()
    print(f"{options.threads} threads, native bfloat16: {'yes' if has_bfloat16() else 'no'}")
    for name in options.which:
        if name == "satellite":
            ways = satellite(psm, options.rows)
        elif name == "audio":
            ways = audio(psm, options.rows)
        else:
            ways = text(psm, 4 * options.rows, options.captions)
        compare(name, psm, ways, options.rounds)


if __name__ == "__main__":
    main()
