"""Sentinel-2 of a STAC catalogue as imagery: the cloud-free median of a season."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ClassVar

import numpy as np
from affine import Affine
from cachetools import LRUCache
from jaxtyping import Float

from psm.errors import ConfigError, ImageryMissing
from psm.extras import require
from psm.http.probe import said_of
from psm.imagery.blocks import Block, BlockCache, Level
from psm.imagery.provider import NoImagery, Picture, Reason, View
from psm.imagery.rasterfile import gdal, is_remote
from psm.imagery.resampling import draw, finish, mesh, projection, too_coarse
from psm.imagery.scaling import REFLECTANCE, as_scale, to_uint8
from psm.imagery.scenes import NotAnswered, SceneCatalogue, clearest, touches
from psm.imagery.sentinel import (
    CLEAR,
    Season,
    as_years,
    asset_names,
    clear_median,
    is_clear,
    offset_of,
)
from psm.imagery.signing import AssetToken, token_service

_FINEST_M = 10.0
_BLOCK_PX = 512
_SEARCHED = 4  # blocks along a side of what one search finds the scenes of
_SEARCHES_KEPT = 16
_CACHE_BYTES = 256_000_000

_GONE = ("HTTP 404", "HTTP 410")

_Area = tuple[str, int, int, int]
"""A CRS, how often the pixels are doubled, and a row and a column."""


class Stac:
    """Sentinel-2 L2A: clouds taken out scene by scene, then the median of the season.

    Example:
        Three Julys with their neighbouring months, from a catalogue that signs its assets::

            imagery = Stac(
                "https://planetarycomputer.microsoft.com/api/stac/v1",
                month=7,
                years="2021-2023",
                sign="planetary-computer",
            )
    """

    has_seasons = True
    is_simulated: ClassVar[bool] = False

    def __init__(
        self,
        where: str,
        *,
        month: int | None = None,
        years: Sequence[int] | str = (2022, 2023, 2024),
        collection: str = "sentinel-2-l2a",
        scenes: int = 24,
        max_cloud: float = 60.0,
        scale: str | Sequence[float] | Sequence[Sequence[float]] = REFLECTANCE,
        offset: int | None = None,
        sign: str | None = None,
        attribution: str | None = None,
        licence: str | None = None,
        parallel: int = 4,
    ) -> None:
        """The catalogue is opened, no scene yet.

        Args:
            where: URL of a STAC API, or a ``.json`` file of a static catalogue.
            month: the season is it and its two neighbours; the whole year without.
            years: whose seasons, ``2021,2023`` or ``2020-2023``.
            collection: of the catalogue.
            scenes: at most so many of each tile of the satellite's grid, the least cloudy first.
            max_cloud: percent of clouds above which a scene is not used.
            scale: the numbers that are black and white, in 10,000ths of the light.
            offset: added to all numbers, for catalogues that do not say which baseline is theirs.
            sign: ``planetary-computer``, or the URL of a service that gives a token for assets.
            attribution: whose data; by default what the catalogue says.
            licence: SPDX name, or the terms in words; by default what the catalogue says.
            parallel: scenes read at the same time.

        Raises:
            MissingData: no such catalogue.
            ConfigError: no such collection, or an option that makes no sense.
        """
        if scenes < 1 or parallel < 1 or not 0 <= max_cloud <= 100:
            raise ConfigError("imagery stac: scenes and parallel are positive, max_cloud 0 to 100")
        self.name = "stac"
        self.season = Season(as_years(years), month)
        self.scale = as_scale(scale, "imagery stac")
        self.scenes, self.max_cloud, self.offset = scenes, max_cloud, offset
        self.parallel = parallel
        self._token = None if sign is None else AssetToken(token_service(sign, collection))
        self._catalogue = SceneCatalogue(where, collection)
        told = self._catalogue.attribution
        self.attribution = attribution or f"Contains modified Copernicus Sentinel data ({told})"
        self.licence = licence or self._catalogue.licence or "Copernicus Sentinel terms"
        self.used: dict[str, int] = {}
        """Scenes that this process has read, and what was added to the numbers of each."""
        self.left_out: list[str] = []
        """Scenes that cannot be read, and why; others were used in their place."""
        self._blocks = BlockCache(_CACHE_BYTES)
        self._found: LRUCache[_Area, list[Any]] = LRUCache(_SEARCHES_KEPT)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_found": LRUCache(_SEARCHES_KEPT), "used": {}}

    @property
    def is_api(self) -> bool:
        """Whether scenes are found by asking a server, and not in a file of this machine."""
        return self._catalogue.is_api

    @property
    def settings(self) -> Mapping[str, object]:
        """The catalogue, the season, and how scenes are chosen and put together."""
        return {
            "provider": "stac",
            "version": 1,
            "catalogue": self._catalogue.public,
            "collection": self._catalogue.collection,
            "years": list(self.season.years),
            "month": self.season.month,
            "scenes": self.scenes,
            "max_cloud": self.max_cloud,
            "clear": list(CLEAR),
            "offset": "by the baseline of each scene" if self.offset is None else self.offset,
            "scale": [list(pair) for pair in self.scale],
        }

    def read(
        self, *, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"], view: View
    ) -> Iterator[Picture | NoImagery]:
        """See :meth:`psm.imagery.Provider.read`.

        Args:
            lat, lon: degrees.
            view: size and resolution.

        Returns:
            A picture of every place, or why there is none.

        Raises:
            ConfigError: scenes that are not Sentinel-2 L2A, or whose baseline is not known.
            MissingExtra: odc-stac is not installed.
        """
        for y, x in zip(lat.tolist(), lon.tolist(), strict=True):
            yield self._look(y, x, view)

    def _look(self, lat: float, lon: float, view: View) -> Picture | NoImagery:
        if not -80.0 <= lat <= 84.0:
            return NoImagery(Reason.OUTSIDE, "Sentinel-2 ends at 84 degrees of latitude")
        crs = _utm(lat, lon)
        where = mesh(lat=lat, lon=lon, view=view, crs=crs)
        if where is None:
            return NoImagery(Reason.OUTSIDE)
        finest = where.on(_level(crs, 0))
        if coarse := too_coarse(finest):
            return coarse
        doubled = max(0, math.floor(math.log2(max(min(finest.extent()) * 1.02, 1.0))))
        level = _level(crs, doubled)
        drawn = draw(where.on(level), level, partial(self._block, crs, doubled))
        if drawn is None:
            return NoImagery(Reason.NO_DATA, "no scenes of the season")
        return drawn if isinstance(drawn, NoImagery) else finish(drawn[0], view, drawn[1])

    def _block(self, crs: str, doubled: int, row: int, column: int) -> Block | NoImagery | None:
        area = crs, doubled, row, column
        return self._blocks.get(area, lambda: self._composite(area))

    def _composite(self, area: _Area) -> Block | NoImagery | None:
        try:
            items = self._scenes(area)
        except NotAnswered as problem:
            told = f"the catalogue does not answer ({problem})"
            return NoImagery(Reason.FAILED, told, str(problem))
        if not items:
            return None
        with ThreadPoolExecutor(min(self.parallel, len(items))) as pool:
            read = list(pool.map(partial(self._read, area), items))
        parts = [one for one in read if isinstance(one, tuple)]
        for one in read:
            if isinstance(one, ConfigError):
                if not parts:
                    raise one
                self._leave_out(str(one))
            elif isinstance(one, NoImagery):
                if one.reason.is_passing or not parts:
                    return one
                self._leave_out(one.detail)
        values = np.stack([bands for bands, _, _ in parts])
        median, is_seen = clear_median(values, np.stack([clear for _, _, clear in parts]))
        is_there = np.any([there for _, there, _ in parts], axis=0)
        if not is_there.any():
            return None
        pixels = np.zeros((_BLOCK_PX, _BLOCK_PX, 4), np.uint8)
        pixels[..., :3] = to_uint8(median, self.scale)
        pixels[..., 3] = 255
        pixels[~is_seen] = 0
        return Block(pixels, ~is_seen & is_there)

    def _leave_out(self, told: str) -> None:
        """Count a scene that others stand in for, and say so once."""
        if told not in self.left_out:
            self.left_out.append(told)
            warnings.warn(
                f"{told}; the others of the season are used ({len(self.left_out)} left out so far)",
                ImageryMissing,
                stacklevel=2,
            )

    def _scenes(self, area: _Area) -> list[Any]:
        """Scenes of a block, out of those of the neighbourhood, which are searched once."""
        crs, doubled, row, column = area
        around = crs, doubled, row // _SEARCHED, column // _SEARCHED
        if around not in self._found:
            self._found[around] = self._catalogue.scenes(_box(around, _SEARCHED), self.season)
        west, south, east, north = box = _box(area, 1)
        boxes = [box] if west <= east else [(west, south, east + 360.0, north)]
        items = [item for item in self._found[around] if any(touches(item, b) for b in boxes)]
        return clearest(items, most=self.scenes, max_cloud=self.max_cloud)

    def _read(self, area: _Area, item: Any) -> tuple[Any, Any, Any] | NoImagery | ConfigError:
        """Reflectance as int32, where there are numbers at all, and where they are clear.

        A scene that says too little of itself is an error, which ends the work where all are such.
        """
        load = require("odc.stac", "maps").load
        try:
            names = asset_names(item.assets, item.id)
            colours = [names["red"], names["green"], names["blue"]]
            offsets = [
                offset_of(item.properties, item.assets[name].extra_fields, item.id)
                if self.offset is None
                else self.offset
                for name in colours
            ]
        except ConfigError as problem:
            return problem
        self.used[item.id] = offsets[0]
        where = item.assets[colours[0]].get_absolute_href() or ""
        try:
            with gdal(where):
                loaded = load(
                    [item],
                    bands=[*colours, names["scl"]],
                    geobox=_geobox(area),
                    resampling={
                        names["scl"]: "nearest",
                        "*": "bilinear" if area[1] == 0 else "average",
                    },
                    dtype={**dict.fromkeys(colours, "uint16"), names["scl"]: "uint8"},
                    patch_url=self._token,
                )  # fmt: skip
            bands = np.stack([loaded[name].values[0] for name in colours]).astype(np.int32)
            scl = loaded[names["scl"]].values[0]
        except Exception as problem:
            # odc, rasterio and GDAL each have their own errors, and messages may hold a token.
            answer = said_of(self._token(where) if self._token and where else where)
            told = f"scene {item.id} cannot be read ({answer or type(problem).__name__})"
            if is_remote(where) and answer not in _GONE:
                return NoImagery(Reason.FAILED, told, answer)
            return NoImagery(Reason.UNREADABLE, told)
        is_there = (bands > 0).all(0)
        clear = is_clear(scl, bands)
        return bands + np.asarray(offsets, np.int32)[:, None, None], is_there, clear


def _utm(lat: float, lon: float) -> str:
    zone = int((lon + 180.0) % 360.0 // 6.0) + 1
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"


def _level(crs: str, doubled: int) -> Level:
    """Blocks count from the origin of the zone, so that they are the same for every place."""
    pixel = _FINEST_M * 2**doubled
    return Level(crs, Affine(pixel, 0.0, 0.0, 0.0, -pixel, 0.0), _BLOCK_PX)


def _edges(area: _Area, blocks: int) -> tuple[float, float, float]:
    """West, north and side of some blocks, in metres of the zone."""
    _, doubled, row, column = area
    side = _FINEST_M * 2**doubled * _BLOCK_PX * blocks
    return column * side, -row * side, side


def _box(area: _Area, blocks: int) -> tuple[float, float, float, float]:
    """Around some blocks, in degrees; the west may pass the east at the antimeridian."""
    west, north, side = _edges(area, blocks)
    ticks = np.linspace(0.0, side, 5)
    x, y = np.meshgrid(west + ticks, north - ticks)
    lon, lat = projection(area[0])[0].transform(x, y, direction="INVERSE")
    middle = lon[2, 2]
    lon = middle + (lon - middle + 180.0) % 360.0 - 180.0
    low, high = float(lon.min()), float(lon.max())
    low, high = (low + 180.0) % 360.0 - 180.0, (high + 180.0) % 360.0 - 180.0
    return low, float(lat.min()), high, float(lat.max())


def _geobox(area: _Area) -> Any:
    west, north, side = _edges(area, 1)
    pixel = side / _BLOCK_PX
    transform = Affine(pixel, 0.0, west, 0.0, -pixel, north)
    return require("odc.geo.geobox", "maps").GeoBox((_BLOCK_PX, _BLOCK_PX), transform, area[0])
