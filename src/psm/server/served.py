"""Served stores: what a server answers from, and how each is asked at present."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from psm.checkpoints import weights_fingerprint
from psm.features import seen_through
from psm.gaussian import Gaussian
from psm.geodata.cache import cache_folder
from psm.geodata.sphere import wrap_longitude
from psm.imagery import BlueMarble
from psm.mapping.cells import Cells
from psm.mapping.distances import Distances, EmbeddedRegion
from psm.mapping.moment import Moment
from psm.mapping.store import Store, cached_store
from psm.mapping.store.keptcells import KeptCells
from psm.mapping.store.status import EMBEDDED
from psm.mapping.timetable import Timetable
from psm.mapping.timetable.compactstore import CompactPlaces, CompactStore
from psm.mapping.timetable.preparation import is_prepared, stored_coefficients
from psm.mapping.timetable.storedcoefficients import StoredCoefficients, wants_coefficients
from psm.model import PSM
from psm.server.memory import require_memory
from psm.server.tiling import CellFinder

_RANGE_CELLS, _RANGE_CELLS_EXACT = 1024, 192
_RANGE_HOURS = tuple(range(0, 24, 3))


@dataclass(eq=False)
class ServedStore:
    """A store of ``psm embed``, or the globe of a model folder, that a server answers from.

    Attributes:
        id: what it is called in addresses.
        name: what it is called on the page.
        store: its cells.
        places: what questions are put to: exact at first, a timetable once it is prepared, and the
            coefficients themselves of a globe that comes with its model.
        model_name: of the model that it belongs to.
        weights: fingerprint of that model.
        coefficients: that a page draws its maps from, where it is prepared and small enough.
        is_preparing: whether somebody prepares it now.
        area: of the cells, km².
    """

    id: str
    name: str
    store: KeptCells
    places: EmbeddedRegion
    model_name: str
    weights: str
    coefficients: StoredCoefficients | None = None
    is_preparing: bool = False
    area: NDArray[np.float64] = field(init=False)
    _sampled: tuple[EmbeddedRegion, NDArray[np.float64], EmbeddedRegion] | None = field(
        default=None, init=False
    )

    def __post_init__(self) -> None:
        self.area = self.store.frame.row_km2[self.store.cells.rows]

    @classmethod
    def open(cls, url: str, model: PSM, *, name: str, id_: str) -> ServedStore:
        """A store of ``psm embed``, as fast as it is prepared for.

        Raises:
            MissingData: there is none.
            StoreMismatch: it is of another model.
        """
        store = Store.open(url)
        store.require_model(model)
        require_memory(store, is_prepared=is_prepared(store, model, store.zooms[0]))
        timetable = interactive(store, model)
        coefficients = stored_coefficients(store, model, store.zooms[0]) if timetable else None
        return cls(
            id_, name, store, timetable or store.embedded(), model.config.name,
            weights_fingerprint(model), coefficients,
        )  # fmt: skip

    @property
    def is_interactive(self) -> bool:
        """Whether any month and hour takes no more than an instant."""
        return isinstance(self.places, Timetable | CompactPlaces)

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing left to prepare."""
        return self.is_interactive and (
            self.coefficients is not None or not wants_coefficients(self.store)
        )

    @property
    def version(self) -> str:
        """A short name for everything that its maps depend on, besides the calibration."""
        drawn = self.coefficients.id if self.coefficients else ""
        words = [self.store.header.fingerprint, self.weights, f"{self.is_interactive}", drawn]
        return hashlib.blake2b("\n".join(words).encode(), digest_size=8).hexdigest()

    @cached_property
    def finder(self) -> CellFinder:
        """Finds cells by place and by tile."""
        zoom = self.store.zooms[0]
        return CellFinder(self.store.cells, self.store.status(zoom) == EMBEDDED)

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of all cells; east lies beyond 180 where they cross it."""
        frame, cells = self.store.frame, self.store.cells
        if frame.is_globe:
            return -180.0, -90.0, 180.0, 90.0
        pad_lat = -frame.transform.e if frame.is_geographic else -frame.transform.e / 111_000.0
        south = float(np.clip(cells.lat.min() - pad_lat / 2.0, -90.0, 90.0))
        north = float(np.clip(cells.lat.max() + pad_lat / 2.0, -90.0, 90.0))
        most = max(0.02, float(np.cos(np.radians(max(abs(south), abs(north))))))
        pad_lon = frame.transform.a if frame.is_geographic else frame.transform.a / 111_000.0 / most
        lon = cells.lon
        if lon.max() - lon.min() > 180.0:
            lon = np.mod(lon, 360.0)
        west, east = float(lon.min() - pad_lon / 2.0), float(lon.max() + pad_lon / 2.0)
        shift = float(wrap_longitude(west)) - west
        return west + shift, south, min(east + shift, west + shift + 360.0), north

    @property
    def spacing_deg(self) -> float | None:
        """From cell to cell, where the grid is one of degrees."""
        return self.store.frame.transform.a if self.store.frame.is_geographic else None

    @property
    def spacing_m(self) -> float | None:
        """From cell to cell, where the grid is one of metres."""
        return None if self.store.frame.is_geographic else self.store.frame.transform.a

    def place(self, cell: int) -> dict[str, float]:
        """Centre of a cell: ``lat`` and ``lon``."""
        cells = self.store.cells.part(slice(cell, cell + 1))
        return {"lat": float(cells.lat[0]), "lon": float(cells.lon[0])}

    def features(self, cell: int) -> Float[torch.Tensor, "1 dim"]:
        """What the model sees of a cell."""
        found = self.store.features(self.store.zooms[0], slice(cell, cell + 1))
        return torch.from_numpy(found).float()

    @torch.inference_mode()
    def over_time(
        self, model: PSM, queries: Gaussian
    ) -> tuple[NDArray[np.float64], list[Distances]]:
        """Some cells at every month and every third hour.

        Returns:
            Their areas, and for each of 96 moments their csd and its variance, ``(cells, m)``.
        """
        area, places = self.sample()
        moments = [Moment(month=m, hour=float(h)) for m in range(1, 13) for h in _RANGE_HOURS]
        return area, [places.distances(model, queries, moment) for moment in moments]

    def sample(self) -> tuple[NDArray[np.float64], EmbeddedRegion]:
        """Areas of some cells, and these alone; another sample once the store is prepared."""
        places = self.places
        if self._sampled is None or self._sampled[0] is not places:
            known = np.flatnonzero(self.store.status(self.store.zooms[0]) == EMBEDDED)
            most = _RANGE_CELLS if self.is_interactive else _RANGE_CELLS_EXACT
            rows = np.sort(np.random.default_rng(0).permutation(known)[:most])
            self._sampled = places, self.area[rows], places.part(rows)
        return self._sampled[1:]


def interactive(store: Store, model: PSM) -> Timetable | None:
    """The timetable of a store, its coefficients at hand; ``None`` where it is not prepared."""
    zoom = store.zooms[0]
    if not is_prepared(store, model, zoom):
        return None
    return Timetable(store, model, zoom, resident=True)


def open_all(urls: Iterable[str], model: PSM) -> dict[str, ServedStore]:
    """Stores by id, which follows from their names.

    Raises:
        MissingData: one is not there.
        StoreMismatch: one is of another model.
    """
    found: dict[str, ServedStore] = {}
    for url in urls:
        stem = PurePosixPath(url.rstrip("/")).name.removesuffix(".zarr") or "store"
        id_ = unique(slug(stem), found)
        found[id_] = ServedStore.open(url, model, name=stem, id_=id_)
    return found


def embedded_earth(model: PSM, step_deg: float, folder: Path) -> ServedStore:
    """The whole Earth: the globe of the model's folder, or one that is embedded at the first start.

    The latter lies in the user's cache, apart from the stores of `psm map`, of which only the last
    ones are kept: one that is served must not go.

    Args:
        model: in evaluation mode.
        step_deg: size of a cell.
        folder: of the model.

    Raises:
        ConfigError: the step does not fit, or the model is one for other imagery.
        CheckpointMismatch: the globe of the folder is broken.
    """
    id_, name = "earth", "The Earth"
    compact = CompactStore.find(folder, model)
    if compact is not None and compact.frame.transform.a == step_deg:
        return ServedStore(
            id_, name, compact, compact.places, model.config.name, weights_fingerprint(model),
            compact.coefficients,
        )  # fmt: skip
    zoom, root = model.config.imagery.zooms[0], cache_folder() / "served"
    imagery = seen_through(model.config, BlueMarble(model.provenance.world))
    store = cached_store(model, imagery, Cells.globe(step_deg), zoom, store=root)
    return ServedStore.open(store.url, model, name=name, id_=id_)


def slug(name: str) -> str:
    """A name as a part of an address."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "store"


def unique(name: str, taken: Iterable[str]) -> str:
    """The name, with a number where it is taken."""
    others, number, candidate = set(taken), 2, name
    while candidate in others:
        candidate, number = f"{name}-{number}", number + 1
    return candidate
