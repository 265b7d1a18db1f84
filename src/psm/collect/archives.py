"""What the archives ask of those who use them, for people."""

from __future__ import annotations

import os
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from psm.collect.source import Terms
from psm.collect.sources import SOURCES

_AS_FAST_AS_DISKS = 100.0  # requests a second that no archive on the web allows


def table() -> RenderableType:
    """The archives with their limits and terms, and whether their credentials are set."""
    table = Table("name", "archive", "limit", box=SIMPLE_HEAD)
    table.add_column("credential", no_wrap=True)
    for name, kind in sorted(SOURCES.items()):
        terms = kind.terms
        table.add_row(name, terms.title, _limit(terms), _credential(terms))
    return Group(table, *map(Text, (*_terms(), *_missing())))


def _limit(terms: Terms) -> str:
    if terms.requests_per_s >= _AS_FAST_AS_DISKS:
        return "none"
    every = "1 request" if terms.requests_per_s == 1.0 else f"{terms.requests_per_s:g} requests"
    per_day = "" if terms.requests_per_day is None else f", {terms.requests_per_day:,} a day"
    return f"{every} a second{per_day}"


def _credential(terms: Terms) -> str:
    if not terms.credential:
        return "none needed"
    return f"{terms.credential} is {'set' if _is_set(terms) else 'not set'}"


def _terms() -> Iterator[str]:
    for name, kind in sorted(SOURCES.items()):
        if kind.terms.terms_url:
            yield f"terms of {name}: {kind.terms.terms_url}"


def _missing() -> Iterator[str]:
    for name, kind in sorted(SOURCES.items()):
        if kind.terms.credential and not _is_set(kind.terms):
            yield f"{name} needs {kind.terms.credential}: {kind.terms.credential_help}"


def _is_set(terms: Terms) -> bool:
    return bool(os.environ.get(terms.credential))
