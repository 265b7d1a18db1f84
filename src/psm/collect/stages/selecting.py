"""Selecting: which of the recordings are fetched, decided by all of them together."""

from __future__ import annotations

from psm.collect.site import Site


def select_all(site: Site) -> None:
    raise NotImplementedError
