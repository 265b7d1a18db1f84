"""Training the small transformers on a CPU: plain attention against PyTorch's own choice.

python benchmarks/attention.py [--threads 2]

Forward and backward of a batch of 128 in the precision that training uses, alternately in one run;
the least of several times is printed, and the ratio.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from psm.encoders.sharedlayers import transformer

SHAPES = {
    "context fusion of earth-tiny": {"tokens": 8, "dim": 256, "heads": 8, "depth": 2},
    "satellite encoder of earth-tiny": {"tokens": 16, "dim": 192, "heads": 4, "depth": 3},
}
BATCH, REPEATS = 128, 10


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    torch.set_num_threads(parser.parse_args().threads)
    for name, shape in SHAPES.items():
        tokens, dim = shape["tokens"], shape["dim"]
        ours = transformer(
            dim=dim, heads=shape["heads"], feedforward=2 * dim, depth=shape["depth"],
            dropout=0.0, activation="gelu", norm_first=True, eps=1e-6,
        ).train()  # fmt: skip
        theirs = nn.TransformerEncoder(ours.layers[0], shape["depth"], enable_nested_tensor=False)
        batch = torch.randn(BATCH, tokens, dim)
        best = {"plain": float("inf"), "PyTorch's choice": float("inf")}
        for _ in range(REPEATS):
            for way, encoder in zip(best, (ours, theirs.train()), strict=True):
                best[way] = min(best[way], _seconds(encoder, batch))
        plain, chosen = best.values()
        print(f"{name}: {1e3 * plain:.1f} ms, {1e3 * chosen:.1f} ms; {chosen / plain:.1f} times")


def _seconds(encoder: Callable[[Tensor], Tensor], batch: Tensor) -> float:
    start = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        encoded = encoder(batch)
    encoded.float().square().mean().backward()  # type: ignore[no-untyped-call]
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
