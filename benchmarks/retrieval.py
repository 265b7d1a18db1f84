"""Seconds and peak memory of ranking 10,000 queries against 10,000 items at 512-d.

python benchmarks/retrieval.py [--size 10000] [--dim 512]
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import torch

from psm.gaussian import Gaussian
from psm.ranks import retrieval_ranks


def peak_mb() -> float:
    """Peak resident memory of this process, MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def random_gaussian(size: int, dim: int, seed: int) -> Gaussian:
    """Unit means and small variances."""
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(size, dim, generator=generator)
    log_var = torch.randn(size, dim, generator=generator) - 8.0
    return Gaussian(torch.nn.functional.normalize(mean, dim=-1), log_var)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--dim", type=int, default=512)
    options = parser.parse_args()
    query, gallery = (random_gaussian(options.size, options.dim, seed) for seed in (0, 1))
    before = peak_mb()
    for name, a, b in (("csd", query, gallery), ("cosine", query.mean, gallery.mean)):
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            retrieval_ranks(a, b)
            seconds.append(time.perf_counter() - start)
        print(
            f"{name:<7} {options.size} x {options.size} x {options.dim}: "
            f"{min(seconds):.2f} s (best of 5; {', '.join(f'{s:.2f}' for s in seconds)})"
        )
    print(
        f"peak memory {peak_mb():.0f} MB, of which {before:.0f} MB were imports and inputs; "
        f"{torch.get_num_threads()} threads"
    )


if __name__ == "__main__":
    main()
