"""Every foreign format comes back as it was written: values, place, no-data, licence."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.errors import ConfigError, MissingData
from psm.features import AlphaEarth, FeatureProvider, open_features
from psm.features.alphaearth import dequantised
from psm.imagery import NoImagery, Reason
from tests.features.files import (
    EAST,
    NORTH,
    place_of,
    write_aef,
    write_majortom,
    write_tessera,
)

SIDE = 20


def at(provider: FeatureProvider, *places: tuple[float, float]) -> list[np.ndarray | NoImagery]:
    """What a provider says of places, after a journey to another process."""
    lat, lon = np.array(places, float).T
    travelled: FeatureProvider = pickle.loads(pickle.dumps(provider))
    return list(travelled.read(lat=lat, lon=lon))


def quantised(bands: int) -> np.ndarray:
    values = np.random.default_rng(0).integers(-127, 128, (bands, SIDE, SIDE))
    return values.astype(np.int8)


def pixel(row: int, column: int) -> tuple[float, float]:
    """The place of a pixel's centre, rows from the north."""
    return place_of(EAST + 10.0 * column + 5.0, NORTH + 10.0 * (SIDE - row) - 5.0)


@given(st.integers(-127, 127))
def test_bytes_of_alphaearth_become_what_the_readme_says(stored: int) -> None:
    (found,) = dequantised(np.array([stored], np.int8))
    expected = (stored / 127.5) ** 2 * np.sign(stored)
    assert found == pytest.approx(expected, abs=1e-6)
    assert np.isnan(dequantised(np.array([-128], np.int8))).all()


@pytest.mark.parametrize("bottom_up", [False, True])
def test_alphaearth_comes_back_whichever_way_up_it_lies(tmp_path: Path, bottom_up: bool) -> None:
    stored = quantised(64)
    stored[:, 3, 4] = -128
    write_aef(tmp_path / "annual" / "2023" / "33N" / "a.tiff", stored, bottom_up=bottom_up)
    provider = open_features(f"aef:{tmp_path}")
    found, masked, outside = at(provider, pixel(2, 17), pixel(3, 4), (0.0, 0.0))
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, dequantised(stored[:, 2, 17]))
    assert isinstance(masked, NoImagery)
    assert masked.reason is Reason.NO_DATA
    assert isinstance(outside, NoImagery)
    assert outside.reason is Reason.OUTSIDE
    assert (provider.year, provider.size, provider.licence) == (2023, 64, "CC-BY-4.0")
    assert "produced by Google and Google DeepMind" in provider.attribution


def test_a_vrt_takes_the_place_of_its_file(tmp_path: Path) -> None:
    file = write_aef(tmp_path / "2024" / "a.tif", quantised(64))
    from rasterio.shutil import copy

    copy(str(file), str(file.with_suffix(".vrt")), driver="VRT")
    assert AlphaEarth(str(tmp_path)).settings["files"] == ["a.vrt"]


def test_alphaearth_of_several_years_wants_one_named(tmp_path: Path) -> None:
    for year in (2022, 2023):
        write_aef(tmp_path / str(year) / "a.tif", quantised(64))
    with pytest.raises(ConfigError, match="mixes the years 2022, 2023: choose one"):
        open_features(f"aef:{tmp_path}")
    assert open_features(f"aef:{tmp_path}", year=2022).year == 2022
    with pytest.raises(ConfigError, match="no file of 2019; years: 2022, 2023"):
        open_features(f"aef:{tmp_path}", year=2019)


def test_alphaearth_refuses_what_is_something_else(tmp_path: Path) -> None:
    write_aef(tmp_path / "a.tif", quantised(63))
    with pytest.raises(ConfigError, match="63 bands of int8; AlphaEarth's files have 64"):
        open_features(f"aef:{tmp_path}")
    write_aef(tmp_path / "a.tif", quantised(64), crs="EPSG:3857")
    with pytest.raises(ConfigError, match="is in EPSG:3857; AlphaEarth's files are in a zone"):
        open_features(f"aef:{tmp_path}")
    with pytest.raises(MissingData, match="no such file"):
        open_features(f"aef:{tmp_path}/none.tif")


def test_tessera_comes_back_with_its_scales(tmp_path: Path) -> None:
    values = np.stack([quantised(128), quantised(128)[::-1]])
    scales = np.random.default_rng(1).uniform(0.01, 0.1, (2, SIDE, SIDE)).astype(np.float32)
    scales[1, 0, 0], scales[1, 0, 1] = np.nan, np.inf
    store = write_tessera(tmp_path / "t.zarr", values, scales, years=[2023, 2024])
    provider = open_features(f"tessera:{store}", year=2024, version="1.1")
    found, water, undone, outside = at(
        provider, pixel(5, 7), pixel(0, 0), pixel(0, 1), (-40.0, 15.0)
    )
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, values[1, :, 5, 7] * scales[1, 5, 7], rtol=1e-6)
    said = [(one.reason, one.detail) for one in (water, undone) if isinstance(one, NoImagery)]
    assert said == [(Reason.NO_DATA, "water"), (Reason.NO_DATA, "not done yet")]
    assert isinstance(outside, NoImagery)
    assert outside.reason is Reason.OUTSIDE
    assert (provider.year, provider.version, provider.size) == (2024, "1.1", 128)
    assert provider.licence == "CC-BY-4.0"


@pytest.mark.parametrize(
    ("changes", "options", "said"),
    [
        ({}, {"version": "1.0", "year": 2024}, "is of TESSERA 1.1, not 1.0"),
        ({}, {}, "holds the years 2023, 2024: choose one"),
        ({"leave_out": "scales"}, {}, "has no scales"),
        ({"code": "EPSG:3857"}, {}, "is in EPSG:3857, not in zone 33 of UTM"),
        ({"code": "EPSG:32632"}, {}, "is in EPSG:32632, not in zone 33 of UTM"),
    ],
)
def test_tessera_says_in_one_line_what_is_wrong(
    tmp_path: Path, changes: dict[str, str], options: dict[str, object], said: str
) -> None:
    values, scales = np.zeros((2, 8, 4, 4), np.int8), np.ones((2, 4, 4), np.float32)
    store = write_tessera(tmp_path / "t.zarr", values, scales, years=[2023, 2024], **changes)
    with pytest.raises(ConfigError, match=said) as raised:
        open_features(f"tessera:{store}", **options)
    assert "\n" not in str(raised.value)


def test_tessera_of_a_year_that_is_not_there(tmp_path: Path) -> None:
    values, scales = np.zeros((1, 8, 4, 4), np.int8), np.ones((1, 4, 4), np.float32)
    store = write_tessera(tmp_path / "t.zarr", values, scales, years=[2023])
    assert open_features(f"tessera:{store}").year == 2023
    with pytest.raises(MissingData, match="no year 2017; it has 2023"):
        open_features(f"tessera:{store}", year=2017)
    with pytest.raises(MissingData, match="not a readable Zarr store"):
        open_features(f"tessera:{tmp_path}/none.zarr")


def test_majortom_takes_the_nearest_fragment(tmp_path: Path) -> None:
    values = np.random.default_rng(2).normal(size=(3, 6)).astype(np.float32)
    folder = tmp_path / "Core-S2RGB-SigLIP" / "embeddings"
    # The first and the last are of one fragment, on different days: the latest counts.
    write_majortom(folder / "part_0.parquet", [48.2, 48.25, 48.2], [16.4, 16.4, 16.4], values)
    provider = open_features(f"majortom:{tmp_path}")
    near, far = at(provider, (48.205, 16.401), (47.0, 16.4))
    np.testing.assert_array_equal(near, values[2])
    assert isinstance(far, NoImagery)
    assert far.reason is Reason.OUTSIDE
    assert (provider.version, provider.size) == ("Core-S2RGB-SigLIP", 6)
    assert provider.licence == "CC-BY-SA-4.0"
    assert "Copernicus Sentinel" in provider.attribution


def test_majortom_never_mixes_sets(tmp_path: Path) -> None:
    for name in ("Core-S2RGB-SigLIP", "Core-S2RGB-DINOv2"):
        write_majortom(tmp_path / name / "a.parquet", [0.0], [0.0], np.zeros((1, 4)))
    with pytest.raises(ConfigError, match="mixes Core-S2RGB-DINOv2, Core-S2RGB-SigLIP"):
        open_features(f"majortom:{tmp_path}")


@pytest.mark.parametrize("suffix", ["npz", "parquet"])
def test_a_table_of_ones_own(tmp_path: Path, suffix: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / f"mine.{suffix}"
    values = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]], np.float32)
    lat, lon = np.array([10.0, 20.0, -30.0]), np.array([0.0, 179.999, 45.0])
    if suffix == "npz":
        np.savez(path, lat=lat, lon=lon, vector=values, year=2020)
    else:
        columns = {"lat": lat, "lon": lon, "vector": pa.array(values.tolist()), "year": [2020] * 3}
        pq.write_table(pa.table(columns), path)
    provider = open_features(str(path), reach_km=5, licence="CC0-1.0", attribution="us")
    near, blank, across, far = at(
        provider, (10.01, 0.0), (20.0, 179.999), (20.0, -179.999), (11.0, 0.0)
    )
    np.testing.assert_array_equal(near, values[0])
    reasons = [one.reason for one in (blank, across, far) if isinstance(one, NoImagery)]
    assert reasons == [Reason.NO_DATA, Reason.NO_DATA, Reason.OUTSIDE]
    assert (provider.year, provider.licence, provider.attribution) == (2020, "CC0-1.0", "us")


def test_a_table_of_two_years_or_of_another_form(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    places = {"lat": np.zeros(2), "lon": np.arange(2.0)}
    np.savez(path, **places, vector=np.eye(2), year=[2020, 2021])
    with pytest.raises(ConfigError, match="mixes years 2020, 2021: choose one"):
        open_features(f"npz:{path}")
    np.testing.assert_array_equal(at(open_features(str(path), year=2021), (0.0, 1.0))[0], [0, 1])
    np.savez(path, **places)
    with pytest.raises(ConfigError, match="has no array vector or embedding or features"):
        open_features(str(path))
    np.savez(path, lat=[91.0, 0.0], lon=np.zeros(2), vector=np.eye(2))
    with pytest.raises(ConfigError, match="a lat that is not from -90 to 90"):
        open_features(str(path))
    path.write_bytes(b"no zip")
    with pytest.raises(ConfigError, match=r"not a readable \.npz"):
        open_features(str(path))


def test_kinds_and_options_that_are_not_known() -> None:
    with pytest.raises(ConfigError, match="of no known kind; there are aef:FILES"):
        open_features("clay:x")
    with pytest.raises(ConfigError, match="place have no option 'year'; they have none"):
        open_features("place", year=2020)
    with pytest.raises(ConfigError, match="name nothing"):
        open_features("aef")
    with pytest.raises(ConfigError, match="place reads no file"):
        open_features("place:x")
