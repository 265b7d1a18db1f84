"""Choice of a map projection for a region, and the outline of the region in it.

Up to 1,500 km around its middle a region lies in the Lambert azimuthal equal-area projection
centred on it: lengths are true within 0.7 %. A region that holds a pole stays in it up to 3,300 km
(3.5 %). A wider one lies in the sinusoidal projection: equal-area, its rows of cells are parallels,
cells of a row are exactly the spacing apart and so are the rows.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import shapely
from jaxtyping import Float
from pyproj import CRS, Proj, Transformer
from shapely.geometry.base import BaseGeometry

from psm.errors import ConfigError, UntrueSpacing
from psm.geodata.outlines import polygons_of, recentred, valid
from psm.geodata.sphere import EARTH_RADIUS_KM, unit_vectors

REACH_KM, POLAR_REACH_KM = 1500.0, 3300.0
_WARN_ABOVE = 0.05
_TOLERANCE = 0.005  # of a cell: how far the chords of an outline may leave it


@dataclass(frozen=True)
class System:
    """A coordinate system for one region.

    Attributes:
        crs: PROJ string, code or WKT.
        middle_lon: the outline is cut 180 degrees from here.
        rows_are_parallels: sinusoidal.
    """

    crs: str
    middle_lon: float
    rows_are_parallels: bool = False


def best_system(geometry: BaseGeometry) -> System:
    """See the module's text."""
    lat, lon, reach_km = enclosing_circle(geometry)
    _, south, _, north = geometry.bounds
    if reach_km <= (POLAR_REACH_KM if max(-south, north) == 90.0 else REACH_KM):
        words = f"+proj=laea +lat_0={lat:g} +lon_0={lon:g}"
        return System(f"{words} +datum=WGS84 +units=m +no_defs +type=crs", lon)
    lon = round(_middle_lon(geometry), 3)
    words = f"+proj=sinu +lon_0={lon:g}"
    return System(f"{words} +datum=WGS84 +units=m +no_defs +type=crs", lon, True)


def named_system(name: str) -> System:
    """A system that the user chose.

    Raises:
        ConfigError: there is none of this name, or it is not projected in metres.
    """
    try:
        crs = CRS.from_user_input(name)
    except Exception as problem:  # pyproj raises one error for every kind of wrong name
        reason = str(problem).splitlines()[0]
        raise ConfigError(f"crs {name[:60]}: no coordinate system ({reason})") from None
    if not crs.is_projected:
        raise ConfigError(
            f"crs {name[:60]} counts degrees, a grid counts metres: give a projected one, as "
            "EPSG:32633, or none for an equal-area one centred on the region"
        )
    if any(abs(axis.unit_conversion_factor - 1.0) > 1e-9 for axis in crs.axis_info[:2]):
        unit = crs.axis_info[0].unit_name
        raise ConfigError(f"crs {name[:60]} counts in {unit}: give one in metres")
    return System(name, 0.0)


def projected(geometry: BaseGeometry, system: System, spacing_m: float) -> BaseGeometry:
    """An outline in longitude and latitude as x and y in metres, at most 0.5 % of a cell off.

    Raises:
        ConfigError: the system does not reach so far.
    """
    whole = recentred(geometry, system.middle_lon)
    edge_rad = np.sqrt(8.0 * _TOLERANCE * spacing_m / (EARTH_RADIUS_KM * 1000.0 * np.pi))
    # Part by part: for many parts at once GEOS takes a hundred times as long.
    step = float(np.clip(np.degrees(edge_rad), 0.002, 1.0))
    dense = polygons_of(*shapely.segmentize(shapely.get_parts(whole), step))
    transformer = Transformer.from_crs("EPSG:4326", system.crs, always_xy=True)
    flat = shapely.transform(dense, transformer.transform, interleaved=False)
    if not np.isfinite(shapely.get_coordinates(flat)).all():
        raise ConfigError(f"crs {system.crs[:60]} does not reach all of the region")
    # A cut towards a pole becomes a slit of no width. What the antimeridian cut in two may stay so.
    return valid(flat)


def distortion(geometry: BaseGeometry, system: System) -> float:
    """The most that a distance between neighbouring cells is off, as a share; 0.01 is 1 %."""
    if system.rows_are_parallels:
        return 0.0
    points = _points(geometry)
    points = points[:: max(1, len(points) // 2000)]
    factors = Proj(CRS.from_user_input(system.crs)).get_factors(points[:, 0], points[:, 1])
    scales = np.stack([factors.tissot_semimajor, factors.tissot_semiminor])
    return float(np.nanmax(np.abs(scales - 1.0)))


def warn_if_untrue(name: str, share: float) -> None:
    """Say so if a chosen system stretches cells by more than 5 %."""
    if share > _WARN_ABOVE:
        warnings.warn(
            f"crs {name[:60]}: distances of neighbouring cells are off by up to {share:.0%}; "
            "without a crs they are true",
            UntrueSpacing,
            stacklevel=4,
        )


def enclosing_circle(geometry: BaseGeometry) -> tuple[float, float, float]:
    """Middle (lat, lon, rounded to 0.01 degrees) of a nearly smallest circle, and its radius in km.

    A geometry wider than a hemisphere has no such circle: its radius comes out above 10,000 km.
    """
    points = _points(geometry)
    vectors = unit_vectors(lat=points[:, 1], lon=points[:, 0])
    some = vectors[:: max(1, len(vectors) // 4000)]
    middle = some.mean(0) + 1e-12
    for i in range(1, 2000):  # Bădoiu and Clarkson (2003): walk to the farthest, ever shorter
        distances = np.sum((some - middle) ** 2, 1)
        middle = middle + (some[np.argmax(distances)] - middle) / (i + 1)
    middle /= np.linalg.norm(middle)
    lat = round(float(np.degrees(np.arcsin(middle[2]))), 2)
    lon = round(float(np.degrees(np.arctan2(middle[1], middle[0]))), 2)
    if abs(lat) > 89.95:
        lat, lon = float(np.sign(lat)) * 90.0, 0.0
    rounded = unit_vectors(lat=lat, lon=lon)
    reach = np.arccos(np.clip((vectors @ rounded).min(), -1.0, 1.0))
    return lat, lon, float(reach) * EARTH_RADIUS_KM


def _points(geometry: BaseGeometry) -> Float[np.ndarray, "n 2"]:
    return np.asarray(shapely.get_coordinates(shapely.segmentize(shapely.get_parts(geometry), 1.0)))


def _middle_lon(geometry: BaseGeometry) -> float:
    """Opposite of the middle of the widest gap that no part of the geometry reaches into."""
    bounds = shapely.bounds(shapely.get_parts(geometry))
    bounds = bounds[np.argsort(bounds[:, 0])]
    west, east = bounds[:, 0], np.maximum.accumulate(bounds[:, 2])
    gaps = np.append(west[1:] - east[:-1], west[0] + 360.0 - east[-1])
    widest = int(np.argmax(gaps))
    if gaps[widest] < 1e-6:
        return 0.0
    middle = east[widest] + gaps[widest] / 2.0 + 180.0
    return float((middle + 180.0) % 360.0 - 180.0)
