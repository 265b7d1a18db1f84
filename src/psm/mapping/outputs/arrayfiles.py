"""Writers of named arrays with axes and attributes, part by part: NetCDF and Zarr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float

from psm.extras import require
from psm.files import atomic_folder, atomic_path
from psm.mapping.outputs.guardedfile import GuardedFile

Attributes = dict[str, Any]
_LEVEL = 4


class ArrayFile(Protocol):
    """A file that is being written."""

    def add(
        self, name: str, dims: tuple[str, ...], values: np.ndarray, attributes: Attributes
    ) -> None:
        """Write a small array as a whole; one named as its only axis gives that axis its length."""
        ...

    def announce(
        self,
        name: str,
        dims: tuple[str, ...],
        shape: tuple[int, ...],
        chunks: tuple[int, ...],
        attributes: Attributes,
    ) -> None:
        """Make room for an array, float32, compressed, NaN where nothing is written."""
        ...

    def put(
        self, name: str, at: tuple[int, ...], values: Float[np.ndarray, "rows columns"]
    ) -> None:
        """Write a raster into an array at these places of its first axes."""
        ...


@contextmanager
def netcdf(path: Path, attributes: Attributes) -> Iterator[ArrayFile]:
    """A NetCDF 4 file with its global attributes; complete or absent.

    Raises:
        MissingExtra: h5netcdf or h5py is not installed.
    """
    require("h5py", "maps")  # h5netcdf asks for it when it opens a file only
    h5netcdf = require("h5netcdf", "maps")
    with atomic_path(path) as aside, GuardedFile(aside) as guarded:
        with h5netcdf.File(guarded, "w") as file:
            file.attrs.update(attributes)
            yield _NetCDF(file, guarded)
        guarded.check()


class _NetCDF:
    def __init__(self, file: Any, guarded: GuardedFile) -> None:
        self._file, self._guarded = file, guarded

    def add(
        self, name: str, dims: tuple[str, ...], values: np.ndarray, attributes: Attributes
    ) -> None:
        if dims == (name,):
            self._file.dimensions[name] = len(values)
        variable = self._file.create_variable(name, dims, values.dtype, data=values)
        variable.attrs.update(attributes)
        self._guarded.check()

    def announce(
        self,
        name: str,
        dims: tuple[str, ...],
        shape: tuple[int, ...],  # noqa: ARG002  (that of the axes)
        chunks: tuple[int, ...],
        attributes: Attributes,
    ) -> None:
        variable = self._file.create_variable(
            name,
            dims,
            np.float32,
            fillvalue=np.float32(np.nan),
            chunks=chunks,
            compression="gzip",
            compression_opts=_LEVEL,
            shuffle=True,
        )
        variable.attrs.update(attributes)

    def put(
        self, name: str, at: tuple[int, ...], values: Float[np.ndarray, "rows columns"]
    ) -> None:
        self._file.variables[name][at] = values
        self._guarded.check()


@contextmanager
def zarr(path: Path, attributes: Attributes) -> Iterator[ArrayFile]:
    """A Zarr v3 folder with its attributes; complete or absent."""
    import zarr as library

    with atomic_folder(path) as aside:
        group = library.open_group(aside, mode="w", zarr_format=3, attributes=attributes)
        yield _Zarr(group)


class _Zarr:
    def __init__(self, group: Any) -> None:
        self._group = group

    def add(
        self, name: str, dims: tuple[str, ...], values: np.ndarray, attributes: Attributes
    ) -> None:
        self._group.create_array(name, data=values, dimension_names=dims, attributes=attributes)

    def announce(
        self,
        name: str,
        dims: tuple[str, ...],
        shape: tuple[int, ...],
        chunks: tuple[int, ...],
        attributes: Attributes,
    ) -> None:
        self._group.create_array(
            name,
            shape=shape,
            dtype=np.float32,
            chunks=chunks,
            fill_value=np.nan,
            dimension_names=dims,
            attributes=attributes,
        )

    def put(
        self, name: str, at: tuple[int, ...], values: Float[np.ndarray, "rows columns"]
    ) -> None:
        self._group[name][at] = values
