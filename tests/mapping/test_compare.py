from __future__ import annotations

import numpy as np
import pytest
import torch

from psm.data.context import Context
from psm.errors import InvalidContext
from psm.gaussian import csd
from psm.imagery import View
from psm.mapping import Cells, EmbeddedCells, Moment, Query, map_queries, map_query
from psm.model import PSM

BELLS = Query(texts=("church bells",))


def test_every_pixel_is_the_match_of_its_own_place_and_time(
    model: PSM, embedded: EmbeddedCells, imagery
) -> None:
    found = map_query(model, embedded, BELLS, Moment(month=3, utc=20.0))
    query = BELLS.gaussian(model)
    for lat, lon in ((45.0, 15.0), (-25.0, 135.0), (65.0, -155.0), (5.0, 25.0)):
        (seen,) = imagery.read(lat=np.array([lat]), lon=np.array([lon]), view=View(16, 1000.0))
        context = Context.of(lat=lat, lon=lon, month=3, hour=(20.0 + lon / 15.0) % 24.0)
        with torch.inference_mode():
            pixels = torch.from_numpy(seen.pixels.copy()).permute(2, 0, 1)[None]
            features = model.image_features(pixels, torch.tensor([1000.0]))
            place = model.fuse(features.half().float(), context)  # as a store keeps them
            expected = {
                "match_probability": model.match_probability(place, query).item(),
                "uncertainty": model.match_uncertainty(place, query).item(),
                "csd": csd(place, query).item(),
            }
        assert found.at(lat=lat + 3.0, lon=lon - 4.0) == pytest.approx(expected, abs=2e-5)


def test_xarray_and_rioxarray_agree_on_where_things_are(
    model: PSM, embedded: EmbeddedCells, cells: Cells
) -> None:
    found = map_query(model, embedded, BELLS, Moment(month=3, hour=4.0))
    data = found.data
    assert data.rio.crs.to_epsg() == 4326
    assert data.rio.bounds() == pytest.approx((-180.0, -90.0, 180.0, 90.0))
    stored = [float(part) for part in data["spatial_ref"].attrs["GeoTransform"].split()]
    assert stored == list(cells.frame.transform.to_gdal())
    there = data["csd"].sel(lat=-25.0, lon=135.0, method="nearest")
    assert float(there) == found.at(lat=-25.0, lon=135.0)["csd"]
    assert all(variable.dtype == np.float32 for variable in data.data_vars.values())


def test_no_data_where_there_is_no_cell(model: PSM, embedded: EmbeddedCells, cells: Cells) -> None:
    found = map_query(model, embedded, BELLS)
    assert np.isfinite(found.values()).sum() == len(cells)
    assert np.isnan(found.at(lat=-45.0, lon=-115.0)["match_probability"])


def test_queries_and_moments_together_are_the_maps_one_by_one(
    model: PSM, embedded: EmbeddedCells
) -> None:
    queries = [BELLS, Query(texts=("crickets", "night"))]
    moments = [Moment(month=1, hour=2.0), Moment(month=7, hour=14.0)]
    together = list(map_queries(model, embedded, queries, moments))
    assert [(m.moment, m.query) for m in together] == [(t, q) for t in moments for q in queries]
    for found in together:
        alone = map_query(model, embedded, found.query, found.moment)
        np.testing.assert_allclose(found.values(), alone.values(), rtol=1e-5, equal_nan=True)


def test_another_time_gives_another_map(model: PSM, embedded: EmbeddedCells) -> None:
    night, day = map_queries(
        model, embedded, [BELLS], [Moment(month=7, hour=0.0), Moment(month=7, hour=12.0)]
    )
    assert np.nanmax(np.abs(night.values("csd") - day.values("csd"))) > 1e-4


def test_a_map_says_what_it_is(model: PSM, embedded: EmbeddedCells) -> None:
    found = map_query(model, embedded, BELLS, Moment(month=7, utc=6.0))
    assert found.data.attrs == found.tags
    assert found.tags["query"] == "“church bells”"
    assert (found.tags["month"], found.tags["utc_hour"]) == ("7", "6.0")
    assert "local_hour" not in found.tags
    assert found.tags["model"] == "tiny"
    assert found.tags["attribution"] == embedded.attribution


def test_no_such_place(model: PSM, embedded: EmbeddedCells) -> None:
    with pytest.raises(InvalidContext, match="no latitude and longitude"):
        map_query(model, embedded, BELLS).at(lat=91.0, lon=0.0)
