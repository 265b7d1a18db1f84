from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from rasterio.transform import Affine

from psm.errors import ConfigError, MissingData, RenamedColumns, RepairedGeometry
from psm.mapping import Frame, SoundscapeMap
from psm.mapping.cells import Cells
from psm.mapping.outputs.zonal import summarise
from psm.mapping.region import Region
from tests.mapping.maps import GLOBE, soundscape


@pytest.fixture
def southern() -> SoundscapeMap:
    """Probability by latitude, 0 at the north pole and 1 at the south pole, everywhere."""
    lat = GLOBE.y[:, None] + np.zeros(GLOBE.shape)
    return soundscape((90.0 - lat) / 180.0, np.full(GLOBE.shape, 0.1))


def boxes(*boxes: tuple[float, float, float, float], crs: str = "EPSG:4326"):
    shapes = [shapely.box(*box) for box in boxes]
    return geopandas.GeoDataFrame({"id": range(len(boxes))}, geometry=shapes, crs=crs)


def test_the_mean_is_weighted_by_area_on_the_ground(southern: SoundscapeMap) -> None:
    found = summarise(southern, boxes((0.0, 0.0, 20.0, 90.0)))
    area = GLOBE.row_km2[:18] * 4
    expected = np.average(southern.values()[:18, 0], weights=area)
    assert found["match_probability_mean"][0] == pytest.approx(expected, rel=1e-3)
    assert found["covered_km2"][0] == pytest.approx(area.sum(), rel=0.005)
    assert found["match_probability_max"][0] == pytest.approx(southern.values()[17, 0])
    assert found["uncertainty_mean"][0] == pytest.approx(0.1)
    assert 0.0 < found["match_probability_q10"][0] < found["match_probability_q50"][0]


def test_a_cell_counts_by_the_part_that_is_covered() -> None:
    values = np.full(GLOBE.shape, np.nan)
    values[17, 36:38] = 0.2, 0.8
    found = summarise(soundscape(values), boxes((2.5, 1.0, 6.0, 4.0)))
    assert found["match_probability_mean"][0] == pytest.approx((0.2 * 2.5 + 0.8 * 1.0) / 3.5)


def test_polygons_may_be_in_any_coordinate_system(southern: SoundscapeMap) -> None:
    degrees = boxes((5.0, 40.0, 25.0, 60.0))
    metres = degrees.assign(geometry=degrees.segmentize(0.1)).to_crs("EPSG:3035")
    there, here = summarise(southern, metres), summarise(southern, degrees)
    assert there.crs == metres.crs
    for column in ("match_probability_mean", "uncertainty_mean", "covered_km2"):
        assert there[column][0] == pytest.approx(here[column][0], rel=1e-3)


def test_a_polygon_across_the_antimeridian_does_not_span_the_world() -> None:
    lon = np.broadcast_to(np.abs(GLOBE.x) / 180.0, GLOBE.shape)
    across = boxes(
        (-5e5, -5e5, 5e5, 5e5), crs="+proj=laea +lat_0=0 +lon_0=180 +datum=WGS84 +units=m"
    )
    found = summarise(soundscape(lon), across)
    assert found["match_probability_mean"][0] > 0.97
    assert found["covered_km2"][0] == pytest.approx(1e6, rel=0.02)


ACROSS = (
    shapely.Polygon([(178, -18), (-178, -18), (-178, -14), (178, -14)]),  # jumps back
    shapely.Polygon([(178, -18), (182, -18), (182, -14), (178, -14)]),  # runs on
    shapely.MultiPolygon([shapely.box(178, -18, 180, -14), shapely.box(-180, -18, -178, -14)]),
)


@pytest.mark.parametrize("is_globe", [True, False])
def test_however_a_polygon_crosses_the_antimeridian_it_is_the_same_area(is_globe: bool) -> None:
    frame = Frame.globe(4.0) if is_globe else Region.bbox(170, -25, -170, -5).grid(2e4).frame
    values = np.full(frame.shape, 0.3)
    found = summarise(
        soundscape(values, frame=frame), geopandas.GeoDataFrame(geometry=[*ACROSS], crs=4326)
    )
    radius_km = 6378.137
    area = np.radians(4.0) * np.ptp(np.sin(np.radians([-18.0, -14.0]))) * radius_km**2
    # A map in metres lies on the ellipsoid.
    assert found["covered_km2"].tolist() == pytest.approx(
        [area] * 3, rel=1e-6 if is_globe else 0.01
    )
    assert found["covered_km2"].std() < 1.0
    assert found["match_probability_mean"].tolist() == pytest.approx([0.3] * 3)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32633"])
def test_a_polygon_that_crosses_itself_counts_as_what_it_encloses(crs: str) -> None:
    bow = shapely.Polygon([(16, 48), (16.5, 48.5), (16.5, 48), (16, 48.5)])
    frame = Region.bbox(15, 47, 18, 50).grid(1e4, crs="EPSG:32633").frame
    bows = geopandas.GeoDataFrame(geometry=[bow], crs=4326).to_crs(crs)
    with pytest.warns(RepairedGeometry, match="1 outlines crossed themselves"):
        found = summarise(soundscape(np.full(frame.shape, 0.3), frame=frame), bows)
    assert found["covered_km2"][0] == pytest.approx(1032.0, rel=0.01)


def test_a_polygon_far_from_the_map_has_no_data() -> None:
    frame = Region.bbox(15, 47, 18, 50).grid(1e4).frame
    far = boxes((-170.0, -50.0, -160.0, -40.0), (16.0, 48.0, 17.0, 49.0))
    found = summarise(soundscape(np.full(frame.shape, 0.3), frame=frame), far)
    assert found["covered_km2"][0] == 0.0
    assert np.isnan(found["match_probability_mean"][0])
    assert found["match_probability_mean"][1] == pytest.approx(0.3)


def test_a_file_of_several_layers_is_asked_for_one(southern: SoundscapeMap, tmp_path: Path) -> None:
    path = tmp_path / "multi.gpkg"
    boxes((0.0, 0.0, 9.0, 9.0)).to_file(path, layer="districts")
    boxes((0.0, 0.0, 9.0, 9.0), (20.0, 0.0, 29.0, 9.0)).to_file(path, layer="parks")
    with pytest.raises(ConfigError, match="name one of its layers: districts, parks"):
        southern.summarise(path)
    with pytest.raises(ConfigError, match="no layer 'lakes' but districts, parks"):
        southern.summarise(path, layer="lakes")
    assert len(southern.summarise(path, layer="parks")) == 2


def test_a_map_in_metres_takes_polygons_in_degrees() -> None:
    frame = Frame("EPSG:3035", Affine(1e5, 0, 4e6, 0, -1e5, 3.2e6), (4, 4))
    cells = Cells(frame, np.repeat(np.arange(4), 4), np.tile(np.arange(4), 4))
    values = np.arange(16.0).reshape(4, 4) / 16.0
    found = summarise(
        soundscape(values, frame=frame),
        boxes((4.1e6, 2.9e6, 4.3e6, 3.1e6), crs="EPSG:3035").to_crs("EPSG:4326"),
    )
    assert len(cells) == 16
    assert found["match_probability_mean"][0] == pytest.approx(values[1:3, 1:3].mean(), abs=2e-3)
    assert found["covered_km2"][0] == pytest.approx(4e4, rel=5e-3)


def test_attributes_stay_and_no_data_is_nan(southern: SoundscapeMap, tmp_path: Path) -> None:
    masked = southern.values().copy()
    masked[:, :36] = np.nan
    path = tmp_path / "parks.gpkg"
    boxes((-60.0, 0.0, -50.0, 10.0), (10.0, 0.0, 20.0, 10.0)).to_file(path)
    found = summarise(soundscape(masked), path, prefix="july_")
    assert found["id"].tolist() == [0, 1]
    assert np.isnan(found["july_match_probability_mean"][0])
    assert found["july_covered_km2"][0] == 0.0
    assert np.isfinite(found["july_match_probability_mean"][1])


def test_columns_of_polygons_stay_as_they_are(southern: SoundscapeMap) -> None:
    good = boxes((0.0, 0.0, 9.0, 9.0)).assign(Covered_km2="theirs", soundscape="quiet")
    with pytest.warns(RenamedColumns, match="covered_km2 is map_covered_km2"):
        found = southern.summarise(good, prefix=None)
    assert (found["Covered_km2"][0], found["soundscape"][0]) == ("theirs", "quiet")
    assert found["map_covered_km2"][0] > 0
    assert "match_probability_mean" in found


def test_bad_polygons_are_explained(southern: SoundscapeMap, tmp_path: Path) -> None:
    good = boxes((0.0, 0.0, 9.0, 9.0))
    with pytest.raises(ConfigError, match="no coordinate system"):
        summarise(southern, good.set_crs(None, allow_override=True))
    with pytest.raises(ConfigError, match="no polygons"):
        summarise(southern, good.assign(geometry=good.boundary))
    with pytest.raises(ConfigError, match="give another prefix"):
        summarise(southern, summarise(southern, good))
    with pytest.raises(ConfigError, match="no polygon to"):
        summarise(southern, good[:0])
    with pytest.raises(MissingData, match="no such file"):
        summarise(southern, tmp_path / "none.gpkg")
    (tmp_path / "text.gpkg").write_text("no polygons")
    with pytest.raises(ConfigError, match="not a vector file"):
        summarise(southern, tmp_path / "text.gpkg")
