"""Memory that the stores of a server take, and what this machine has left."""

from __future__ import annotations

from pathlib import Path

from psm.errors import NotEnoughMemory
from psm.mapping.store import Store
from psm.mapping.store.embedded import BLOCK_CELLS
from psm.mapping.store.keptcells import KeptCells
from psm.mapping.store.place import local_folder
from psm.mapping.timetable import Timetable

_CELL_BYTES = 200
"""Place, area and index of a cell, and its numbers of the maps that are under way."""

_FUSED = 40
"""Bytes of a cell and dimension while it is fused: mean, variance and what comes between."""

_EXPANSION_BYTES = 700_000_000
"""What the cells of a prepared store share, as it is read; less stays."""

_COEFFICIENTS_BYTES = 1024
"""What a cell of a prepared store has of its own; in memory where the store is elsewhere."""

_PROC = Path("/proc")
_GROUPS = Path("/sys/fs/cgroup")
_UNLIMITED = 2**60


def needed_bytes(store: Store, *, is_prepared: bool) -> int:
    """Memory that a server takes for a store, measured (``docs/serve.md``); not the model's.

    Args:
        store: that is served.
        is_prepared: its coefficients are mapped from disk, its features are not read.
    """
    cells, dim = len(store), store.header.dim
    if is_prepared:
        own = _CELL_BYTES + (_COEFFICIENTS_BYTES if local_folder(store.url) is None else 0)
        return cells * own + _EXPANSION_BYTES
    return cells * (_CELL_BYTES + 2 * dim) + min(cells, BLOCK_CELLS) * dim * _FUSED


def require_memory(store: Store, *, is_prepared: bool) -> None:
    """Refuse a store that does not fit into the memory that is left, before it is read.

    Args:
        store: to be served.
        is_prepared: whether it is.

    Raises:
        NotEnoughMemory: it does not fit; says what would help.
    """
    needed, free = needed_bytes(store, is_prepared=is_prepared), available_bytes()
    if free is None or needed <= free:
        return
    less = needed_bytes(store, is_prepared=True)
    if not is_prepared and less <= free:
        advice = f"run `psm prepare {store.url}` first, prepared it takes {_size(less)}"
    else:
        advice = "serve fewer stores, or one of larger cells"
    raise NotEnoughMemory(
        f"{store.url}: its {len(store):,} cells take {_size(needed)} of memory, and "
        f"{_size(max(0, free))} are free; {advice}"
    )


def available_bytes() -> int | None:
    """Memory that is free or can be freed, within the limit of a container; ``None`` if unknown."""
    found = [free for free in (_of_machine(), _of_container()) if free is not None]
    return min(found, default=None)


def in_words(store: KeptCells, places: object) -> str:
    """A line about a store for whoever starts a server: size, speed, memory."""
    if not isinstance(store, Store):
        return f"{len(store):,} cells, any month and hour at once, as they come with the model"
    prepared = places if isinstance(places, Timetable) else None
    needed = needed_bytes(store, is_prepared=prepared is not None)
    if prepared is None:
        how = "exact: a map takes seconds until the store is prepared"
    else:
        how = "any month and hour at once"
        if prepared.is_mapped:
            how += f", {_size(prepared.size_bytes)} used where they lie on disk"
    return f"{len(store):,} cells, {how}, up to {_size(needed)} of memory"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"


def _of_machine() -> int | None:
    try:
        lines = (_PROC / "meminfo").read_text().splitlines()
    except OSError:  # another system
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _of_container() -> int | None:
    """What the memory limit of a control group (version 2) leaves; files in memory can go."""
    try:
        limit = (_GROUPS / "memory.max").read_text().strip()
        used = int((_GROUPS / "memory.current").read_text())
        files = dict(line.split() for line in (_GROUPS / "memory.stat").read_text().splitlines())
        if limit == "max" or int(limit) >= _UNLIMITED:
            return None
        return int(limit) - used + int(files.get("inactive_file", 0))
    except (OSError, ValueError):
        return None
