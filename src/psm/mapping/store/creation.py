"""Creates a store atomically: arrays first; the attributes written last mark it complete."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

from psm.errors import ConfigError, StoreMismatch
from psm.geodata.frame import Indices
from psm.mapping.store.fingerprint import CellBlocks, difference, flat_blocks
from psm.mapping.store.header import KEY, UNFINISHED, Header, read_attributes
from psm.mapping.store.objectstore import reaching, require_bucket
from psm.mapping.store.place import alone, local_folder, zarr_store
from psm.mapping.store.status import NOT_DONE
from psm.mapping.store.store import Store

_INDEX_CHUNK = 65536
_FLAT_KEYS: dict[str, Any] = {"name": "default", "separator": "."}  # no folder for each chunk


def find_store(url: str | Path, header: Header) -> Store | None:
    """The store of ``header`` at ``url``, or ``None`` where it is still to be made.

    Args:
        url: a folder, or a URL that fsspec knows.
        header: of the store that is looked for; see :func:`psm.mapping.store.plan`.

    Returns:
        The store or ``None``.

    Raises:
        StoreMismatch: another store is there, or something else is.
    """
    url = str(url)
    attributes = read_attributes(url)
    if attributes is None:
        if local_folder(url) is None:
            require_bucket(url)
        if _is_taken(url):
            raise StoreMismatch(f"{url}: holds files that are not a store of PSM")
        return None
    if UNFINISHED in attributes:
        return None
    if KEY not in attributes:
        raise StoreMismatch(f"{url}: there is something else, not a store of PSM")
    store = Store.open(url)
    _require(store, header)
    return store


def create_store(url: str | Path, header: Header, cells: CellBlocks) -> Store:
    """The store of ``header`` at ``url``: opened where it is there, made where it is not.

    What a killed process left half made is made anew.

    Args:
        url: a folder, or a URL that fsspec knows.
        header: see :func:`psm.mapping.store.plan`.
        cells: those of the header.

    Returns:
        The store; nothing of it need be embedded yet.

    Raises:
        StoreMismatch: another store is there, or something else is.
    """
    url = str(url)
    with reaching(url), alone(url):
        store = find_store(url, header)
        if store is None:
            _make(url, header, cells)
            store = Store.open(url)
    return store


def _require(store: Store, header: Header) -> None:
    if store.header.fingerprint != header.fingerprint:
        differs = difference(store.header.parts, header.parts)
        raise StoreMismatch(
            f"{store.url}: a store with {differs}; choose another name, or delete it"
        )
    if store.header.unit != header.unit:
        raise StoreMismatch(
            f"{store.url}: a store with units of {store.header.unit} cells, not {header.unit}"
        )


def _is_taken(url: str) -> bool:
    """Whether a folder without a group holds files all the same."""
    folder = local_folder(url)
    if folder is None or not folder.exists():
        return False
    return not folder.is_dir() or any(not p.name.endswith(".partial") for p in folder.iterdir())


def _make(url: str, header: Header, cells: CellBlocks) -> None:
    """Make an empty store, whatever of it is there already."""
    # The root says "unfinished" until everything else is there. Whatever is written twice, by a
    # second attempt or a second process, is written with the same bytes.
    place = zarr_store(url)
    if read_attributes(url) != {UNFINISHED: header.to_json()}:
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
