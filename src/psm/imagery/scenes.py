"""Scene search in a STAC catalogue: an API, or files."""

from __future__ import annotations

import hashlib
import json
import math
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import shapely.geometry

from psm.errors import ConfigError, ImageryMissing, MissingData
from psm.extras import require
from psm.http.failures import answer_of
from psm.imagery.sentinel import Season

Box = tuple[float, float, float, float]
_TIMEOUT_S = 30.0
_TILE_NAMES = ("s2:mgrs_tile", "grid:code", "sentinel:grid_square")


class NotAnswered(Exception):
    """A catalogue does not answer; the message is what it said instead, as ``HTTP 500``."""


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
        return not urlsplit(self.where).path.lower().endswith(".json") and "://" in self.where

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
            NotAnswered: the catalogue does not answer.
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
        return [item for item in found.values() if season.holds(item.datetime)]

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
                items += [item for item in search.items() if _is_placed(item)]
            except Exception as problem:
                # As for opening: any library's own error, whose message may hold a URL.
                raise NotAnswered(answer_of(problem)) from None
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
            client = client_of.open(self.where, timeout=_TIMEOUT_S)
            collection = client.get_collection(self.collection)
        except Exception as problem:
            # requests, urllib3 and the client each have their own; messages may hold URLs.
            raise MissingData(
                f"{host} does not answer as a STAC API ({answer_of(problem)})"
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
                items = list(_each(map(partial(_item_of, where=self.where), told["features"])))
                return self._placed(items)
            root = pystac.read_file(self.where)
            items = self._placed(list(_items_below(root)))
        except MissingData:
            raise
        except Exception as problem:
            # A broken file makes the reader raise almost anything; nothing of ours runs inside.
            raise MissingData(
                f"{Path(urlsplit(self.where).path).name} is not a STAC catalogue "
                f"({type(problem).__name__})"
            ) from None
        self._describe(root)
        return [item for item in items if item.collection_id in (None, self.collection)]

    def _placed(self, items: list[Any]) -> list[Any]:
        """Those that say where and when they are; what is left out is said."""
        placed = [item for item in items if not isinstance(item, Exception) and _is_placed(item)]
        if items and not placed:
            name = Path(urlsplit(self.where).path).name
            raise MissingData(f"{name}: none of its {len(items)} items says where and when it is")
        if len(placed) < len(items):
            warnings.warn(
                f"{Path(urlsplit(self.where).path).name}: {len(items) - len(placed)} of "
                f"{len(items)} items are left out, which do not say where and when they are",
                ImageryMissing,
                stacklevel=4,
            )
        return placed

    def _describe(self, collection: Any) -> None:
        self.licence = getattr(collection, "license", "") or ""
        names = [one.name for one in getattr(collection, "providers", None) or []]
        self.attribution = ", ".join(dict.fromkeys(names))


def _each(items: Iterator[Callable[[], Any]]) -> Iterator[Any]:
    """What every one gives, or the error instead: catalogues hold items of all kinds."""
    for item in items:
        try:
            yield item()
        except Exception as problem:
            # Whatever the reader makes of a broken item; nothing of ours runs inside.
            yield problem


def _item_of(feature: Any, where: str) -> Callable[[], Any]:
    """An item of a collection in one file, which relative addresses start at."""

    def read() -> Any:
        item = require("pystac", "maps").Item.from_dict(feature)
        if item.get_self_href() is None:
            item.set_self_href(where if "://" in where else str(Path(where).absolute()))
        return item

    return read


def _items_below(root: Any) -> Iterator[Any]:
    """Items of a catalogue and of all below it, or why one cannot be read."""
    if not hasattr(root, "get_item_links"):  # a single item
        yield root
        return
    yield from _each(partial(_target, link) for link in root.get_item_links())
    for child in _each(partial(_target, link) for link in root.get_child_links()):
        if isinstance(child, Exception):
            yield child
        else:
            yield from _items_below(child)


def _target(link: Any) -> Any:
    return link.resolve_stac_object().target


def _is_placed(item: Any) -> bool:
    """Whether an item says where and when it is; fills in what follows from the rest."""
    try:
        if item.geometry is not None:
            shape = shapely.geometry.shape(item.geometry)
            if item.bbox is None and not shape.is_empty:
                item.bbox = list(shape.bounds)
        elif item.bbox is not None:
            west, south, east, north = _box_of(item)
            item.geometry = shapely.geometry.mapping(shapely.box(west, south, east, north))
        if item.datetime is None:
            item.datetime = item.common_metadata.start_datetime
    except Exception:
        # The fields may hold anything.
        return False
    return item.bbox is not None and item.datetime is not None


def _box_of(item: Any) -> Box:
    """Bounds of an item, also of one with heights; the east passes 180 at the antimeridian."""
    numbers = [float(number) for number in item.bbox]
    (west, south), (east, north) = numbers[:2], numbers[len(numbers) // 2 :][:2]
    return west, south, east + 360.0 if east < west else east, north


def touches(item: Any, box: Box) -> bool:
    """Whether the bounds of an item touch a box."""
    west, south, east, north = _box_of(item)
    if not (south <= box[3] and north >= box[1]):
        return False
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
    """Percent of a scene that is cloudy; 0 where nothing is said, or no number."""
    try:
        cloud = float(item.properties.get("eo:cloud_cover") or 0.0)
    except (TypeError, ValueError):
        return 0.0
    return 0.0 if math.isnan(cloud) else cloud
