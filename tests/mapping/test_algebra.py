from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from psm.errors import ConfigError
from psm.mapping import (
    Frame,
    Moment,
    SoundscapeMap,
    all_of,
    any_of,
    difference,
    log_ratio,
    mean,
    weighted_sum,
)
from tests.mapping.maps import GLOBE, soundscape


def flat(p: float, sd: float = 0.05, text: str = "frogs", **about: object) -> SoundscapeMap:
    return soundscape(np.full(GLOBE.shape, p), np.full(GLOBE.shape, sd), text=text, **about)


def numbers(found: SoundscapeMap) -> tuple[float, float]:
    return float(found.values()[3, 4]), float(found.values("uncertainty")[3, 4])


def test_an_interval_ends_where_the_quantity_does() -> None:
    low, high = flat(0.3, 0.1).interval()
    assert (low[3, 4], high[3, 4]) == pytest.approx((0.1355, 0.4645))
    low, high = flat(0.3, 0.1).interval(deviations=4.0)
    assert (low[3, 4], high[3, 4]) == pytest.approx((0.0, 0.7))
    low, _ = (flat(0.3, 0.1) - flat(0.5, 0.1)).interval(deviations=2.0)
    assert low[3, 4] == pytest.approx(-0.2 - 2.0 * 0.1 * 2.0**0.5)


def test_a_difference_is_no_probability() -> None:
    found = flat(0.3, 0.03, "birds") - flat(0.5, 0.04, "traffic")
    assert numbers(found) == pytest.approx((-0.2, 0.05))
    assert set(found.data.data_vars) == {"difference", "uncertainty"}
    assert found.quantity.is_diverging
    assert found.quantity.value_range == (-1.0, 1.0)
    assert found.query.label == "“birds” − “traffic”"
    assert found.tags["quantity"] == "difference of match probabilities"
    assert found.at(lat=1.0, lon=1.0) == pytest.approx({"difference": -0.2, "uncertainty": 0.05})


def test_a_mean_is_a_probability_and_its_errors_do_not_average_out() -> None:
    hours = [flat(p, 0.1, moment=Moment(month=5, hour=h)) for p, h in ((0.2, 0), (0.4, 6))]
    found = mean(hours)
    assert numbers(found) == pytest.approx((0.3, 0.1))
    assert found.quantity.name == "match_probability"
    assert found.query == hours[0].query
    assert f"{found.moment}" == "mean of May · 00:00 local time and May · 06:00 local time"
    assert (found.tags["month"], found.tags.get("local_hour")) == ("5", None)
    assert f"{mean([flat(0.1, moment=Moment(hour=float(h))) for h in range(24)]).moment}" == (
        "mean of 24 moments"
    )
    assert numbers(mean(hours, [3.0, 1.0]))[0] == pytest.approx(0.25)


def test_operators_know_what_they_made() -> None:
    a, b = flat(0.2, text="frogs"), flat(0.6, text="owls")
    assert (a + b).quantity.value_range == (0.0, 2.0)
    assert ((a + b) / 2).quantity.name == "match_probability"
    assert numbers((a + b) / 2) == pytest.approx(numbers(mean([a, b])))
    assert numbers(0.5 * a + 0.5 * b)[0] == pytest.approx(0.4)
    assert (2 * a - b).query.label == "(2 × “frogs”) − “owls”"
    assert weighted_sum([a, b], [2.0, -1.0]).query.label == "2 × “frogs” − “owls”"
    assert weighted_sum([a, b], [2.0, -1.0]).quantity.value_range == (-1.0, 2.0)
    assert difference(a, b).values()[0, 0] == (a - b).values()[0, 0]


@settings(max_examples=25)
@given(
    weights=st.lists(st.floats(-2, 2).filter(lambda w: abs(w) > 1e-3), min_size=2, max_size=4),
    seed=st.integers(0, 1000),
)
def test_uncertainty_is_the_largest_that_correlations_from_0_to_1_allow(
    weights: list[float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    sd = rng.uniform(0.01, 0.2, len(weights))
    shared = rng.uniform(0, 1, len(weights))
    correlation = np.outer(shared, shared)  # of one common cause: a valid matrix, 0 to 1
    np.fill_diagonal(correlation, 1.0)
    scaled = np.array(weights) * sd
    maps = [flat(0.5, s) for s in sd]
    largest = weighted_sum(maps, weights).values("uncertainty")[0, 0]
    assert np.sqrt(scaled @ correlation @ scaled) <= largest * (1 + 1e-5)


def test_contrasts_add_up_in_the_worst_case() -> None:
    change = flat(0.4, 0.03) - flat(0.2, 0.04)
    assert numbers(change - (flat(0.3, 0.06) - flat(0.2, 0.08)))[1] == pytest.approx(0.15)


def test_ratio_any_and_all() -> None:
    a, b = flat(0.4, 0.04, "frogs"), flat(0.1, 0.03, "owls")
    value, spread = numbers(log_ratio(a, b))
    assert value == pytest.approx(2.0)
    assert spread == pytest.approx(np.hypot(0.1, 0.3) / np.log(2.0), rel=1e-5)
    assert numbers(any_of([a, b]))[0] == pytest.approx(1 - 0.6 * 0.9)
    assert numbers(all_of([a, b]))[0] == pytest.approx(0.04)
    assert any_of([a, b]).query.label == "any of “frogs” and “owls”"
    rng = np.random.default_rng(0)
    p, q = 0.4 + 0.04 * rng.standard_normal(100_000), 0.1 + 0.03 * rng.standard_normal(100_000)
    assert numbers(all_of([a, b]))[1] == pytest.approx((p * q).std(), rel=0.02)
    assert numbers(any_of([a, b]))[1] == pytest.approx((1 - (1 - p) * (1 - q)).std(), rel=0.02)


def test_no_data_stays_no_data() -> None:
    hole = np.full(GLOBE.shape, 0.5)
    hole[0] = np.nan
    assert np.isnan((soundscape(hole) - flat(0.1)).values()[0]).all()


def test_maps_that_do_not_go_together_are_named() -> None:
    other = soundscape(np.zeros((18, 36)), np.zeros((18, 36)), frame=Frame.globe(10.0))
    with pytest.raises(ConfigError, match=r"different rasters \(EPSG:4326, 36 x 72"):
        flat(0.1) + other
    with pytest.raises(ConfigError, match="some maps are calibrated"):
        flat(0.1) - flat(0.1, calibration="platt")
    with pytest.raises(ConfigError, match="match probabilities are needed"):
        any_of([flat(0.1) - flat(0.2), flat(0.3)])
    with pytest.raises(ConfigError, match="log ratio cannot"):
        log_ratio(flat(0.1), flat(0.2)) + flat(0.1)
    with pytest.raises(ConfigError, match="no map"):
        mean([])
    with pytest.raises(ConfigError, match="as many finite weights"):
        weighted_sum([flat(0.1)], [np.nan])
    with pytest.raises(ConfigError, match="a mean needs positive"):
        mean([flat(0.1), flat(0.1)], [1.0, -1.0])


def test_what_differs_is_spelt_out() -> None:
    july, january = Moment(month=7, hour=6.0), Moment(month=1, hour=6.0)
    same = flat(0.1, moment=july) - flat(0.1, moment=january)
    assert same.query.label == "“frogs”"
    assert f"{same.moment}" == "July · 06:00 local time − January · 06:00 local time"
    assert (same.moment.hour, same.moment.month) == (6.0, None)
    both = flat(0.1, moment=july) - flat(0.1, text="owls", moment=january)
    assert both.query.label == (
        "“frogs” (July · 06:00 local time) − “owls” (January · 06:00 local time)"
    )
    models = flat(0.1, model="a") - flat(0.1, model="b")
    assert models.query.label == "“frogs” (a, zoom 1) − “frogs” (b, zoom 1)"
    assert models.model == "a, b"


def test_a_difference_is_written_under_its_own_name(tmp_path: Path) -> None:
    path = (flat(0.3) - flat(0.1, text="owls")).to_cog(tmp_path / "change.tif")
    with rasterio.open(path) as raster:
        assert raster.descriptions[0] == "difference of match probabilities"
        assert raster.tags()["query"] == "“frogs” − “owls”"
        assert raster.read(1)[0, 0] == pytest.approx(0.2)
