"""Scene search in a STAC catalogue: an API, or files."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from psm.errors import ConfigError, MissingData
from psm.extras import require
from psm.imagery.sentinel import Season

Box = tuple[float, float, float, float]
_TILE_NAMES = ("s2:mgrs_tile", "grid:code", "sentinel:grid_square")


class SceneCatalogue:
    """Finds scenes. It travels closed to other processes, and opens there when it is asked."""

    def __init__(self, where: str, collection: str) -> None:
        """Open it, so that what is wrong with it is said at once.

        Args:
            where: URL of a STAC API, or file or URL ending in ``.json`` of a static catalogue or
                an item collection.
            collection: that scenes are of; in files only where they state one.

        Raises:
            MissingData: there is no such catalogue.
            ConfigError: an API without this collection.
        """
        self.where, self.collection = where, collection
        self.licence, self.attribution = "", ""
        self._lock = threading.Lock()
        self._opened: Any = None
        self._open()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    @property
    def is_api(self) -> bool:
        """Whether it answers searches."""
        return not urlsplit(self.where).path.endswith(".json") and "://" in self.where

    @property
    def public(self) -> str:
        """Of an API, its URL without a query; of files, what they say."""
        if self.is_api:
            parts = urlsplit(self.where)
            host = parts.netloc.rpartition("@")[2]
            return f"{parts.scheme}://{host}{parts.path}".rstrip("/")
        listed = sorted((item.id, json.dumps(item.properties, sort_keys=True, default=str))
                        for item in self._open())  # fmt: skip
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]

    def scenes(self, box: Box, season: Season) -> list[Any]:
        """Items of a season that touch a box (west, south, east, north; west may pass east).

        Raises:
            OSError: the catalogue does not answer.
        """
        west, south, east, north = box
        parts = [box] if west <= east else [
            (west, south, 180.0, north), (-180.0, south, east, north)
        ]  # fmt: skip
        found: dict[str, Any] = {}
        opened = self._open()
        for part in parts:
            if self.is_api:
                items = self._search(opened, part, season)
            else:
                items = [item for item in opened if touches(item, part)]
            found |= {item.id: item for item in items}
        return [item for item in found.values() if item.datetime and season.holds(item.datetime)]

    def _search(self, client: Any, box: Box, season: Season) -> list[Any]:
        items = []
        for first, last in season.intervals():
            search = client.search(
                method="GET",  # the one that every API has
                collections=[self.collection],
                bbox=box,
                datetime=(first, last),
                limit=200,
            )
            try:
                items += list(search.items())
            except Exception as problem:
                # As for opening: any library's own error, whose message may hold a URL.
                raise OSError(f"the catalogue does not answer ({type(problem).__name__})") from None
        return items

    def _open(self) -> Any:
        with self._lock:
            if self._opened is None:
                self._opened = self._open_api() if self.is_api else self._open_files()
            return self._opened

    def _open_api(self) -> Any:
        client_of = require("pystac_client", "maps").Client
        host = urlsplit(self.where).hostname
        try:
            client = client_of.open(self.where)
            collection = client.get_collection(self.collection)
        except Exception as problem:
            # requests, urllib3 and the client each have their own; messages may hold URLs.
            raise MissingData(
                f"{host} does not answer as a STAC API ({type(problem).__name__})"
            ) from None
        if collection is None:
            raise ConfigError(
                f"{host} has no collection {self.collection}: give the option collection, "
                "as sentinel-2-c1-l2a"
            )
        self._describe(collection)
        return client

    def _open_files(self) -> list[Any]:
        pystac = require("pystac", "maps")
        if "://" not in self.where and not Path(self.where).is_file():
            raise MissingData(
                f"{self.where}: no such catalogue; give the .json file of one, or the URL of an API"
            )
        try:
            told = json.loads(pystac.StacIO.default().read_text(self.where))
            if told.get("type") == "FeatureCollection":
                return list(pystac.ItemCollection.from_dict(told))
            root = pystac.read_file(self.where)
            items = list(root.get_items(recursive=True))
        except Exception as problem:
            # A broken file makes the reader raise almost anything; nothing of ours runs inside.
            raise MissingData(
                f"{Path(urlsplit(self.where).path).name} is not a STAC catalogue "
                f"({type(problem).__name__})"
            ) from None
        self._describe(root)
        return [item for item in items if item.collection_id in (None, self.collection)]

    def _describe(self, collection: Any) -> None:
        self.licence = getattr(collection, "license", "") or ""
        names = [one.name for one in getattr(collection, "providers", None) or []]
        self.attribution = ", ".join(dict.fromkeys(names))


def touches(item: Any, box: Box) -> bool:
    """Whether the bounds of an item touch a box."""
    if item.bbox is None:
        return False
    (west, south), (east, north) = item.bbox[:2], item.bbox[-2:]
    if len(item.bbox) == 6:
        west, south, east, north = item.bbox[0], item.bbox[1], item.bbox[3], item.bbox[4]
    if not (south <= box[3] and north >= box[1]):
        return False
    if east < west:
        east += 360.0
    return any(west + turn <= box[2] and east + turn >= box[0] for turn in (-360.0, 0.0, 360.0))


def clearest(items: list[Any], *, most: int, max_cloud: float) -> list[Any]:
    """The least cloudy scenes of each tile of the satellite's grid, in a fixed order."""
    by_tile: dict[str, list[Any]] = {}
    for item in items:
        if cloud_of(item) <= max_cloud:
            tile = next((str(item.properties[n]) for n in _TILE_NAMES if n in item.properties), "")
            by_tile.setdefault(tile, []).append(item)
    chosen = []
    for tile in sorted(by_tile):
        ordered = sorted(by_tile[tile], key=lambda item: (cloud_of(item), item.datetime, item.id))
        chosen += ordered[:most]
    return chosen


def cloud_of(item: Any) -> float:
    """Percent of a scene that is cloudy; 0 where nothing is said."""
    cloud = item.properties.get("eo:cloud_cover")
    return 0.0 if cloud is None else float(cloud)
