"""The probability of sets of sounds, which a map of single sounds never needs."""

from __future__ import annotations

import numpy as np

from psm.earth.soundscape import normaliser


def log_set_probability(odds: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """log P(S) of M sets ``(M, K)`` under N rows of odds ``(N, K)``: ``(N, M)``."""
    return np.log(odds) @ sets.T.astype(float) - np.log(normaliser(odds))[:, None]
