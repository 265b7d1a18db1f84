"""Cubes over time, read back with xarray and rioxarray."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
from pyproj import CRS

from psm.errors import ConfigError, MissingExtra
from psm.mapping import Frame, Moment, Query, SoundscapeMap
from psm.mapping.outputs import write_cube

MakeFrame = Callable[..., Frame]
MakeMap = Callable[..., SoundscapeMap]

needs_h5py = pytest.mark.skipif(
    importlib.util.find_spec("h5py") is None, reason="h5py, of the extra maps, is not installed"
)
SUFFIXES = [pytest.param(".nc", marks=needs_h5py), ".zarr"]


def _open(path: Path) -> xr.Dataset:
    if path.suffix == ".nc":
        return xr.open_dataset(path, engine="h5netcdf", decode_coords="all")
    return xr.open_zarr(path, decode_coords="all", consolidated=False)


@pytest.fixture
def frame(around: MakeFrame) -> Frame:
    return around(lat=48.2, lon=16.4, rows=5, columns=7, step_m=500.0)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_cube_of_months_and_hours_is_read_back(
    suffix: str, frame: Frame, place_map: MakeMap, tmp_path: Path
) -> None:
    moments = [Moment(month=month, hour=hour) for hour in (18.0, 6.0) for month in (1, 7, 10)]

    def maps() -> Iterator[SoundscapeMap]:
        for number, moment in enumerate(moments):
            soundscape = place_map(frame, moment)
            soundscape.data["match_probability"] *= (number + 1) / 6
            yield soundscape

    path = write_cube(maps(), tmp_path / "cubes" / f"bells{suffix}", moments=moments)
    with _open(path) as cube:
        assert cube["match_probability"].dims == ("time", "y", "x")
        assert cube["match_probability"].dtype == np.float32
        assert cube["month"].values.tolist() == [1, 1, 7, 7, 10, 10]
        assert cube["hour"].values.tolist() == 3 * [6.0, 18.0]
        assert cube["time"].values[[0, 1, -1]].astype("datetime64[s]").astype(str).tolist() == [
            "2001-01-15T06:00:00", "2001-01-15T18:00:00", "2001-10-15T18:00:00",
        ]  # fmt: skip
        assert not {"axis", "standard_name"} & set(cube["month"].attrs)
        by_moment = cube.set_index(time=["month", "hour"])
        assert by_moment.unstack("time")["csd"].sizes == {"y": 5, "x": 7, "month": 3, "hour": 2}
        assert CRS.from_user_input(cube.rio.crs.to_wkt()) == CRS.from_user_input(frame.crs)
        np.testing.assert_allclose(cube["x"], frame.x)
        np.testing.assert_allclose(cube["y"], frame.y)
        assert cube["x"].attrs["standard_name"] == "projection_x_coordinate"
        for number, moment in enumerate(moments):
            read = by_moment["match_probability"].sel(time=(moment.month, moment.hour))
            asked = place_map(frame, moment).values() * np.float32((number + 1) / 6)
            np.testing.assert_allclose(read.values, asked, rtol=1e-6)
        assert np.isnan(cube["csd"].values[:, 0, 1]).all()
        assert cube["uncertainty"].attrs["units"] == "1"
        assert cube["spatial_ref"].attrs["grid_mapping_name"] == "lambert_azimuthal_equal_area"
        assert cube.attrs["Conventions"].startswith("CF-")
        assert cube.attrs["licence"] == "CC-BY-4.0"
        assert "local mean solar time" in cube["hour"].attrs["long_name"]
        assert "month" not in cube.attrs
        assert cube.attrs["history"].startswith("psm ")
        # Nothing but time has the axis T: the axis of a variable of unit 1 is an error of CF.
        assert [name for name in cube.variables if cube[name].attrs.get("axis") == "T"] == ["time"]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_globe_by_utc_hours_is_a_cube_too(
    suffix: str, place_map: MakeMap, tmp_path: Path
) -> None:
    maps = [place_map(Frame.globe(30.0), Moment(utc=float(hour))) for hour in range(0, 24, 8)]
    with _open(write_cube(maps, tmp_path / f"rain{suffix}")) as cube:
        assert cube["match_probability"].dims == ("time", "lat", "lon")
        assert cube["hour"].values.tolist() == [0.0, 8.0, 16.0]
        assert cube["time"].dt.hour.values.tolist() == [0, 8, 16]
        assert "month" not in cube.coords
        assert cube["hour"].attrs["time_scale"] == "UTC"
        assert cube.rio.crs.to_epsg() == 4326
        assert cube["lat"].values[0] == 75.0


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("moments", "times", "coordinates"),
    [
        ([Moment(month=2), Moment(month=12)], ["2001-02-15T12:00", "2001-12-15T12:00"], {"month"}),
        ([Moment(hour=0.0), Moment(hour=17.75)],
         ["2001-01-15T00:00", "2001-01-15T17:45"], {"hour"}),
        ([Moment(month=5, utc=4.25)], ["2001-05-15T04:15"], {"month", "hour"}),
        ([Moment()], [], set()),
    ],
)  # fmt: skip
def test_time_is_a_date_of_the_nominal_year(
    moments: list[Moment], times: list[str], coordinates: set[str], suffix: str,
    frame: Frame, place_map: MakeMap, tmp_path: Path,
) -> None:  # fmt: skip
    path = write_cube([place_map(frame, moment) for moment in moments], tmp_path / f"a{suffix}")
    with _open(path) as cube:
        assert {"month", "hour"} & set(cube.coords) == coordinates
        found = cube["time"].values.astype("datetime64[m]").astype(str).tolist() if times else []
        assert found == times
        assert ("time" in cube.dims) == bool(times)


@needs_h5py
def test_gdal_and_so_qgis_sees_time(frame: Frame, place_map: MakeMap, tmp_path: Path) -> None:
    moments = [Moment(month=month, hour=hour) for month in (1, 7) for hour in (6.0, 18.0)]
    path = write_cube([place_map(frame, moment) for moment in moments], tmp_path / "a.nc")
    with rasterio.open(f"netcdf:{path}:match_probability") as opened:
        assert opened.count == 4
        tags = opened.tags()
        assert tags["NETCDF_DIM_EXTRA"] == "{time}"
        assert tags["time#standard_name"] == "time"
        assert tags["time#units"] == "hours since 2001-01-01 00:00:00"
        assert tags["NETCDF_DIM_time_VALUES"] == "{342,354,4686,4698}"
        assert opened.tags(3)["NETCDF_DIM_time"] == "4686"
        assert opened.crs is not None


def test_an_older_cube_makes_way(frame: Frame, place_map: MakeMap, tmp_path: Path) -> None:
    path = tmp_path / "bells.zarr"
    for month in (1, 2):
        write_cube([place_map(frame, Moment(month=month))], path)
        with _open(path) as cube:
            assert cube["month"].values.tolist() == [month]
    assert [entry.name for entry in tmp_path.iterdir()] == ["bells.zarr"]


@pytest.mark.parametrize(
    "moments",
    [
        [Moment(month=1, hour=6.0), Moment(month=2, hour=7.0)],
        [Moment(month=1), Moment(month=1)],
        [Moment(month=1), Moment(hour=6.0)],
        [Moment(hour=6.0), Moment(utc=6.0)],
        [Moment(month=1), Moment()],
    ],
)
def test_moments_that_fill_no_cube_are_refused(
    moments: list[Moment], frame: Frame, place_map: MakeMap, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="every one of its months at every one of its hours"):
        write_cube([place_map(frame, moment) for moment in moments], tmp_path / "bells.zarr")
    assert not list(tmp_path.iterdir())


def test_a_cube_is_whole_and_of_one_kind_or_absent(
    frame: Frame, around: MakeFrame, place_map: MakeMap, tmp_path: Path
) -> None:
    path = tmp_path / "bells.zarr"
    one, two = (place_map(frame, Moment(month=month)) for month in (1, 2))
    moments = [Moment(month=1), Moment(month=2)]
    elsewhere = place_map(around(lat=0, lon=0, rows=5, columns=7, step_m=500.0), moments[1])
    other = replace(two, query=Query(texts=("rain",)))
    for maps, message in (
        ([one], "1 of 2 moments"),
        ([one, one], "two maps of this moment"),
        ([one, elsewhere], "one frame and one query"),
        ([one, other], "one frame and one query"),
        ([one, place_map(frame, Moment(month=3))], "not one of the moments"),
        ([], "at least one map"),
    ):
        with pytest.raises(ConfigError, match=message):
            write_cube(iter(maps), path, moments=moments)
        assert not list(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="needs its moments"):
        write_cube(iter([one]), path)
    with pytest.raises(ConfigError, match=r"\.nc or \.zarr"):
        write_cube([one], tmp_path / "bells.hdf")


def test_netcdf_without_its_package_says_how_to_get_it(
    frame: Frame, place_map: MakeMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(
        MissingExtra, match=r"h5py is not installed: pip install 'psm-maps\[maps\]'"
    ):
        write_cube([place_map(frame)], tmp_path / "bells.nc")
    assert not list(tmp_path.iterdir())
