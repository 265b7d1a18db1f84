"""File format of a compact timetable: a JSON header, and its arrays as one gzip stream.

``docs/coefficients.md`` specifies it. A server sends the two as they lie in the store, and any
static host can keep them as files.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int16, Int64
from numpy.typing import NDArray

from psm.errors import ConfigError
from psm.geodata.frame import Frame
from psm.mapping.timetable.compacttimetable import CompactTimetable, Factors
from psm.mapping.timetable.expansion import HOUR_STATES, MONTH_STATES

FORMAT, VERSION = "psm-coefficients", 1

_PARTS = ("csd", "variance")
_LOW = 128  # low bytes are signed, so that the high ones of small numbers are all zero


class CoefficientFile(NamedTuple):
    """Header and arrays.

    Attributes:
        header: JSON.
        arrays: gzip stream of all arrays, one after the other, as the header lists them.
    """

    header: dict[str, Any]
    arrays: bytes


def pack(
    timetable: CompactTimetable, frame: Frame, flat: Int64[np.ndarray, " cells"], **about: str
) -> CoefficientFile:
    """A compact timetable as a file.

    Args:
        timetable: its cells ascend in ``flat``.
        frame: that they lie on, geographic.
        flat: numbers of their pixels.
        about: what else the header says.
    """
    mask = np.zeros(frame.shape, bool)
    mask.flat[flat] = True
    arrays: list[tuple[str, str, NDArray[Any]]] = [
        ("mask", "bits", mask),
        # One coefficient after the other: they are of one size, and neighbours are alike.
        ("coefficients", "int16", timetable.coefficients.T),
    ]
    for name, part in zip(_PARTS, (timetable.csd, timetable.variance), strict=True):
        arrays += [
            (f"{name}.times", "int16", part.times.T),
            (f"{name}.time_scale", "float32", part.time_scale),
            (f"{name}.core", "int16", part.core),
            (f"{name}.core_scale", "float32", part.core_scale),
        ]
    listed, blocks, offset = [], [], 0
    for name, kind, values in arrays:
        block = _bytes(values, kind)
        listed.append({"name": name, "type": kind, "shape": list(values.shape), "offset": offset})
        blocks.append(block + bytes(-len(block) % 4))
        offset += len(blocks[-1])
    content = b"".join(blocks)
    header = {
        "format": FORMAT,
        "version": VERSION,
        **about,
        "frame": _of_frame(frame),
        "cells": len(flat),
        "months": MONTH_STATES,
        "hours": HOUR_STATES,
        "step": timetable.step,
        "bytes": len(content),
        "arrays": listed,
    }
    digest = hashlib.blake2b(json.dumps(header).encode() + content, digest_size=8)
    header["id"] = digest.hexdigest()
    return CoefficientFile(header, gzip.compress(content, 9, mtime=0))


def unpack(file: CoefficientFile) -> CompactTimetable:
    """The compact timetable of a file.

    Raises:
        ConfigError: it is of another format.
    """
    found = _arrays(file)
    csd, variance = (
        Factors(
            times=found[f"{name}.times"].T,
            time_scale=found[f"{name}.time_scale"],
            core=found[f"{name}.core"],
            core_scale=found[f"{name}.core_scale"],
        )
        for name in _PARTS
    )
    return CompactTimetable(found["coefficients"].T, file.header["step"], csd, variance)


def pixels(file: CoefficientFile) -> Int64[np.ndarray, " cells"]:
    """Pixel numbers of the cells of a file, in the order of their coefficients.

    Raises:
        ConfigError: it is of another format.
    """
    return np.flatnonzero(_arrays(file)["mask"])


def _arrays(file: CoefficientFile) -> dict[str, NDArray[Any]]:
    header = file.header
    if (header.get("format"), header.get("version")) != (FORMAT, VERSION):
        raise ConfigError(f"coefficients of another format than {FORMAT} {VERSION}")
    content = gzip.decompress(file.arrays)
    return {
        array["name"]: _values(content[array["offset"] :], array["type"], array["shape"])
        for array in header["arrays"]
    }


def _of_frame(frame: Frame) -> dict[str, Any]:
    transform = frame.transform
    return {
        "rows": frame.shape[0],
        "columns": frame.shape[1],
        "west": transform.c,
        "north": transform.f,
        "step_lon": transform.a,
        "step_lat": -transform.e,
    }


def _bytes(values: NDArray[Any], kind: str) -> bytes:
    if kind == "bits":
        return np.packbits(values, bitorder="little").tobytes()
    if kind == "float32":
        return values.astype("<f4").tobytes()
    return _planes(np.ascontiguousarray(values))


def _planes(values: Int16[np.ndarray, "*shape"]) -> bytes:
    """All low bytes, signed, then all high ones: value = 256 high + low."""
    wide = values.astype(np.int32)
    high = (wide + _LOW) >> 8
    return (wide - (high << 8)).astype(np.int8).tobytes() + high.astype(np.int8).tobytes()


def _values(content: bytes, kind: str, shape: list[int]) -> NDArray[Any]:
    count = int(np.prod(shape))
    if kind == "bits":
        bits = np.frombuffer(content, np.uint8, -(-count // 8))
        return np.unpackbits(bits, count=count, bitorder="little").reshape(shape).astype(bool)
    if kind == "float32":
        return np.frombuffer(content, "<f4", count).reshape(shape)
    low, high = np.frombuffer(content, np.int8, 2 * count).reshape(2, count).astype(np.int16)
    return (256 * high + low).reshape(shape)
