"""Coordinate system that a GeoJSON names: GDAL takes one that it does not know for WGS 84."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pyproj import CRS
from pyproj.exceptions import CRSError

from psm.errors import ConfigError

SUFFIXES = (".geojson", ".json")
_WHOLE_BYTES = 64 * 2**20
_HEAD_BYTES = 2**16
_MISSING = object()
# urn:ogc:def:crs:EPSG::3857, urn:ogc:def:crs:EPSG:6.9:3857, urn:x-ogc:def:crs:EPSG:3857
_URN = re.compile(r"urn:(?:x-)?ogc:def:crs:(\w+):(?:[\w.]*:)?(\w+)", re.I)
_URL = re.compile(r"https?://.*?/(epsg|crs|ogc)/(?:[\d.]+/)?(\w+)/?$", re.I)


def named_system(path: Path) -> CRS | None:
    """The system in the member ``crs`` of a file, as GeoJSON had it until 2016.

    Returns:
        The system; none where the file has no such member: it is WGS 84 then.

    Raises:
        ConfigError: it names a system that is not known, or says that it has none.
    """
    told = _member(path)
    if told is _MISSING:
        return None
    if told is None:
        raise ConfigError(f"{path}: says that it has no coordinate system (crs is null); set it")
    name = _name(told)
    try:
        return CRS.from_user_input(_plain(name))
    except CRSError:
        words = name if name else json.dumps(told)
        raise ConfigError(
            f"{path}: its coordinate system {words[:80]!r} is not known; set another, or none for "
            "longitude and latitude"
        ) from None


def _member(path: Path) -> Any:
    """What stands under ``crs`` at the top of a file; of a huge one before its features."""
    try:
        if path.stat().st_size <= _WHOLE_BYTES:
            whole = json.loads(path.read_text(encoding="utf-8-sig"))
            return whole.get("crs", _MISSING) if isinstance(whole, dict) else _MISSING
        with path.open(encoding="utf-8-sig", errors="replace") as stream:
            head = stream.read(_HEAD_BYTES).partition('"features"')[0]
        found = re.search(r'"crs"\s*:\s*', head)
        return _MISSING if found is None else json.JSONDecoder().raw_decode(head, found.end())[0]
    except (OSError, ValueError):
        return _MISSING  # whoever reads it says what is wrong with it


def _name(told: Any) -> str:
    """The name, however it is wrapped; empty where there is none."""
    if isinstance(told, (str, int)):
        return str(told)
    if not isinstance(told, dict):
        return ""
    inner = told.get("properties", told)
    if not isinstance(inner, dict):
        return _name(inner)
    for key in ("name", "code", "href", "url"):
        if key in inner:
            return str(inner[key])
    return ""


def _plain(name: str) -> str:
    """An authority and a code, as ``EPSG:3857``; OGC's longitude and latitude is ``OGC:CRS84``."""
    name = name.strip()
    if found := _URN.fullmatch(name) or _URL.fullmatch(name):
        authority, code = found.groups()
        is_ogc = authority.upper() in ("OGC", "CRS")
        return f"{'OGC' if is_ogc else authority}:{code}"
    return f"EPSG:{name}" if name.isdecimal() else name
