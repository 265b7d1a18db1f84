"""Kept cells: what every kind of store has, whether its features lie on disk or are made anew."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float16, Int64, UInt8

from psm.errors import ConfigError, StoreMismatch
from psm.geodata.frame import Frame
from psm.mapping.cells import Cells
from psm.mapping.store.fingerprint import satellite_fingerprint
from psm.mapping.store.header import Header
from psm.mapping.store.status import NOT_COVERED
from psm.model import PSM


class KeptCells(ABC):
    """Cells of a raster that a model has embedded, with what there is to say of them.

    Attributes:
        url: where they are kept.
        header: what that place says of itself.
    """

    url: str
    header: Header

    def __len__(self) -> int:
        return self.header.cells

    @property
    def frame(self) -> Frame:
        """The raster that the cells lie on."""
        return self.header.frame

    @property
    def zooms(self) -> tuple[int, ...]:
        """Zoom levels that are embedded."""
        return self.header.zooms

    @property
    def month(self) -> int | None:
        """Of the imagery, where it was asked for."""
        return self.header.month

    @property
    def attribution(self) -> str:
        """Whose imagery it is."""
        return self.header.attribution

    @property
    def licence(self) -> str:
        """Of the imagery."""
        return self.header.licence

    @cached_property
    def cells(self) -> Cells:
        """All cells, in memory."""
        rows, columns = np.divmod(self.index(), self.frame.shape[1])
        return Cells(self.frame, rows, columns)

    @abstractmethod
    def index(self, rows: slice = slice(None)) -> Int64[np.ndarray, " n"]:
        """See :meth:`psm.mapping.store.Store.index`."""

    @abstractmethod
    def status(self, zoom: int, rows: slice = slice(None)) -> UInt8[np.ndarray, " n"]:
        """See :meth:`psm.mapping.store.Store.status`."""

    @abstractmethod
    def features(self, zoom: int, rows: slice = slice(None)) -> Float16[np.ndarray, "n dim"]:
        """See :meth:`psm.mapping.store.Store.features`."""

    def not_covered(self, zoom: int) -> Bool[np.ndarray, " n"] | None:
        """Which cells were seen and left out, since the model covers no such place.

        Args:
            zoom: one of :attr:`zooms`.

        Returns:
            ``(n,)`` of all cells, ``None`` where all are covered.
        """
        left_out = self.status(zoom) == NOT_COVERED
        return left_out if left_out.any() else None

    def require_zoom(self, zoom: int) -> None:
        """Refuse a zoom level that is not embedded.

        Args:
            zoom: one of :attr:`zooms`, or not.

        Raises:
            ConfigError: it is not.
        """
        if zoom not in self.zooms:
            known = ", ".join(map(str, self.zooms))
            raise ConfigError(f"{self.url}: zoom {zoom} is not embedded, only {known}")

    def require_model(self, model: PSM) -> None:
        """Refuse a model whose features these are not.

        Args:
            model: whose satellite encoder is meant.

        Raises:
            StoreMismatch: the satellite encoder has other weights.
        """
        if self.header.parts["weights"] != satellite_fingerprint(model):
            raise StoreMismatch(
                f"{self.url}: embedded with another model ({self.header.model}) than "
                f"{model.config.name}; give that one by --model, or embed anew"
            )
