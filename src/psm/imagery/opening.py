"""Opens the imagery provider that a text names, as ``--imagery`` takes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

from psm.errors import ConfigError, MissingData
from psm.imagery.blue_marble import BlueMarble
from psm.imagery.maptiles import MapTiles
from psm.imagery.provider import Provider
from psm.imagery.rasterfile import is_remote
from psm.imagery.rasters import Rasters
from psm.imagery.stac import Stac
from psm.plugins import load_plugin, plugins

_PROVIDERS: dict[str, type[Provider]] = {
    # By what is written before the colon, which is also ``provider`` in their settings.
    "blue-marble": BlueMarble,
    "xyz": MapTiles,
    "stac": Stac,
}
_WAYS = (
    "blue-marble, a raster file, a folder or pattern of them as 'scenes/*.tif', "
    "blue-marble:WORLD, xyz:NAME or xyz:URL with {z}/{x}/{y}, or stac:CATALOGUE"
)
_LIKE_FILES = ("://", "/", "*", "?", "\\")


def open_imagery(text: str, *, month: int | None = None, **options: object) -> Provider:
    """The imagery provider that a text names, opened but not yet read.

    Args:
        text: ``blue-marble``, or ``blue-marble:`` and the name of a simulated world; a raster file,
            folder, pattern or URL; ``xyz:`` and a name of xyzservices or a URL template; ``stac:``
            and a catalogue; or the name of a plug-in (:mod:`psm.plugins`), and what it takes after
            a colon.
        month: 1 to 12, for providers that have imagery of every month.
        options: those of :class:`~psm.imagery.Rasters`, :class:`~psm.imagery.MapTiles` or
            :class:`~psm.imagery.Stac`; Blue Marble has none.

    Returns:
        A provider; its :meth:`~psm.imagery.Provider.read` gives the pictures.

    Raises:
        ConfigError: nothing of this kind, or an option that this kind of provider does not have.
        MonthRequired: there is imagery of single months only, and no month is given.
        MissingData: no such file.
        MissingExtra: the provider needs a package that is not installed.

    Example:
        Sentinel-2 of early summer, around one place, as a model for 10 m pixels sees it::

            imagery = open_imagery(
                "stac:https://earth-search.aws.element84.com/v1",
                month=6,
                collection="sentinel-2-c1-l2a",
            )
            (seen,) = imagery.read(
                lat=np.array([47.3]), lon=np.array([8.5]), view=View(size_px=224, gsd_m=10.0)
            )
    """
    if month is not None and not 1 <= month <= 12:
        raise ConfigError(f"imagery of month {month}: months are 1 to 12")
    kind, _, rest = text.partition(":")
    maker: Callable[..., Provider] = Rasters
    if kind in _PROVIDERS:
        maker = _PROVIDERS[kind]
    elif kind in plugins("imagery"):
        maker = load_plugin("imagery", kind)
    else:
        kind, rest = "rasters", _like_a_file(text)
    accepted = inspect.signature(maker).parameters
    known = [name for name, one in accepted.items() if one.kind is one.KEYWORD_ONLY]
    for name in options:
        if name not in known or name == "month":
            has = ", ".join(one for one in known if one != "month") or "none"
            raise ConfigError(f"imagery of kind {kind} has no option {name!r}; it has {has}")
    (first,) = (one for one in accepted.values() if one.kind is not one.KEYWORD_ONLY)
    if first.default is first.empty and not rest:
        raise ConfigError(f"imagery {text!r} names nothing: {_WAYS}")
    of_month = {"month": month} if "month" in known else {}
    return maker(*([rest] if rest else []), **of_month, **options)


def is_simulated(provider: str) -> bool:
    """Whether a kind of provider shows the simulated Earth.

    Args:
        provider: its name in the header of a store or in a model's settings, as ``blue-marble``.

    Returns:
        False also for names that are not known, such as those of published models.
    """
    if provider in _PROVIDERS:
        return _PROVIDERS[provider].is_simulated
    return provider in plugins("imagery") and bool(load_plugin("imagery", provider).is_simulated)


def fetches_anew(provider: Provider) -> bool:
    """Whether imagery comes over a network and its provider keeps nothing of it.

    Args:
        provider: any.

    Returns:
        False also for files of this machine, and for map tiles, which are kept as they come.
    """
    if isinstance(provider, Stac):
        return provider.is_api
    return isinstance(provider, Rasters) and any(is_remote(file.path) for file in provider.files)


def _like_a_file(text: str) -> str:
    if not (Path(text).exists() or any(mark in text for mark in _LIKE_FILES)):
        if Path(text).suffix:
            raise MissingData(f"{text}: no such imagery")
        raise ConfigError(f"imagery {text!r} is not known: {_WAYS}")
    return text
