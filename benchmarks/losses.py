"""Time and memory of the PCME++ loss, forward and backward, against the equations written naively.

python benchmarks/losses.py --batch 1024 --dim 512
"""

from __future__ import annotations

import argparse
import resource
import time

import torch
from torch.nn import functional as F

from psm.gaussian import Gaussian
from psm.losses import PCMEPlusPlus


def gaussian(batch: int, dim: int) -> Gaussian:
    """Random Gaussians whose mean and log-variance want gradients."""
    mean = F.normalize(torch.randn(batch, dim), dim=-1)
    return Gaussian(mean.requires_grad_(), (torch.randn(batch, dim) - 8.0).requires_grad_())


def peak_mb() -> float:
    """Peak memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print seconds (best of five) and megabytes above the inputs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--dim", type=int, default=512)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    a, b = (gaussian(arguments.batch, arguments.dim) for _ in range(2))
    loss = PCMEPlusPlus(pseudo_positive_weight=0.1)
    loss(a.rows(slice(8)), b.rows(slice(8)))[0].backward()  # what the first call allocates
    before, best = peak_mb(), float("inf")
    for _ in range(5):
        start = time.perf_counter()
        loss(a, b)[0].backward()
        best = min(best, time.perf_counter() - start)
    size = f"{arguments.batch} x {arguments.batch} x {arguments.dim}"
    print(f"PCME++ {size}: {best:.3f} s, {peak_mb() - before:.0f} MB above the inputs")


if __name__ == "__main__":
    main()
