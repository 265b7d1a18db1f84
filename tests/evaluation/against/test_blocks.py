"""Spatial blocks and folds: compact, about equal, and neighbours together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psm.evaluation.against import block_side_km, spatial_blocks, spatial_folds
from psm.geodata.sphere import chord_to_km
from tests.evaluation.against.fields import scattered


@settings(max_examples=30)
@given(st.integers(10, 300), st.integers(2, 8), st.integers(0, 60), st.integers(0, 99))
def test_every_point_is_judged_once_by_what_lies_apart(
    n: int, folds: int, blocks: int, seed: int
) -> None:
    points = scattered(n, seed=seed)
    found = spatial_folds(
        lat=points.lat, lon=points.lon, folds=folds, blocks=blocks, buffer_km=15.0, seed=seed
    )
    assert len(found) == min(folds, found.sites)
    assert sorted(np.concatenate([found.judged(k) for k in range(len(found))])) == list(range(n))
    for number in range(len(found)):
        judged, learnt = found.judged(number), np.flatnonzero(found.learnt[number])
        assert len(learnt) > 0
        gap = np.linalg.norm(
            points.vectors[judged][:, None] - points.vectors[learnt][None], axis=-1
        )
        assert chord_to_km(gap).min() >= found.apart_km
    assert found.apart_km in (0.0, 15.0 / 8, 15.0 / 4, 15.0 / 2, 15.0)


def test_blocks_are_as_large_as_each_other_and_as_is_asked() -> None:
    points = scattered(1000)
    block = spatial_blocks(lat=points.lat, lon=points.lon)
    sizes = np.bincount(block)
    assert len(sizes) == 50
    assert sizes.max() <= 1.3 * sizes.min()
    side = block_side_km(lat=points.lat, lon=points.lon, block=block)
    area = 4.0 * 111.2 * 8.0 * 111.2 * np.cos(np.radians(47.0))
    assert side == pytest.approx(np.sqrt(area / 50), rel=0.15)
    wider = spatial_blocks(lat=points.lat, lon=points.lon, least_km=100.0)
    assert len(np.unique(wider)) < 50
    assert block_side_km(lat=points.lat, lon=points.lon, block=wider) >= 100.0
    widest = spatial_blocks(lat=points.lat, lon=points.lon, least_km=5000.0)
    assert len(np.unique(widest)) == 10


def test_points_of_one_site_are_in_one_block_and_one_fold() -> None:
    points = scattered(40)
    lat, lon = np.repeat(points.lat, 5), np.repeat(points.lon, 5)
    block = spatial_blocks(lat=lat, lon=lon).reshape(40, 5)
    assert (block == block[:, :1]).all()
    folds = spatial_folds(lat=lat, lon=lon, blocks=20)
    assert folds.sites == 40
    assert (folds.fold.reshape(40, 5) == folds.fold.reshape(40, 5)[:, :1]).all()
