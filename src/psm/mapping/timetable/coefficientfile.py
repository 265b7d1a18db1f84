"""File format of a compact timetable: a JSON header, and its arrays as one gzip stream.

Neighbouring cells are alike: their coefficients are kept as what they are more than the cells to
the west, north and northeast let expect, as lossless images are (linear prediction; Weinberger et
al. 2000), which takes an eighth less. ``docs/coefficients.md`` specifies it all. A server sends the
two as they lie in the store, and any static host can keep them as files.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int16, Int32, Int64
from numpy.typing import NDArray

from psm.errors import ConfigError
from psm.geodata.frame import Frame
from psm.mapping.timetable.compacttimetable import CompactTimetable, Factors
from psm.mapping.timetable.expansion import HOUR_STATES, MONTH_STATES

FORMAT, VERSION = "psm-coefficients", 2

_PARTS = ("csd", "variance")
_SHIFT = 8
_PARTS_OF_ONE = 1 << _SHIFT  # in which likeness is counted
_GZIP = 31  # bits of the window, and 16 for the header of gzip
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
    near = _neighbours(mask)
    likeness = _likeness(timetable.coefficients, near)
    arrays: list[tuple[str, str, NDArray[Any]]] = [
        ("mask", "bits", mask),
        # One coefficient after the other: they are of one size.
        ("coefficients", "int16", _unexpected(timetable.coefficients, near, likeness).T),
        ("likeness", "int16", likeness),
    ]
    for name, part in zip(_PARTS, (timetable.csd, timetable.variance), strict=True):
        arrays += [
            (f"{name}.times", "int16", part.times.T),
            (f"{name}.time_scale", "float32", part.time_scale),
            # By query mode first: numbers of one size stand together.
            (f"{name}.core", "int16", part.core.transpose(2, 0, 1)),
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
    return CoefficientFile(header, _gzipped(content))


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
            core=found[f"{name}.core"].transpose(1, 2, 0),
            core_scale=found[f"{name}.core_scale"],
        )
        for name in _PARTS
    )
    near = _neighbours(found["mask"])
    coefficients = _expected_too(found["coefficients"].T, near, found["likeness"])
    return CompactTimetable(coefficients, file.header["step"], csd, variance)


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


def _gzipped(content: bytes) -> bytes:
    """A gzip stream, the same every time.

    Numbers that look random repeat by chance alone: to write matches of earlier ones, as zlib does
    by default, costs more than it saves.
    """
    packing = zlib.compressobj(9, zlib.DEFLATED, _GZIP, 9, zlib.Z_RLE)
    return packing.compress(content) + packing.flush()


def _neighbours(mask: Bool[np.ndarray, "rows columns"]) -> Int64[np.ndarray, "cells 3"]:
    """Numbers of the cells to the west, north and northeast of each; where none is, of no cell."""
    none = int(mask.sum())
    number = np.full((mask.shape[0] + 1, mask.shape[1] + 2), none)
    number[1:, 1:-1][mask] = np.arange(none)
    west, north, northeast = number[1:, :-2], number[:-1, 1:-1], number[:-1, 2:]
    return np.stack([west[mask], north[mask], northeast[mask]], axis=1)


def _sum(west: NDArray[Any], north: NDArray[Any], northeast: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(2 * west + north + northeast)


def _likeness(
    values: Int16[np.ndarray, "cells rank"], near: Int64[np.ndarray, "cells 3"]
) -> Int16[np.ndarray, " rank"]:
    """How much of the sum of their neighbours coefficients are, by least squares, in 256ths."""
    total = _sum(*(_padded(values)[cells].astype(float) for cells in near.T))
    square = np.maximum((total**2).sum(0), 1.0)
    found: NDArray[np.int16] = np.round(_PARTS_OF_ONE * (total * values).sum(0) / square).astype(
        np.int16
    )
    return found


def _expectation(
    near: Int16[np.ndarray, "*cells 3 rank"], likeness: Int16[np.ndarray, " rank"]
) -> Int32[np.ndarray, "*cells rank"]:
    west, north, northeast = (near[..., one, :].astype(np.int32) for one in range(3))
    total = _sum(west, north, northeast)
    return np.asarray((likeness * total + _PARTS_OF_ONE // 2) >> _SHIFT)


def _unexpected(
    values: Int16[np.ndarray, "cells rank"],
    near: Int64[np.ndarray, "cells 3"],
    likeness: Int16[np.ndarray, " rank"],
) -> Int16[np.ndarray, "cells rank"]:
    """What coefficients are more than their neighbours let expect, modulo 2^16."""
    expected = _expectation(_padded(values)[near], likeness)
    more: NDArray[np.int16] = (values - expected).astype(np.int16)
    return more


def _expected_too(
    unexpected: Int16[np.ndarray, "cells rank"],
    near: Int64[np.ndarray, "cells 3"],
    likeness: Int16[np.ndarray, " rank"],
) -> Int16[np.ndarray, "cells rank"]:
    """Coefficients from :func:`_unexpected`: one cell after the other, since each needs others."""
    found = np.zeros((len(unexpected) + 1, unexpected.shape[1]), np.int16)
    for cell, others in enumerate(near):
        found[cell] = _expectation(found[others], likeness) + unexpected[cell]
    return found[:-1]


def _padded(values: Int16[np.ndarray, "cells rank"]) -> Int16[np.ndarray, "more rank"]:
    """With zeros for the neighbour that is no cell."""
    return np.concatenate([values, np.zeros_like(values[:1])])


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
