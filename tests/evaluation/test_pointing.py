"""Heat maps against what the painter painted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.earth import paint
from psm.earth.paint import GroundSquare
from psm.earth.sounds import Sound
from psm.evaluation.pointing import auc, painted_class, points_right

VIENNA = GroundSquare(48.2, 16.4, 64, 1.0)


def test_painted_classes_lie_where_the_painter_puts_them() -> None:
    traffic, stream = (painted_class(s, VIENNA) for s in (Sound.TRAFFIC, Sound.STREAM))
    assert traffic[32, 32]  # the middle of a city
    assert np.all(traffic[paint.towns(VIENNA) >= 0.3])
    drawn = paint.rivers(VIENNA) > 0.3
    assert drawn.any()
    assert np.all(stream[drawn])
    assert 0.02 < stream.mean() < 0.3
    assert not painted_class(Sound.WAVES, VIENNA).any()
    with pytest.raises(KeyError):
        painted_class(Sound.OWLS, VIENNA)


def test_the_shore_is_between_land_and_sea() -> None:
    genoa = painted_class(Sound.WAVES, GroundSquare(44.3, 8.9, 64, 1.0))
    assert genoa.any()
    assert not genoa[-1, -1]  # far out
    assert not genoa[0, 0]  # inland


def test_coarser_views_hold_the_same_rivers() -> None:
    wide = painted_class(Sound.STREAM, GroundSquare(48.2, 16.4, 64, 3.0))
    close = painted_class(Sound.STREAM, VIENNA)
    # A pixel of 3 km that holds a river holds it among the nine of 1 km that lie in it.
    inner = wide[22:42, 22:42]
    nine = close[2:62, 2:62].reshape(20, 3, 20, 3).any(axis=(1, 3))
    assert inner.any()
    assert np.all(nine[inner])


def test_pointing_counts_the_pixels_in_the_middle_of_a_cell() -> None:
    mask = np.zeros((8, 8), bool)
    mask[:, 5] = True
    assert points_right((0, 2), 4, mask) == 0.5  # pixels 4 and 5 of that cell
    assert points_right((3, 0), 4, mask) == 0.0
    assert points_right((1, 5), 8, mask) == 1.0


@given(seed=st.integers(0, 200), cells=st.sampled_from([2, 4, 8]))
def test_auc_is_the_share_of_pairs_in_the_right_order(seed: int, cells: int) -> None:
    rng = np.random.default_rng(seed)
    heat, mask = rng.integers(0, 4, (cells, cells)).astype(float), rng.random((8, 8)) < 0.4
    if not 0 < mask.sum() < mask.size:
        mask[0, 0], mask[0, 1] = True, False
    drawn = np.kron(heat, np.ones((8 // cells, 8 // cells)))
    above = drawn[mask][:, None] - drawn[~mask][None]
    assert auc(heat, mask) == pytest.approx((above > 0).mean() + 0.5 * (above == 0).mean())
