"""Embeddings of Major TOM: a vector for each fragment of a Sentinel image, in GeoParquet."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np

from psm.errors import ConfigError
from psm.features.parquettables import column, files_of, read_tables
from psm.features.points import NearestFeatures, require_points

_REACH_KM = 3.0
"""From the centre of a fragment, which is some 2 to 4 km wide, to its corner."""
_SET = re.compile(r"Core-[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")


class MajorTom(NearestFeatures):
    """One of Major TOM's sets of embeddings, as downloaded from the hub.

    Of every place, the fragment whose centre is nearest (``centre_lat``, ``centre_lon``) and, of
    several of one centre, the latest (``timestamp``). The set's name, as ``Core-S2RGB-SigLIP``, is
    the version: SigLIP's numbers are no DINOv2's (Czerkawski et al. 2024, arXiv:2412.05600).

    Args:
        path: Parquet files: one, a folder or a pattern.
        version: name of the set, where neither folder nor files are called by it.
        reach_km: how far from a centre a place may lie.

    Raises:
        MissingData: no such files.
        ConfigError: columns are missing, or the files are of several sets.
    """

    name = "majortom"
    has_seasons = False
    year = None  # each fragment is of another day
    licence = "CC-BY-SA-4.0"
    attribution = (
        "Major TOM embeddings (CloudFerro and Φ-lab, ESA); contains modified Copernicus Sentinel "
        "data"
    )
    is_simulated: ClassVar[bool] = False

    def __init__(self, path: str, *, version: str = "", reach_km: float = _REACH_KM) -> None:
        files = files_of(path, [".parquet"])
        named = {found[0] for file in files if (found := _SET.findall(file.as_posix()))}
        if not version and len(named) > 1:
            raise ConfigError(f"{path}: mixes {', '.join(sorted(named))}: name the files of one")
        table = read_tables(files)
        lat, lon = (column(table, [f"centre_{name}"], path) for name in ("lat", "lon"))
        values = column(table, ["embedding"], path)
        column(table, ["grid_cell"], path)  # what tells Major TOM's files from others
        if "timestamp" in table.column_names:
            latest = np.argsort(column(table, ["timestamp"], path).astype(str))[::-1]
            lat, lon, values = lat[latest], lon[latest], values[latest]
        _, first = np.unique(np.stack([lat, lon], 1), axis=0, return_index=True)
        self._points = require_points(path, lat[first], lon[first], values[first], float(reach_km))
        self.version = version or next(iter(named), "")
