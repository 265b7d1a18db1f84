"""Levels 0..255 as pictures: palettes, PNG and WebP of map tiles, and the strip of a legend."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from psm.cartography.style import COLOURS
from psm.mapping.bands import Band

ColoursId = Literal["magma", "inferno", "viridis", "cividis", "ember", "slate", "purple-orange"]
_NAMES: dict[ColoursId, str] = {
    "magma": "Magma, bright is likely",
    "inferno": "Inferno, bright is likely",
    "viridis": "Viridis",
    "cividis": "Cividis, for colour-blind eyes",
    "ember": "Ember, dark is likely, as printed maps",
    "slate": "Slate, as printed maps of uncertainty",
    "purple-orange": "Purple and orange, for differences about zero",
}
_CSS_STEPS = 16
Format = Literal["png", "webp"]
MEDIA_TYPES: dict[str, str] = {"png": "image/png", "webp": "image/webp"}

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, eq=False)
class Palette:
    """A colour map of tiles.

    Attributes:
        id, name: what it is asked for by, and called.
        table: ``(256, 3)`` uint8; entry 0 is transparent, 1 the lowest value, 255 the highest.
    """

    id: str
    name: str
    table: NDArray[np.uint8]

    @property
    def css(self) -> list[str]:
        """16 steps from the lowest to the highest value, as #rrggbb."""
        steps = np.linspace(1, 255, _CSS_STEPS).round().astype(int)
        return ["#" + bytes(self.table[step].tolist()).hex() for step in steps]

    @property
    def hex(self) -> str:
        """All 255 colours from the lowest to the highest value, six digits each."""
        return self.table[1:].tobytes().hex()


@lru_cache(maxsize=1)
def all_colours() -> dict[str, Palette]:
    """Every palette by id."""
    return {id_: Palette(id_, name, _table(id_)) for id_, name in _NAMES.items()}


def usual_colours(band: Band) -> ColoursId:
    """The palette of a band on a screen, where bright is likely."""
    on_screen: dict[str, ColoursId] = {
        "ember": "magma", "slate": "slate", "purple-orange": "purple-orange",
    }  # fmt: skip
    return on_screen.get(band.colours, "viridis")


def palette(wanted: ColoursId | None, band: Band) -> Palette:
    """The palette that was asked for, or the usual one of a band."""
    return all_colours()[wanted or usual_colours(band)]


def _table(name: str) -> NDArray[np.uint8]:
    colours = COLOURS.get(name) or mpl.colormaps[name]
    table = np.zeros((256, 3), np.uint8)
    table[1:] = np.round(255.0 * colours(np.linspace(0.0, 1.0, 255))[:, :3])
    return table


def encode(levels: NDArray[np.uint8], colours: Palette | None, form: Format) -> bytes:
    """A picture of levels ``(rows, columns)``.

    In colours, transparent where the level is 0; without any, the levels themselves in grey.
    """
    table = None if colours is None else colours.table
    return png(levels, table) if form == "png" else webp(levels, table)


def png(levels: NDArray[np.uint8], table: NDArray[np.uint8] | None) -> bytes:
    """An 8-bit PNG, written here: several times as fast as through a library."""
    rows, columns = levels.shape
    filtered = np.zeros((rows, columns + 1), np.uint8)  # filter 0 stands before each row
    filtered[:, 1:] = levels
    kind = 0 if table is None else 3
    header = struct.pack(">IIBBBBB", columns, rows, 8, kind, 0, 0, 0)
    palette = () if table is None else (_chunk(b"PLTE", table.tobytes()), _chunk(b"tRNS", b"\0"))
    return b"".join(
        [
            _SIGNATURE,
            _chunk(b"IHDR", header),
            *palette,
            _chunk(b"IDAT", zlib.compress(filtered.tobytes(), 2)),
            _chunk(b"IEND", b""),
        ]
    )


def webp(levels: NDArray[np.uint8], table: NDArray[np.uint8] | None) -> bytes:
    """The same pixels as lossless WebP."""
    if table is None:
        pixels = np.dstack([levels] * 3)
    else:
        pixels = np.dstack([table[levels], np.where(levels > 0, 255, 0).astype(np.uint8)])
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "WEBP", lossless=True, method=0, quality=30)
    return out.getvalue()


def legend(colours: Palette, label: str, low: float, high: float) -> bytes:
    """A strip of 320 x 56 pixels with its label and ends, on transparent ground.

    Drawn by hand, not by :func:`psm.cartography.style.colour_bar`: a figure takes 20 times as long,
    and matplotlib is of one thread.
    """
    image = Image.new("RGBA", (320, 56))
    ramp = np.linspace(1, 255, 304).round().astype(np.uint8)
    strip = Image.fromarray(np.broadcast_to(colours.table[ramp], (14, 304, 3)).copy())
    image.paste(strip, (8, 20))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(12)
    words = [(8, 2, "la", label), (8, 37, "la", f"{low:.3g}"), (312, 37, "ra", f"{high:.3g}")]
    words.append((160, 37, "ma", f"{0.5 * (low + high):.3g}"))
    for x, y, anchor, text in words:
        draw.text(
            (x, y), text, "#1c2430", font, anchor, stroke_width=2, stroke_fill="#ffffffd0"
        )  # fmt: skip
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
