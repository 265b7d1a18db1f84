"""The coordinate system of a GeoJSON file: found however it is named, never guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyproj import Transformer

from psm.errors import ConfigError
from psm.mapping import Frame
from psm.mapping.region import Region
from tests.mapping.maps import soundscape

RING = [(16, 48), (17, 48), (17, 49), (16, 49), (16, 48)]
MERCATOR = [Transformer.from_crs(4326, 3857, always_xy=True).transform(*at) for at in RING]


def _file(path: Path, ring: list[Any], **more: Any) -> Path:
    shape = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {}, "geometry": shape}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature], **more}))
    return path


def _called(name: str) -> dict[str, Any]:
    return {"type": "name", "properties": {"name": name}}


@pytest.mark.parametrize(
    "crs",
    [
        _called("urn:ogc:def:crs:EPSG::3857"),
        _called("urn:ogc:def:crs:EPSG:6.9:3857"),
        _called("urn:x-ogc:def:crs:EPSG:3857"),
        _called("EPSG:3857"),
        _called("http://www.opengis.net/def/crs/EPSG/0/3857"),
        {"type": "EPSG", "properties": {"code": 3857}},
        {"type": "link", "properties": {"href": "https://epsg.io/crs/EPSG/3857"}},
        {"name": "EPSG:3857"},
        "EPSG:3857",
    ],
)
def test_a_system_is_found_however_it_is_named(crs: Any, tmp_path: Path) -> None:
    right = Region.file(_file(tmp_path / "plain.geojson", RING)).area_km2
    for name in ("a.geojson", "a.GeoJSON", "a.json"):
        found = Region.file(_file(tmp_path / name, MERCATOR, crs=crs)).area_km2
        assert found == pytest.approx(right, rel=1e-3)


@pytest.mark.parametrize(
    "name",
    ["urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84", "urn:ogc:def:crs:EPSG::4326"],
)
def test_longitude_and_latitude_stay_such(name: str, tmp_path: Path) -> None:
    region = Region.file(_file(tmp_path / "a.geojson", RING, crs=_called(name)))
    assert region.geometry.bounds == (16.0, 48.0, 17.0, 49.0)


@pytest.mark.parametrize(
    ("crs", "told"),
    [
        (_called("urn:ogc:def:crs:EPSG::99999"), "'urn:ogc:def:crs:EPSG::99999' is not known"),
        (_called("EPSG:99999"), "'EPSG:99999' is not known"),
        (_called("our own"), "'our own' is not known"),
        ({"type": "link", "properties": {"href": "https://a.example/crs/42"}}, "is not known"),
        ({}, "'{}' is not known"),
        ([], "is not known"),
        (None, "no coordinate system .crs is null"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning:pyogrio")
def test_a_system_that_is_not_known_is_refused(crs: Any, told: str, tmp_path: Path) -> None:
    path = _file(tmp_path / "a.geojson", RING, crs=crs)
    with pytest.raises(ConfigError, match=rf"a\.geojson: .*{told}"):
        Region.file(path)
    found = soundscape(np.full((90, 180), 0.5), frame=Frame.globe(2.0))
    with pytest.raises(ConfigError, match=rf"a\.geojson: .*{told}"):
        found.summarise(path)


def test_statistics_are_of_the_place_that_the_file_means(tmp_path: Path) -> None:
    found = soundscape(np.random.default_rng(0).random((90, 180)), frame=Frame.globe(2.0))
    plain = found.summarise(_file(tmp_path / "plain.geojson", RING))
    named = found.summarise(_file(tmp_path / "named.geojson", MERCATOR, crs={"name": "EPSG:3857"}))
    column = "match_probability_mean"
    assert named[column].to_numpy() == pytest.approx(plain[column].to_numpy(), rel=1e-3)


@pytest.mark.parametrize("told", ['LOCAL_CS["mine",UNIT["metre",1]]', "garbage", ""])
def test_a_shapefile_of_no_place_on_earth_is_refused(told: str, tmp_path: Path) -> None:
    geopandas, shapely = pytest.importorskip("geopandas"), pytest.importorskip("shapely")
    geopandas.GeoDataFrame(geometry=[shapely.box(16, 48, 17, 49)], crs=4326).to_file(
        tmp_path / "a.shp"
    )
    (tmp_path / "a.prj").write_text(told)
    with pytest.raises(ConfigError, match=r"a\.shp: .* (no place on Earth|its \.prj)"):
        Region.file(tmp_path / "a.shp")
