"""Table of the formats that can be imported: recognises a data set and opens it."""

from __future__ import annotations

from pathlib import Path

from psm.errors import ConfigError, MissingData
from psm.importing.dataset import ForeignDataset, Format, ImportOptions
from psm.importing.field.dataset import RECORDERS
from psm.importing.published import hub, webdataset
from psm.importing.recordingtable import TABLE
from psm.importing.tablereader import TABLE_SUFFIXES

FORMATS = {format.name: format for format in (webdataset.SHARDS, hub.HUB, TABLE, RECORDERS)}
"""Formats by their names. The first that recognises a data set reads it."""

_FLAGS = {"gsd_m": "gsd", "columns": "column", "imagery_options": "imagery-set", "splits": "split",
          "least_score": "least-score"}  # fmt: skip
_OF_RECORDERS = ("deployments", "detections", "cut")


def open_dataset(
    origin: str, options: ImportOptions | None = None, *, format: str | None = None
) -> ForeignDataset:
    """Open the recordings at a file, a folder or a hub id, ready for :func:`convert`.

    Args:
        origin: file, folder, or ``OWNER/NAME`` on the hub.
        options: what is asked of the import.
        format: a name of :data:`FORMATS`; by default what the data set is recognised as.

    Returns:
        The data set. Nothing but its beginning has been read.

    Raises:
        MissingData: there is nothing that can be imported.
        ConfigError: an option is wrong, or does not belong to this format.
        PSMError: the data set lacks what it needs.

    Example:
        >>> options = ImportOptions(imagery="xyz:OpenTopoMap", preset="psm-sentinel")
        >>> open_dataset("my-recordings", options).describe()
        'a table of recordings, places.csv: audio from file; ...'
    """
    options = options or ImportOptions()
    if format is not None:
        chosen = _named(format)
    elif Path(origin).is_dir() and any(getattr(options, name) for name in _OF_RECORDERS):
        chosen = RECORDERS  # a table in the folder may be one of those that are given
    else:
        chosen = recognise(origin)
    _refuse_options_of_others(origin, options, chosen)
    return chosen.open(origin, options)


def recognise(origin: str) -> Format:
    """The format of the data set at a file, a folder or a hub id.

    Args:
        origin: file, folder, or ``OWNER/NAME`` on the hub.

    Returns:
        One of :data:`FORMATS`.

    Raises:
        MissingData: there is nothing of that name, or nothing that can be imported.
        ConfigError: it is something else.
    """
    for format in FORMATS.values():
        if format.recognises(origin):
            return format
    path = Path(origin)
    if path.is_dir():
        *first, last = (format.example for format in FORMATS.values())
        raise MissingData(f"{origin}: found no {', no '.join(first)} and no {last}")
    if path.exists():
        raise ConfigError(
            f"{origin}: not a table ({', '.join(TABLE_SUFFIXES)}); give one, or a folder"
        )
    raise MissingData(f"{origin}: no such file or folder, and no hub id (OWNER/NAME)")


def _named(name: str) -> Format:
    if name not in FORMATS:
        raise ConfigError(f"--format {name!r}: choose one of {', '.join(sorted(FORMATS))}")
    return FORMATS[name]


def _refuse_options_of_others(origin: str, options: ImportOptions, chosen: Format) -> None:
    """Refuse options of another format: who gives one takes the data set for something else."""
    for other in FORMATS.values():
        for name in sorted(other.options - chosen.options):
            if getattr(options, name) not in (None, {}):
                raise ConfigError(
                    f"{origin}: --{_FLAGS.get(name, name)} is an option {other.whose}, "
                    "which this is not"
                )
