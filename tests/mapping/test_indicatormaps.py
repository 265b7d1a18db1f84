"""Maps of indicators: bands with unit and interval, in every output."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from psm.gaussian import Gaussian
from psm.indicators import INDICATORS, OURS, ExpectedSounds, map_indicator, map_indicators
from psm.indicators.vocabulary import Vocabulary
from psm.mapping import EmbeddedCells, Moment, Query, map_query
from psm.mapping.distances import Distances
from psm.model import PSM
from psm.uncertainty import ModelUncertainty

MAY = Moment(month=5, hour=6.0)


def test_a_map_is_made_of_those_of_its_sounds(model: PSM, embedded: EmbeddedCells) -> None:
    found = map_indicator(model, embedded, INDICATORS["sounds"], MAY)
    each = [map_query(model, embedded, Query(texts=(text,)), MAY).values() for text in OURS.texts]
    np.testing.assert_allclose(found.values(), np.sum(each, axis=0), rtol=1e-4)
    known = np.isfinite(found.values())
    assert known.any()
    low, value, high = (found.values(name)[known] for name in ("lower", "value", "upper"))
    assert (low <= value).all()
    assert (value <= high).all()


def test_a_file_has_value_lower_and_upper(
    model: PSM, embedded: EmbeddedCells, tmp_path: Path
) -> None:
    found = map_indicator(model, embedded, INDICATORS["biophony"], MAY)
    path = found.write(tmp_path / "biophony.tif")
    with rasterio.open(path) as file:
        assert file.descriptions == (
            "share of biophony",
            "share of biophony, lower end of 90 %",
            "share of biophony, upper end of 90 %",
        )
        assert file.tags()["indicator"] == "biophony"
        assert file.tags()["vocabulary"].startswith("28 sounds")
        np.testing.assert_array_equal(file.read(1), found.values())
    assert found.colour_ends() == (0.0, 1.0)
    assert found.with_own_colours().colour_ends() is None
    assert found.at(lat=45.0, lon=15.0).keys() == {"value", "lower", "upper", "uncertainty"}


def test_pictures_have_a_legend(model: PSM, embedded: EmbeddedCells, tmp_path: Path) -> None:
    found = map_indicator(model, embedded, INDICATORS["sounds"], MAY)
    text = found.write(tmp_path / "map.svg", width_px=500).read_text()
    assert "expected number of sounds (sounds)" in text
    assert "the same colours on every map of it" in text


def test_moments_are_mapped_one_after_the_other(model: PSM, embedded: EmbeddedCells) -> None:
    night = Moment(month=5, hour=0.0)
    maps = list(map_indicators(model, embedded, INDICATORS["geophony"], [MAY, night]))
    assert [found.moment for found in maps] == [MAY, night]
    assert not np.array_equal(maps[0].values(), maps[1].values(), equal_nan=True)


def test_second_opinions_go_before_where_labels_taught_them(
    model: PSM, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = Vocabulary(OURS.sounds[:3], "three")
    without = ExpectedSounds.of(model, three)
    dim = without.asked.mean.shape[1]
    torch.manual_seed(3)
    learnt = ModelUncertainty(
        known=torch.nn.functional.normalize(without.asked.mean, dim=-1),
        probes=torch.randn(3, dim), offsets=torch.tensor([-2.0, -1.0, 0.0]), scale=0.3,
        lapse=0.01, shift=-1.0, slope=1.0, recordings=10, weights="",
    )  # fmt: skip
    monkeypatch.setattr(model, "uncertainty", learnt)
    expected = ExpectedSounds.of(model, three)
    mean = torch.nn.functional.normalize(torch.randn(5, dim), dim=-1)
    places = Gaussian(mean, torch.full_like(mean, -4.0))
    distances = Distances.between(places, expected.asked)
    found, doubt = expected.at(distances)
    assert expected.statement == "second opinions, of the labels of 10 recordings"
    opinions = learnt.opinions(without.asked)
    np.testing.assert_allclose(found, opinions.probability(distances.csd[:, 3:]), rtol=1e-4)
    assert (doubt > 0.0).all()
    # On the land the first is more common, and the number of sounds is the same.
    there, _ = replace(expected, to_land=torch.tensor([1.0, 0.0, -1.0])).at(distances)
    assert (there[:, 0] > found[:, 0]).all()
    assert (there[:, 2] < found[:, 2]).all()
    np.testing.assert_allclose(there.sum(axis=-1), found.sum(axis=-1), rtol=1e-5)
