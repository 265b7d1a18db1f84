"""Tiles: what a satellite sees around each recording, in its season if the imagery has seasons."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from psm.collect import paths
from psm.collect.catalogue import Outcome
from psm.collect.columns import Stage
from psm.collect.refusal import Refused
from psm.collect.run import Site
from psm.data.views import encode_jpeg
from psm.files import atomic_path
from psm.imagery import MonthRequired, NoImagery, Provider, View, open_imagery
from psm.progress import track

_WRITE_AT = 64


@dataclass(frozen=True, slots=True)
class Place:
    """Where and in which month something was recorded."""

    key: str
    lat: float
    lon: float
    month: int | None = None


@dataclass(frozen=True, slots=True)
class Tile:
    """The imagery around a place.

    Attributes:
        jpeg: the image.
        gsd_m: metres of ground that a pixel covers.
        date: when it was seen, in words; empty where the provider does not know.
        licence: SPDX name, or the terms in words.
        provider: where it comes from.
    """

    jpeg: bytes
    gsd_m: float
    date: str
    licence: str
    provider: str


@dataclass
class Imager:
    """Makes tiles of one source of imagery.

    Attributes:
        source: text for :func:`psm.imagery.open_imagery`.
        tile_px, gsd_m: side and metres per pixel of a tile.
        options: of the source.
    """

    source: str
    tile_px: int
    gsd_m: float
    options: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._month: int | None = None
        self._provider: Provider | None = None

    @cached_property
    def has_seasons(self) -> bool:
        """Whether the imagery of one month differs from that of another."""
        return self.needs_month or self._open(None).has_seasons

    @cached_property
    def needs_month(self) -> bool:
        """Whether there is nothing for a recording whose month is not known."""
        try:
            self._open(None)
        except MonthRequired:
            return True
        return False

    def tiles(self, places: Iterable[Place]) -> Iterator[tuple[str, Tile | Refused]]:
        """The tile of every place, or why there is none, as they come.

        A tile depends on its place and month alone. Give as many places at once as there are: they
        are sorted by month and place, for a source is opened anew for every month, and neighbours
        share what was fetched.

        Raises:
            PSMError: the source cannot be opened, or does not accept the key.
        """
        for month, group in self._by_month(places):
            if month is None and self.needs_month:
                for place in group:
                    yield place.key, Refused("no month, by which the imagery is chosen")
                continue
            provider = self._open(month)
            answers = provider.read(
                lat=np.array([place.lat for place in group]),
                lon=np.array([place.lon for place in group]),
                view=View(self.tile_px, self.gsd_m),
            )
            for place, answer in zip(group, answers, strict=True):
                if isinstance(answer, NoImagery):
                    yield (
                        place.key,
                        Refused(
                            str(answer.reason),
                            may_pass=answer.reason.is_passing,
                            detail=answer.detail,
                        ),
                    )
                else:
                    yield (
                        place.key,
                        Tile(
                            encode_jpeg(answer.pixels),
                            answer.gsd_m,
                            _date(provider.settings),
                            provider.licence,
                            _name(provider),
                        ),
                    )

    def credit(self) -> tuple[str, str]:
        """Attribution and licence of the imagery."""
        provider = self._open(1 if self.needs_month else None)
        return provider.attribution, provider.licence

    def _by_month(self, places: Iterable[Place]) -> Iterator[tuple[int | None, list[Place]]]:
        groups: dict[int | None, list[Place]] = {}
        for place in places:
            groups.setdefault(place.month if self.has_seasons else None, []).append(place)
        for month in sorted(groups, key=lambda month: month or 0):
            # Along strips of a degree, so that what was fetched for a place serves the next ones.
            yield month, sorted(groups[month], key=lambda p: (np.floor(p.lat), p.lon, p.lat, p.key))

    def _open(self, month: int | None) -> Provider:
        if self._provider is None or self._month != month:
            self._provider = open_imagery(self.source, month=month, **self.options)
            self._month = month
        return self._provider


def _name(provider: Provider) -> str:
    collection = provider.settings.get("collection")
    return f"{provider.name}:{collection}" if collection else provider.name


def _date(settings: Mapping[str, object]) -> str:
    """The season that the imagery shows, as far as its provider says it."""
    years, month = settings.get("years"), settings.get("month")
    if not isinstance(years, list):
        return ""
    span = ", ".join(map(str, years))
    if not isinstance(month, int):
        return span
    around = ", ".join(str((month - 1 + step) % 12 + 1) for step in (-1, 0, 1))
    return f"{span}; months {around}"


def image_all(site: Site) -> None:
    """Make the tiles that are missing."""
    rows = site.catalogue.ready(Stage.IMAGE, ("lat", "lon", "month"))
    if not rows:
        return
    site.heartbeat.begin(Stage.IMAGE, len(rows))
    places = [Place(**row) for row in rows]
    made = imager(site).tiles(places)
    held: list[Outcome] = []
    try:
        for key, tile in track(made, "making tiles", len(rows), unit="tiles"):
            held.append((key, tile if isinstance(tile, Refused) else _written(site, key, tile)))
            if len(held) == _WRITE_AT:
                _write(site, held)
    finally:
        _write(site, held)


def imager(site: Site) -> Imager:
    """The imagery of a build."""
    plan, imagery = site.plan, site.plan.config.imagery
    return Imager(imagery.source, plan.tile_px, plan.gsd_m, imagery.options)


def _written(site: Site, key: str, tile: Tile) -> dict[str, object]:
    with atomic_path(paths.tile(site.folder, key)) as path:
        path.write_bytes(tile.jpeg)
    return {
        "tile_gsd_m": tile.gsd_m,
        "tile_date": tile.date,
        "tile_licence": tile.licence,
        "tile_provider": tile.provider,
        "tile_sha256": hashlib.sha256(tile.jpeg).hexdigest(),
    }


def _write(site: Site, held: list[Outcome]) -> None:
    site.catalogue.apply(Stage.IMAGE, held)
    site.heartbeat.count(len(held))
    held.clear()
    site.beat()
