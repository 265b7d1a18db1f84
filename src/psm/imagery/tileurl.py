"""URLs of a map service's tiles: names, templates, WMTS, and the keys in them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from psm.errors import ConfigError
from psm.extras import require
from psm.imagery.provider import MonthRequired

KEY_VARIABLE = "PSM_XYZ_KEY"
_SECRET = re.compile(
    r"(key|token|secret|signature|password|credential)s?$|^(sig|auth|pass|pwd|app_?id|app_?code)$",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\{(month(?::\d*d)?|[-\w]+)\}")
_WMTS_NAMES = {"TileMatrix": "z", "TileRow": "y", "TileCol": "x"}
_OWN = {"x", "y", "z", "-y", "s", "r", "q", "quadkey", "key"}
# Whose terms do not allow fetching many tiles, by the ends of their hosts.
BULK_FORBIDDEN = {
    "tile.openstreetmap.org": "operations.osmfoundation.org/policies/tiles",
    "tile.openstreetmap.fr": "www.openstreetmap.fr/conditions-utilisation",
    "tile.opentopomap.org": "opentopomap.org/about",
    "google.com": "cloud.google.com/maps-platform/terms",
    "googleapis.com": "cloud.google.com/maps-platform/terms",
    "virtualearth.net": "www.microsoft.com/maps/product/terms",
    "arcgisonline.com": "goto.arcgis.com/termsofuse/viewtermsofuse",
}


@dataclass(frozen=True)
class TileService:
    """A pyramid of tiles in Web Mercator.

    Attributes:
        name: of the service, or its host.
        template: URL with ``{z} {x} {y}``, ``{-y}``, ``{q}`` or ``{s}``, and ``{key}`` for the key.
        key: what stands for ``{key}``; it is in no message and no setting.
        subdomains: what stands for ``{s}``, in turn.
        min_zoom, max_zoom: the zoom levels there are.
        tile_px: rows and columns of a tile.
        attribution: whose data.
        licence: its terms.
        bounds: west, south, east and north (degrees) of what there is, if stated.
        is_monthly: whether every month has tiles of its own.
    """

    name: str
    template: str = field(repr=False)
    key: str = field(default="", repr=False)
    subdomains: str = "abc"
    min_zoom: int = 0
    max_zoom: int = 19
    tile_px: int = 256
    attribution: str = ""
    licence: str = "unknown"
    bounds: tuple[float, float, float, float] | None = None
    is_monthly: bool = False

    @property
    def host(self) -> str:
        """Of the service."""
        return (urlsplit(self.template).hostname or "").replace("{s}.", "")

    @property
    def public(self) -> str:
        """The template without user, password and whatever looks like a key."""
        parts = urlsplit(self.template)
        query = [
            (name, "-" if _SECRET.search(name) and value != "{key}" else value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, urlencode(query, safe="{}-:,/"), ""))

    def url(self, z: int, x: int, y: int) -> str:
        """Of a tile."""
        quad = "".join(str((x >> i & 1) + 2 * (y >> i & 1)) for i in range(z - 1, -1, -1))
        values = {
            "z": str(z), "x": str(x), "y": str(y), "-y": str(2**z - 1 - y), "r": "",
            "q": quad, "quadkey": quad, "key": quote(self.key, safe=""),
            "s": self.subdomains[(x + y) % max(len(self.subdomains), 1)] if self.subdomains else "",
        }  # fmt: skip
        return _PLACE.sub(lambda found: values[found[1]], self.template)


def tile_service(
    text: str,
    *,
    month: int | None = None,
    key: str | None = None,
    values: Mapping[str, str] | None = None,
) -> TileService:
    """The tile service that a name of xyzservices or a URL template stands for.

    Args:
        text: as ``OpenStreetMap.Mapnik``, ``https://…/{z}/{x}/{y}.png`` or a WMTS URL, whose
            ``{TileMatrix} {TileRow} {TileCol}`` are filled, or added to a query.
        month: fills ``{month}``.
        key: fills ``{key}``; by default ``$PSM_XYZ_KEY``.
        values: fills what else the template leaves open.

    Raises:
        ConfigError: no such name, no way to say which tile, a key or another value is missing.
        MonthRequired: the template holds ``{month}``, and none is given.
    """  # fmt: skip
    key = key if key is not None else os.environ.get(KEY_VARIABLE, "")
    service = (
        TileService(urlsplit(text).hostname or "tiles", text) if "://" in text else _named(text)
    )
    template = service.template
    for name, ours in _WMTS_NAMES.items():
        template = re.sub(rf"\{{{name}\}}", f"{{{ours}}}", template, flags=re.IGNORECASE)
    template = _with_tile(template)
    given = dict(values or {})

    def fill(found: re.Match[str]) -> str:
        name = found[1]
        if name.partition(":")[0] == "month":
            if month is None:
                raise MonthRequired(
                    f"imagery {service.name} has tiles for every month: give a month"
                )
            return found[0].format(month=month)
        if name in _OWN:
            return found[0]
        if name in given:
            return quote(given[name], safe=":,-/")
        raise ConfigError(
            f"imagery {service.name}: {{{name}}} is open; give values, as {{'{name}': …}}"
        )

    is_monthly = any(name.partition(":")[0] == "month" for name in _PLACE.findall(template))
    template = _PLACE.sub(fill, template)
    missing = [word for word in ("{z}", "{x}", "{y}") if word not in template]
    has_other = any(word in template for word in ("{q}", "{quadkey}")) or (
        missing == ["{y}"] and "{-y}" in template
    )
    if missing and not has_other:
        raise ConfigError(f"imagery {service.name}: the URL has no {' '.join(missing)}")
    if "{key}" in template and not key:
        raise ConfigError(
            f"imagery {service.name} needs a key of yours: set ${KEY_VARIABLE} "
            "or give the option key"
        )
    key = key if "{key}" in template else ""
    return replace(service, template=template, key=key, is_monthly=is_monthly)


def _named(name: str) -> TileService:
    providers = require("xyzservices", "maps").providers
    try:
        found = providers.query_name(name)
    except ValueError:
        near = [known for known in providers.flatten() if name.lower() in known.lower()]
        hint = f"; do you mean {', '.join(near[:5])}?" if near else ", nor a URL with {z}/{x}/{y}"
        raise ConfigError(f"imagery xyz:{name} is no name of xyzservices{hint}") from None
    template = str(found["url"])
    for word in set(_PLACE.findall(template)):
        value = found.get(word)
        if word in _OWN or value is None or value == "":
            continue
        # Keys are the values that xyzservices tells the user to insert.
        is_key = str(value).startswith("<insert")
        template = template.replace(f"{{{word}}}", "{key}" if is_key else str(value))
    bounds = found.get("bounds")
    return TileService(
        name=found["name"],
        template=template,
        subdomains="".join(found.get("subdomains", "abc")),
        min_zoom=int(found.get("min_zoom", 0)),
        max_zoom=int(found.get("max_zoom", 19)),
        tile_px=int(found.get("tileSize", 256)),
        attribution=found.get("attribution", ""),
        licence=found.get("terms_of_use") or found.get("license") or "see the attribution",
        bounds=None if bounds is None else (bounds[0][1], bounds[0][0], bounds[1][1], bounds[1][0]),
    )


def _with_tile(template: str) -> str:
    """A WMTS query that does not say which tile gets the words for it."""
    query = {name.lower(): value for name, value in parse_qsl(urlsplit(template).query)}
    matrix_set = query.get("tilematrixset", "")
    if any(word in matrix_set.upper() for word in ("4326", "CRS84", "WGS84")):
        raise ConfigError(
            f"tile matrix set {matrix_set} is not Web Mercator: ask for GoogleMapsCompatible, "
            "WebMercatorQuad or EPSG:3857"
        )
    if query.get("service", "").lower() != "wmts" or "{z}" in template:
        return template
    if "layer" not in query:
        raise ConfigError("a WMTS URL needs LAYER=… in its query")
    more = {
        "request": "GetTile", "version": "1.0.0", "style": "default", "format": "image/png",
        "tilematrixset": "GoogleMapsCompatible",
        "tilematrix": "{z}", "tilerow": "{y}", "tilecol": "{x}",
    }  # fmt: skip
    added = "&".join(f"{name.upper()}={value}" for name, value in more.items() if name not in query)
    return f"{template}&{added}"
