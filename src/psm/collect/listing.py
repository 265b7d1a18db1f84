"""Listing: asking every archive what it has, all at once, each from where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from psm.collect.archives.archive import Page, Source, Wanted
from psm.collect.columns import Stage
from psm.collect.lanes import Ended, Lanes
from psm.collect.refusal import Refused
from psm.collect.run import Site
from psm.errors import PSMError
from psm.progress import track

_AHEAD = 4


def list_all(site: Site) -> None:
    """List what the archives have that were not listed to the end. One that fails stops no other.

    A page and the cursor after it are written together, so that a listing goes on with the page
    that a kill cost.
    """
    waiting = [name for name in site.sources if not site.catalogue.listing(name).is_complete]
    if not waiting:
        return
    site.heartbeat.begin(Stage.LIST)
    with Lanes[Page](_AHEAD) as lanes:
        for name in waiting:
            lanes.start(name, partial(_pages, site, site.sources[name], _cursor(site, name)))
        pages = _written(site, lanes)
        for count in track(pages, "listing", weight=int, unit="entries"):
            site.heartbeat.count(count)
            site.beat()


def _written(site: Site, lanes: Lanes[Page]) -> Iterator[int]:
    for name, page in lanes:
        if isinstance(page, Ended):
            _note(site, name, page.error)
            continue
        before = site.catalogue.listing(name)
        after = site.catalogue.add_page(name, page, most=_most(site, name))
        if after.is_complete:
            lanes.stop(name)
        yield after.count - before.count


def _pages(site: Site, source: Source, cursor: str | None) -> Iterator[Page]:
    wanted = Wanted(bounds=site.plan.bounds, most=_most(site, source.name))
    return source.list(wanted, cursor)


def _cursor(site: Site, name: str) -> str | None:
    return site.catalogue.listing(name).cursor


def _most(site: Site, name: str) -> int | None:
    return site.plan.config.sources[name].most


def _note(site: Site, name: str, error: Exception | None) -> None:
    if error is None:
        return
    if not isinstance(error, PSMError):
        raise error
    told = f"{error} ({error.detail})" if isinstance(error, Refused) and error.detail else error
    site.troubles[name] = f"not listed to the end: {told}"
