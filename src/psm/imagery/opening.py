"""From what people write to a source of imagery."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

from psm.errors import ConfigError, MissingData
from psm.imagery.blue_marble import BlueMarble
from psm.imagery.provider import Provider
from psm.imagery.rasters import Rasters

_KINDS = (
    "blue-marble, a raster file, a folder or pattern of them as 'scenes/*.tif', "
    "xyz:NAME or xyz:URL with {z}/{x}/{y}, or stac:CATALOGUE"
)
_LIKE_FILES = ("://", "/", "*", "?", "\\")


def open_imagery(text: str, *, month: int | None = None, **options: object) -> Provider:
    """The source that a text names.

    Args:
        text: ``blue-marble``; a raster file, folder, pattern or URL; ``xyz:`` and a name of
            xyzservices or a URL template; ``stac:`` and a catalogue.
        month: 1 to 12, for sources that have imagery of every month.
        options: those of :class:`~psm.imagery.rasters.Rasters`, :class:`~psm.imagery.tiles.Tiles`
            or :class:`~psm.imagery.stac.Stac`; Blue Marble has none.

    Raises:
        ConfigError: nothing of this kind, or an option that this kind of source does not have.
        MissingData: no such file.
        MissingExtra: the source needs a package that is not installed.
    """
    if month is not None and not 1 <= month <= 12:
        raise ConfigError(f"imagery of month {month}: months are 1 to 12")
    if text == BlueMarble.name:
        _check("blue-marble", (), options)
        return BlueMarble()
    kind, _, rest = text.partition(":")
    maker: Callable[..., Provider] = Rasters
    if kind in ("xyz", "stac"):
        if not rest:
            raise ConfigError(f"imagery {text!r} names nothing: {_KINDS}")
        maker, text = _maker(kind), rest
    elif not (Path(text).exists() or any(mark in text for mark in _LIKE_FILES)):
        if Path(text).suffix:
            raise MissingData(f"{text}: no such imagery")
        raise ConfigError(f"imagery {text!r} is not known: {_KINDS}")
    known = [name for name in inspect.signature(maker).parameters if name != "month"][1:]
    _check(kind if maker is not Rasters else "rasters", known, options)
    return maker(text, month=month, **options)


def _maker(kind: str) -> Callable[..., Provider]:
    # Not imported above, for what they need is not always installed.
    if kind == "xyz":
        from psm.imagery.tiles import Tiles

        return Tiles
    from psm.imagery.stac import Stac

    return Stac


def _check(kind: str, known: list[str] | tuple[str, ...], options: dict[str, object]) -> None:
    for name in options:
        if name not in known:
            has = ", ".join(known) or "none"
            raise ConfigError(f"imagery of kind {kind} has no option {name!r}; it has {has}")
