"""What the archives ask of those who use them, for people."""

from __future__ import annotations

import os

from rich.table import Table

from psm.collect.source import Terms
from psm.collect.sources import SOURCES


def table() -> Table:
    """The archives with their terms, limits, and whether their credentials are set."""
    table = Table("name", "archive", "limit", "credential", "terms")
    for name, kind in sorted(SOURCES.items()):
        terms = kind.terms
        table.add_row(name, terms.title, _limit(terms), _credential(terms), terms.terms_url)
    return table


def _limit(terms: Terms) -> str:
    per_day = "" if terms.requests_per_day is None else f", {terms.requests_per_day:,} a day"
    return f"{terms.requests_per_s:g} requests/s{per_day}"


def _credential(terms: Terms) -> str:
    if not terms.credential:
        return "none needed"
    if os.environ.get(terms.credential):
        return f"{terms.credential} is set"
    return f"{terms.credential} is not set: {terms.credential_help}"
