"""Every kind of file says what the model of its map learnt from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest
import rasterio
import xarray as xr
from PIL import Image

from psm.geodata.frame import Frame
from psm.mapping import SoundscapeMap, mean
from psm.mapping.moment import Moment
from psm.mapping.outputs.points import sample_file
from psm.provenance import SIMULATED, TAG, DataSet, Provenance

EARTH = Provenance(trained_on=(DataSet(name=SIMULATED, is_simulated=True, recordings=12),))


def of_tiff(path: Path) -> str:
    with rasterio.open(path) as file:
        return str(file.tags()[TAG])


def of_array(path: Path) -> str:
    with xr.open_dataset(path, engine="h5netcdf") as data:
        return str(data.attrs[TAG])


def of_zarr(path: Path) -> str:
    with xr.open_zarr(path, consolidated=False) as data:
        return str(data.attrs[TAG])


def of_png(path: Path) -> str:
    with Image.open(path) as picture:
        return str(picture.info[TAG])


def of_svg(path: Path) -> str:
    text = path.read_text()
    assert f"{TAG}: " in text
    return EARTH.tag if EARTH.statement in text else ""


def of_parquet(path: Path) -> str:
    return str(json.loads(pyarrow.parquet.read_schema(path).metadata[b"psm"])[TAG])


def of_geojson(path: Path) -> str:
    return str(json.loads(path.read_text())["metadata"][TAG])


READERS = {
    ".tif": of_tiff,
    ".nc": of_array,
    ".zarr": of_zarr,
    ".png": of_png,
    ".svg": of_svg,
    ".parquet": of_parquet,
    ".geojson": of_geojson,
}


@pytest.fixture
def frame(around: Callable[..., Frame]) -> Frame:
    return around(lat=48.2, lon=16.4, rows=20, columns=30, step_m=2000.0)


@pytest.mark.parametrize("suffix", READERS)
def test_the_metadata_of_a_file_hold_it(
    suffix: str, frame: Frame, place_map: Callable[..., SoundscapeMap], tmp_path: Path
) -> None:
    made = place_map(frame, Moment(month=5, hour=4.0), provenance=EARTH)
    assert READERS[suffix](made.write(tmp_path / f"map{suffix}")) == EARTH.tag


def test_a_table_of_points_holds_it(
    frame: Frame, place_map: Callable[..., SoundscapeMap], tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("lat,lon\n48.2,16.4\n")
    made = place_map(frame, Moment(month=5, hour=4.0), provenance=EARTH)
    path = sample_file(made, tmp_path / "in.csv", tmp_path / "out.csv")
    header, row = path.read_text().splitlines()
    assert header.endswith(f",{TAG}")
    assert '""simulated"": true' in row


def test_a_combination_stands_on_all_of_them(
    frame: Frame, place_map: Callable[..., SoundscapeMap]
) -> None:
    moment = Moment(month=5, hour=4.0)
    found = mean([place_map(frame, moment), place_map(frame, moment, provenance=EARTH)])
    assert found.provenance.is_simulated
    assert found.when == f"{moment} · Simulated Earth"
