"""Levels 0..255 as pictures: PNG with a palette, WebP, and the strip of a legend."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from psm.server.colours import Colours

Format = Literal["png", "webp"]
MEDIA_TYPES: dict[str, str] = {"png": "image/png", "webp": "image/webp"}

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode(levels: NDArray[np.uint8], colours: Colours, form: Format) -> bytes:
    """A picture of levels ``(rows, columns)``, transparent where they are 0."""
    return png(levels, colours.table) if form == "png" else webp(levels, colours.table)


def png(levels: NDArray[np.uint8], table: NDArray[np.uint8]) -> bytes:
    """An 8-bit PNG with a palette, written here: several times as fast as through a library."""
    rows, columns = levels.shape
    filtered = np.zeros((rows, columns + 1), np.uint8)  # filter 0 stands before each row
    filtered[:, 1:] = levels
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    return b"".join(
        [
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", table.tobytes()),
            _chunk(b"tRNS", b"\0"),
            _chunk(b"IDAT", zlib.compress(filtered.tobytes(), 2)),
            _chunk(b"IEND", b""),
        ]
    )


def webp(levels: NDArray[np.uint8], table: NDArray[np.uint8]) -> bytes:
    """The same pixels as lossless WebP."""
    alpha = np.where(levels > 0, 255, 0).astype(np.uint8)
    pixels = np.dstack([table[levels], alpha])
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "WEBP", lossless=True, method=0, quality=30)
    return out.getvalue()


def legend(colours: Colours, label: str, low: float, high: float) -> bytes:
    """A strip of 320 x 56 pixels with its label and ends, on transparent ground."""
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
