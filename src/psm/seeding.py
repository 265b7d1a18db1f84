"""Seeds of all randomness, by named streams.

A stream is named, not numbered by the order of calls: ``generator(7, "places", 41)`` is the same
whoever asks first and in whichever process, which is what makes builds resumable and parallel
work reproducible.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np


def seed_sequence(seed: int, *names: str | int) -> np.random.SeedSequence:
    """The seed sequence of a named stream under ``seed``."""
    words = [name if isinstance(name, int) else crc32(name.encode()) for name in names]
    return np.random.SeedSequence([seed, *words])


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """An independent random generator for the stream ``names`` under ``seed``."""
    return np.random.default_rng(seed_sequence(seed, *names))


def torch_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed for ``torch.Generator.manual_seed`` from the same named streams."""
    return int(seed_sequence(seed, *names).generate_state(1, np.uint64)[0] >> np.uint64(1))
