"""Stores found or made at a URL, and refused where something else is there."""

from __future__ import annotations

from pathlib import Path

from psm.errors import StoreMismatch
from psm.mapping.store import creation
from psm.mapping.store.fingerprint import CellBlocks, difference
from psm.mapping.store.header import Header
from psm.mapping.store.place import alone
from psm.mapping.store.store import Store


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
    attributes = creation.attributes(url)
    if attributes is None:
        if creation.is_taken(url):
            raise StoreMismatch(f"{url}: holds files that are not a store of PSM")
        return None
    if creation.UNFINISHED in attributes:
        return None
    if creation.KEY not in attributes:
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
    with alone(url):
        store = find_store(url, header)
        if store is None:
            creation.make(url, header, cells)
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
