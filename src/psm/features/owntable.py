"""Features of one's own: a ``.npz`` or Parquet file of places and vectors."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from psm.errors import ConfigError
from psm.features.parquettables import column, files_of, read_tables
from psm.features.points import FeaturePoints, NearestFeatures, require_points

_REACH_KM = 1.0
_LAT, _LON = ("lat", "latitude"), ("lon", "longitude")
_VECTOR = ("vector", "embedding", "features")


class OwnTable(NearestFeatures):
    """Points with vectors, of a file that anybody wrote.

    A ``.npz`` holds ``lat``, ``lon`` (n degrees) and ``vector`` (n x F); a Parquet file has columns
    of these names, ``vector`` being a list. Beside them may stand ``version`` and ``year``, one for
    all or one a row.

    Args:
        path: the file; of Parquet also a folder or pattern.
        reach_km: how far from a point a place may lie and still have its features.
        year: rows of this year alone.
        version: rows of this version alone; what the features are called, if the file does not say.
        attribution, licence: whose data, on which terms.

    Raises:
        MissingData: no such file.
        ConfigError: the file is of another form, or holds several years or versions, and none is
            chosen.
    """

    has_seasons = False
    is_simulated: ClassVar[bool] = False

    def __init__(
        self,
        path: str,
        *,
        reach_km: float = _REACH_KM,
        year: int | None = None,
        version: str = "",
        attribution: str = "",
        licence: str = "unknown",
    ) -> None:
        found = _of_npz(path) if path.endswith(".npz") else _of_parquet(path)
        chosen = np.ones(len(found["lat"]), bool)
        for name, wanted in (("year", year), ("version", version or None)):
            chosen &= _one_alone(found.get(name), wanted, name, path, len(chosen))
        if not chosen.any():
            raise ConfigError(f"{path}: no row is of the year and version that are asked for")
        self._points = require_points(
            path, found["lat"], found["lon"], found["vector"], float(reach_km)
        )
        if not chosen.all():
            points = self._points
            self._points = FeaturePoints(
                points.lat[chosen], points.lon[chosen], points.values[chosen], points.reach_km
            )
        self.version = version or str(_only(found.get("version"), chosen) or "")
        said = year if year is not None else _only(found.get("year"), chosen)
        self.year = None if said is None else int(said)
        self.attribution, self.licence = attribution or Path(path).name, licence

    name = "table"


def _of_npz(path: str) -> dict[str, Any]:
    (file,) = files_of(path, [".npz"])
    try:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as problem:
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise ConfigError(f"{path}: not a readable .npz of plain numbers ({reason})") from None
    found = {}
    for name, names in (("lat", _LAT), ("lon", _LON), ("vector", _VECTOR)):
        called = next((one for one in names if one in arrays), None)
        if called is None:
            raise ConfigError(f"{path}: has no array {' or '.join(names)}")
        found[name] = arrays[called]
    return found | {name: arrays[name] for name in ("year", "version") if name in arrays}


def _of_parquet(path: str) -> dict[str, Any]:
    table = read_tables(files_of(path, [".parquet", ".geoparquet"]))
    found = {
        name: column(table, names, path)
        for name, names in (("lat", _LAT), ("lon", _LON), ("vector", _VECTOR))
    }
    beside = [name for name in ("year", "version") if name in table.column_names]
    return found | {name: column(table, [name], path) for name in beside}


def _one_alone(said: Any, wanted: object, name: str, path: str, rows: int) -> np.ndarray:
    """Which rows are of the wanted year or version; several are refused if none is wanted."""
    if said is None:
        return np.ones(rows, bool)
    each = np.broadcast_to(np.asarray(said), (rows,)).astype(str)
    kinds = sorted(set(each.tolist()))
    if wanted is not None:
        if str(wanted) not in kinds:
            raise ConfigError(f"{path}: {name} {wanted} is not in it, but {', '.join(kinds)}")
        return np.asarray(each == str(wanted))
    if len(kinds) > 1:
        raise ConfigError(
            f"{path}: mixes {name}s {', '.join(kinds)}: choose one, as --features-set "
            f"{name}={kinds[-1]}"
        )
    return np.ones(rows, bool)


def _only(said: Any, chosen: np.ndarray) -> Any:
    if said is None:
        return None
    each = np.broadcast_to(np.asarray(said), (len(chosen),))
    return each[chosen][0]
