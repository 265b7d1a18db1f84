"""Tiles of a map service as imagery: XYZ, TMS and WMTS in Web Mercator."""

from __future__ import annotations

import io
import math
import warnings
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any, ClassVar

import numpy as np
from affine import Affine
from cachetools import LRUCache
from jaxtyping import Float
from PIL import Image

from psm.errors import BulkDownload, ConfigError
from psm.geodata.cache import cache_folder
from psm.http import RateLimiter
from psm.imagery.blocks import Block, Level
from psm.imagery.provider import NoImagery, Picture, Reason, View
from psm.imagery.resampling import Mesh, draw, finish, mesh, too_coarse
from psm.imagery.tiledownload import TileCache, TileDownloader, cache_name
from psm.imagery.tileurl import BULK_FORBIDDEN, tile_service

_HALF_M = 20037508.342789244
_MOST_LAT = 85.0511287798
_AS_SHARP = 0.97  # a zoom level is taken if its pixels are this much of those of the view, or less
_TILES_KEPT = 512
_LARGEST_PX = 4096

_Key = tuple[int, int, int]


class MapTiles:
    """A service of map tiles. A tile that cannot be had makes the views that need it missing.

    The arithmetic of tiles stays by hand: ``morecantile`` gives the same numbers, and would cost
    0.3 s of import for four lines.

    Example:
        A service with a key, which is put into no setting, message or log::

            imagery = MapTiles(
                "https://tiles.example.org/{z}/{x}/{y}.jpg?key={key}",
                key=os.environ["TILES_KEY"],
                attribution="Example Maps",
                rate=5.0,
            )
    """

    is_simulated: ClassVar[bool] = False

    def __init__(
        self,
        text: str,
        *,
        month: int | None = None,
        key: str | None = None,
        values: Mapping[str, str] | None = None,
        attribution: str | None = None,
        licence: str | None = None,
        min_zoom: int | None = None,
        max_zoom: int | None = None,
        tile_px: int | None = None,
        rate: float = 10.0,
        parallel: int = 4,
        timeout_s: float = 30.0,
        cache_mb: int = 4000,
    ) -> None:
        """Nothing is fetched yet.

        Args:
            text: a name of xyzservices or a URL template, see
                :func:`psm.imagery.tileurl.tile_service`.
            month: 1 to 12, for ``{month}`` in the template.
            key: of the service; by default ``$PSM_XYZ_KEY``.
            values: for what else the template leaves open.
            attribution: whose data; needed for a template, known for a name.
            licence: SPDX name, or the terms in words.
            min_zoom, max_zoom: the zoom levels there are; known for a name, else 0 and 19.
            tile_px: rows and columns of a tile; known for a name, else 256; 512 for doubled ones.
            rate: requests a second at most, of this process.
            parallel: requests under way at most.
            timeout_s: for an answer.
            cache_mb: megabytes of tiles kept on disk for this service.

        Raises:
            ConfigError: no such name, an incomplete template or a missing key.
        """
        if rate <= 0 or parallel < 1 or cache_mb < 0 or not 1 <= (tile_px or 1) <= _LARGEST_PX:
            raise ConfigError("imagery xyz: rate, parallel, tile_px and cache_mb are positive")
        self.service = tile_service(text, month=month, key=key, values=values)
        self.name = f"xyz:{self.service.name}"
        self.has_seasons = self.service.is_monthly
        self.attribution = attribution or self.service.attribution or self.service.name
        self.licence = licence or self.service.licence
        self.min_zoom = self.service.min_zoom if min_zoom is None else min_zoom
        self.max_zoom = self.service.max_zoom if max_zoom is None else max_zoom
        if not 0 <= self.min_zoom <= self.max_zoom <= 30:
            raise ConfigError(f"imagery xyz: zoom levels {self.min_zoom} to {self.max_zoom}")
        self.tile_px = tile_px or self.service.tile_px
        self.rate, self.parallel = rate, parallel
        self.timeout_s, self.cache_mb = timeout_s, cache_mb
        self._limiter = RateLimiter(rate)
        for host, terms in BULK_FORBIDDEN.items():
            if f".{self.service.host}".endswith(f".{host}"):
                warnings.warn(
                    f"{self.service.host} does not allow to fetch many tiles: read {terms} "
                    "before you map more than a look",
                    BulkDownload,
                    stacklevel=2,
                )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_limiter"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._limiter = RateLimiter(self.rate)

    @property
    def settings(self) -> Mapping[str, object]:
        """The template without keys, the zoom levels and the size of a tile."""
        return {
            "provider": "xyz",
            "version": 1,
            "template": self.service.public,
            "zooms": [self.min_zoom, self.max_zoom],
            "tile_px": self.tile_px,
        }

    def read(
        self, *, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"], view: View
    ) -> Iterator[Picture | NoImagery]:
        """See :meth:`psm.imagery.Provider.read`.

        Tiles of the next places are fetched while a place is drawn.

        Args:
            lat, lon: degrees.
            view: size and resolution.

        Returns:
            A picture of every place, or why there is none.

        Raises:
            ConfigError: the service does not accept the key.
        """
        cache = TileCache(
            cache_folder() / "tiles" / cache_name(self.service), self.cache_mb * 10**6
        )
        pool = ThreadPoolExecutor(self.parallel, thread_name_prefix="tiles")
        downloader = TileDownloader(
            self.service, limiter=self._limiter, cache=cache, timeout_s=self.timeout_s
        )
        with closing(downloader):
            ahead = _FetchedAhead(pool, downloader, self.tile_px)
            waiting: deque[tuple[Mesh, int] | NoImagery] = deque()
            try:
                for y, x in zip(lat.tolist(), lon.tolist(), strict=True):
                    plan = self._plan(y, x, view)
                    if not isinstance(plan, NoImagery):
                        for row, column in plan[0].blocks(self._level(plan[1])):
                            ahead.ask(plan[1], row, column)
                    waiting.append(plan)
                    if len(waiting) > 4 * self.parallel:
                        yield self._drawn(waiting.popleft(), view, ahead)
                while waiting:
                    yield self._drawn(waiting.popleft(), view, ahead)
            finally:
                pool.shutdown(cancel_futures=True)

    def _plan(self, lat: float, lon: float, view: View) -> tuple[Mesh, int] | NoImagery:
        """Where the view lies on the tiles of a zoom level, and which that is."""
        if abs(lat) > _MOST_LAT:
            return NoImagery(Reason.OUTSIDE, "map tiles end at 85.05 degrees of latitude")
        if self.service.bounds is not None:
            west, south, east, north = self.service.bounds
            if not (south <= lat <= north and (lon - west) % 360.0 <= east - west):
                return NoImagery(Reason.OUTSIDE, f"not in the bounds of {self.service.name}")
        where = mesh(lat=lat, lon=lon, view=view, crs="EPSG:3857")
        if where is None:
            return NoImagery(Reason.OUTSIDE, "a pole lies in the view")
        finest = min(where.on(self._level(0)).extent())
        zoom = max(0, math.ceil(math.log2(_AS_SHARP / finest)))
        zoom = min(max(zoom, self.min_zoom), self.max_zoom)
        on_level = where.on(self._level(zoom))
        if min(on_level.extent()) > 16.0:
            return NoImagery(Reason.NO_DATA, f"zoom {zoom} is far finer than the view")
        return too_coarse(on_level) or (on_level, zoom)

    def _level(self, zoom: int) -> Level:
        pixel = 2.0 * _HALF_M / (self.tile_px * 2**zoom)
        return Level("EPSG:3857", Affine(pixel, 0.0, -_HALF_M, 0.0, -pixel, _HALF_M), self.tile_px)

    def _drawn(
        self, plan: tuple[Mesh, int] | NoImagery, view: View, ahead: _FetchedAhead
    ) -> Picture | NoImagery:
        if isinstance(plan, NoImagery):
            return plan
        where, zoom = plan
        drawn = draw(where, self._level(zoom), partial(ahead.block, zoom))
        if drawn is None:
            return NoImagery(Reason.NO_DATA, f"{self.service.name} has no tiles here")
        return drawn if isinstance(drawn, NoImagery) else finish(drawn[0], view)


class _FetchedAhead:
    """Tiles that are being fetched or were used last, each one once."""

    def __init__(self, pool: ThreadPoolExecutor, downloader: TileDownloader, tile_px: int) -> None:
        self._pool, self._downloader, self._tile_px = pool, downloader, tile_px
        self._tiles: LRUCache[_Key, Future[Block | NoImagery | None]] = LRUCache(_TILES_KEPT)

    def ask(self, zoom: int, row: int, column: int) -> Future[Block | NoImagery | None] | None:
        """Start to fetch a tile; none where no tile can be."""
        if not 0 <= row < 2**zoom:
            return None
        key = zoom, column % 2**zoom, row
        if key not in self._tiles:
            self._tiles[key] = self._pool.submit(self._fetch, key)
        return self._tiles[key]

    def block(self, zoom: int, row: int, column: int) -> Block | NoImagery | None:
        """The tile, waited for."""
        coming = self.ask(zoom, row, column)
        return None if coming is None else coming.result()

    def _fetch(self, key: _Key) -> Block | NoImagery | None:
        data = self._downloader.kept(*key)
        is_new = data is None
        if data is None:
            answer = self._downloader.tile(*key)
            if isinstance(answer, NoImagery):
                return answer
            data = answer
        if not data:
            if is_new:
                self._downloader.keep(*key, data)
            return None
        try:
            with Image.open(io.BytesIO(data)) as image:
                if max(image.size) > _LARGEST_PX:
                    raise ValueError(f"{image.width} by {image.height} pixels")
                whole = image.convert("RGBA")
        except Exception as problem:
            # Damaged files make the decoders raise almost anything; nothing of ours runs inside.
            kind = type(problem).__name__
            z, x, y = key
            return NoImagery(Reason.UNREADABLE, f"tile {z}/{x}/{y} is not an image ({kind})")
        if is_new:
            self._downloader.keep(*key, data)
        if whole.size != (self._tile_px, self._tile_px):
            whole = whole.resize((self._tile_px, self._tile_px), Image.Resampling.BOX)
        return Block(np.asarray(whole))
