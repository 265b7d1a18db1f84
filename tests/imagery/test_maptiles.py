"""Views from a tile server that answers well, and that does not."""

from __future__ import annotations

import io
import logging
import pickle
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from psm.errors import BulkDownload, ConfigError
from psm.imagery import NoImagery, Picture, Provider, Reason, View, open_imagery
from psm.imagery.maptiles import MapTiles
from psm.imagery.tileurl import tile_service
from tests.imagery.scene import LAT, LON, expected, look
from tests.imagery.tileserver import Handler, Server

VIEW = View(32, 50.0)


def tiles(server: Server, **options: Any) -> MapTiles:
    return MapTiles(server.url, **{"rate": 1000.0, "timeout_s": 2.0} | options)


def plain(grey: int, size: int = 256) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), (grey, grey, grey)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("gsd", [20.0, 50.0, 83.0])
def test_a_view_has_true_metres_and_the_zoom_that_is_sharp_enough(
    server: Server, gsd: float
) -> None:
    provider = tiles(server)
    assert isinstance(provider, Provider)
    view = View(32, gsd)
    seen = look(provider, view)
    assert isinstance(seen, Picture)
    assert np.abs(seen.pixels - expected(lat=LAT, lon=LON, view=view)).max() < 4
    (zoom,) = {z for z, _, _ in server.count}
    pixel = 40_075_017 * np.cos(np.radians(LAT)) / 256 / 2**zoom
    assert pixel <= gsd * 1.03 < 2 * pixel * 1.04


def test_zoom_depends_on_latitude_and_ends_at_the_last_one(server: Server) -> None:
    server.draw = lambda *_: plain(90)
    look(tiles(server), VIEW, lat=0.0)
    look(tiles(server), VIEW, lat=66.0)
    assert {z for z, _, _ in server.count} == {12, 11}
    server.count.clear()
    assert isinstance(look(tiles(server, max_zoom=10), VIEW), Picture)
    assert {z for z, _, _ in server.count} == {10}
    coarse = look(tiles(server, max_zoom=8), VIEW)
    assert coarse.reason is Reason.NO_DATA
    assert "times those of the view" in coarse.detail
    fine = look(tiles(server, min_zoom=17), VIEW)
    assert fine.reason is Reason.NO_DATA
    assert "far finer" in fine.detail


def test_each_tile_is_asked_for_once_and_kept(server: Server, cache: Path) -> None:
    lat = LAT + np.linspace(-0.005, 0.005, 12)
    provider = tiles(server)
    first = list(provider.read(lat=lat, lon=np.full(12, LON), view=VIEW))
    assert set(server.count.values()) == {1}
    travelled = pickle.loads(pickle.dumps(provider))
    again = list(travelled.read(lat=lat, lon=np.full(12, LON), view=VIEW))
    assert set(server.count.values()) == {1}
    assert all((a.pixels == b.pixels).all() for a, b in zip(first, again, strict=True))
    kept = list(cache.glob("tiles/127.0.0.1-*/*/*/*.tile"))
    assert len(kept) == len(server.count)
    assert server.asked[0][2].startswith("psm/")


def test_the_cache_stays_small(server: Server, cache: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG", compress_level=0)
    server.draw = lambda *_: buffer.getvalue()
    lat = LAT + np.linspace(-0.3, 0.3, 20)
    list(tiles(server, cache_mb=1).read(lat=lat, lon=np.full(20, LON), view=VIEW))
    kept = [path.stat().st_size for path in cache.glob("tiles/*/*/*/*.tile")]
    assert len(server.count) > 10
    assert 0 < sum(kept) <= 1_000_000


def test_a_missing_tile_is_no_data_and_is_remembered(server: Server) -> None:
    server.misbehave = lambda handler, *_: handler.answer(404)
    for _ in range(2):
        seen = look(tiles(server), VIEW)
        assert seen == NoImagery(Reason.NO_DATA, "127.0.0.1 has no tiles here")
    assert set(server.count.values()) == {1}


def test_transparent_is_missing(server: Server) -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (256, 256), (9, 9, 9, 0)).save(buffer, "PNG")
    server.draw = lambda *_: buffer.getvalue()
    assert look(tiles(server), VIEW).reason is Reason.NO_DATA


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_again(server: Server, status: int) -> None:
    server.misbehave = lambda handler, *tile: (
        server.count[tile] < 3 and handler.answer(status, b"x")
    )
    assert isinstance(look(tiles(server), VIEW), Picture)
    assert set(server.count.values()) == {3}


def test_a_lasting_failure_is_a_reason_and_the_others_go_on(server: Server) -> None:
    middle = (LON + 0.5 + 180.0) / 360.0

    def west_fails(handler: Handler, z: int, x: int, _: int) -> bool:
        return (x + 0.5) / 2**z < middle and handler.answer(500)

    server.misbehave = west_fails
    lon = np.asarray([LON, LON, LON + 1.0])
    seen = list(tiles(server).read(lat=np.full(3, LAT), lon=lon, view=VIEW))
    assert [getattr(one, "reason", None) for one in seen] == [Reason.FAILED, Reason.FAILED, None]
    assert seen[0].reason.is_passing
    assert "HTTP 500" in seen[0].detail
    west = [count for (z, x, _), count in server.count.items() if (x + 0.5) / 2**z < middle]
    assert set(west) == {5}  # not anew for the second place
    server.misbehave = None
    assert isinstance(look(tiles(server), VIEW), Picture)


def test_a_server_that_is_gone_is_soon_asked_only_once_a_tile(server: Server) -> None:
    server.misbehave = lambda handler, *_: handler.answer(503)
    lat = LAT + np.linspace(-1.0, 1.0, 60)
    seen = list(tiles(server).read(lat=lat, lon=np.full(60, LON), view=VIEW))
    assert {one.reason for one in seen} == {Reason.FAILED}
    assert sorted(server.count.values())[0] == 1


def test_retry_after_is_obeyed_by_all(server: Server) -> None:
    server.misbehave = lambda handler, *_: (
        len(server.asked) == 1 and handler.answer(429, Retry_After="1")
    )
    assert isinstance(look(tiles(server, parallel=1), VIEW), Picture)
    times = [when for when, _, _ in server.asked]
    assert times[1] - times[0] >= 0.99


def test_a_very_long_retry_after_is_not_waited_for(server: Server) -> None:
    server.misbehave = lambda handler, *_: handler.answer(429, Retry_After="3600")
    start = time.monotonic()
    seen = look(tiles(server), VIEW)
    assert seen.reason is Reason.FAILED
    assert "ask again in 3600 s" in seen.detail
    assert time.monotonic() - start < 1.0


def test_a_slow_server_fails(server: Server) -> None:
    def sleep(handler: Handler, *_: int) -> bool:
        time.sleep(0.3)
        return handler.answer(200, plain(3))

    server.misbehave = sleep
    seen = look(tiles(server, timeout_s=0.05), VIEW)
    assert seen.reason is Reason.FAILED
    assert seen.detail.endswith("ReadTimeout")


def test_half_an_answer_fails(server: Server) -> None:
    def truncate(handler: Handler, *_: int) -> bool:
        body = plain(3)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])
        handler.close_connection = True
        return True

    server.misbehave = truncate
    seen = look(tiles(server), VIEW)
    assert seen.reason is Reason.FAILED
    assert "RemoteProtocolError" in seen.detail


@pytest.mark.parametrize("body", [b"<html>busy</html>", plain(3)[:300]])
def test_what_is_no_image_is_unreadable_and_not_kept(
    server: Server, cache: Path, body: bytes
) -> None:
    server.misbehave = lambda handler, *_: handler.answer(200, body)
    seen = look(tiles(server), VIEW)
    assert seen.reason is Reason.UNREADABLE
    assert "is not an image" in seen.detail
    assert not list(cache.glob("tiles/**/*.tile"))


def test_no_server_at_all_fails() -> None:
    seen = look(MapTiles("http://127.0.0.1:9/{z}/{x}/{y}.png", rate=1000.0), VIEW)
    assert seen.reason is Reason.FAILED
    assert "ConnectError" in seen.detail


def test_requests_are_paced(server: Server) -> None:
    server.draw = lambda *_: plain(3)
    lat = LAT + np.linspace(-0.2, 0.2, 8)
    list(tiles(server, rate=20.0).read(lat=lat, lon=np.full(8, LON), view=VIEW))
    times = sorted(when for when, _, _ in server.asked)
    assert len(times) >= 8
    assert times[-1] - times[0] >= (len(times) - 1) / 20.0 - 0.1


def test_the_antimeridian_and_the_end_of_the_tiles(server: Server) -> None:
    server.draw = lambda z, x, _: plain(40 if x >= 2 ** (z - 1) else 80)
    for lon in (180.0, -180.0, 179.999):
        pixels = look(tiles(server), VIEW, lat=10.0, lon=lon).pixels
        assert (pixels[:, :14] == 40).all()
        assert (pixels[:, -12:] == 80).all()
    for lat in (86.0, -89.0, 90.0):
        assert look(tiles(server), VIEW, lat=lat).reason is Reason.OUTSIDE
    assert look(tiles(server), VIEW, lat=85.05).reason is Reason.NO_DATA


def test_larger_tiles(server: Server) -> None:
    server.draw = lambda *_: plain(3, 512)
    assert (look(tiles(server, tile_px=512), VIEW).pixels == 3).all()
    assert {z for z, _, _ in server.count} == {11}


def test_keys_are_nowhere(
    server: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    server.misbehave = lambda handler, *_: handler.answer(403)
    monkeypatch.setenv("PSM_XYZ_KEY", "hush/1")
    for url in ("?token={key}", "?style=a&api_key=hush/1"):
        provider = MapTiles(server.url + url, rate=1000.0)
        seen = look(provider, VIEW)
        assert seen.reason is Reason.FAILED
        assert "HTTP 403" in seen.detail
        told = f"{seen} {provider.settings} {provider.service} {provider.name} {caplog.text}"
        assert "hush" not in told
    assert "token=hush%2F1" in server.asked[0][1]
    assert provider.settings["template"].endswith("?style=a&api_key=-")
    server.misbehave = lambda handler, *_: handler.answer(401)
    with pytest.raises(ConfigError, match="is the key right") as refusal:
        look(provider, VIEW)
    assert "hush" not in str(refusal.value)


def test_names_of_xyzservices() -> None:
    with pytest.warns(BulkDownload, match=r"operations\.osmfoundation\.org"):
        provider = open_imagery("xyz:OpenStreetMap.Mapnik")
    assert provider.attribution == "(C) OpenStreetMap contributors"
    assert "OpenStreetMap" in str(provider.settings["template"]) or "openstreetmap" in str(
        provider.settings["template"]
    )
    with pytest.raises(ConfigError, match="needs a key of yours: set \\$PSM_XYZ_KEY"):
        open_imagery("xyz:MapBox")
    mapbox = open_imagery("xyz:MapBox", key="hush")
    assert isinstance(mapbox, MapTiles)
    assert mapbox.tile_px == 512
    assert mapbox.service.url(3, 1, 2).endswith("/tiles/3/1/2?access_token=hush")
    assert "hush" not in f"{mapbox.settings}{mapbox.service}"
    with pytest.raises(ConfigError, match="do you mean OpenStreetMap"):
        open_imagery("xyz:Mapnik")
    with pytest.raises(ConfigError, match="is no name of xyzservices, nor a URL"):
        open_imagery("xyz:nowhere at all")


def test_templates() -> None:
    def url(text: str, **how: Any) -> str:
        return tile_service(text, **how).url(3, 1, 2)

    assert url("https://{s}.a.org/{z}/{x}/{-y}{r}.png") == "https://a.a.org/3/1/5.png"
    assert url("https://a.org/{q}.jpg") == "https://a.org/021.jpg"
    assert url("https://a.org/{month:02d}/{z}/{x}/{y}", month=4) == "https://a.org/04/3/1/2"
    assert url("https://a.org/{t}/{z}/{x}/{y}", values={"t": "2020-06"}) == (
        "https://a.org/2020-06/3/1/2"
    )
    assert (
        url("https://a.org/w/{TileMatrix}/{TileRow}/{TileCol}.png") == "https://a.org/w/3/2/1.png"
    )
    query = url("https://a.org/wmts?SERVICE=WMTS&LAYER=ortho&TILEMATRIXSET=GoogleMapsCompatible")
    assert query.startswith("https://a.org/wmts?SERVICE=WMTS&LAYER=ortho&")
    assert "TILEMATRIX=3&TILEROW=2&TILECOL=1" in query
    for text, problem in (
        ("https://a.org/{month}/{z}/{x}/{y}", "give a month"),
        ("https://a.org/{z}/{x}", "the URL has no {y}"),
        ("https://a.org/{time}/{z}/{x}/{y}", "{time} is open"),
        ("https://a.org/wmts?SERVICE=WMTS", "LAYER"),
        ("https://a.org/w?SERVICE=WMTS&LAYER=a&TILEMATRIXSET=EPSG:4326", "not Web Mercator"),
    ):
        with pytest.raises(ConfigError) as refusal:
            tile_service(text)
        assert problem in str(refusal.value)
