"""TESSERA: 128 numbers for every 10 m of land and year, in a Zarr store by UTM zone."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import zarr
from jaxtyping import Float
from pyproj import Transformer

from psm.errors import ConfigError, MissingData
from psm.features.provider import Vector
from psm.imagery.provider import NoImagery, Reason

_ZONE = re.compile(r"^utm(\d{2})$")
_CODE = re.compile(r"^EPSG:32[67](\d{2})$")
_SEAM_DEG = 0.1
"""As near to the edge of a zone, a place may lie in a tile of the next one."""


class Tessera:
    """A store of TESSERA's embeddings, as the project publishes them (geotessera).

    Every zone is a group ``utmNN`` with ``embeddings`` (year, band, y, x) of int8, ``scales``
    (year, y, x) that they are multiplied by, and the coordinates ``time``, ``x``, ``y`` in the
    zone's own projection. A scale that is NaN is water, an infinite one land not yet done. The
    model, in the root's ``geoemb:model``, is the version: the numbers of two are never mixed.

    Args:
        path: the store: a folder, or a URL that Zarr opens.
        year: of the embeddings; the only one that there is by default.
        version: the model that it must be of; refused if it is of another one.

    Raises:
        MissingData: no such store, or not that year.
        ConfigError: it is of another version, holds several years and none is chosen, lacks scales,
            or a zone is not in its own UTM projection.
    """

    name = "tessera"
    has_seasons = False
    licence = "CC-BY-4.0"
    attribution = "TESSERA embeddings (Feng et al. 2025, https://arxiv.org/abs/2506.20380)"
    is_simulated: ClassVar[bool] = False

    def __init__(self, path: str, *, year: int | None = None, version: str = "") -> None:
        self._path = path
        root = _opened(path)
        zones = sorted(name for name in root.group_keys() if _ZONE.match(name))
        if not zones:
            raise ConfigError(f"{path}: has no group utm01 to utm60, as a store of TESSERA has")
        self.version = str(root.attrs.get("geoemb:model", "")).rstrip("/").rpartition("/")[2]
        if not self.version:
            raise ConfigError(f"{path}: does not say which model it is of (geoemb:model)")
        if version and str(version) != self.version:
            raise ConfigError(
                f"{path}: is of TESSERA {self.version}, not {version}; their numbers mean "
                "different things"
            )
        self._crs, years, sizes = {}, set(), set()
        for zone in zones:
            group = root[zone]
            self._crs[zone] = _projection(group, f"{path}/{zone}")
            years |= set(np.asarray(group["time"][:]).astype(int).tolist())
            sizes.add(int(group["embeddings"].shape[1]))
        if len(sizes) > 1:
            raise ConfigError(f"{path}: zones of {', '.join(map(str, sorted(sizes)))} numbers")
        self.size = sizes.pop()
        self.year = _chosen(path, sorted(years), year)

    @property
    def settings(self) -> Mapping[str, object]:
        """Model, year and zones."""
        return {
            "provider": self.name,
            "version": self.version,
            "year": self.year,
            "zones": sorted(self._crs),
        }

    def read(
        self, *, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"]
    ) -> Iterator[Vector | NoImagery]:
        """See :meth:`psm.features.FeatureProvider.read`.

        Args:
            lat, lon: degrees.

        Returns:
            The vector of the pixel of every place, or why there is none.
        """
        root, grids = _opened(self._path), dict[str, _Zone]()
        for y, x in zip(lat.tolist(), lon.tolist(), strict=True):
            answer: Vector | NoImagery = NoImagery(Reason.OUTSIDE)
            for zone in _zones(x):
                if zone not in self._crs:
                    continue
                if zone not in grids:
                    grids[zone] = _Zone(root[zone], self._crs[zone], self.year)
                found = grids[zone].vector(y, x)
                if not isinstance(found, NoImagery):
                    answer = found
                    break
                if found.reason is not Reason.OUTSIDE:
                    answer = found
            yield answer


class _Zone:
    """The arrays of one zone and year."""

    def __init__(self, group: Any, crs: str, year: int) -> None:
        self._to_utm = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        times = np.asarray(group["time"][:]).astype(int).tolist()
        self._time = times.index(year) if year in times else None
        self._x, self._y = np.asarray(group["x"][:]), np.asarray(group["y"][:])
        self._values, self._scales = group["embeddings"], group["scales"]

    def vector(self, lat: float, lon: float) -> Vector | NoImagery:
        """Of the pixel whose centre is nearest."""
        if self._time is None:
            return NoImagery(Reason.NO_DATA, "not of this year")
        at = []
        for axis, here in zip((self._x, self._y), self._to_utm.transform(lon, lat), strict=True):
            nearest = int(np.abs(axis - here).argmin())
            width = abs(float(axis[1] - axis[0])) if len(axis) > 1 else 10.0
            if not abs(axis[nearest] - here) <= width / 2.0:
                return NoImagery(Reason.OUTSIDE)
            at.append(nearest)
        column, row = at
        scale = float(self._scales[self._time, row, column])
        if not math.isfinite(scale):
            return NoImagery(Reason.NO_DATA, "water" if math.isnan(scale) else "not done yet")
        stored = np.asarray(self._values[self._time, :, row, column])
        return (stored.astype(np.float32) * np.float32(scale)).astype(np.float32)


def _opened(path: str) -> Any:
    try:
        return zarr.open_group(path, mode="r")
    except (OSError, ValueError, KeyError, ImportError) as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise MissingData(f"{path}: not a readable Zarr store ({reason})") from None


def _projection(group: Any, where: str) -> str:
    """The crs of a zone, once its arrays are what they should be."""
    for name in ("embeddings", "scales", "time", "x", "y"):
        if name not in group:
            raise ConfigError(f"{where}: has no {name}; int8 means nothing without its scales"
                              if name == "scales" else f"{where}: has no {name}")  # fmt: skip
    values, scales = group["embeddings"], group["scales"]
    if values.dtype != np.int8 or values.ndim != 4:
        raise ConfigError(f"{where}: embeddings are not int8 of year, band, y and x")
    if scales.shape != (values.shape[0], *values.shape[2:]):
        raise ConfigError(f"{where}: scales are not one a year and pixel")
    code = str(group.attrs.get("proj:code", ""))
    said, zone = _CODE.match(code), where[-2:]
    if said is None or said[1] != zone:
        raise ConfigError(f"{where}: is in {code or 'no known crs'}, not in zone {zone} of UTM")
    return code


def _chosen(path: str, years: list[int], year: int | None) -> int:
    if year is not None:
        if int(year) not in years:
            raise MissingData(f"{path}: no year {year}; it has {', '.join(map(str, years))}")
        return int(year)
    if len(years) != 1:
        raise ConfigError(
            f"{path}: holds the years {', '.join(map(str, years))}: choose one, as --features-set "
            f"year={years[-1] if years else 2024}"
        )
    return years[0]


def _zones(lon: float) -> list[str]:
    """The zone of a longitude, and the next one near its edge."""
    at = ((lon + 180.0) % 360.0) / 6.0
    own = int(at)
    within = (at - own) * 6.0
    beside = [own - 1] if within < _SEAM_DEG else [own + 1] if within > 6.0 - _SEAM_DEG else []
    return [f"utm{zone % 60 + 1:02d}" for zone in (own, *beside)]
