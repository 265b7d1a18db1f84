"""Registry of archives: opens one by name, and lists all with their terms for people."""

from __future__ import annotations

import inspect
import os
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from psm.collect.archives import aporee, freesound, inaturalist, local, xenocanto, yfcc
from psm.collect.archives.archive import Archive, ArchiveTerms
from psm.errors import ConfigError
from psm.geodata.cache import cache_folder
from psm.plugins import load_plugin, plugins

_AS_FAST_AS_DISKS = 100.0  # requests a second that no archive on the web allows
LOCAL_FLAGS = (
    "folder", "table", "lat", "lon", "deployments", "detections", "least", "least_score", "cut"
)  # fmt: skip
"""Options of a folder of one's own that the command line has flags for."""

_STATE = "state"
"""The keyword of adapters for the folder that keeps their pace. It is no option."""


@dataclass(frozen=True)
class ArchiveKind:
    """Factory of an archive, and the terms that are shown without opening it.

    Attributes:
        make: class or function; its keywords are the options, ``state`` the folder of the pace.
        terms: of the archive.
    """

    make: Callable[..., Archive]
    terms: ArchiveTerms


ARCHIVES: dict[str, ArchiveKind] = {
    "aporee": ArchiveKind(aporee.Aporee, aporee.TERMS),
    "freesound": ArchiveKind(freesound.Freesound, freesound.TERMS),
    "inaturalist": ArchiveKind(inaturalist.INaturalist, inaturalist.TERMS),
    "local": ArchiveKind(local.Local, local.TERMS),
    "xenocanto": ArchiveKind(xenocanto.XenoCanto, xenocanto.TERMS),
    "yfcc": ArchiveKind(yfcc.YFCC, yfcc.TERMS),
}
"""Archives by name; one of your own may be added."""


def open_archive(
    name: str, settings: Mapping[str, object], *, state: Path | None = None
) -> Archive:
    """Open an archive by its name.

    Args:
        name: one of :data:`ARCHIVES`.
        settings: its options by name: the keywords of its class, converted to their types.
        state: folder that keeps the pace of requests. By default the user's cache, so that all
            builds of a user together keep to the limits.

    Returns:
        The archive; nothing has been asked of it yet.

    Raises:
        ConfigError: no such archive, no such option, or a value that does not fit.
        MissingData: a file is not there that an option names.
        MissingExtra: a package is not installed.
    """
    make = _kind(name).make
    parameters = inspect.signature(make).parameters
    types = typing.get_type_hints(make.__init__)
    options = {option: types.get(option, Any) for option in parameters if option != _STATE}
    given = {option: _value(name, option, value, options) for option, value in settings.items()}
    for option, parameter in parameters.items():
        if option != _STATE and parameter.default is parameter.empty and option not in given:
            raise ConfigError(
                f"archive {name} needs the option {option!r}: add {_flag(name, option)}, or to the "
                f"settings sources: {{{name}: {{options: {{{option}: ...}}}}}}"
            )
    if _STATE in parameters:
        given[_STATE] = cache_folder() / "pace" if state is None else state
    return make(**given)


def archive_names() -> list[str]:
    """Names of all archives, those of plug-ins too."""
    return sorted({*ARCHIVES, *plugins("archives")})


def _kinds() -> Iterator[tuple[str, ArchiveKind]]:
    return ((name, _kind(name)) for name in archive_names())


def _kind(name: str) -> ArchiveKind:
    if name in ARCHIVES:
        return ARCHIVES[name]
    if name not in plugins("archives"):
        raise ConfigError(f"archive {name!r} is not known; there are {', '.join(archive_names())}")
    kind = load_plugin("archives", name)
    if not isinstance(kind, ArchiveKind):
        raise ConfigError(f"plug-in {name!r} of psm.archives is no ArchiveKind")
    return kind


def _flag(name: str, option: str) -> str:
    if name == "local" and option in LOCAL_FLAGS:
        return f"--{option.replace('_', '-')} ..."
    return f"--archive-set {name}.{option}=..."


def _value(name: str, option: str, value: object, options: Mapping[str, Any]) -> Any:
    if option not in options:
        has = ", ".join(options)
        raise ConfigError(f"archive {name} has no option {option!r}; it has {has}")
    try:
        return TypeAdapter(options[option]).validate_python(value)
    except ValidationError as problem:
        reason = problem.errors()[0]["msg"]
        raise ConfigError(f"archive {name}: option {option!r}: {reason}") from None


def table() -> RenderableType:
    """Table of the archives for people: limits, terms, and whether credentials are set."""
    table = Table("name", "archive", "limit", box=SIMPLE_HEAD)
    table.add_column("credential", no_wrap=True)
    for name, kind in _kinds():
        terms = kind.terms
        table.add_row(name, terms.title, _limit(terms), _credential(terms))
    return Group(table, *map(Text, (*_terms(), *_missing())))


def _limit(terms: ArchiveTerms) -> str:
    if terms.requests_per_s >= _AS_FAST_AS_DISKS:
        return "none"
    every = "1 request" if terms.requests_per_s == 1.0 else f"{terms.requests_per_s:g} requests"
    per_day = "" if terms.requests_per_day is None else f", {terms.requests_per_day:,} a day"
    return f"{every} a second{per_day}"


def _credential(terms: ArchiveTerms) -> str:
    if not terms.credential:
        return "none needed"
    return f"{terms.credential} is {'set' if _is_set(terms) else 'not set'}"


def _terms() -> Iterator[str]:
    for name, kind in _kinds():
        if kind.terms.terms_url:
            yield f"terms of {name}: {kind.terms.terms_url}"


def _missing() -> Iterator[str]:
    for name, kind in _kinds():
        if kind.terms.credential and not _is_set(kind.terms):
            yield f"{name} needs {kind.terms.credential}: {kind.terms.credential_help}"


def _is_set(terms: ArchiveTerms) -> bool:
    return bool(os.environ.get(terms.credential))
