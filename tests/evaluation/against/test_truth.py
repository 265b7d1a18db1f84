"""Tables and rasters of what was measured: every row is used, or counted with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from psm.errors import ConfigError, MissingData
from psm.evaluation.against.layers import read_layer
from psm.evaluation.against.prediction import on_one_grid, points_of, sampled
from psm.evaluation.against.truth import read_table
from psm.geodata.frame import Frame
from psm.mapping import Moment
from psm.mapping.outputs.cube import write_cube
from tests.mapping.maps import GLOBE, soundscape


def table(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def raster(path: Path, values: np.ndarray, **profile: Any) -> Path:
    """A GeoTIFF of bands, rows and columns; by default half degrees from 46 N 10 E."""
    bands = np.atleast_3d(values) if values.ndim == 3 else values[None]
    about = {"crs": "EPSG:4326", "transform": Affine(0.5, 0, 10.0, 0, -0.5, 46.0), **profile}
    with rasterio.open(
        path, "w", driver="GTiff", count=len(bands), height=bands.shape[1], width=bands.shape[2],
        dtype=bands.dtype, **about,
    ) as file:  # fmt: skip
        file.write(bands)
    return path


def test_columns_dates_and_words_are_understood(tmp_path: Path) -> None:
    path = table(
        tmp_path / "t.csv", "Latitude;Lng;date_time;heard",
        "48,5;16;2021-05-03 06:30;yes", "-3;-60.25;2021-11-30;no", "0;0;;true",
    )  # fmt: skip
    truth = read_table(path, value="heard")
    assert truth.value.tolist() == [1.0, 0.0, 1.0]
    assert truth.points.lat.tolist() == [48.5, -3.0, 0.0]
    assert truth.points.month[:2].tolist() == [5.0, 11.0]
    assert truth.points.hour[0] == 6.5
    assert np.isnan(truth.points.hour[1:]).all()
    known = truth.at(month=7, hour=9.0).points
    assert known.month.tolist() == [5.0, 11.0, 7.0]
    assert known.hour.tolist() == [6.5, 9.0, 9.0]


def test_what_cannot_be_used_is_counted_by_reason(tmp_path: Path) -> None:
    good = [f"{40 + i},{i},{i % 12 + 1},{i / 2}" for i in range(12)]
    path = table(
        tmp_path / "t.csv", "lat,lon,month,value", *good,
        "91,0,1,3", "x,0,1,3", "40,0,13,3", "40,0,1,loud", "40,0,1,", "40,0,1,NaN", "40,0,1",
    )  # fmt: skip
    truth = read_table(path)
    assert len(truth) == 12
    assert truth.left_out == {
        "latitude outside [-90, 90]": 1, "no latitude": 1, "month outside 1..12": 1,
        "value is not a number": 1, "no value": 2, "fewer fields than columns": 1,
    }  # fmt: skip
    truth.require_enough()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["lat,lon,level"], r"which column was measured\? --value NAME, of lat, lon, level"),
        (["place,value", "a,3"], r"no column for latitude among place, value"),
        (["lat,lon,value", "1,2,loud", "3,4,soft"], r"line 2: value holds 'loud', no number"),
        (["lat,lon,value", "1,2,3", "3,4,5", "5,6,7"], r"3 points of value can be used, and it "
         r"takes 10"),
        (["lat,lon,value", *[f"{i},2,3" for i in range(20)]], r"value is 3 at all 20 points"),
        (["lat,lon,value"], r"0 points of value can be used"),
    ],
)  # fmt: skip
def test_what_is_no_truth_is_refused_in_one_line(
    lines: list[str], message: str, tmp_path: Path
) -> None:
    path = table(tmp_path / "t.csv", *lines)
    with pytest.raises(ConfigError, match=message) as refused:
        read_table(path).require_enough()
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_rasters_have_any_system_scale_and_hole(tmp_path: Path) -> None:
    values = np.arange(20, dtype=np.int16).reshape(4, 5)
    values[1, 2] = -1
    path = raster(tmp_path / "r.tif", values, nodata=-1)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.5,), (30.0,)
    truth = points_of(read_layer(path))
    assert len(truth) == 19
    assert truth.value.max() == 39.5
    at = int(np.flatnonzero(truth.value == 39.5)[0])
    assert (truth.points.lat[at], truth.points.lon[at]) == pytest.approx((44.25, 12.25))
    # South up, and in metres.
    turned = raster(
        tmp_path / "up.tif", np.flipud(values).astype(np.float32), nodata=-1,
        transform=Affine(0.5, 0, 10.0, 0, 0.5, 44.0),
    )  # fmt: skip
    assert (
        np.nanmax(np.abs(read_layer(turned).values[0] - np.where(values < 0, np.nan, values))) == 0
    )
    utm = raster(
        tmp_path / "utm.tif", values.astype(float), crs="EPSG:32633",
        transform=Affine(1000.0, 0, 500_000.0, 0, -1000.0, 5_300_000.0),
    )  # fmt: skip
    lon = points_of(read_layer(utm)).points.lon
    assert lon.min() == pytest.approx(15.0067, abs=1e-3)


def test_a_raster_without_a_place_or_a_band_is_refused(tmp_path: Path) -> None:
    values = np.zeros((2, 4, 5), np.float32)
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        nowhere = raster(tmp_path / "no.tif", values[0], crs=None, transform=Affine.identity())
    with pytest.raises(ConfigError, match=r"no\.tif has no coordinate reference system"):
        read_layer(nowhere)
    several = raster(tmp_path / "two.tif", values)
    with rasterio.open(several, "r+") as file:
        file.descriptions = ("day", "night")
    with pytest.raises(ConfigError, match=r"--value NUMBER or NAME: which of 1 day, 2 night\?"):
        read_layer(several, option="--value")
    assert read_layer(several, band="Night").name == read_layer(several, band="2").name == "night"
    with pytest.raises(ConfigError, match=r"--band dusk: there are 1 day, 2 night"):
        read_layer(several, band="dusk")
    with pytest.raises(MissingData, match="is not a raster"):
        read_layer(table(tmp_path / "t.tif", "no picture"))


def test_the_globe_from_0_to_360_is_turned(tmp_path: Path) -> None:
    values = np.tile(np.arange(72, dtype=np.float32) * 5.0 + 2.5, (36, 1))
    path = raster(tmp_path / "east.tif", values, transform=Affine(5.0, 0, 0.0, 0, -5.0, 90.0))
    truth = points_of(read_layer(path))
    assert np.mod(truth.points.lon, 360.0) == pytest.approx(truth.value)


def test_the_finer_raster_is_averaged_over_the_pixels_of_the_coarser_one(tmp_path: Path) -> None:
    fine = np.random.default_rng(0).random((40, 60)).astype(np.float32)
    coarse = fine.reshape(10, 4, 15, 4).mean(axis=(1, 3))
    a = raster(tmp_path / "fine.tif", fine, transform=Affine(0.1, 0, 10.0, 0, -0.1, 46.0))
    b = raster(tmp_path / "coarse.tif", coarse, transform=Affine(0.4, 0, 10.0, 0, -0.4, 46.0))
    for first, second in ((a, b), (b, a)):
        one, other = on_one_grid(read_layer(first), read_layer(second))
        truth = points_of(one)
        assert len(truth) == 150
        found = sampled(other, truth.points)
        assert found.value == pytest.approx(truth.value, abs=1e-5)


def test_points_of_another_time_have_no_value_and_a_cube_has_the_nearest(tmp_path: Path) -> None:
    moments = [Moment(month=5, hour=hour) for hour in (6.0, 8.0)]
    maps = [
        soundscape(np.full(GLOBE.shape, value), moment=moment)
        for value, moment in zip((0.2, 0.4), moments, strict=True)
    ]
    single = sampled_at(maps[0].write(tmp_path / "m.tif"))
    assert single[0].tolist()[:2] == pytest.approx([0.2, 0.2])
    assert [text != "" for text in single[1]] == [False, False, True, True]
    cube = sampled_at(write_cube(maps, tmp_path / "m.nc"))
    assert cube[0].tolist()[:3] == pytest.approx([0.2, 0.2, 0.4])
    assert [text != "" for text in cube[1]] == [False, False, False, True]
    assert sampled_at(write_cube(maps, tmp_path / "m.zarr"))[0][2] == pytest.approx(0.4)


def sampled_at(path: Path) -> tuple[np.ndarray, np.ndarray]:
    from psm.evaluation.against import Points

    points = Points.of(lat=10.0, lon=20.0, month=[5, 5, 5, 6], hour=[6.0, 6.9, 7.5, 6.0])
    found = sampled(read_layer(path), points)
    assert found.is_probability == (path.suffix != ".none")
    assert "frogs" in found.name
    assert found.interval is not None
    return found.value, found.missing


def test_no_overlap_in_time_is_refused_and_any_time_compares_all_the_same(tmp_path: Path) -> None:
    from psm.evaluation.against import Points

    path = soundscape(np.full(GLOBE.shape, 0.5), moment=Moment(month=1, hour=0.0)).write(
        tmp_path / "m.tif"
    )
    layer = read_layer(path)
    points = Points.of(lat=[10.0, 20.0], lon=20.0, month=7)
    with pytest.raises(ConfigError, match=r"is of January .* and no point is; --any-time"):
        sampled(layer, points)
    assert sampled(layer, points, any_time=True).value == pytest.approx(0.5)


def test_a_frame_that_reaches_over_the_antimeridian_holds_places_on_both_sides() -> None:
    frame = Frame("EPSG:4326", Affine(1.0, 0, 170.0, 0, -1.0, 10.0), (20, 20))
    rows, columns = frame.index(lat=[0.5, 0.5, 0.5, 0.5], lon=[170.5, -170.5, 169.5, -169.5])
    assert columns.tolist() == [0, 19, -1, -1]
    assert rows.tolist() == [9, 9, -1, -1]
