"""The archives that recordings come from, by name.

A new one is a class with ``name``, ``terms``, ``list`` and ``fetch`` in a file of its own, and a
line in :data:`SOURCES`.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from psm.collect.source import Source, Terms
from psm.collect.sources import aporee, freesound, inaturalist, local, xenocanto, yfcc
from psm.errors import ConfigError
from psm.geodata.cache import cache_folder

__all__ = ["SOURCES", "Kind", "open_source"]

_STATE = "state"
"""The keyword of adapters for the folder that keeps their pace. It is no option."""


@dataclass(frozen=True)
class Kind:
    """What makes a source, its options as keywords; and what the archive asks for."""

    make: Callable[..., Source]
    terms: Terms


SOURCES: Mapping[str, Kind] = {
    "aporee": Kind(aporee.Aporee, aporee.TERMS),
    "freesound": Kind(freesound.Freesound, freesound.TERMS),
    "inaturalist": Kind(inaturalist.INaturalist, inaturalist.TERMS),
    "local": Kind(local.Local, local.TERMS),
    "xenocanto": Kind(xenocanto.XenoCanto, xenocanto.TERMS),
    "yfcc": Kind(yfcc.YFCC, yfcc.TERMS),
}


def open_source(name: str, settings: Mapping[str, object], *, state: Path | None = None) -> Source:
    """The source of this name.

    Args:
        name: one of :data:`SOURCES`.
        settings: its options.
        state: folder that keeps the pace of requests. By default the user's cache, so that all
            builds of a user together keep to the limits.

    Raises:
        ConfigError: no such source, no such option, or a value that does not fit.
        MissingData: a file is not there that an option names.
        MissingExtra: a package is not installed.
    """
    if name not in SOURCES:
        raise ConfigError(f"source {name!r} is not known; there are {', '.join(sorted(SOURCES))}")
    make = SOURCES[name].make
    parameters = inspect.signature(make).parameters
    types = typing.get_type_hints(make.__init__)
    options = {option: types[option] for option in parameters if option != _STATE}
    given = {option: _value(name, option, value, options) for option, value in settings.items()}
    for option, parameter in parameters.items():
        if option != _STATE and parameter.default is parameter.empty and option not in given:
            raise ConfigError(f"source {name} needs the option {option!r}")
    if _STATE in parameters:
        given[_STATE] = cache_folder() / "pace" if state is None else state
    return make(**given)


def _value(name: str, option: str, value: object, options: Mapping[str, Any]) -> Any:
    if option not in options:
        has = ", ".join(options)
        raise ConfigError(f"source {name} has no option {option!r}; it has {has}")
    try:
        return TypeAdapter(options[option]).validate_python(value)
    except ValidationError as problem:
        reason = problem.errors()[0]["msg"]
        raise ConfigError(f"source {name}: option {option!r}: {reason}") from None
