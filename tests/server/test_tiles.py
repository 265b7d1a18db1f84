"""Tiles: the right colour at the right place, remembered by browsers as long as it is right."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from rasterio.transform import Affine
from starlette.testclient import TestClient

from psm.mapping import Cells, Frame
from psm.server.rendering import all_colours, png, webp
from psm.server.tiling import CellFinder

WORLD = "/api/v1/stores/world"
TILES = f"{WORLD}/tiles/probability"


def _pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))


def _pixel(lat: float, lon: float, z: int) -> tuple[int, int, int, int]:
    """x and y of the tile, row and column in it."""
    across = (lon + 180.0) / 360.0 * 2**z
    down = (1.0 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2.0 * 2**z
    return int(across), int(down), int(down % 1 * 256), int(across % 1 * 256)


@pytest.mark.parametrize("form", ["png", "webp"])
def test_pictures_hold_their_levels(form: str) -> None:
    levels = np.arange(256, dtype=np.uint8).repeat(16).reshape(64, 64)
    colours = all_colours()["viridis"]
    content = (png if form == "png" else webp)(levels, colours.table)
    pixels = _pixels(content)
    assert ((pixels[..., 3] > 0) == (levels > 0)).all()
    assert (pixels[levels > 0][:, :3] == colours.table[levels[levels > 0]]).all()
    plain = _pixels((png if form == "png" else webp)(levels, None))
    assert (plain[..., :3] == levels[..., None]).all()


@pytest.mark.parametrize("form", ["png", "webp"])
@pytest.mark.parametrize("layer", ["probability", "uncertainty"])
def test_levels_are_numbers(client: TestClient, layer: str, form: str) -> None:
    question = {"text": "frogs", "month": 5, "hour": 4}
    low, high = client.get(f"{WORLD}/answer", params=question).json()["range"][layer]
    value = client.get(f"{WORLD}/value", params=question | {"lat": 45.0, "lon": 15.0}).json()
    x, y, row, column = _pixel(45.0, 15.0, 6)
    tile = client.get(
        f"{WORLD}/tiles/{layer}/6/{x}/{y}.{form}", params=question | {"colours": "none"}
    )
    red, green, blue, alpha = (int(part) for part in _pixels(tile.content)[row, column])
    assert red == green == blue
    assert alpha == 255
    assert low + (red - 1) / 254 * (high - low) == pytest.approx(
        min(high, max(low, value[layer])), abs=0.02 * (high - low)
    )
    sea = _pixel(-48.0, -130.0, 3)
    tile = client.get(
        f"{WORLD}/tiles/{layer}/3/{sea[0]}/{sea[1]}.{form}", params=question | {"colours": "none"}
    )
    assert not _pixels(tile.content)[..., :3].any()
    coloured = client.get(f"{WORLD}/tiles/{layer}/3/{sea[0]}/{sea[1]}.{form}", params=question)
    assert coloured.headers["etag"] != tile.headers["etag"]


@pytest.mark.parametrize(("z", "lat", "lon"), [(0, 45.0, 15.0), (2, 45.0, 15.0), (6, -5.0, -65.0)])
def test_a_tile_shows_the_value_of_its_cells(
    client: TestClient, z: int, lat: float, lon: float
) -> None:
    # In the middle of a cell, where smoothing changes nothing.
    question = {"text": "frogs", "month": 5, "hour": 4}
    value = client.get(f"{WORLD}/value", params=question | {"lat": lat, "lon": lon}).json()
    x, y, row, column = _pixel(lat, lon, z)
    look = {"min": 0.0, "max": 0.002, "colours": "viridis"}
    tile = client.get(f"{TILES}/{z}/{x}/{y}.png", params=question | look)
    level = 1 + 254 * min(1.0, value["probability"] / 0.002)
    table = all_colours()["viridis"].table.astype(int)
    expected = table[max(1, round(level) - 12) : round(level) + 13]
    seen = _pixels(tile.content)[row, column]
    assert seen[3] == 255
    assert np.abs(expected - seen[:3]).sum(-1).min() <= 3


def test_the_sea_is_transparent(client: TestClient) -> None:
    x, y, _row, _column = _pixel(-48.0, -130.0, 3)
    tile = client.get(f"{TILES}/3/{x}/{y}.png", params={"text": "frogs"})
    assert tile.status_code == 200
    assert (_pixels(tile.content)[..., 3] == 0).all()


def test_etag_and_304(client: TestClient) -> None:
    params = {"text": "frogs", "month": 5, "min": 0, "max": 1}
    first = client.get(f"{TILES}/1/0/0.png", params=params)
    etag = first.headers["etag"]
    assert "max-age" in first.headers["cache-control"]
    again = client.get(f"{TILES}/1/0/0.png", params=params, headers={"If-None-Match": etag})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == etag
    for change in ({"month": 6}, {"max": 0.5}, {"colours": "viridis"}, {"text": "toads"}):
        other = client.get(
            f"{TILES}/1/0/0.png", params=params | change, headers={"If-None-Match": etag}
        )
        assert other.status_code == 200
        assert other.headers["etag"] != etag
    elsewhere = client.get(f"{TILES}/1/0/1.png", params=params)
    assert elsewhere.headers["etag"] != etag
    layer = client.get(f"{WORLD}/tiles/uncertainty/1/0/0.png", params=params)
    assert layer.headers["etag"] != etag


@pytest.mark.parametrize(
    "path",
    ["23/0/0.png", "1/2/0.png", "1/0/2.png", "1/-1/0.png", "1/0/0.gif", "1/a/0.png"],
)
def test_tiles_that_cannot_be(client: TestClient, path: str) -> None:
    found = client.get(f"{TILES}/{path}", params={"text": "frogs"})
    assert found.status_code == 422
    assert found.headers["content-type"] == "application/problem+json"


def test_a_range_needs_its_ends_in_order(client: TestClient) -> None:
    params = {"text": "frogs", "min": 1, "max": 0}
    assert client.get(f"{TILES}/0/0/0.png", params=params).status_code == 422
    assert client.get(f"{WORLD}/legend.png", params={"min": 2}).status_code == 422
    assert client.get(f"{WORLD}/legend.png", params={"colours": "none"}).status_code == 422


def test_legend(client: TestClient) -> None:
    found = client.get(f"{WORLD}/legend.png", params={"layer": "uncertainty", "max": 0.25})
    assert Image.open(io.BytesIO(found.content)).size == (320, 56)


def test_base_map_shows_land_and_sea(client: TestClient) -> None:
    (x, y, row, column), sea = _pixel(25.0, 15.0, 3), _pixel(0.0, -130.0, 3)
    sahara = _pixels(client.get(f"/base/3/{x}/{y}.webp").content)[row, column].astype(int)
    ocean = _pixels(client.get(f"/base/3/{sea[0]}/{sea[1]}.webp").content)[sea[2], sea[3]]
    assert sahara[0] > sahara[2] + 20
    assert int(ocean[2]) > int(ocean[0])
    etag = client.get("/base/0/0/0.webp").headers["etag"]
    assert client.get("/base/0/0/0.webp", headers={"If-None-Match": etag}).status_code == 304
    assert client.get("/base/6/0/0.webp").status_code == 422


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:32633"])
def test_cells_of_any_system_are_found(crs: str) -> None:
    west, north = (1_800_000.0, 6_200_000.0) if crs == "EPSG:3857" else (590_000.0, 5_350_000.0)
    frame = Frame(crs, Affine(5000.0, 0.0, west, 0.0, -5000.0, north), (20, 30))
    rows, columns = (at.ravel() for at in np.indices(frame.shape))
    finder = CellFinder(Cells(frame, rows, columns), np.arange(600) != 7)
    cells = Cells(frame, rows, columns)
    for number in (0, 8, 333, 599):
        lat, lon = float(cells.lat[number]), float(cells.lon[number])
        assert finder.at(lat=lat, lon=lon) == number
        x, y, row, column = _pixel(lat, lon, 12)
        levels = finder.tile(12, x, y).levels(np.arange(600, dtype=np.float32), 0.0, 599.0)
        assert levels[row, column] == round(1 + 254 * number / 599)
    assert finder.at(lat=float(cells.lat[7]), lon=float(cells.lon[7])) == -1
    assert not finder.tile(12, 0, 0).levels(np.zeros(600, np.float32), 0.0, 1.0).any()


def test_frames_across_the_antimeridian_are_found() -> None:
    frame = Frame("EPSG:4326", Affine(1.0, 0.0, 170.0, 0.0, -1.0, 10.0), (20, 20))
    rows, columns = (at.ravel() for at in np.indices(frame.shape))
    finder = CellFinder(Cells(frame, rows, columns), np.ones(400, bool))
    x, y, row, column = _pixel(0.5, -175.5, 4)
    levels = finder.tile(4, x, y).levels(np.arange(400, dtype=np.float32), 0.0, 399.0)
    assert levels[row, column] == round(1 + 254 * (9 * 20 + 14) / 399)
