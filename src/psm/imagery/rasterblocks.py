"""Reads the pixels of a raster file as blocks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from cachetools import LRUCache
from jaxtyping import Bool, Num, UInt8
from PIL import Image
from rasterio.errors import RasterioError
from rasterio.windows import Window

from psm.http.probe import said_of
from psm.imagery.blocks import Block, Level
from psm.imagery.provider import NoImagery, Reason
from psm.imagery.rasterfile import RasterFile, gdal, is_remote, open_dataset
from psm.imagery.scaling import to_uint8

_STRIP_PIXELS = 8_000_000
_OPEN_AT_MOST = 64


class OpenDatasets(LRUCache[tuple[str, int], Any]):
    """The datasets that one reader has open, by path and overview; all are closed at its end."""

    def __init__(self) -> None:
        super().__init__(_OPEN_AT_MOST)

    def __missing__(self, key: tuple[str, int]) -> Any:
        self[key] = dataset = open_dataset(*key)
        return dataset

    def popitem(self) -> tuple[tuple[str, int], Any]:
        """Close the dataset that was used longest ago; those above call it."""
        key, dataset = super().popitem()
        dataset.close()
        return key, dataset

    def close(self) -> None:
        """Close them all."""
        while self:
            self.popitem()


def read_block(
    file: RasterFile, how: tuple[int, int, int], row: int, column: int, datasets: OpenDatasets
) -> Block | NoImagery | None:
    """A block of a level of :meth:`RasterFile.level`."""
    overview, by_x, by_y = how
    side = Level.block_px
    rows, columns = file.shapes[overview]
    top, left = row * side * by_y, column * side * by_x
    bottom, right = min(top + side * by_y, rows), min(left + side * by_x, columns)
    if row < 0 or column < 0 or top >= bottom or left >= right:
        return None
    strip = max(1, _STRIP_PIXELS // ((right - left) * by_y)) * by_y
    try:
        with gdal(file.path):
            dataset = datasets[file.path, overview]
            parts = [
                _reduced(
                    _pixels(file, dataset, left, right, start, min(start + strip, bottom)),
                    by_x,
                    by_y,
                )
                for start in range(top, bottom, strip)
            ]
    except (RasterioError, OSError):
        told = f"{file.name} cannot be read here"
        if not is_remote(file.path):
            return NoImagery(Reason.UNREADABLE, told)
        return NoImagery(Reason.FAILED, told, said_of(file.path))
    pixels = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return Block(pixels) if pixels[..., 3].any() else None


def _pixels(
    file: RasterFile, dataset: Any, left: int, right: int, top: int, bottom: int
) -> UInt8[np.ndarray, "rows columns 4"]:
    window = Window(left, top, right - left, bottom - top)
    values = dataset.read(file.bands, window=window)
    is_valid = _valid(file, dataset, values, window)
    if file.has_palette:
        colours: UInt8[np.ndarray, "256 4"] = np.zeros((256, 4), np.uint8)
        for index, colour in dataset.colormap(file.bands[0]).items():
            colours[index] = colour
        pixels = np.take(colours, values[0], axis=0)
    else:
        pixels = np.empty((*values.shape[1:], 4), np.uint8)
        pixels[..., 3] = 255
        if len(values) == 1:
            values = np.broadcast_to(values, (3, *values.shape[1:]))
        if file.scale is None:
            pixels[..., :3] = np.moveaxis(values, 0, -1)
        else:
            # Not-a-number is missing below; it must not reach the integers.
            pixels[..., :3] = to_uint8(np.nan_to_num(values), file.scale)
    if is_valid is not None:
        pixels[~is_valid] = 0
    return np.asarray(pixels)


def _valid(
    file: RasterFile, dataset: Any, values: Num[np.ndarray, "bands rows columns"], window: Window
) -> Bool[np.ndarray, "rows columns"] | None:
    """Missing is what the mask says, or where all bands hold the no-data value."""
    if file.has_mask:
        mask: UInt8[np.ndarray, "rows columns"] = dataset.read_masks(file.bands[0], window=window)
        return np.asarray(mask > 127)
    is_valid = None
    if file.nodata is not None and not math.isnan(file.nodata):
        is_valid = (values != file.nodata).any(0)
    if values.dtype.kind == "f":
        is_number = np.isfinite(values).all(0)
        is_valid = is_number if is_valid is None else is_valid & is_number
    return is_valid


def _reduced(
    pixels: UInt8[np.ndarray, "rows columns 4"], by_x: int, by_y: int
) -> UInt8[np.ndarray, "less fewer 4"]:
    if by_x == by_y == 1:
        return pixels
    return np.asarray(Image.fromarray(pixels).reduce((by_x, by_y)))
