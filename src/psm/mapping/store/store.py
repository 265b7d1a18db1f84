"""Store: a Zarr v3 group with the pixel numbers, features and status of cells.

``docs/store.md`` describes the layout and what it guarantees.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
import zarr
from jaxtyping import Float16, Int64, UInt8

from psm.errors import ConfigError, MissingData, StoreMismatch
from psm.geodata.frame import Frame
from psm.imagery import Reason
from psm.mapping.cells import Cells
from psm.mapping.store import creation
from psm.mapping.store.creation import NOT_DONE
from psm.mapping.store.embedded import EmbeddedCells
from psm.mapping.store.fingerprint import CellBlocks, difference, satellite_fingerprint
from psm.mapping.store.header import Header
from psm.mapping.store.place import alone, local_folder, zarr_store
from psm.model import PSM

EMBEDDED, FIRST_REASON = 1, 2
PASSING = [FIRST_REASON + code for code, reason in enumerate(Reason) if reason.is_passing]
"""Codes in ``status`` of what may be there another time."""

_SLAB = 2**20  # cells whose status is looked at together


class Unit(NamedTuple):
    """Cells that are embedded and written together, at one zoom level."""

    zoom: int
    number: int


@dataclass(frozen=True, eq=False)
class Store:
    """Embedded cells on disk, or anywhere that fsspec reaches.

    Attributes:
        url: where.
        header: what it says of itself.
    """

    url: str
    header: Header
    group: zarr.Group

    @classmethod
    def find(cls, url: str | Path, header: Header) -> Self | None:
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
        store = cls.open(url)
        store._must_be(header)
        return store

    @classmethod
    def create(cls, url: str | Path, header: Header, cells: CellBlocks) -> Self:
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
            store = cls.find(url, header)
            if store is None:
                creation.make(url, header, cells)
                store = cls.open(url)
        return store

    @classmethod
    def open(cls, url: str | Path) -> Self:
        """An existing store.

        Args:
            url: a folder, or a URL that fsspec knows.

        Returns:
            The store, to read and to write.

        Raises:
            MissingData: there is none, or its creation was cut off.
            ConfigError: it has another format.

        Example:
            >>> Store.open("vienna.zarr").embedded(zoom=3)
        """
        url = str(url)
        attributes = creation.attributes(url)
        if attributes is None or creation.KEY not in attributes:
            state = "only the beginning of a store" if attributes else "no store"
            raise MissingData(f"{url}: {state} is there; make it with `psm embed --out {url}`")
        header = Header.from_json(attributes[creation.KEY], url)
        return cls(url, header, zarr.open_group(zarr_store(url), mode="r+"))

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

    def index(self, rows: slice = slice(None)) -> Int64[np.ndarray, " n"]:
        """Pixel numbers of some of the cells, as :attr:`psm.mapping.Cells.flat` has them.

        Args:
            rows: slice of the cells; all by default.

        Returns:
            ``(n,)`` numbers of pixels of :attr:`frame`.
        """
        return np.asarray(self._arrays["index"][rows])

    def status(self, zoom: int, rows: slice = slice(None)) -> UInt8[np.ndarray, " n"]:
        """0 not done, 1 embedded, 2 and more: the :class:`~psm.imagery.Reason` of its number.

        Args:
            zoom: one of :attr:`zooms`.
            rows: slice of the cells; all by default.

        Returns:
            ``(n,)`` codes.

        Raises:
            ConfigError: the store does not have this zoom level.
        """
        return np.asarray(self._of(zoom, "status")[rows])

    def features(
        self, zoom: int, rows: slice = slice(None), *, out: np.ndarray | None = None
    ) -> Float16[np.ndarray, "n dim"]:
        """Features of some of the cells, NaN where there is no imagery.

        Args:
            zoom: one of :attr:`zooms`.
            rows: a slice of step 1.
            out: what to fill, as many float16 rows; reading many times in a row it saves half.

        Returns:
            ``(n, dim)`` float16.

        Raises:
            MissingData: a file was cut short.
        """
        return self.read_rows(f"zoom-{zoom}/features", self._of(zoom, "features"), rows, out=out)

    def read_rows(
        self, name: str, array: Any, rows: slice, *, out: np.ndarray | None = None
    ) -> Float16[np.ndarray, "n width"]:
        """Rows of a float16 array that has a row for each cell and a chunk for each unit.

        Args:
            name: path of the array in the store.
            array: the array itself.
            rows, out: as of :meth:`features`.

        Returns:
            ``(n, width)`` float16.

        Raises:
            MissingData: a file was cut short.
        """
        start, stop, _ = rows.indices(len(self))
        shape = (max(0, stop - start), array.shape[1])
        into = np.empty(shape, np.float16) if out is None else out
        folder = local_folder(self.url)
        if not len(into):
            pass  # nothing to read, and no memory to read it into
        elif folder is None:
            into[:] = array[start:stop]
        else:
            self._read_files(folder / name, start, stop, into)
        return into

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

    def embedded(self, zoom: int | None = None) -> EmbeddedCells:
        """All cells at a zoom level, in memory.

        Args:
            zoom: one of :attr:`zooms`; by default the first.

        Returns:
            The places with their features, float16.

        Raises:
            ConfigError: the store does not have this zoom level.
        """
        level = self.zooms[0] if zoom is None else zoom
        features = torch.from_numpy(self.features(level))
        return EmbeddedCells(self.cells, features, level, self.attribution, self.licence)

    def write(
        self,
        unit: Unit,
        features: Float16[np.ndarray, "n dim"],
        status: UInt8[np.ndarray, " n"],
    ) -> None:
        """A whole unit: its features first, then the status that says that they are there.

        Args:
            unit: which.
            features: ``(n, dim)`` of its cells, NaN where there is no imagery.
            status: ``(n,)`` codes; see :meth:`status`.
        """
        rows = self.rows(unit)
        self._of(unit.zoom, "features")[rows] = features
        if (folder := local_folder(self.url)) is not None:
            _flush(folder / f"zoom-{unit.zoom}" / "features" / f"c.{unit.number}.0")
        self._of(unit.zoom, "status")[rows] = status

    def rows(self, unit: Unit) -> slice:
        """The cells of a unit.

        Args:
            unit: which.

        Returns:
            Slice of its cells.
        """
        start = unit.number * self.header.unit
        return slice(start, min(start + self.header.unit, len(self)))

    def undone(self, *, retry: bool = True) -> Iterator[Unit]:
        """Units with cells that are not done, or with ``retry`` such as may be there by now.

        Args:
            retry: also cells whose imagery was not answered, and may be another time.

        Returns:
            Units, zoom level by zoom level.
        """
        wanted = [NOT_DONE, *PASSING] if retry else [NOT_DONE]
        unit = self.header.unit
        for zoom in self.zooms:
            for first, status in self._slabs(zoom):
                is_open = np.isin(status, wanted)
                starts = np.arange(0, len(status), unit)
                numbers = np.flatnonzero(np.logical_or.reduceat(is_open, starts))
                yield from (Unit(zoom, first // unit + int(number)) for number in numbers)

    def counts(self, zoom: int) -> dict[str, int]:
        """How many cells are embedded, and how many are not, by reason.

        Args:
            zoom: one of :attr:`zooms`.

        Returns:
            Cells by label: ``embedded``, ``not done``, or the reason; labels without cells are left
            out.
        """
        labels = ["not done", "embedded", *(reason.value for reason in Reason)]
        total = np.zeros(len(labels), np.int64)
        for _, status in self._slabs(zoom):
            total += np.bincount(status, minlength=len(labels))
        return {label: int(n) for label, n in zip(labels, total, strict=True) if n}

    def _slabs(self, zoom: int) -> Iterator[tuple[int, UInt8[np.ndarray, " n"]]]:
        step = max(1, _SLAB // self.header.unit) * self.header.unit
        for first in range(0, len(self), step):
            yield first, self.status(zoom, slice(first, first + step))

    @cached_property
    def _arrays(self) -> dict[str, Any]:
        names = ["index"] + [f"zoom-{z}/{n}" for z in self.zooms for n in ("features", "status")]
        return {name: self.group[name] for name in names}

    def _of(self, zoom: int, name: str) -> Any:
        if zoom not in self.zooms:
            known = ", ".join(map(str, self.zooms))
            raise ConfigError(f"{self.url}: zoom {zoom} is not embedded, only {known}")
        return self._arrays[f"zoom-{zoom}/{name}"]

    def _must_be(self, header: Header) -> None:
        if self.header.fingerprint != header.fingerprint:
            differs = difference(self.header.parts, header.parts)
            raise StoreMismatch(
                f"{self.url}: a store with {differs}; choose another name, or delete it"
            )
        if self.header.unit != header.unit:
            raise StoreMismatch(
                f"{self.url}: a store with units of {self.header.unit} cells, not {header.unit}"
            )

    def _read_files(self, folder: Path, start: int, stop: int, into: np.ndarray) -> None:
        # Chunks are plain rows of float16: read where they are wanted, at the speed of memory.
        unit, row_bytes = self.header.unit, into.itemsize * into.shape[1]
        for number in range(start // unit, -(-stop // unit)):
            first, last = max(start, number * unit), min(stop, (number + 1) * unit)
            part = into[first - start : last - start]
            path = folder / f"c.{number}.0"
            try:
                with path.open("rb", buffering=0) as file:
                    file.seek((first - number * unit) * row_bytes)
                    count = file.readinto(part.data.cast("B"))
            except FileNotFoundError:  # nothing but NaN is not written
                part.fill(np.nan)
                continue
            if count != part.nbytes:
                raise MissingData(f"{path}: cut short; delete the store and embed it anew")


def _flush(path: Path) -> None:
    # On disk before the status says so, also where the power fails.
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:  # nothing but NaN is not written
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
