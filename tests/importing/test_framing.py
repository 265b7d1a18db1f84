"""What a preset asks of recordings."""

from __future__ import annotations

import pytest

from psm.experiments import load_experiment
from psm.importing.framing import buffer_km, framing_of, largest_view_px


def test_the_tile_holds_the_largest_view_of_the_preset() -> None:
    assert largest_view_px(load_experiment("psm-sentinel")) == 1120


@pytest.mark.parametrize("preset", ["psm-sentinel", "psm-bing", "earth-tiny"])
def test_the_buffer_is_wider_than_the_diagonal_of_a_tile(preset: str) -> None:
    experiment = load_experiment(preset)
    side_km = largest_view_px(experiment) * 20.0 / 1000.0
    assert buffer_km(experiment, 20.0) > 2**0.5 * side_km
    assert buffer_km(load_experiment("psm-sentinel"), 10.0) == pytest.approx(16.8)


def test_a_published_model_has_the_shrunk_whole_last() -> None:
    ours = load_experiment("psm-sentinel")
    assert framing_of(ours).shrunk_first
    assert not framing_of(ours, shrunk_first=False).shrunk_first
    theirs = ours.model_copy(update={"model": ours.model.model_copy(update={"reference": True})})
    assert not framing_of(theirs).shrunk_first
    assert framing_of(theirs).fused
