"""Writers of maps by suffix of the file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from psm.errors import ConfigError
from psm.mapping.map_data import MapData
from psm.mapping.outputs.cube import write_cube
from psm.mapping.outputs.geotiff import write_cog, write_qml
from psm.mapping.outputs.hexagons import write_h3
from psm.mapping.outputs.render import write_png, write_svg


def _one_moment(soundscape: MapData, path: Path) -> Path:
    return write_cube([soundscape], path)


WRITERS: dict[str, Callable[..., Path]] = {
    ".tif": write_cog,
    ".tiff": write_cog,
    ".png": write_png,
    ".svg": write_svg,
    ".nc": _one_moment,
    ".zarr": _one_moment,
    ".parquet": write_h3,
    ".geojson": write_h3,
    ".qml": write_qml,
}
"""What writes a file of each suffix."""


def check_suffixes(paths: Iterable[Path]) -> None:
    """Refuse what :func:`write` could not write, before any work.

    Args:
        paths: files that are to be written.

    Raises:
        ConfigError: no format has one of the suffixes.
    """
    for path in paths:
        if path.suffix.lower() not in WRITERS:
            raise ConfigError(f"{path}: no format for {path.suffix!r}; choose {', '.join(WRITERS)}")


def write(soundscape: MapData, path: Path, **options: Any) -> Path:
    """Write a map as what the suffix of the path says.

    Args:
        soundscape: the map.
        path: the file; complete or absent.
        options: those of the format, as ``width_px`` for a picture.

    Raises:
        ConfigError: no format has this suffix, or the format does not have this option.
        MissingExtra: the format needs a package that is not installed.
    """
    check_suffixes([path])
    writer = WRITERS[path.suffix.lower()]
    known = list(inspect.signature(writer).parameters)[2:]
    for name in options:
        if name not in known:
            raise ConfigError(
                f"{path.suffix} has no option {name!r}; it has {', '.join(known) or 'none'}"
            )
    return writer(soundscape, path, **options)
