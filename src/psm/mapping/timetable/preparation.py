"""Preparation of a store: the expansion of its cells in time, kept beside their features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from psm.checkpoints import weights_fingerprint
from psm.errors import ConfigError
from psm.files import room_for
from psm.gaussian import Gaussian
from psm.inference.batches import location_gaussians
from psm.mapping.moment import Moment
from psm.mapping.store import Store
from psm.mapping.store.creation import create_array
from psm.mapping.store.objectstore import reaching
from psm.mapping.store.status import EMBEDDED
from psm.mapping.timetable import storedcoefficients
from psm.mapping.timetable.expansion import STATES, Expansion, Fitted, fit
from psm.mapping.timetable.storedcoefficients import StoredCoefficients, wants_coefficients
from psm.model import PSM
from psm.precision import computing
from psm.progress import track
from psm.seeding import generator

_VERSION = 1
SAMPLE, SEEN = 2048, 16
_RANK, _SPREAD_RANK = 512, 64
_OFFSETS = ("mean", "spread_mean", "gain")  # float32; what they multiply is float16
_PARTS = ("mean", "basis", "spread_mean", "spread_basis", "seen", "gain")


def prepare(
    store: Store,
    model: PSM,
    zoom: int | None = None,
    *,
    sample: int = SAMPLE,
    rank: int = _RANK,
    seen: int = SEEN,
    seed: int = 0,
) -> None:
    """Make month and hour interactive: see :class:`psm.mapping.timetable.Timetable`.

    Fuses a sample of cells at every month and hour, then every other cell at ``seen`` of them, and
    keeps the coefficients that a page draws small stores from. It may be killed at any time and
    started again; the units that are done stay.

    Args:
        store: completely embedded.
        model: that it was embedded with; fuses in its precision.
        zoom: one of the store's; by default its first.
        sample: cells that the expansion is fitted to.
        rank: coefficients a cell, two bytes each.
        seen: times at which every other cell is fused.
        seed: of the sample.

    Raises:
        ConfigError: the store holds no cell with imagery, or is not complete.
        StoreMismatch: the store is of another model.

    Example:
        >>> store = Store.open("vienna.zarr")
        >>> prepare(store, model)
        >>> map_query(model, Timetable(store, model), query, Moment(month=7, hour=22))
    """
    zoom = store.zooms[0] if zoom is None else zoom
    store.require_model(model)
    if any(unit.zoom == zoom for unit in store.undone(retry=False)):
        raise ConfigError(f"{store.url}: not complete; run its `psm embed` again first")
    settings = {
        "version": _VERSION,
        "store": store.header.fingerprint,
        "fusion": weights_fingerprint(model),
        "sample": sample,
        "rank": rank,
        "seen": seen,
        "seed": seed,
    }
    group = _group(store, zoom)
    if group is None or group.attrs.get("settings") != settings:
        _, chosen = sampled_rows(store, zoom, sample=sample, seed=seed)
        if not len(chosen):
            raise ConfigError(f"{store.url}: no cell has imagery at zoom {zoom}")
        fitted = _fit(store, model, zoom, chosen, rank=rank, seen=seen)
        with room_for(store.url), reaching(store.url):
            group = _write(store, zoom, fitted, chosen, settings)
    with room_for(store.url), reaching(store.url):
        _expand_all(store, model, zoom, group)
    keep_coefficients(store, model, zoom)


def group_name(zoom: int) -> str:
    """Of the group in a store that holds the expansion."""
    return f"times-{zoom}"


def is_prepared(store: Store, model: PSM, zoom: int) -> bool:
    """Whether a store is prepared for this very model, completely."""
    group = _group(store, zoom)
    settings = {} if group is None else group.attrs.get("settings", {})
    if group is None or settings.get("fusion") != weights_fingerprint(model):
        return False
    return bool(np.asarray(group["done"]).all())


def keep_coefficients(store: Store, model: PSM, zoom: int) -> None:
    """Make what a browser draws a prepared store from, unless it is there or the store too large.

    Args:
        store: prepared for the model.
        model: in evaluation mode.
        zoom: one of the store's.
    """
    group = _group(store, zoom)
    if not wants_coefficients(store) or StoredCoefficients.find(store, model, group) is not None:
        return
    with room_for(store.url), reaching(store.url):
        storedcoefficients.make(store, model, zoom, group, read_expansion(group))


def stored_coefficients(store: Store, model: PSM, zoom: int) -> StoredCoefficients | None:
    """What a browser draws the maps of a prepared store from; ``None`` where it has none."""
    group = _group(store, zoom)
    return None if group is None else StoredCoefficients.find(store, model, group)


def _group(store: Store, zoom: int) -> Any:
    return store.group.get(group_name(zoom))


def read_expansion(group: Any) -> Expansion:
    """What :func:`prepare` wrote into a group of a store."""
    parts = {part: torch.from_numpy(np.asarray(group[part])) for part in _PARTS}
    wide = {
        part: tensor.float() if tensor.is_floating_point() else tensor
        for part, tensor in parts.items()
    }
    return Expansion(**wide)


def sampled_rows(
    store: Store, zoom: int, *, sample: int = SAMPLE, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """All cells with imagery, and those of them that an expansion is fitted to, ascending."""
    embedded = np.flatnonzero(store.status(zoom) == EMBEDDED)
    return embedded, np.sort(generator(seed, "timetable").permutation(embedded)[:sample])


def _fit(store: Store, model: PSM, zoom: int, rows: np.ndarray, *, rank: int, seen: int) -> Fitted:
    features, lat, lon = some_cells(store, zoom, rows)
    shape = (len(STATES), len(rows), model.config.dim)
    means, log_vars = (torch.empty(shape, dtype=torch.float16) for _ in range(2))
    for state, moment in enumerate(track(STATES, f"fuse {len(rows):,} cells at every time")):
        found = fused(model, features, lat, lon, moment)
        means[state], log_vars[state] = found.mean.cpu(), found.log_var.cpu()

    def gaussian(state: int) -> Gaussian:
        return Gaussian(means[state].float(), log_vars[state].float())

    # Of a sample that is not all cells a component needs several, or it is noise.
    most = len(rows) if len(rows) == len(store) else max(1, len(rows) // 3)
    return fit(
        gaussian, len(rows), rank=min(rank, most), spread_rank=min(_SPREAD_RANK, most), seen=seen
    )


def _write(
    store: Store, zoom: int, fitted: Fitted, rows: np.ndarray, settings: dict[str, Any]
) -> Any:
    """Write an expansion, and the coefficients of the cells that it was fitted to, ``rows``."""
    # The settings come last: without them the next run starts over.
    group: Any = store.group.create_group(group_name(zoom), overwrite=True)
    for part in _PARTS:
        values = getattr(fitted.expansion, part).numpy()
        if values.dtype == np.float32 and part not in _OFFSETS:
            values = values.astype(np.float16)
        group.create_array(part, data=values, chunks=_chunks(values.shape))
    unit, cells = store.header.unit, len(store)
    rank = fitted.expansion.rank
    create_array(group, "coefficients", (cells, rank), (unit, rank), "float16", np.nan)
    create_array(group, "done", (cells,), (unit,), "uint8", 0)
    known = fitted.coefficients.numpy().astype(np.float16)
    starts = np.unique(rows // unit, return_index=True)[1]
    for own, found in zip(np.split(rows, starts[1:]), np.split(known, starts[1:]), strict=True):
        start = int(own[0]) // unit * unit
        block = np.full((min(unit, cells - start), rank), np.nan, np.float16)
        block[own - start] = found
        group["coefficients"][start : start + unit] = block
    group.attrs["settings"] = settings
    return group


def _chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    # A query reads one month.
    return (1, *shape[1:]) if len(shape) > 1 else shape


def _expand_all(store: Store, model: PSM, zoom: int, group: Any) -> None:
    unit, done = store.header.unit, np.asarray(group["done"])
    open_units = [start for start in range(0, len(store), unit) if not done[start]]
    if not open_units:
        return
    expansion = read_expansion(group)
    moments = [STATES[state] for state in expansion.seen.tolist()]
    for start in track(open_units, f"fuse the other cells at {len(moments)} times"):
        rows = np.arange(start, min(start + unit, len(store)))
        coefficients = np.array(group["coefficients"][start : start + unit])
        has_imagery = store.status(zoom, slice(start, start + unit)) == EMBEDDED
        is_open = has_imagery & np.isnan(coefficients[:, 0])  # those of the sample are there
        if is_open.any():
            features, lat, lon = some_cells(store, zoom, rows[is_open])
            at_times = (fused(model, features, lat, lon, moment) for moment in moments)
            coefficients[is_open] = expansion.coefficients(at_times).numpy()
        group["coefficients"][start : start + unit] = coefficients
        group["done"][start : start + unit] = np.ones(len(rows), np.uint8)


def some_cells(
    store: Store, zoom: int, rows: np.ndarray
) -> tuple[Float[Tensor, "n dim"], np.ndarray, np.ndarray]:
    """Features and places of some cells, in the order of ``rows``, which ascends."""
    unit = store.header.unit
    features, flat = [], []
    for number, own in _by_unit(rows, unit):
        span = slice(number * unit, number * unit + unit)
        features.append(store.features(zoom, span)[own])
        flat.append(store.index(span)[own])
    index = np.concatenate(flat)
    lat, lon = store.frame.places(*np.divmod(index, store.frame.shape[1]))
    return torch.from_numpy(np.concatenate(features)).float(), lat, lon


def _by_unit(rows: np.ndarray, unit: int) -> Iterator[tuple[int, np.ndarray]]:
    numbers, starts = np.unique(rows // unit, return_index=True)
    for number, own in zip(numbers.tolist(), np.split(rows, starts[1:]), strict=True):
        yield number, own - number * unit


def fused(
    model: PSM, features: Float[Tensor, "n dim"], lat: np.ndarray, lon: np.ndarray, moment: Moment
) -> Gaussian:
    """Cells at a moment, in the precision of the model."""
    # Half the time where bfloat16 is native, and its noise is below that of the expansion.
    with computing(model.precision, model.device):
        return location_gaussians(model, features, moment.context(lat=lat, lon=lon))
