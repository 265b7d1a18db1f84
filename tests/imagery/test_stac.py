"""Cloud-free seasons from a static catalogue of scenes that the tests write."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import numpy as np
import pytest

from psm.errors import ConfigError, MissingData
from psm.imagery import NoImagery, Picture, Provider, Reason, View, open_imagery
from psm.imagery.scenes import SceneCatalogue
from psm.imagery.stac import Stac
from tests.imagery.scene import LAT, LON, expected, look
from tests.imagery.scenes import Scene, write_catalogue

# odc-geo 0.5 multiplies transforms and moves shapes as affine 2 and shapely 2.0 want it.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning:odc.geo"),
    pytest.mark.filterwarnings(r"ignore:The 'shapely.ops:DeprecationWarning:odc.geo"),
]

VIEW = View(32, 50.0)
NEW = {"s2:processing_baseline": "05.00"}
ALL, LEFT = (slice(None), slice(None)), (slice(None), slice(None, 200))


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    # Libraries change the filters of warnings for a moment, which threads do to one another.
    monkeypatch.setattr("psm.imagery.stac.ThreadPoolExecutor", lambda _: ThreadPoolExecutor(1))


def stac(folder: Path, *scenes: Scene, **options: Any) -> Stac:
    return Stac(str(write_catalogue(folder, scenes)), **options)


def difference(seen: Any, *, view: View = VIEW) -> float:
    assert isinstance(seen, Picture), seen
    return float(np.abs(seen.pixels - expected(lat=LAT, lon=LON, view=view)).max())


@pytest.mark.parametrize("crs", ["EPSG:32632", "EPSG:32633"])
@pytest.mark.parametrize("gsd", [10.0, 50.0])
def test_a_scene_is_seen_as_it_is(tmp_path: Path, crs: str, gsd: float) -> None:
    provider = stac(tmp_path, Scene("a", crs=crs))
    assert isinstance(provider, Provider)
    view = View(32, gsd)
    assert difference(look(provider, view), view=view) < 4


def test_scenes_of_two_baselines_are_one_scale(tmp_path: Path) -> None:
    old, new = Scene("old"), Scene("new", "2022-07-09", added=1000, properties=NEW)
    for scenes in ((old,), (new,), (old, new)):
        provider = stac(tmp_path / str(len(scenes)) / scenes[0].name, *scenes)
        assert difference(look(provider, VIEW)) < 4
        assert provider.used == {s.name: -s.added for s in scenes}


@pytest.mark.parametrize(
    ("properties", "bands", "added"),
    [
        ({**NEW, "earthsearch:boa_offset_applied": True}, {"scale": 1e-4, "offset": -0.1}, 0),
        ({**NEW, "earthsearch:boa_offset_applied": False}, {"scale": 1e-4, "offset": -0.1}, 1000),
        ({"earthsearch:boa_offset_applied": False, "s2:processing_baseline": "02.14"}, None, 0),
        ({}, {"scale": 1e-4, "offset": -0.1}, 1000),
        ({}, {"scale": 1e-4, "offset": 0}, 0),
        ({"processing:version": "05.10"}, None, 1000),
    ],
)
def test_the_offset_is_read_and_applied_once(
    tmp_path: Path, properties: dict[str, Any], bands: dict[str, Any] | None, added: int
) -> None:
    scene = Scene("a", added=added, properties=properties, raster_bands=bands)
    assert difference(look(stac(tmp_path, scene), VIEW)) < 4


def test_an_unknown_baseline_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    provider = stac(tmp_path, Scene("a", added=1000, properties={}))
    with pytest.raises(ConfigError, match="scene a states no processing baseline"):
        look(provider, VIEW)
    told = Stac(str(tmp_path / "catalog.json"), offset=-1000)
    assert difference(look(told, VIEW)) < 4
    assert told.settings["offset"] == -1000


def test_clouds_are_taken_out_scene_by_scene(tmp_path: Path) -> None:
    right = (slice(None), slice(220, None))
    provider = stac(tmp_path, Scene("a", cloudy=LEFT), Scene("b", "2022-07-05", cloudy=right))
    assert difference(look(provider, VIEW)) < 4


def test_only_clouds_are_a_reason(tmp_path: Path) -> None:
    provider = stac(tmp_path, Scene("a", cloudy=ALL), Scene("b", "2022-07-05", cloudy=LEFT))
    seen = look(provider, VIEW)
    assert seen.reason is Reason.CLOUD
    assert "is missing" in seen.detail


def test_the_median_is_that_of_the_clear_scenes(tmp_path: Path) -> None:
    greys = (40, 90, 200, 230, 250)
    scenes = [
        Scene(f"s{grey}", f"2022-07-{i + 1:02d}", grey=grey, cloudy=ALL if grey == 40 else None)
        for i, grey in enumerate(greys)
    ]
    assert np.unique(look(stac(tmp_path, *scenes), VIEW).pixels).tolist() == [215]


def test_the_season_is_that_of_the_month(tmp_path: Path) -> None:
    days = {"2021-12-20": 20, "2022-02-10": 60, "2022-05-10": 120, "2022-12-20": 240}
    catalogue = write_catalogue(tmp_path, [Scene(f"s{g}", day, grey=g) for day, g in days.items()])

    def grey(**options: Any) -> Any:
        seen = look(Stac(str(catalogue), years=[2022], **options), VIEW)
        return seen.reason if isinstance(seen, NoImagery) else int(np.unique(seen.pixels).item())

    assert grey(month=1) == 40
    assert grey(month=2) == 60
    assert grey(month=4) == 120
    assert grey(month=12) == 240
    assert grey(month=8) is Reason.NO_DATA
    assert grey() == 120  # the whole year


def test_the_least_cloudy_scenes_are_taken(tmp_path: Path) -> None:
    def scene(grey: int, cover: float) -> Scene:
        properties = {"eo:cloud_cover": cover, "s2:processing_baseline": "02.00"}
        return Scene(f"s{grey}", f"2022-07-{grey % 28 + 1:02d}", grey=grey, properties=properties)

    path = str(write_catalogue(tmp_path, [scene(50, 1), scene(100, 30), scene(200, 90)]))
    assert np.unique(look(Stac(path, scenes=1), VIEW).pixels) == [50]
    assert np.unique(look(Stac(path), VIEW).pixels) == [75]
    assert np.unique(look(Stac(path, max_cloud=100), VIEW).pixels) == [100]


def test_scenes_are_searched_once_for_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = stac(tmp_path, Scene("a"))
    asked = []
    search = SceneCatalogue.scenes
    monkeypatch.setattr(
        SceneCatalogue, "scenes", lambda self, *what: asked.append(what) or search(self, *what)
    )
    rng = np.random.default_rng(1)
    lat, lon = LAT + rng.uniform(-0.01, 0.01, 30), LON + rng.uniform(-0.01, 0.01, 30)
    together = list(provider.read(lat=lat, lon=lon, view=View(16, 20.0)))
    assert len(asked) <= 4
    assert all(isinstance(one, Picture) for one in together)
    travelled = pickle.loads(pickle.dumps(provider))
    alone = look(travelled, View(16, 20.0), lat=lat[7], lon=lon[7])
    assert (alone.pixels == together[7].pixels).all()


def test_across_the_antimeridian(tmp_path: Path) -> None:
    scenes = [
        Scene("west", crs="EPSG:32660", grey=40, lat=10.0, lon=179.995, size=300),
        Scene("east", crs="EPSG:32601", grey=40, lat=10.0, lon=-179.995, size=300),
    ]
    provider = stac(tmp_path, *scenes)
    for lon in (179.999, -179.999):
        assert np.unique(look(provider, VIEW, lat=10.0, lon=lon).pixels) == [40]


def test_nothing_there(tmp_path: Path) -> None:
    provider = stac(tmp_path, Scene("a"))
    assert look(provider, VIEW, lat=86.0).reason is Reason.OUTSIDE
    assert look(provider, VIEW, lat=10.0).reason is Reason.NO_DATA
    coarse = look(provider, View(16, 1.0))
    assert coarse.reason is Reason.NO_DATA
    (tmp_path / "a" / "green.tif").write_bytes(b"II*\0")
    fresh = Stac(str(tmp_path / "catalog.json"))
    seen = look(fresh, VIEW)
    assert seen.reason is Reason.UNREADABLE
    assert seen.detail.startswith("scene a cannot be read")


def test_an_item_collection_is_a_catalogue_too(tmp_path: Path) -> None:
    path = write_catalogue(tmp_path, [Scene("a")], as_items=True)
    provider = open_imagery(f"stac:{path}", month=7, years="2021-2022")
    assert difference(look(provider, VIEW)) < 4
    assert provider.settings["years"] == [2021, 2022]
    assert provider.settings["month"] == 7


def test_what_is_no_catalogue_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(MissingData, match=r"x\.json is not a STAC catalogue"):
        Stac(str(tmp_path / "x.json"))
    with pytest.raises(MissingData, match="no such catalogue"):
        Stac(str(tmp_path / "y.json"))
    with pytest.raises(MissingData, match=r"127\.0\.0\.1 does not answer as a STAC API"):
        Stac("http://127.0.0.1:9/v1")
    path = str(write_catalogue(tmp_path, [Scene("a")]))
    for options, problem in (
        ({"years": "soon"}, "years 'soon'"),
        ({"scenes": 0}, "scenes"),
        ({"sign": "me"}, "planetary-computer"),
        ({"scale": "1"}, "scale '1'"),
    ):
        with pytest.raises(ConfigError, match=problem):
            Stac(path, **options)  # type: ignore[arg-type]


def test_settings_are_of_the_scenes(tmp_path: Path) -> None:
    first = stac(tmp_path / "a", Scene("a")).settings
    assert stac(tmp_path / "b", Scene("a")).settings == first
    assert stac(tmp_path / "c", Scene("a"), Scene("b")).settings != first
    assert stac(tmp_path / "d", Scene("a", properties=NEW)).settings != first


class Api(BaseHTTPRequestHandler):
    """A STAC API with one collection, two items a page, of the catalogue in a folder."""

    protocol_version = "HTTP/1.1"
    folder: ClassVar[Path] = Path()
    queries: ClassVar[list[dict[str, str]]] = []
    is_busy: ClassVar[bool] = False

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        root = f"http://127.0.0.1:{self.server.server_address[1]}"
        about = {"id": "api", "stac_version": "1.0.0", "description": "of the tests"}
        told: dict[str, Any] | None = None
        if path == "/":
            spec = "https://api.stacspec.org/v1.0.0"
            told = about | {
                "type": "Catalog",
                "conformsTo": [f"{spec}/core", f"{spec}/item-search", f"{spec}/collections"],
                "links": [
                    {"rel": "self", "href": root},
                    {"rel": "root", "href": root},
                    {"rel": "data", "href": f"{root}/collections"},
                    {"rel": "search", "href": f"{root}/search", "type": "application/geo+json"},
                ],
            }
        elif path == "/collections/sentinel-2-l2a":
            told = about | {
                "type": "Collection", "id": "sentinel-2-l2a", "license": "proprietary",
                "providers": [{"name": "ESA"}], "links": [],
                "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]},
                           "temporal": {"interval": [["2015-01-01T00:00:00Z", None]]}},
            }  # fmt: skip
        elif path == "/search" and not self.is_busy:
            asked = dict(parse_qsl(query))
            self.queries.append(asked)
            start, end = asked["datetime"].split("/")
            west, south, east, north = map(float, asked["bbox"].split(","))
            found = [
                item
                for path in sorted(self.folder.glob("*/*.json"))
                for item in [json.loads(path.read_text()) | {"links": []}]
                if start <= item["properties"]["datetime"] <= end
                and item["bbox"][0] <= east and item["bbox"][2] >= west
                and item["bbox"][1] <= north and item["bbox"][3] >= south
            ]  # fmt: skip
            first = int(asked.get("first", 0))
            page = found[first : first + 2]
            more = {"rel": "next", "href": f"{root}/search?{query}&first={first + 2}"}
            told = {"type": "FeatureCollection", "features": page,
                    "links": [more] if len(found) > first + 2 else []}  # fmt: skip
        body = json.dumps(told or {}).encode()
        self.send_response(200 if told else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def serving(handler: Any) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


# The client keeps its connection to the server; nobody can close it.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_an_api_answers_like_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days = {"2022-06-10": 100, "2022-07-10": 140, "2022-08-10": 180, "2022-12-10": 20}
    scenes = [Scene(f"s{grey}", day, grey=grey) for day, grey in days.items()]
    files = write_catalogue(tmp_path, scenes)
    monkeypatch.setattr(Api, "folder", tmp_path)
    with serving(Api) as url:
        provider = Stac(url, month=7, years=[2021, 2022])
        seen = look(provider, VIEW)
        assert isinstance(seen, Picture), (seen, Api.queries)
        assert np.unique(seen.pixels) == [140]
        assert (seen.pixels == look(Stac(str(files), month=7), VIEW).pixels).all()
        assert provider.attribution == "Contains modified Copernicus Sentinel data (ESA)"
        assert provider.settings["catalogue"] == url
        assert {asked["datetime"][:7] for asked in Api.queries} == {"2021-06", "2022-06"}
        assert look(provider, VIEW, lat=-10.0).reason is Reason.NO_DATA
        with pytest.raises(ConfigError, match="has no collection landsat"):
            Stac(url, collection="landsat")
        monkeypatch.setattr(Api, "is_busy", True)
        failed = look(pickle.loads(pickle.dumps(provider)), VIEW)
        assert failed == NoImagery(
            Reason.FAILED, "the catalogue does not answer (HTTP 404)", "HTTP 404"
        )


class Signed(SimpleHTTPRequestHandler):
    """Files for those who have a token; a new token for everybody who asks."""

    protocol_version = "HTTP/1.1"
    paths: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.paths.append(self.path)
        if self.path.startswith("/token"):
            body = json.dumps({"token": "sig=hush"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        elif self.path.endswith(".tif?sig=hush") or ".json" in self.path:
            super().do_GET()
        else:
            self.send_error(403)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def test_assets_are_signed_and_the_token_is_nowhere(tmp_path: Path) -> None:
    with serving(partial(Signed, directory=str(tmp_path))) as root:
        write_catalogue(tmp_path, [Scene("a")], root=root)
        url = f"{root}/catalog.json"
        seen = look(Stac(url), VIEW)
        assert seen == NoImagery(Reason.FAILED, "scene a cannot be read (HTTP 403)", "HTTP 403")
        provider = pickle.loads(pickle.dumps(Stac(url, sign=f"{root}/token/{{collection}}")))
        assert difference(look(provider, VIEW)) < 4
        assert Signed.paths.count("/token/sentinel-2-l2a") == 1
        assert "hush" not in str(provider.settings)
