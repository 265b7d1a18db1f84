"""Finding the same recordings among many: time, memory, and how many copies are found.

python benchmarks/duplicates.py [--recordings 100000]

Fingerprints are of random words, as those of different recordings are to each other; for every
hundredth there is a copy, three tenths of a second later, of which 18 % of the bits are wrong.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from psm.collect.comparing.lookalikes import lookalikes
from psm.seeding import generator

FRAMES, SHIFT, WRONG = 412, 13, 0.18


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recordings", type=int, default=100_000)
    count = parser.parse_args().recordings
    rng = generator(0, "benchmark", count)
    words = rng.integers(1, 2**32, (count, FRAMES), dtype=np.uint32)
    copies = {(number, count - 1 - number // 100) for number in range(0, count // 2, 100)}
    for original, copy in copies:
        wrong = np.packbits(rng.random((FRAMES, 32)) < WRONG, axis=1).view("<u4")[:, 0]
        words[copy] = np.roll(words[original] ^ wrong, SHIFT)
    prints = [row.astype("<u4").tobytes() for row in words]
    del words
    begun = time.perf_counter()
    pairs = set(lookalikes(prints))
    seconds = time.perf_counter() - begun
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"{count:,} recordings of 10 s: {seconds:.1f} s, {peak_mb:,.0f} MB at most")
    print(
        f"{len(copies & pairs)} of {len(copies)} copies found, in {len(pairs):,} pairs to compare"
    )


if __name__ == "__main__":
    main()
