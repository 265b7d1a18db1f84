"""Regions: an area by its outline, from a name, a box, a circle or a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from psm.errors import ConfigError
from psm.geodata.gazetteer import find_country, find_town, find_towns
from psm.geodata.land import on_land
from psm.geodata.outlines import polygons_of
from psm.mapping.region import shapes
from psm.mapping.region.grid import Grid, frame_around
from psm.mapping.region.lengths import format_length, is_length, parse_length
from psm.mapping.region.projections import (
    best_system,
    distortion,
    named_system,
    projected,
    warn_if_untrue,
)
from psm.mapping.region.vectorfiles import SUFFIXES, read_outline, split_layer

FORMS = (
    "a place (Vienna; Vienna, US; Vienna, 20km), a circle lat,lon,radius (48.2,16.37,5km), a bbox "
    "west,south,east,north, a GeoJSON, GeoPackage or shapefile (FILE or FILE:LAYER), or globe"
)
_GLOBE = ("globe", "world", "earth")


@dataclass(frozen=True, eq=False)
class Region:
    """An area by its outline.

    Attributes:
        name: for people, as ``Vienna, AT``.
        geometry: polygons in longitude and latitude (WGS84) within [-180, 180], split at the
            antimeridian; an edge is a straight line in longitude and latitude.

    Raises:
        ConfigError: no area, or one outside of these bounds.
    """

    name: str
    geometry: BaseGeometry

    def __post_init__(self) -> None:
        if self.geometry.is_empty or self.geometry.geom_type not in ("Polygon", "MultiPolygon"):
            raise ConfigError(f"{self.name}: no area")
        west, south, east, north = self.geometry.bounds
        if west < -180.0 or east > 180.0 or south < -90.0 or north > 90.0:
            raise ConfigError(f"{self.name}: longitudes lie in -180..180, latitudes in -90..90")

    @classmethod
    def bbox(cls, west: float, south: float, east: float, north: float) -> Region:
        """Between meridians and parallels, degrees; ``west > east`` crosses the antimeridian.

        Args:
            west, south, east, north: degrees; longitudes in -180..180 or 0..360.

        Returns:
            The region.

        Raises:
            ConfigError: out of range or empty.
        """
        name = f"{west:g},{south:g},{east:g},{north:g}"
        return cls(name, shapes.box(west=west, south=south, east=east, north=north))

    @classmethod
    def file(cls, path: str | Path, layer: str | None = None) -> Region:
        """All polygons of a vector file: GeoJSON, GeoPackage, shapefile; any coordinate system.

        Args:
            path: the file.
            layer: of the file, where it has several.

        Returns:
            The region, named after file and layer.

        Warns:
            RepairedGeometry: outlines crossed themselves, or lines and points were left out.

        Raises:
            MissingData, ConfigError: no such file, no such layer, or no area in it.
            MissingExtra: pyogrio is not installed.

        Example:
            >>> Region.file("parks.gpkg", "2024").area_km2
        """
        path = Path(path)
        name = path.stem if layer is None else f"{path.stem}, {layer}"
        return cls(name, read_outline(path, layer))

    @classmethod
    def place(
        cls, name: str, *, country: str | None = None, radius_m: float | None = None
    ) -> Region:
        """A town by any of its names: a circle as wide as a town of so many people is built up.

        Args:
            name: of several towns of a name the one with most people is meant.
            country: ISO 3166 two-letter code, to choose.
            radius_m: of the circle, if given.

        Returns:
            The region.

        Raises:
            ConfigError: there is no such town; the message offers similar names.

        Example:
            >>> Region.place("Vienna", country="AT", radius_m=20_000.0)
        """
        if country is None and radius_m is None and (code := find_country(name)):
            hint = f"; the town is {name}, {code}" if find_towns(name, code) else ""
            raise ConfigError(
                f"{name} ({code}) is a country, and outlines of countries are not at hand: give a "
                f"GeoJSON, GeoPackage or shapefile of it, or a bbox west,south,east,north{hint}"
            )
        town = find_town(name, country)
        radius = town.radius_m if radius_m is None else radius_m
        area = shapes.circle(lat=town.lat, lon=town.lon, radius_m=radius)
        return cls(f"{town.name}, {town.country}", area)

    @classmethod
    def circle(cls, *, lat: float, lon: float, radius_m: float) -> Region:
        """All places within ``radius_m`` metres.

        Args:
            lat, lon: degrees, the middle.
            radius_m: metres on the ellipsoid.

        Returns:
            The region.

        Raises:
            ConfigError: out of range.
        """
        name = f"{format_length(radius_m)} around {lat:g},{lon:g}"
        return cls(name, shapes.circle(lat=lat, lon=lon, radius_m=radius_m))

    @classmethod
    def globe(cls) -> Region:
        """The whole Earth."""
        return cls("globe", shapes.globe())

    @classmethod
    def parse(cls, text: str) -> Region:
        """A region as the command line names it.

        Args:
            text: one of :data:`FORMS`.

        Returns:
            The region.

        Raises:
            ConfigError: it names none; the message says what comes near, or the forms there are.
            MissingData: it names a file that is not there.

        Example:
            >>> Region.parse("Vienna, 20km").grid(500.0).count()
        """
        text = text.strip()
        if text.lower() in _GLOBE:
            return cls.globe()
        if (found := _file(text)) is not None:
            return found
        words = [word.strip() for word in text.split(",")]
        if not all(words):
            raise ConfigError(f"region {text!r}: name {FORMS}")
        numbers = [_number(word) for word in words]
        known = [number for number in numbers if number is not None]
        if len(known) == len(words):
            return _from_numbers(text, known)
        if len(words) == 3 and len(known) == 2 and numbers[2] is None:
            return cls.circle(lat=known[0], lon=known[1], radius_m=parse_length(words[2]))
        if known:
            raise ConfigError(f"region {text!r}: numbers and words mixed; name {FORMS}")
        return _from_place(text, words)

    @property
    def area_km2(self) -> float:
        """On the ellipsoid."""
        return shapes.area_km2(self.geometry)

    def without(self, other: Region) -> Region:
        """What of this region is not in the other one.

        Args:
            other: what is cut out.

        Returns:
            Another region.

        Raises:
            ConfigError: nothing is left.
        """
        left = polygons_of(shapely.difference(self.geometry, other.geometry))
        if left.is_empty:
            raise ConfigError(f"{self.name} without {other.name}: nothing is left")
        return Region(f"{self.name} without {other.name}", left)

    def grid(self, spacing_m: float, *, crs: str | None = None, land_only: bool = False) -> Grid:
        """Cells whose centres lie in the region, on a metric grid.

        Args:
            spacing_m: from a cell to the next, in metres on the ground.
            crs: a projected system in metres to use instead of an equal-area one for the region.
            land_only: only cells on land; lakes are none.

        Returns:
            The grid; its cells come in blocks, none is listed before.

        Warns:
            UntrueSpacing: ``crs`` makes distances wrong by more than 5 %.

        Raises:
            ConfigError: a spacing or system that makes no grid, or no land in the region.
            BrokenPackageData: ``land_only``, and the shorelines are not installed.
        """
        if not 0.1 <= spacing_m <= 2e6:
            raise ConfigError(f"spacing {spacing_m:g} m: needs to lie between 0.1 m and 2000 km")
        system = best_system(self.geometry) if crs is None else named_system(crs)
        area = on_land(self.geometry) if land_only else self.geometry
        if area.is_empty:
            raise ConfigError(f"{self.name}: no land in it")
        outline = projected(area, system, spacing_m)
        off = distortion(self.geometry, system)
        if crs is not None:
            warn_if_untrue(crs, off)
        return Grid(
            frame_around(outline, system.crs, spacing_m), outline, spacing_m, off, self.name
        )


def _file(text: str) -> Region | None:
    if not text:
        return None
    path, layer = split_layer(text)
    if path.is_file():
        return Region.file(path, layer)
    is_meant = path.suffix.lower() in SUFFIXES or "/" in text
    return Region.file(path) if is_meant else None


def _from_numbers(text: str, numbers: list[float]) -> Region:
    if len(numbers) == 4:
        return Region.bbox(*numbers)
    if len(numbers) == 3:
        raise ConfigError(f"region {text!r}: the radius needs a unit, as 48.2,16.37,5km")
    if len(numbers) == 2:
        raise ConfigError(f"region {text!r}: a point needs a radius, as {text},5km")
    raise ConfigError(f"region {text!r}: a bbox is four numbers, west,south,east,north")


def _from_place(text: str, words: list[str]) -> Region:
    name, *more = words
    radius_m = parse_length(more.pop()) if more and is_length(more[-1]) else None
    if len(more) > 1 or (more and not re.fullmatch("[A-Za-z]{2}", more[0])):
        raise ConfigError(
            f"region {text!r}: after a place come a two-letter country, a radius or both, as "
            f"{name}, US, 20km"
        )
    return Region.place(name, country=more[0].upper() if more else None, radius_m=radius_m)


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
