"""QGIS style that draws a map in the colours of the figures."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np
from matplotlib.colors import Colormap, to_hex

from psm.cartography.style import COLOURS, colour_range
from psm.files import atomic_path
from psm.mapping.map_data import MapData

_STOPS = 17
_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_CUTS = {"cumulativeCutLower": "0.02", "cumulativeCutUpper": "0.98", "stdDevFactor": "2"}


def write_qml(
    soundscape: MapData, path: Path, *, value_range: tuple[float, float] | None = None
) -> Path:
    """Write a QGIS style for band 1 of the map's GeoTIFF; complete or absent.

    QGIS applies it by itself to a raster of the same name in the same folder.

    Args:
        soundscape: the map.
        path: the ``.qml`` file.
        value_range: match probabilities at the ends of the colours, as those of a figure.

    Returns:
        The path.

    Raises:
        ConfigError: the range is none.
    """
    low, high = colour_range(
        value_range,
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
