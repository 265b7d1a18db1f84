"""What each command writes: checked before the work, so that none of it is lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psm.files import require_file, require_folder

FOLDER_SUFFIXES = (".zarr",)
"""Of maps that are folders."""


@dataclass(frozen=True)
class Output:
    """A parameter of a command that names what it writes.

    Attributes:
        name: of the parameter.
        is_folder: whether a folder, and not a file.
        suffixes: a file has one of; any where there is none.
        default: folder that is written in where nothing is given.
        unless: a flag with which nothing is written.
    """

    name: str
    is_folder: bool = False
    suffixes: tuple[str, ...] = ()
    default: Path | None = None
    unless: str | None = None


_FOLDER = (Output("out", is_folder=True),)
OUTPUTS: dict[str, tuple[Output, ...]] = {
    "demo": _FOLDER,
    "train": (Output("out", is_folder=True, unless="dry_run"),),
    "adapt": (Output("out", is_folder=True),),
    "explain": (
        Output("out", suffixes=(".png", ".tif", ".tiff", ".json"), default=Path("runs/explained")),
    ),
    "import": _FOLDER,
    "evaluate": _FOLDER,
    "tables": _FOLDER,
    "embed": _FOLDER,
    "map": (Output("out", default=Path("runs/maps")),),  # its suffixes depend on --animate
    "measure fit": _FOLDER,
    "plan": (
        Output("out", suffixes=(".csv", ".geojson", ".gpx", ".png"), default=Path("runs/plans")),
    ),
    "prepare": (Output("store", is_folder=True),),
    "profile": (Output("out", suffixes=(".png", ".svg", ".csv"), default=Path("runs/profiles")),),
    "publish": _FOLDER,
    "search": (Output("out", suffixes=(".geojson", ".json", ".csv")),),
    "data import": _FOLDER,
    "data indices": (Output("out", suffixes=(".csv", ".parquet"), default=Path("runs")),),
    "data views": (Output("folder", is_folder=True),),
    "data features": (Output("folder", is_folder=True),),
    "earth build": _FOLDER,
    "earth recaption": _FOLDER,
    "earth listen": (Output("out", suffixes=(".wav", "")),),
    "collect build": _FOLDER,
}
"""By command. ``calibrate`` writes into the folder of a model, and looks when it has found it."""


def check(ctx: Any) -> None:
    """Refuse what could not be written: a folder for a file, a full name, a read-only disk.

    Raises:
        OutputError: says which, and why.
    """
    for output in OUTPUTS.get(verb_of(ctx), ()):
        if output.unless is not None and ctx.params[output.unless]:
            continue
        value = ctx.params[output.name]
        if not value:
            if output.default is not None:
                require_folder(output.default)
            continue
        for path in _paths(value):
            if output.is_folder or path.suffix.lower() in FOLDER_SUFFIXES:
                require_folder(path)
            else:
                require_file(path, suffixes=output.suffixes)


def verb_of(ctx: Any) -> str:
    """The words after ``psm``, as ``collect build``."""
    words: list[str] = []
    while ctx.parent is not None:
        words.insert(0, ctx.info_name)
        ctx = ctx.parent
    return " ".join(words)


def _paths(value: object) -> Iterable[Path]:
    """Paths on this machine; what lies elsewhere is asked when it is opened."""
    for one in value if isinstance(value, (list, tuple)) else [value]:
        if "://" not in str(one):
            yield Path(str(one))
