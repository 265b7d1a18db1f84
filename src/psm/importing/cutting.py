"""Cuts a tile around each recording out of the imagery of any provider."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from psm.data.views import encode_jpeg
from psm.errors import MissingData
from psm.imagery import MonthRequired, NoImagery, Provider, View, open_imagery
from psm.importing.kepttiles import KeptTiles


@dataclass(frozen=True, slots=True)
class TilePlace:
    """Place and month of a recording, by which its tile is cut."""

    key: str
    lat: float
    lon: float
    month: int | None = None


@dataclass(frozen=True, slots=True)
class Tile:
    """Imagery around a recording, and whose it is.

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


@dataclass(frozen=True, slots=True)
class NoTile:
    """Refusal of a tile: why there is none of a place.

    Attributes:
        reason: in words that name no place.
        may_pass: asking again later may help.
        detail: about this one place.
    """

    reason: str
    may_pass: bool = False
    detail: str = ""


@dataclass
class TileCutter:
    """Cuts tiles of one size out of the imagery of a provider, in the season of each recording.

    Attributes:
        imagery: text for :func:`psm.imagery.open_imagery`.
        tile_px: side of a tile.
        gsd_m: metres of ground that a pixel covers.
        options: of the provider.
    """

    imagery: str
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

    @property
    def view(self) -> View:
        """A tile, as it is asked for."""
        return View(self.tile_px, self.gsd_m)

    @property
    def provider(self) -> Provider:
        """The provider, of any month."""
        return self._open(self._first_month if self.needs_month else None)

    @cached_property
    def _first_month(self) -> int:
        """The first month of which there is imagery; files may be of some months alone."""
        problems = []
        for month in range(1, 13):
            try:
                self._open(month)
            except MissingData as problem:
                problems.append(problem)
            else:
                return month
        raise problems[0]

    def tiles(self, places: Iterable[TilePlace]) -> Iterator[tuple[str, Tile | NoTile]]:
        """The tile of every place by its key, or why there is none, as they come.

        A tile depends on its place and month alone. Give as many places at once as there are: they
        are sorted by month and place, for a provider is opened anew for every month, and neighbours
        share what was fetched.

        Args:
            places: in any order.

        Raises:
            PSMError: the imagery cannot be opened, or its provider does not accept the key.
        """
        for month, group in self._by_month(places):
            provider = self._of_month(month)
            if isinstance(provider, NoTile):
                yield from ((place.key, provider) for place in group)
                continue
            # Recorders stay for months at a place: its tile is cut once for all that they record.
            alike: dict[tuple[float, float], list[TilePlace]] = {}
            for place in group:
                alike.setdefault((place.lat, place.lon), []).append(place)
            for at, tile in self._cut(provider, list(alike)):
                yield from ((place.key, tile) for place in alike[at])

    def _cut(
        self, provider: Provider, places: list[tuple[float, float]]
    ) -> Iterator[tuple[tuple[float, float], Tile | NoTile]]:
        """The tile of every place: those that were kept first, then those that are asked for."""
        view = self.view
        kept = KeptTiles.of(provider, view)
        of_provider = {
            "date": _date(provider.settings),
            "licence": provider.licence,
            "provider": _name(provider),
        }
        missing = []
        for at in places:
            if (jpeg := kept.read(at) if kept else None) is not None:
                yield at, Tile(jpeg, view.gsd_m, **of_provider)
            else:
                missing.append(at)
        if not missing:
            return
        lat, lon = np.array(missing).T
        for at, answer in zip(missing, provider.read(lat=lat, lon=lon, view=view), strict=True):
            if isinstance(answer, NoImagery):
                yield at, NoTile(str(answer.reason), answer.reason.is_passing, answer.detail)
                continue
            tile = Tile(encode_jpeg(answer.pixels), answer.gsd_m, **of_provider)
            if kept and answer.gsd_m == view.gsd_m:
                kept.write(at, tile.jpeg)
            yield at, tile

    def _of_month(self, month: int | None) -> Provider | NoTile:
        """The provider of a month, or why it has no imagery then."""
        if not self.needs_month:
            return self._open(month)
        if month is None:
            return NoTile("no month, by which the imagery is chosen")
        try:
            return self._open(month)
        except MissingData as problem:
            return NoTile("no imagery of its month", detail=str(problem))

    def credit(self) -> tuple[str, str]:
        """Attribution and licence of the imagery."""
        return self.provider.attribution, self.provider.licence

    def _by_month(
        self, places: Iterable[TilePlace]
    ) -> Iterator[tuple[int | None, list[TilePlace]]]:
        groups: dict[int | None, list[TilePlace]] = {}
        for place in places:
            groups.setdefault(place.month if self.has_seasons else None, []).append(place)
        for month in sorted(groups, key=lambda month: month or 0):
            # Along strips of a degree, so that what was fetched for a place serves the next ones.
            yield month, sorted(groups[month], key=lambda p: (np.floor(p.lat), p.lon, p.lat, p.key))

    def _open(self, month: int | None) -> Provider:
        if self._provider is None or self._month != month:
            self._provider = open_imagery(self.imagery, month=month, **self.options)
            self._month = month
        return self._provider


def _name(provider: Provider) -> str:
    collection = provider.settings.get("collection")
    return f"{provider.name}:{collection}" if collection else provider.name


def _date(settings: Mapping[str, object]) -> str:
    """Years and months that the imagery shows, as far as its provider says them."""
    years, month = settings.get("years"), settings.get("month")
    if not isinstance(years, list):
        return ""
    span = ", ".join(map(str, years))
    if not isinstance(month, int):
        return span
    around = ", ".join(str((month - 1 + step) % 12 + 1) for step in (-1, 0, 1))
    return f"{span}; months {around}"
