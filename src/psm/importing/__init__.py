"""Takes over other people's recordings: tables, data sets of the hub, published shards.

:func:`open_dataset` opens the recordings at a file, a folder or a hub id in whichever of
:data:`FORMATS` they are, and :func:`convert` writes them as shards to train on::

    from pathlib import Path
    from psm.importing import ImportOptions, convert, open_dataset

    dataset = open_dataset("my-recordings", ImportOptions(imagery="stac:URL"))
    report = convert(dataset, Path("runs/mine"))
    print(report.imported, report.refused)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psm.importing.conversion import ImportReport, convert
    from psm.importing.dataset import DatasetPart, ForeignDataset, Format, ImportOptions
    from psm.importing.formats import FORMATS, open_dataset, recognise

__all__ = [
    "FORMATS",
    "DatasetPart",
    "ForeignDataset",
    "Format",
    "ImportOptions",
    "ImportReport",
    "convert",
    "open_dataset",
    "recognise",
]

_HOMES = {
    "conversion": ("ImportReport", "convert"),
    "dataset": ("DatasetPart", "ForeignDataset", "Format", "ImportOptions"),
    "formats": ("FORMATS", "open_dataset", "recognise"),
}


def __getattr__(name: str) -> Any:
    # What reads a format takes a second to import, and most of this package does without.
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"psm.importing.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
