from __future__ import annotations

import io
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from psm.data.views import decode_image
from psm.errors import ConfigError, MissingData
from psm.http import client
from psm.imagery import MapTiles, Rasters, View
from psm.importing.cutting import NoTile, Tile, TileCutter, TilePlace
from tests.imagery.scene import LAT, LON, expected, from_origin, pixels_of, write
from tests.imagery.scenes import Scene, write_catalogue
from tests.imagery.tileserver import tile_server

PX, GSD_M = 48, 50.0
PLACES = [
    TilePlace(f"r-{i}", LAT + 0.01 * (i % 3), LON + 0.01 * i, (None, 1, 7)[i % 3]) for i in range(6)
]


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("PSM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(client, "_BACK_OFF_S", 0.01)
    with tile_server() as running:
        yield running


def cutter(source, **options):
    return TileCutter(f"xyz:{source}", PX, GSD_M, {"rate": 1000.0, "licence": "CC0-1.0"} | options)


@pytest.fixture(scope="module")
def seasons(tmp_path_factory):
    """A raster for every season, of another brightness each."""
    folder = tmp_path_factory.mktemp("seasons")
    transform = from_origin(LON - 0.2, LAT + 0.2, 1e-3, 1e-3)
    pixels = pixels_of("EPSG:4326", transform, (400, 500))
    for month in (1, 7):
        write(folder / f"{month}.tif", pixels // month, crs="EPSG:4326", transform=transform)
    return f"{folder}/{{month}}.tif"


def test_a_tile_shows_its_place_and_says_what_it_is(server):
    place = TilePlace("r-1", LAT, LON)
    ((key, tile),) = cutter(server.url).tiles([place])
    assert key == "r-1"
    view = View(PX, GSD_M)
    seen = decode_image(tile.jpeg, "tile").astype(float)
    assert np.abs(seen - expected(lat=LAT, lon=LON, view=view)).mean() < 3.0
    assert (tile.gsd_m, tile.licence, tile.date) == (GSD_M, "CC0-1.0", "")
    assert tile.provider.startswith("xyz:")
    assert Image.open(io.BytesIO(tile.jpeg)).format == "JPEG"


@given(order=st.permutations(PLACES))
@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_tile_depends_on_its_place_and_month_alone(seasons, order):
    each = {p.key: dict(TileCutter(seasons, PX, 120.0).tiles([p]))[p.key] for p in PLACES}
    for key, tile in TileCutter(seasons, PX, 120.0).tiles(order):
        if isinstance(tile, Tile):
            assert tile == each[key]


def test_the_season_is_that_of_the_recording(seasons):
    found = dict(TileCutter(seasons, PX, 120.0).tiles(PLACES))
    winter, summer = (decode_image(found[key].jpeg, key).mean() for key in ("r-1", "r-2"))
    assert winter > 4 * summer
    assert found["r-0"].reason == "no month, by which the imagery is chosen"
    assert not found["r-0"].may_pass


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning:odc.geo")
@pytest.mark.filterwarnings(r"ignore:The 'shapely.ops:DeprecationWarning:odc.geo")
def test_a_composite_says_which_season_it_shows(tmp_path, monkeypatch):
    # Libraries change the filters of warnings for a moment, which threads do to one another.
    monkeypatch.setattr("psm.imagery.stac.ThreadPoolExecutor", lambda _: ThreadPoolExecutor(1))
    catalogue = write_catalogue(tmp_path, [Scene("a")])
    satellite = TileCutter(f"stac:{catalogue}", PX, GSD_M, {"years": (2022,)})
    found = dict(satellite.tiles([TilePlace("r-1", LAT, LON, 7), TilePlace("r-2", LAT, LON, 12)]))
    assert found["r-1"].date == "2022; months 6, 7, 8"
    assert found["r-1"].provider == "stac:sentinel-2-l2a"
    assert found["r-2"].reason == "no data in the imagery"
    assert "Copernicus Sentinel" in satellite.credit()[0]


def test_what_cannot_be_had_says_why_and_whether_to_ask_again(server):
    server.misbehave = lambda handler, *_: handler.answer(503)
    far = TilePlace("pole", 89.0, 0.0)
    found = dict(cutter(server.url, timeout_s=1.0).tiles([PLACES[0], far]))
    assert isinstance(found["r-0"], NoTile)
    assert (found["r-0"].reason, found["r-0"].may_pass) == ("not answered", True)
    assert "HTTP 503" in found["r-0"].detail
    assert (found["pole"].reason, found["pole"].may_pass) == ("outside of the imagery", False)
    server.misbehave = None
    assert isinstance(dict(cutter(server.url).tiles(PLACES))["r-0"], Tile)


def test_a_wrong_key_ends_the_job(server):
    server.misbehave = lambda handler, *_: handler.answer(401)
    with pytest.raises(ConfigError, match="is the key right"):
        list(cutter(server.url).tiles(PLACES))


def test_a_tile_is_cut_once_for_all_that_was_recorded_at_its_place(server, monkeypatch):
    asked = []
    read = MapTiles.read

    def counting(self, *, lat, lon, view):
        asked.extend(zip(lat.tolist(), lon.tolist(), strict=True))
        return read(self, lat=lat, lon=lon, view=view)

    monkeypatch.setattr(MapTiles, "read", counting)
    recordings = [TilePlace(f"r-{n}", LAT + 0.01 * (n % 2), LON, n % 12 + 1) for n in range(40)]
    found = dict(cutter(server.url).tiles(recordings))
    assert sorted(asked) == [(LAT, LON), (LAT + 0.01, LON)]
    assert set(found) == {place.key for place in recordings}
    assert found["r-0"] == found["r-2"] != found["r-1"]


def test_months_without_a_file_are_refused_and_the_others_are_cut(seasons):
    found = dict(TileCutter(seasons, PX, 120.0).tiles(
        [TilePlace("winter", LAT, LON, 1), TilePlace("spring", LAT, LON, 4)]
    ))  # fmt: skip
    assert isinstance(found["winter"], Tile)
    assert found["spring"].reason == "no imagery of its month"
    assert found["spring"].detail.endswith("4.tif: no such imagery")


def test_files_may_begin_with_any_month(seasons, tmp_path):
    shutil.copy(seasons.replace("{month}", "7"), tmp_path / "9.tif")
    assert TileCutter(f"{tmp_path}/{{month}}.tif", PX, 120.0).provider.settings["files"] == 1
    with pytest.raises(MissingData, match=r"none-1\.tif: no such imagery"):
        _ = TileCutter(f"{tmp_path}/none-{{month}}.tif", PX, 120.0).provider


def test_tiles_of_remote_files_are_kept(seasons, tmp_path, monkeypatch):
    monkeypatch.setenv("PSM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("psm.imagery.opening.is_remote", lambda _: True)
    places = [TilePlace("r-1", LAT, LON, 1), TilePlace("pole", 89.0, LON, 1)]
    first = dict(TileCutter(seasons, PX, 120.0).tiles(places))
    assert len(list((tmp_path / "cache" / "cuts").rglob("*.tile"))) == 1
    asked = []
    read = Rasters.read

    def counting(self, *, lat, lon, view):
        asked.extend(lat.tolist())
        return read(self, lat=lat, lon=lon, view=view)

    monkeypatch.setattr(Rasters, "read", counting)
    assert dict(TileCutter(seasons, PX, 120.0).tiles(places)) == first
    assert asked == [89.0]  # what nobody had is asked for again
    other = dict(TileCutter(seasons, PX, 130.0).tiles(places[:1]))
    assert other["r-1"] != first["r-1"]


def test_tiles_of_files_of_this_machine_are_cut_anew(seasons, tmp_path, monkeypatch):
    monkeypatch.setenv("PSM_CACHE", str(tmp_path / "cache"))
    list(TileCutter(seasons, PX, 120.0).tiles([TilePlace("r-1", LAT, LON, 1)]))
    assert not (tmp_path / "cache" / "cuts").exists()
