"""Heat maps over a view: what they say, where they lie, and what is written of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pyproj import Geod

from psm.errors import ConfigError, InvalidContext, MissingData, UnfamiliarQuery
from psm.explaining import Explanation, Heat, SeenView, explain, write_explanation
from psm.explaining.recentring import features_of_parts, moved_views
from psm.imagery import Reason
from psm.mapping import Moment, Query
from psm.mapping.bands import CSD, PROBABILITY, UNCERTAINTY
from psm.mapping.scale import ColourScale
from psm.model import PSM
from tests.explaining.conftest import SPOT, SpotImagery
from tests.familiar import knowing_phrases
from tests.mapping.store.fakes import PlaceImagery

FROGS = Query(texts=("frogs",))


@given(size=st.integers(4, 20), cells=st.integers(1, 6), seed=st.integers(0, 9))
def test_each_part_of_a_view_comes_to_lie_in_the_middle(size: int, cells: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3)).astype(np.uint8)
    moved = moved_views(pixels, cells)
    assert moved.shape == (cells**2, size, size, 3)
    for number, view in enumerate(moved):
        row, column = (int((at + 0.5) * size / cells) for at in divmod(number, cells))
        np.testing.assert_array_equal(view[size // 2, size // 2], pixels[row, column])
        # Nothing comes from beyond the view: every colour is one of its own.
        assert {*map(tuple, view.reshape(-1, 3))} <= {*map(tuple, pixels.reshape(-1, 3))}


def test_a_heat_map_is_what_the_model_says_of_every_moved_view(model: PSM) -> None:
    moment = Moment(month=6, hour=5.0)
    found = explain(model, SpotImagery(), FROGS, moment, lat=48.0, lon=16.0)
    lat, lon = np.array([48.0]), np.array([16.0])
    sounds = model.encode_text(["frogs"])
    for number, view in enumerate(moved_views(found.view.pixels, 16)):
        if number % 17:
            continue
        with torch.inference_mode():
            place = model.encode_location(
                torch.from_numpy(view).permute(2, 0, 1)[None],
                torch.tensor([1000.0]),
                moment.context(lat=lat, lon=lon),
            )
            expected = float(model.match_probability(place, sounds))
        assert found.values.ravel()[number] == pytest.approx(expected, abs=1e-5)
    assert found.values.std() > 0.0
    assert np.all(found.found.values(UNCERTAINTY.name) >= 0.0)


def test_a_heat_map_lies_on_the_ground_where_its_view_does(model: PSM, tmp_path: Path) -> None:
    found = explain(model, SpotImagery(), FROGS, lat=60.0, lon=-20.0, zoom=3)
    left, bottom, right, top = found.found.frame.bounds
    assert (left, bottom, right, top) == (-24_000.0, -24_000.0, 24_000.0, 24_000.0)
    lat, lon = found.place_of(0, 15)
    azimuth, _, away = Geod(ellps="WGS84").inv(-20.0, 60.0, lon, lat)
    assert azimuth == pytest.approx(45.0, abs=0.01)
    assert away == pytest.approx(22_500.0 * np.sqrt(2.0), rel=1e-4)
    path = write_explanation(found, tmp_path / "heat.tif")
    with rasterio.open(path) as raster:
        np.testing.assert_allclose(raster.read(1), found.values)
        assert raster.bounds == (left, bottom, right, top)
        assert raster.crs.to_dict()["proj"] == "aeqd"
        tags = raster.tags()
    assert tags["query"] == "“frogs”"
    assert "psm.provenance" in tags
    assert path.with_suffix(".qml").is_file()


def explained(model: PSM, heat: np.ndarray, scale: ColourScale | None = None) -> Explanation:
    view = SeenView(0.0, 0.0, np.zeros((8, 8, 3), np.uint8), 10.0, 1, "nobody", "CC0-1.0")
    values = {PROBABILITY.name: heat, UNCERTAINTY.name: heat * 0.1, CSD.name: 1.0 - heat}
    told = Heat(
        values=values, bands=(PROBABILITY, UNCERTAINTY, CSD), way="by hand", calibration="none",
        scale=scale,
    )  # fmt: skip
    return Explanation.of(model, view, FROGS, Moment(), told)


def test_a_flat_map_does_not_look_as_sure_as_a_sharp_one(model: PSM) -> None:
    flat, sharp = np.full((4, 4), 0.02), np.full((4, 4), 0.02)
    flat[1, 2], sharp[1, 2] = 0.021, 0.7
    scale = ColourScale(top=0.3, uncertainty_top=0.1, highest=0.28, base_rate=0.05)
    assert explained(model, flat, scale).colour_ends() == (0.0, 0.3)
    assert explained(model, sharp, scale).colour_ends() == (0.0, pytest.approx(0.7))
    assert (
        explained(model, flat).colour_ends() == explained(model, sharp).colour_ends() == (0.0, 1.0)
    )
    assert explained(model, flat).peak == explained(model, sharp).peak == (1, 2)


def test_a_picture_says_what_its_number_is(model: PSM, tmp_path: Path) -> None:
    found = explain(model, SpotImagery(), FROGS, lat=48.0, lon=16.0)
    path = write_explanation(found, tmp_path / "heat.png", width_px=500)
    with Image.open(path) as picture:
        assert picture.width == 500
        assert "psm.provenance" in picture.info
        assert "moved" in picture.info["way"]
    document = json.loads(write_explanation(found, tmp_path / "heat.json").read_text())
    assert np.shape(document["values"]["match_probability"]) == (16, 16)
    assert document["quantity"] == "match probability"
    assert document["highest"] == pytest.approx(found.values.max(), abs=1e-6)
    with pytest.raises(ConfigError, match=r"heat\.gif: write an explanation as \.png"):
        write_explanation(found, tmp_path / "heat.gif")


def test_what_is_wrong_is_said(model: PSM) -> None:
    with pytest.raises(InvalidContext, match="latitude"):
        explain(model, PlaceImagery(), FROGS, lat=95.0, lon=0.0)
    with pytest.raises(ConfigError, match="zoom 2: tiny knows 1, 3"):
        explain(model, PlaceImagery(), FROGS, lat=5.0, lon=0.0, zoom=2)
    nothing = PlaceImagery(missing={(5.0, 0.0): Reason.CLOUD})
    with pytest.raises(MissingData, match="5, 0: clouds"):
        explain(model, nothing, FROGS, lat=5.0, lon=0.0)


def test_unfamiliar_words_are_warned_of(model: PSM, monkeypatch: pytest.MonkeyPatch) -> None:
    known = knowing_phrases(model, ("frogs",), least=0.999, rate=0.01)
    monkeypatch.setattr(model, "familiarity", known)
    with pytest.warns(UnfamiliarQuery, match="asdf"):
        found = explain(model, SpotImagery(), Query(texts=("asdf qwer",)), lat=5.0, lon=0.0)
    assert not found.found.is_familiar
    assert found.values.max() <= 0.01


def test_the_spot_changes_the_part_that_it_lies_in(model: PSM) -> None:
    view = SeenView(0.0, 0.0, np.full((16, 16, 3), 60, np.uint8), 1000.0, 1)
    (plain,) = {tuple(row) for row in features_of_parts(model, view).round(decimals=4).tolist()}
    spotted = explain(model, SpotImagery(), FROGS, lat=0.0, lon=0.0).view
    parts = features_of_parts(model, spotted)
    assert spotted.pixels[SPOT].tolist() == [255, 255, 255]
    assert not np.allclose(parts.numpy(), plain, atol=1e-3)
