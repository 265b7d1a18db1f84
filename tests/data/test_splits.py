from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from psm.data.splits import (
    BUFFER,
    TEST,
    TRAIN,
    VAL,
    cell_names,
    split_by_blocks,
)
from psm.data.worldsplits import BUFFER_KM, split_by_position
from psm.errors import ConfigError
from psm.geodata.sphere import chord_to_km, unit_vectors


@pytest.fixture(scope="module")
def globe():
    rng = np.random.default_rng(0)
    lat = np.rad2deg(np.arcsin(rng.uniform(-0.87, 0.99, 6000)))
    return lat, rng.uniform(-180, 180, 6000)


def gap_km(lat, lon, split, a, b):
    points = unit_vectors(lat=lat, lon=lon)
    return chord_to_km(cKDTree(points[split == a]).query(points[split == b])[0]).min()


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_no_two_splits_come_closer_than_the_buffer(globe, seed):
    lat, lon = globe
    split = split_by_position(lat=lat, lon=lon, seed=seed).split
    assert BUFFER_KM > 320 * 2**0.5
    for a, b in ((TRAIN, TEST), (TRAIN, VAL), (VAL, TEST)):
        assert gap_km(lat, lon, split, a, b) > BUFFER_KM


@pytest.mark.parametrize("seed", range(6))
def test_shares_and_losses_stay_reasonable(globe, seed):
    splits = split_by_position(lat=globe[0], lon=globe[1], seed=seed)
    assert np.mean(splits.split == BUFFER) < 0.35
    assert 0.08 < splits.counts[TEST] / 6000 < 0.2
    assert splits.counts[VAL] / 6000 > 0.015
    assert splits.counts[TRAIN] / 6000 > 0.5
    assert sum(splits.counts.values()) == 6000


@pytest.mark.parametrize("seed", range(4))
def test_both_hemispheres_are_in_every_split(globe, seed):
    lat, lon = globe
    split = split_by_position(lat=lat, lon=lon, seed=seed).split
    for name in (TRAIN, TEST):
        assert 0.1 < (lat[split == name] < 0).mean() < 0.9


def test_a_place_is_assigned_by_position_and_seed_alone(globe):
    lat, lon = globe
    whole = split_by_position(lat=lat, lon=lon, seed=3)
    few = split_by_position(lat=lat[100:150], lon=lon[100:150], seed=3)
    np.testing.assert_array_equal(whole.split[100:150], few.split)
    np.testing.assert_array_equal(whole.cell[100:150], few.cell)
    assert not np.array_equal(whole.split, split_by_position(lat=lat, lon=lon, seed=4).split)


def test_without_a_buffer_nothing_is_lost(globe):
    splits = split_by_position(lat=globe[0], lon=globe[1], seed=0, buffer_km=0.0)
    assert BUFFER not in splits.counts
    assert np.mean(splits.split == BUFFER) == 0.0


def test_without_held_out_shares_all_is_training(globe):
    splits = split_by_position(lat=globe[0], lon=globe[1], seed=0, val=0.0, test=0.0)
    assert splits.counts == {TRAIN: 6000}


def test_cell_names_are_the_south_west_corners():
    lat, lon = np.array([48.9, -0.1, 90.0, 10.0]), np.array([2.4, -179.9, 0.0, 180.0])
    assert cell_names(lat, lon).tolist() == ["N48E002", "S02W180", "N88E000", "N10W180"]


@pytest.mark.parametrize(
    "wrong",
    [{"val": -0.1}, {"val": 0.5, "test": 0.5}, {"buffer_km": -1.0}, {"block_deg": 90.0},
     {"cell_deg": 0.0}],
)  # fmt: skip
def test_senseless_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="splits"):
        split_by_position(lat=[0.0], lon=[0.0], seed=0, **wrong)


@pytest.mark.parametrize(("width_deg", "buffer_km"), [(0.2, 1.0), (8.0, 17.0), (120.0, 480.0)])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_region_is_divided_with_its_buffer_kept(width_deg, buffer_km, seed):
    rng = np.random.default_rng(seed)
    lat, lon = 45 + width_deg / 3 * rng.uniform(-1, 1, 2000), 8 + width_deg * rng.random(2000)
    splits = split_by_blocks(lat=lat, lon=lon, seed=seed, buffer_km=buffer_km)
    for a, b in ((TRAIN, TEST), (TRAIN, VAL), (VAL, TEST)):
        assert gap_km(lat, lon, splits.split, a, b) >= buffer_km
    assert np.mean(splits.split == BUFFER) < 0.35
    assert 0.08 < splits.counts[TEST] / 2000 < 0.25
    assert splits.counts[VAL] / 2000 > 0.02
    again = split_by_blocks(lat=lat, lon=lon, seed=seed, buffer_km=buffer_km)
    assert (again.split == splits.split).all()


def test_five_sites_are_divided_whole():
    lat, lon = np.repeat([10.0, 20, 30, 40, 50], 6), np.repeat([1.0, 2, 3, 4, 5], 6)
    splits = split_by_blocks(lat=lat, lon=lon, seed=0, buffer_km=17.0)
    assert all(len(set(site)) == 1 for site in splits.split.reshape(5, 6).tolist())
    assert splits.counts == {TRAIN: 18, VAL: 6, TEST: 6}


def test_one_place_cannot_be_divided():
    with pytest.raises(ConfigError, match="nothing is left for train, val"):
        split_by_blocks(lat=[1.0, 1.0], lon=[2.0, 2.0], seed=0, buffer_km=1.0)
