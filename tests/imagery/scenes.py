"""A static STAC catalogue of small Sentinel-2 scenes, written by the tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pystac
from rasterio.warp import transform_bounds
from shapely.geometry import box, mapping

from tests.imagery.scene import LAT, LON, around, from_origin, pixels_of, write

PLANTS, CLOUD = 4, 9


@dataclass
class Scene:
    """What is seen on a day.

    Attributes:
        added: to the numbers in the file.
        cloudy: rows and columns that are cloud, in pixels of 10 m.
        grey: every pixel, instead of the scene.
    """

    name: str
    day: str = "2022-07-01"
    added: int = 0
    cloudy: tuple[slice, slice] | None = None
    grey: float | None = None
    crs: str = "EPSG:32632"
    size: int = 400
    lat: float = LAT
    lon: float = LON
    properties: dict[str, Any] = field(default_factory=lambda: {"s2:processing_baseline": "03.01"})
    raster_bands: dict[str, Any] | None = None


def reflectance(scene: Scene) -> np.ndarray:
    """Of the scene, 0 to 3000 being black and white: ``(3, rows, columns)``."""
    shape = (scene.size, scene.size)
    transform = around(scene.crs, 10.0, scene.size, lat=scene.lat, lon=scene.lon)
    if scene.grey is not None:
        return np.full((3, *shape), scene.grey / 255.0 * 3000.0)
    return pixels_of(scene.crs, transform, shape) / 255.0 * 3000.0


def write_catalogue(
    folder: Path, scenes: Sequence[Scene], *, root: str | None = None, as_items: bool = False
) -> Path:
    """The catalogue's file. ``root`` is the URL under which the folder will be served."""
    catalogue = pystac.Catalog("scenes", "Scenes of the tests")
    items = []
    for scene in scenes:
        transform = around(scene.crs, 10.0, scene.size, lat=scene.lat, lon=scene.lon)
        numbers = reflectance(scene) + scene.added
        if scene.cloudy is not None:
            numbers[:, scene.cloudy[0], scene.cloudy[1]] = 9000
        classes = np.full((1, scene.size // 2, scene.size // 2), PLANTS, np.uint8)
        if scene.cloudy is not None:
            half = tuple(slice((s.start or 0) // 2, s.stop and s.stop // 2) for s in scene.cloudy)
            classes[0][half] = CLOUD
        coarse = from_origin(transform.c, transform.f, 20.0, 20.0)
        left, top, side = transform.c, transform.f, 10.0 * scene.size
        bbox = transform_bounds(scene.crs, "EPSG:4326", left, top - side, left + side, top)
        item = pystac.Item(
            scene.name, mapping(box(*bbox)), list(bbox),
            datetime.fromisoformat(scene.day).replace(tzinfo=UTC),
            {"eo:cloud_cover": 10.0} | scene.properties,
        )  # fmt: skip
        for band, name in enumerate(("red", "green", "blue")):
            values = np.round(numbers[band : band + 1]).astype(np.uint16)
            path = write(
                folder / scene.name / f"{name}.tif", values,
                crs=scene.crs, transform=transform, nodata=0, overviews=(2, 4),
            )  # fmt: skip
            fields = {} if scene.raster_bands is None else {"raster:bands": [scene.raster_bands]}
            item.add_asset(name, _asset(path, folder, root, fields))
        path = write(
            folder / scene.name / "scl.tif", classes, crs=scene.crs, transform=coarse, nodata=0
        )
        item.add_asset("scl", _asset(path, folder, root, {}))
        items.append(item)
    if as_items:
        pystac.ItemCollection(items).save_object(str(folder / "items.json"))
        return folder / "items.json"
    catalogue.add_items(items)
    catalogue.normalize_and_save(str(folder), pystac.CatalogType.SELF_CONTAINED)
    return folder / "catalog.json"


def _asset(path: Path, folder: Path, root: str | None, fields: dict[str, Any]) -> pystac.Asset:
    href = str(path) if root is None else f"{root}/{path.relative_to(folder)}"
    return pystac.Asset(href, media_type=pystac.MediaType.COG, extra_fields=fields)
