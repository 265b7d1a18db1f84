"""Store: a Zarr v3 group with the pixel numbers, features and status of cells.

``docs/store.md`` describes the layout and what it guarantees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
import zarr
from jaxtyping import Float16, Int64, UInt8

from psm.errors import MissingData
from psm.mapping.store.embedded import EmbeddedCells
from psm.mapping.store.header import KEY, Header, read_attributes
from psm.mapping.store.keptcells import KeptCells
from psm.mapping.store.objectstore import reaching, require_bucket
from psm.mapping.store.place import local_folder, zarr_store
from psm.mapping.store.rowfiles import MOST_MAPPED, MappedRows, flush, read_rows
from psm.mapping.store.status import NOT_DONE, PASSING, counted

_SLAB = 2**20  # cells whose status is looked at together


class Unit(NamedTuple):
    """Cells that are embedded and written together, at one zoom level."""

    zoom: int
    number: int


@dataclass(frozen=True, eq=False)
class Store(KeptCells):
    """Embedded cells on disk, or anywhere that fsspec reaches.

    Attributes:
        url: where.
        header: what it says of itself.
    """

    url: str
    header: Header
    group: zarr.Group

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
        attributes = read_attributes(url)
        if attributes is None and local_folder(url) is None:
            require_bucket(url)
        if attributes is None or KEY not in attributes:
            state = "only the beginning of a store" if attributes else "no store"
            raise MissingData(f"{url}: {state} is there; make it with `psm embed --out {url}`")
        header = Header.from_json(attributes[KEY], url)
        return cls(url, header, zarr.open_group(zarr_store(url), mode="r+"))

    def index(self, rows: slice = slice(None)) -> Int64[np.ndarray, " n"]:
        """Pixel numbers of some of the cells, as :attr:`psm.mapping.Cells.flat` has them.

        Args:
            rows: slice of the cells; all by default.

        Returns:
            ``(n,)`` numbers of pixels of :attr:`frame`.
        """
        with reaching(self.url):
            return np.asarray(self._arrays["index"][rows])

    def status(self, zoom: int, rows: slice = slice(None)) -> UInt8[np.ndarray, " n"]:
        """What became of some of the cells, as codes of :mod:`psm.mapping.store.status`.

        Args:
            zoom: one of :attr:`zooms`.
            rows: slice of the cells; all by default.

        Returns:
            ``(n,)`` codes.

        Raises:
            ConfigError: the store does not have this zoom level.
        """
        with reaching(self.url):
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
            with reaching(self.url):
                into[:] = array[start:stop]
        else:
            read_rows(folder / name, start, stop, into, unit=self.header.unit)
        return into

    def mapped_rows(self, name: str, array: Any) -> MappedRows | None:
        """The same rows mapped into memory; ``None`` where that cannot be.

        Args:
            name, array: as of :meth:`read_rows`.

        Returns:
            The rows of a store on this machine, unless it has too many files.
        """
        folder, unit = local_folder(self.url), self.header.unit
        if folder is None or len(self) > MOST_MAPPED * unit:
            return None
        return MappedRows(folder / name, array.shape, unit=unit)

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
        not_covered = self.not_covered(level)
        return EmbeddedCells(
            self.cells, features, level, self.attribution, self.licence, not_covered
        )

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
            flush(folder / f"zoom-{unit.zoom}" / "features" / f"c.{unit.number}.0")
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
        return counted(status for _, status in self._slabs(zoom))

    def _slabs(self, zoom: int) -> Iterator[tuple[int, UInt8[np.ndarray, " n"]]]:
        step = max(1, _SLAB // self.header.unit) * self.header.unit
        for first in range(0, len(self), step):
            yield first, self.status(zoom, slice(first, first + step))

    @cached_property
    def _arrays(self) -> dict[str, Any]:
        names = ["index"] + [f"zoom-{z}/{n}" for z in self.zooms for n in ("features", "status")]
        return {name: self.group[name] for name in names}

    def _of(self, zoom: int, name: str) -> Any:
        self.require_zoom(zoom)
        return self._arrays[f"zoom-{zoom}/{name}"]
