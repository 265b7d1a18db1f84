"""Cloud-optimised GeoTIFF of a map, and the QGIS style that gives it the colours of the figures."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np
import rasterio
import rasterio.shutil
from matplotlib.colors import Colormap, to_hex
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import MemoryFile

from psm.cartography.style import COLOURS, colour_range
from psm.files import atomic_path, room_for
from psm.mapping.bands import CSD, UNCERTAINTY
from psm.mapping.map_data import MapData

_BLOCK_PX = 128
_SMALLEST_OVERVIEW_PX = 32
_STOPS = 17
_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_CUTS = {"cumulativeCutLower": "0.02", "cumulativeCutUpper": "0.98", "stdDevFactor": "2"}


def write_cog(soundscape: MapData, path: Path, *, csd: bool = False) -> Path:
    """Write the standard bands of a map, with overviews, no-data, band names, units, tags.

    A style for QGIS is written beside it (:func:`write_qml`), so that it opens in the colours of
    the figures. Both files are complete or absent. rio-cogeo's own writer drops the units of bands,
    so that GDAL's COG driver copies an in-memory GeoTIFF here.

    Args:
        soundscape: the map.
        path: the GeoTIFF.
        csd: also write the distance itself, as the last band.

    Returns:
        The path.
    """
    rows, columns = soundscape.shape
    bands = [
        band
        for band in soundscape.bands
        if band.is_standard or (csd and band == CSD)
        # A band of nothing would be taken for one of places without data.
        if band.name != UNCERTAINTY.name or soundscape.knows_uncertainty
    ]
    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "count": len(bands),
        "width": columns,
        "height": rows,
        "crs": soundscape.frame.crs,
        "transform": soundscape.frame.transform,
        "nodata": np.nan,
        "tiled": True,
        "blockxsize": _BLOCK_PX,
        "blockysize": _BLOCK_PX,
    }
    with MemoryFile() as memory:
        with memory.open(**profile) as target:
            for number, band in enumerate(bands, start=1):
                target.write(soundscape.values(band.name), number)
                target.set_band_description(number, band.long_name)
                target.set_band_unit(number, band.unit)
            target.colorinterp = [ColorInterp.gray] + [ColorInterp.undefined] * (len(bands) - 1)
            target.update_tags(**soundscape.tags)
            target.update_tags(
                TIFFTAG_COPYRIGHT=soundscape.rights, TIFFTAG_SOFTWARE=soundscape.tags["software"]
            )
            target.build_overviews(_overviews(max(rows, columns)), Resampling.average)
            target.update_tags(ns="rio_overview", resampling="average")
        # In memory: GDAL does not tell of a disk that is full when it closes a file.
        with memory.open() as source, MemoryFile(ext=".tif") as whole:
            rasterio.shutil.copy(
                source,
                whole.name,
                driver="COG",
                blocksize=_BLOCK_PX,
                compress="DEFLATE",
                predictor="FLOATING_POINT",
            )
            content = whole.read()
    with atomic_path(path) as aside, room_for(path, size=len(content)):
        aside.write_bytes(content)
    write_qml(soundscape, path.with_suffix(".qml"))
    return path


def _overviews(side_px: int) -> list[int]:
    factors = [2**level for level in range(1, 12)]
    return [factor for factor in factors if side_px // factor >= _SMALLEST_OVERVIEW_PX]


def write_qml(
    soundscape: MapData, path: Path, *, value_range: tuple[float, float] | None = None
) -> Path:
    """Write a QGIS style for band 1 of the map's GeoTIFF; complete or absent.

    QGIS applies it by itself to a raster of the same name in the same folder.

    Args:
        soundscape: the map.
        path: the ``.qml`` file.
        value_range: values at the ends of the colours, as those of a figure.

    Returns:
        The path.

    Raises:
        ConfigError: the range is none.
    """
    low, high = colour_range(
        value_range or soundscape.colour_ends(),
        soundscape.values(),
        frame=soundscape.frame,
        is_diverging=soundscape.quantity.is_diverging,
    )
    root = Element("qgis", version="3.28.0-Firenze", styleCategories="Symbology")
    pipe = SubElement(root, "pipe")
    nearest = "nearestNeighbour"
    SubElement(
        SubElement(pipe, "provider"),
        "resampling",
        enabled="false",
        maxOversampling="2",
        zoomedInResamplingMethod=nearest,
        zoomedOutResamplingMethod=nearest,
    )
    _renderer(pipe, low, high, COLOURS[soundscape.quantity.colours])
    SubElement(pipe, "brightnesscontrast", brightness="0", contrast="0", gamma="1")
    SubElement(pipe, "huesaturation", saturation="0", grayscaleMode="0", colorizeOn="0")
    SubElement(pipe, "rasterresampler", maxOversampling="2")
    SubElement(root, "blendMode").text = "0"
    ElementTree.indent(root)
    with atomic_path(path) as aside:
        text = ElementTree.tostring(root, encoding="unicode")
        aside.write_text(_DOCTYPE + text + "\n", encoding="utf-8")
    return path


def _renderer(pipe: Element, low: float, high: float, ramp_colours: Colormap) -> None:
    renderer = SubElement(
        pipe,
        "rasterrenderer",
        type="singlebandpseudocolor",
        band="1",
        opacity="1",
        alphaBand="-1",
        nodataColor="",
        classificationMin=f"{low:.9g}",
        classificationMax=f"{high:.9g}",
    )
    SubElement(renderer, "rasterTransparency")
    origin = SubElement(renderer, "minMaxOrigin")
    for name, text in (("limits", "None"), ("extent", "WholeRaster"), ("statAccuracy", "Exact")):
        SubElement(origin, name).text = text
    for name, text in _CUTS.items():
        SubElement(origin, name).text = text
    shader = SubElement(
        SubElement(renderer, "rastershader"),
        "colorrampshader",
        colorRampType="INTERPOLATED",
        classificationMode="1",
        clip="0",
        labelPrecision="4",
        minimumValue=f"{low:.9g}",
        maximumValue=f"{high:.9g}",
    )
    shares = np.linspace(0.0, 1.0, _STOPS)
    colours = [to_hex(ramp_colours(share)) for share in shares]
    ramp = SubElement(shader, "colorramp", type="gradient", name="[source]")
    options = SubElement(ramp, "Option", type="Map")
    stops = ":".join(
        f"{share:g};{_rgb(c)}" for share, c in zip(shares[1:-1], colours[1:-1], strict=True)
    )
    for name, value in (
        ("color1", _rgb(colours[0])),
        ("color2", _rgb(colours[-1])),
        ("discrete", "0"),
        ("rampType", "gradient"),
        ("stops", stops),
    ):
        SubElement(options, "Option", type="QString", name=name, value=value)
    for share, colour in zip(shares, colours, strict=True):
        value = low + share * (high - low)
        SubElement(
            shader, "item", alpha="255", value=f"{value:.9g}", label=f"{value:.4g}", color=colour
        )


def _rgb(colour: str) -> str:
    return ",".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5)) + ",255"
