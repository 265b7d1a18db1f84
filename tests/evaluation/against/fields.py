"""Fields whose correlation is known, at random places."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from psm.evaluation.against import Points
from psm.geodata.sphere import chord_to_km
from psm.seeding import generator


def scattered(n: int, *, seed: int = 0, spread_deg: float = 4.0) -> Points:
    """Points around 47 N 13 E at any month and hour."""
    rng = generator(seed, "scattered")
    return Points.of(
        lat=47.0 + rng.uniform(-spread_deg / 2, spread_deg / 2, n),
        lon=13.0 + rng.uniform(-spread_deg, spread_deg, n),
        month=rng.integers(1, 13, n),
        hour=rng.uniform(0.0, 24.0, n),
    )


def smooth(points: Points, *, scale_km: float, seed: int = 0) -> Float[np.ndarray, " n"]:
    """A draw of a field of variance 1 with an exponential covariance."""
    gap = np.linalg.norm(points.vectors[:, None] - points.vectors[None], axis=-1)
    covariance = np.exp(-chord_to_km(gap) / scale_km) + 1e-9 * np.eye(len(points))
    noise = generator(seed, "smooth").normal(size=len(points))
    return np.asarray(np.linalg.cholesky(covariance) @ noise)
