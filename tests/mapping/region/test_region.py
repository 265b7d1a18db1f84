from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from psm.errors import ConfigError, MissingData, RepairedGeometry
from psm.mapping.region import Region

GEOD = Geod(ellps="WGS84")


@given(
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
    radius_m=st.floats(100, 9e6),
    azimuth=st.floats(0, 360),
)
def test_a_circle_holds_what_is_nearer_than_its_radius(
    lat: float, lon: float, radius_m: float, azimuth: float
) -> None:
    region = Region.circle(lat=lat, lon=lon, radius_m=radius_m)
    assert region.geometry.bounds[0] >= -180.0
    assert region.geometry.bounds[2] <= 180.0
    assert region.geometry.is_valid
    for share, is_inside in ((0.98, True), (1.02, False)):
        x, y, _ = GEOD.fwd(lon, lat, azimuth, share * radius_m)
        assert shapely.intersects_xy(region.geometry, x, y) is np.bool_(is_inside)


def test_a_bbox_across_the_antimeridian_is_split_there() -> None:
    region = Region.bbox(170.0, -20.0, -170.0, -10.0)
    assert len(shapely.get_parts(region.geometry)) == 2
    assert region.geometry.bounds == (-180.0, -20.0, 180.0, -10.0)
    assert region.geometry.area == pytest.approx(200.0)
    assert Region.bbox(170.0, -20.0, 190.0, -10.0).geometry.equals(region.geometry)
    assert region.area_km2 == pytest.approx(Region.bbox(0, -20, 20, -10).area_km2)


def test_the_globe_has_the_area_of_the_ellipsoid() -> None:
    assert Region.globe().area_km2 == pytest.approx(510_065_622.0, rel=1e-6)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ((0, 10, 5, 3), "west,south,east,north"),
        ((0, 0, 5, 95), "west,south,east,north"),
        ((5, 0, 5, 10), "the same"),
        ((-500, 0, 5, 10), "-180..180"),
        ((float("nan"), 0, 5, 10), "four numbers"),
    ],
)
def test_a_bbox_that_is_none_is_refused(box: tuple[float, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Region.bbox(*box)


def written(path: Path, *rings: list[list[float]], kind: str = "Polygon") -> Path:
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": kind, "coordinates": c}}
        for c in ([ring] if kind == "Polygon" else ring for ring in rings)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def closed(*points: tuple[float, float]) -> list[list[float]]:
    return [list(p) for p in (*points, points[0])]


def test_a_file_may_cross_the_antimeridian_split_or_not(tmp_path: Path) -> None:
    expected = Region.bbox(170.0, -20.0, -170.0, -10.0).geometry
    jumping = closed((170, -20), (-170, -20), (-170, -10), (170, -10))
    beyond = closed((170, -20), (190, -20), (190, -10), (170, -10))
    west = closed((170, -20), (180, -20), (180, -10), (170, -10))
    east = closed((-180, -20), (-170, -20), (-170, -10), (-180, -10))
    for rings in [jumping], [beyond], [west, east]:
        region = Region.file(written(tmp_path / "fiji.geojson", *rings))
        assert region.geometry.equals(expected)
        assert region.name == "fiji"


@pytest.mark.parametrize("turn", [1, -1])
def test_a_file_may_hold_a_pole(tmp_path: Path, turn: int) -> None:
    expected = Region.bbox(-180.0, -90.0, 180.0, -70.0)
    lons = np.arange(-180.0, 180.0, 10.0)[::turn]
    around = [[float(lon), -70.0] for lon in lons]
    plain = [[-180.0, -70.0], *around, [180.0, -70.0], [180.0, -90.0], [-180.0, -90.0]]
    if turn == -1:
        plain = [[180.0, -70.0], *around, [-180.0, -90.0], [180.0, -90.0]]
    shifted = [[lon + 5.0, lat] for lon, lat in around]
    for ring in around, shifted, plain:
        region = Region.file(written(tmp_path / "south.geojson", [*ring, ring[0]]))
        assert region.area_km2 == pytest.approx(expected.area_km2, rel=1e-9)
        assert shapely.intersects_xy(region.geometry, 0.0, -89.0)


def test_a_band_around_the_globe_is_no_pole(tmp_path: Path) -> None:
    ring = closed((-180, -60), (180, -60), (180, 60), (-180, 60))
    region = Region.file(written(tmp_path / "band.geojson", ring))
    assert region.geometry.equals(Region.bbox(-180, -60, 180, 60).geometry)


def test_any_coordinate_system_and_layer(tmp_path: Path) -> None:
    geopandas = pytest.importorskip("geopandas")
    circle = Region.circle(lat=-86.0, lon=170.0, radius_m=900_000.0)
    frame = geopandas.GeoDataFrame(geometry=[circle.geometry], crs="EPSG:4326")
    polar = shapely.Point(0, 0).buffer(1e6, 256)
    path = tmp_path / "two.gpkg"
    frame.to_file(path, layer="circle")
    geopandas.GeoDataFrame(geometry=[polar], crs="EPSG:3031").to_file(path, layer="polar")
    again = Region.file(path, "circle").geometry
    assert again.symmetric_difference(circle.geometry).area < 1e-9
    region = Region.parse(f"{path}:polar")
    assert shapely.intersects_xy(region.geometry, 100.0, -89.9)
    assert region.geometry.bounds[3] == pytest.approx(-80.6, abs=0.3)
    assert region.grid(10_000.0).count() * 100.0 == pytest.approx(region.area_km2, rel=0.01)
    with pytest.raises(ConfigError, match="name one of its layers: circle, polar"):
        Region.file(path)
    with pytest.raises(ConfigError, match="no layer 'x'"):
        Region.file(path, "x")


def test_a_shapefile_without_a_system_is_refused(tmp_path: Path) -> None:
    geopandas = pytest.importorskip("geopandas")
    path = tmp_path / "a.shp"
    geopandas.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs="EPSG:4326").to_file(path)
    assert Region.file(path).geometry.equals(shapely.box(0, 0, 1, 1))
    path.with_suffix(".prj").unlink()
    with pytest.raises(ConfigError, match=r"\.prj"):
        Region.file(path)


def test_an_outline_that_crosses_itself_is_repaired_and_said(tmp_path: Path) -> None:
    bowtie = closed((0, 0), (2, 2), (2, 0), (0, 2))
    with pytest.warns(RepairedGeometry, match="1 outlines crossed"):
        region = Region.file(written(tmp_path / "bow.geojson", bowtie))
    assert region.geometry.is_valid
    assert region.geometry.area == pytest.approx(2.0)


def test_holes_stay_holes(tmp_path: Path) -> None:
    outer = closed((170, -20), (-170, -20), (-170, -10), (170, -10))
    hole = closed((175, -18), (-175, -18), (-175, -12), (175, -12))
    path = tmp_path / "h.geojson"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [outer, hole]}))
    region = Region.file(path)
    assert region.geometry.area == pytest.approx(200.0 - 60.0)
    assert not shapely.intersects_xy(region.geometry, 179.0, -15.0)


def test_what_has_no_area_is_refused(tmp_path: Path) -> None:
    line = written(tmp_path / "l.geojson", [[0, 0], [1, 1]], kind="LineString")
    with pytest.raises(ConfigError, match="LineString only"):
        Region.file(line)
    with pytest.raises(ConfigError, match="no geometry"):
        Region.file(written(tmp_path / "e.geojson"))
    with pytest.raises(ConfigError, match="latitude 120"):
        Region.file(written(tmp_path / "s.geojson", closed((0, 100), (1, 120), (1, 100))))
    broken = tmp_path / "b.gpkg"
    broken.write_text("nothing")
    with pytest.raises(ConfigError, match="not a vector file"):
        Region.file(broken)
    with pytest.raises(MissingData, match="no such file"):
        Region.file(tmp_path / "absent.gpkg")


def test_a_region_without_another(tmp_path: Path) -> None:
    hole = written(tmp_path / "lake.geojson", closed((1, 1), (2, 1), (2, 2), (1, 2)))
    left = Region.bbox(0, 0, 3, 3).without(Region.file(hole))
    assert left.geometry.area == pytest.approx(8.0)
    assert left.name == "0,0,3,3 without lake"
    with pytest.raises(ConfigError, match="nothing is left"):
        Region.bbox(0, 0, 1, 1).without(Region.globe())
