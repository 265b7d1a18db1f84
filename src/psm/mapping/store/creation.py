"""Creates a store atomically: arrays first; the attributes written last mark it complete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec
from zarr.errors import ContainsGroupError, GroupNotFoundError, NodeTypeValidationError

from psm.errors import ConfigError
from psm.geodata.frame import Indices
from psm.mapping.store.fingerprint import CellBlocks, flat_blocks
from psm.mapping.store.header import Header
from psm.mapping.store.place import local_folder, zarr_store

KEY, UNFINISHED = "psm", "psm-unfinished"
"""Attributes of the root group: of a store, and of what is to become one."""

NOT_DONE = 0
_INDEX_CHUNK = 65536
_FLAT_KEYS: dict[str, Any] = {"name": "default", "separator": "."}  # no folder for each chunk


def attributes(url: str) -> dict[str, Any] | None:
    """Of the group at ``url``: ``None`` where there is none, ``{}`` where something else is."""
    try:
        group = zarr.open_group(zarr_store(url), mode="r")
    except (GroupNotFoundError, FileNotFoundError):
        return None
    except (NodeTypeValidationError, ContainsGroupError, ValueError, KeyError):
        return {}
    return dict(group.attrs)


def is_taken(url: str) -> bool:
    """Whether a folder without a group holds files all the same."""
    folder = local_folder(url)
    if folder is None or not folder.exists():
        return False
    return not folder.is_dir() or any(not p.name.endswith(".partial") for p in folder.iterdir())


def make(url: str, header: Header, cells: CellBlocks) -> None:
    """Make an empty store, whatever of it is there already."""
    # The root says "unfinished" until everything else is there. Whatever is written twice, by a
    # second attempt or a second process, is written with the same bytes.
    place = zarr_store(url)
    if attributes(url) != {UNFINISHED: header.to_json()}:
        zarr.create_group(place, attributes={UNFINISHED: header.to_json()}, overwrite=True)
    root = zarr.open_group(place, mode="r+")
    count, unit = header.cells, header.unit
    index = create_array(
        root, "index", (count,), (min(_INDEX_CHUNK, count),), "int64", -1, [ZstdCodec(level=3)]
    )
    for zoom in header.zooms:
        group = root.require_group(f"zoom-{zoom}")
        create_array(
            group, "features", (count, header.dim), (unit, header.dim), "float16", np.nan, None
        )
        create_array(group, "status", (count,), (unit,), "uint8", NOT_DONE)
    written = 0
    for flat in _rechunked(flat_blocks(cells), _INDEX_CHUNK):
        index[written : written + len(flat)] = flat
        written += len(flat)
    if written != count:
        raise ConfigError(f"the cells changed between two looks: {count} first, then {written}")
    zarr.open_group(place, mode="r+").attrs.put({KEY: header.to_json()})


def create_array(
    group: zarr.Group,
    name: str,
    shape: tuple[int, ...],
    chunks: tuple[int, ...],
    dtype: str,
    fill: float,
    compressors: list[ZstdCodec] | None = None,
) -> Any:
    """An array of a store, a file a chunk; the one that is there, where there is one."""
    if name in group:
        return group[name]
    return group.create_array(
        name,
        shape=shape,
        chunks=chunks,
        dtype=dtype,
        fill_value=fill,
        compressors=compressors,
        chunk_key_encoding=_FLAT_KEYS,
        dimension_names=("cell", "feature")[: len(shape)],
    )


def _rechunked(blocks: Iterator[Indices], size: int) -> Iterator[Indices]:
    held: list[Indices] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        while count >= size:
            joined = np.concatenate(held)
            yield joined[:size]
            held, count = [joined[size:]], count - size
    if count:
        yield np.concatenate(held)
