"""Compact store: a prepared globe in so few numbers that it lies beside the weights of a model.

It has no features. Maps of any month and hour follow from its coefficients, as a browser draws them
(:mod:`psm.mapping.timetable.compact`); what a cell looks like is seen anew where somebody asks.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

from psm.checkpoints import weights_fingerprint
from psm.errors import CheckpointMismatch, ConfigError
from psm.features import seen_through
from psm.gaussian import Gaussian
from psm.imagery import BlueMarble, NoImagery
from psm.inference.batches import look_at
from psm.mapping.cells import Cells
from psm.mapping.distances import Distances, require_no_sources
from psm.mapping.moment import UNKNOWN, Moment, Sources
from psm.mapping.store import Header, Store
from psm.mapping.store.keptcells import KeptCells
from psm.mapping.store.status import EMBEDDED, NOT_COVERED
from psm.mapping.timetable.coefficientfile import CoefficientFile, pixels, unpack
from psm.mapping.timetable.compacttimetable import CompactTimetable, StateWeights
from psm.mapping.timetable.queryprojection import QueryProjection
from psm.mapping.timetable.storedcoefficients import StoredCoefficients
from psm.model import PSM
from psm.tensorfiles import read_tensors, write_tensors

FILE_NAME = "globe.safetensors"
"""Beside the weights that it belongs to."""

_VERSION = 1
_PROJECTION = tuple(field.name for field in fields(QueryProjection))
_NAMES = ("arrays", "not_covered", *_PROJECTION)


class CompactStore(KeptCells):
    """A globe of the embedded imagery, as :meth:`write` keeps it and :meth:`find` reads it.

    Args:
        path: of the file.
        header: of the store that it was made of.
        coefficients: of its cells with imagery.
        not_covered: pixel numbers of the cells that the model does not cover.
        model: that it belongs to, in evaluation mode.
    """

    def __init__(
        self,
        path: Path,
        header: Header,
        coefficients: StoredCoefficients,
        not_covered: Int64[np.ndarray, " n"],
        model: PSM,
    ) -> None:
        self.url, self.coefficients, self._model = str(path), coefficients, model
        drawn = pixels(coefficients.file)
        self._index = np.union1d(drawn, not_covered)
        is_drawn = np.isin(self._index, drawn)
        self._status = np.where(is_drawn, EMBEDDED, NOT_COVERED).astype(np.uint8)
        self.header = replace(header, cells=len(self._index))

    @classmethod
    def find(cls, folder: Path, model: PSM) -> Self | None:
        """The compact store of a model folder; ``None`` where it has none for these weights.

        Args:
            folder: of the model.
            model: as it was read from there.

        Raises:
            CheckpointMismatch: the file is broken.
        """
        path = folder / FILE_NAME
        try:
            found = read_tensors(path, _NAMES, version=_VERSION)
            if found is None:
                return None
            tensors, about = found
            header = Header.from_json(about["store"], str(path))
            file = CoefficientFile(about["coefficients"], tensors["arrays"].numpy().tobytes())
            if file.header["weights"] != weights_fingerprint(model):
                return None
            parts = {name: tensors[name].numpy() for name in _PROJECTION}
            coefficients = StoredCoefficients(file, QueryProjection(**parts))
            return cls(path, header, coefficients, tensors["not_covered"].numpy(), model)
        except (CheckpointMismatch, ConfigError, KeyError, TypeError, OSError):
            raise CheckpointMismatch(
                f"{path}: not readable; remove it, and the Earth is embedded instead, or install "
                "the package again"
            ) from None

    @staticmethod
    def write(folder: Path, store: Store, coefficients: StoredCoefficients) -> Path:
        """Keep a prepared globe beside the weights of its model.

        Args:
            folder: of the model.
            store: completely embedded, with one zoom level.
            coefficients: of the store.

        Returns:
            The file.

        Raises:
            ConfigError: the imagery is not the embedded one, which alone everybody has.
        """
        provider = store.header.imagery.get("provider")
        if provider != BlueMarble.name:
            raise ConfigError(
                f"{store.url}: of {provider}; only {BlueMarble.name} is at hand again"
            )
        left_out = store.not_covered(store.zooms[0])
        not_covered = np.array([], np.int64) if left_out is None else store.index()[left_out]
        tensors = {
            "arrays": torch.frombuffer(bytearray(coefficients.file.arrays), dtype=torch.uint8),
            "not_covered": torch.from_numpy(not_covered),
            **{
                name: torch.from_numpy(np.array(value, np.float32))
                for name, value in vars(coefficients.projection).items()
            },
        }
        about = {
            "version": _VERSION,
            "store": store.header.to_json(),
            "coefficients": coefficients.file.header,
        }
        return write_tensors(folder / FILE_NAME, tensors, about)

    def index(self, rows: slice = slice(None)) -> Int64[np.ndarray, " n"]:
        """See :meth:`psm.mapping.store.Store.index`."""
        return self._index[rows]

    def status(self, zoom: int, rows: slice = slice(None)) -> UInt8[np.ndarray, " n"]:
        """See :meth:`psm.mapping.store.Store.status`."""
        self.require_zoom(zoom)
        return self._status[rows]

    def features(self, zoom: int, rows: slice = slice(None)) -> Float16[np.ndarray, "n dim"]:
        """What cells look like, seen anew: a hundredth of a second each. See
        :meth:`psm.mapping.store.Store.features`.
        """
        self.require_zoom(zoom)
        cells = self.cells.part(rows)
        found = np.full((len(cells), self.header.dim), np.nan, np.float16)
        world = BlueMarble(str(self.header.imagery.get("world", "")))
        imagery = seen_through(self._model.config, world)
        seen = imagery.read(lat=cells.lat, lon=cells.lon, view=self.header.view(zoom))
        for row, (picture, status) in enumerate(zip(seen, self.status(zoom, rows), strict=True)):
            if status == EMBEDDED and not isinstance(picture, NoImagery):
                features = look_at(self._model, picture)
                found[row] = features.cpu().numpy().astype(np.float16)[0]
        return found

    @property
    def places(self) -> CompactPlaces:
        """What questions are put to."""
        zoom = self.zooms[0]
        return CompactPlaces(
            self.cells, zoom, self.attribution, self.licence, self.not_covered(zoom),
            self._status == EMBEDDED, unpack(self.coefficients.file), self.coefficients.projection,
        )  # fmt: skip


@dataclass(eq=False)
class CompactPlaces:
    """Cells of a compact store, as :class:`psm.mapping.distances.EmbeddedRegion` wants them.

    Attributes:
        cells: the places.
        zoom: of the views.
        attribution, licence: of the imagery.
        not_covered: which cells the model does not cover; ``None``: none.
        is_drawn: which cells have imagery, ``(n,)``.
        timetable: of these, in their order.
        projection: how queries are put to it.
    """

    cells: Cells
    zoom: int
    attribution: str
    licence: str
    not_covered: Bool[np.ndarray, " n"] | None
    is_drawn: Bool[np.ndarray, " n"]
    timetable: CompactTimetable
    projection: QueryProjection
    _kept: tuple[Gaussian, list[StateWeights]] | None = None

    @property
    def approximation(self) -> str:
        """See :attr:`psm.mapping.distances.EmbeddedRegion.approximation`."""
        rank = self.timetable.coefficients.shape[1]
        return f"the globe that comes with the model: {rank} coefficients a cell"

    def part(self, rows: NDArray[np.int64]) -> CompactPlaces:
        """See :meth:`psm.mapping.distances.EmbeddedRegion.part`."""
        own = (np.cumsum(self.is_drawn) - 1)[rows]
        is_drawn = self.is_drawn[rows]
        coefficients = self.timetable.coefficients[own[is_drawn]]
        return replace(
            self,
            cells=self.cells.part(rows),
            not_covered=None if self.not_covered is None else self.not_covered[rows],
            is_drawn=is_drawn,
            timetable=replace(self.timetable, coefficients=coefficients),
        )

    def distances(
        self,
        model: PSM,  # noqa: ARG002  (what it knows is in the coefficients)
        queries: Gaussian,
        moment: Moment,
        sources: Sources = UNKNOWN,
    ) -> Distances:
        """See :meth:`psm.mapping.distances.EmbeddedRegion.distances`.

        Raises:
            ConfigError: a source is given; a prepared store knows month and hour alone.
        """
        require_no_sources(sources)
        is_known = moment.utc is not None or moment.hour is not None
        hours = moment.local_hours(self.cells.lon[self.is_drawn]) if is_known else None
        found = torch.full((2, len(self.cells), len(queries.mean)), torch.nan)
        drawn = torch.from_numpy(self.is_drawn)
        for query, weights in enumerate(self._weights(queries)):
            parts = self.timetable.weigh(weights, month=moment.month, hours=hours)
            for total, part in zip(found, parts, strict=True):
                total[drawn, query] = torch.from_numpy(part).float()
        return Distances(found[0], found[1])

    def components(
        self, model: PSM, moment: Moment, axes: Float[Tensor, "dim k"], rows: slice
    ) -> Float[Tensor, "n k"]:
        """See :meth:`psm.mapping.distances.EmbeddedRegion.components`.

        Raises:
            ConfigError: always: too few coefficients are kept for means.
        """
        del moment, axes, rows
        raise ConfigError(
            f"the globe that comes with {model.config.name} answers queries alone; embed a region "
            "or a globe of your own for measures and plans, with psm embed"
        )

    def _weights(self, queries: Gaussian) -> list[StateWeights]:
        """What queries ask of the coefficients, kept for the next moment of the same question."""
        if self._kept is None or self._kept[0] is not queries:
            modes = self.projection(queries)
            weights = [self.timetable.weights(modes, row) for row in range(len(queries.mean))]
            self._kept = queries, weights
        return self._kept[1]
