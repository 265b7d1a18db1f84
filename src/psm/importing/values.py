"""Readers of single metadata values: each returns the value or refuses the recording."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from psm.data import delimited
from psm.data.recording import AudioSource, Recording
from psm.data.splits import TEST, TRAIN, VAL, cell_names
from psm.data.views import decode_image, encode_jpeg
from psm.errors import CorruptRecording
from psm.published.sizes import IMAGERY, tile_gsd_m

SPLITS = {
    "train": TRAIN, "training": TRAIN, "val": VAL, "valid": VAL, "validation": VAL, "dev": VAL,
    "test": TEST, "testing": TEST,
}  # fmt: skip
"""Our names of splits by those that people give them."""

RULES = 2
"""Changes whenever published data would become other recordings: an import keeps to one."""

_JPEG = b"\xff\xd8\xff"


def recording(*, lat: object, lon: object, **known: Any) -> Recording:
    """A recording at the place that ``lat`` and ``lon`` say, in the cell of that place.

    Raises:
        CorruptRecording: no such place.
    """
    lat_deg, lon_deg = degrees(lat, "latitude", 90.0), degrees(lon, "longitude", 180.0)
    cell = str(cell_names(np.array([lat_deg]), np.array([lon_deg]))[0])
    return Recording(lat=lat_deg, lon=lon_deg, cell=cell, **known)


def degrees(value: object, name: str, most: float) -> float:
    """A latitude or longitude in [-``most``, ``most``].

    Raises:
        CorruptRecording: there is none, or it is out of range.
    """
    number = delimited.degrees(str(value))
    if number is None:
        raise CorruptRecording(f"no {name}")
    if abs(number) > most:
        raise CorruptRecording(f"{name} outside [-{most:g}, {most:g}]")
    return number


def plain(value: object) -> str:
    """A text without blanks around it; empty where a table has nothing, or NaN."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    text = str(value).strip()
    return "" if text.lower() in ("nan", "none", "null", "nat", "<na>") else text


def split(name: str) -> str:
    """The split of a name as people write it.

    Raises:
        CorruptRecording: it is none.
    """
    if name.lower() not in SPLITS:
        raise CorruptRecording(f"unknown split {name!r}" if name else "no split")
    return SPLITS[name.lower()]


def archive(name: str) -> AudioSource:
    """The audio source of that name.

    Raises:
        CorruptRecording: there is none.
    """
    try:
        return AudioSource(name.lower())
    except ValueError:
        raise CorruptRecording(f"unknown archive {name!r}") from None


def gsd_m(told: float, imagery: str | None, lat: float) -> float:
    """Metres per pixel of a tile at a latitude, as published imagery has it there.

    Args:
        told: what counts for imagery of another kind, or where somebody measured it himself.
        imagery: the published code's name for it.
        lat: of the place.
    """
    if imagery is None or told != IMAGERY[imagery].gsd_m:
        return told
    return tile_gsd_m(imagery, lat)


def key(name: str) -> str:
    """``name`` as the key of a sample: no dots, slashes or blanks, which shards give a meaning.

    Raises:
        CorruptRecording: nothing is left.
    """
    kept = re.sub(r"[^\w-]+", "_", name).strip("_")
    if not kept:
        raise CorruptRecording("no name")
    return kept


def tile(data: bytes, name: str, least_px: int) -> bytes:
    """An encoded image as JPEG; one that is a JPEG stays as it is. ``name`` is for the error.

    Raises:
        CorruptRecording: it cannot be decoded, or a side is shorter than ``least_px``.
    """
    pixels = decode_image(data, name)
    if min(pixels.shape[:2]) < least_px:
        raise CorruptRecording(f"{name}: smaller than the largest view, {least_px} pixels")
    return data if data.startswith(_JPEG) else encode_jpeg(pixels)
