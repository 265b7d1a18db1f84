"""Multi-scale views: crops of a tile as the satellite encoder sees them, and their JPEG."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from psm.errors import ConfigError, CorruptRecording


def view_of_tile(
    tile: UInt8[np.ndarray, "side side 3"], *, zoom: int, size: int
) -> UInt8[np.ndarray, "size size 3"]:
    """The centre crop of ``zoom * size`` pixels, resized to ``size``.

    Its ground sample distance is that of the tile times ``zoom``.

    Raises:
        ConfigError: the tile is too small for this zoom.
    """
    side = zoom * size
    height, width = tile.shape[:2]
    if min(height, width) < side:
        raise ConfigError(
            f"zoom {zoom} needs a tile of {side} pixels, this one has {min(height, width)}"
        )
    top, left = (height - side) // 2, (width - side) // 2
    crop = tile[top : top + side, left : left + side]
    if zoom == 1:
        return crop
    resized = Image.fromarray(crop).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(resized)


def encode_jpeg(tile: UInt8[np.ndarray, "side side 3"], quality: int = 90) -> bytes:
    """A tile as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(tile).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def image_size(data: bytes, name: str) -> tuple[int, int]:
    """Width and height of an encoded image, by its header; ``name`` is for the error.

    Raises:
        CorruptRecording: not an image.
    """
    with _opened(data, name) as image:
        return image.size


def decode_image(data: bytes, name: str) -> UInt8[np.ndarray, "side side 3"]:
    """The RGB pixels of an encoded image; ``name`` is for the error.

    Raises:
        CorruptRecording: not a complete image.
    """
    with _opened(data, name) as image:
        return np.asarray(image.convert("RGB"))


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[Image.Image]:
    try:
        with Image.open(io.BytesIO(data)) as image:
            yield image
        return
    except UnidentifiedImageError:
        reason = "of no known format"
    except Exception as problem:
        # Damaged files make the decoders raise almost anything; nothing of ours runs inside.
        reason = (str(problem) or type(problem).__name__).partition(" (")[0]
    raise CorruptRecording(f"{name}: not a readable image ({reason})")
