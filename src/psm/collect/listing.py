"""List stage: asks all archives at once what they have, each from where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from psm.collect.archives.archive import Archive, ListingRequest, Page
from psm.collect.buildrun import BuildRun
from psm.collect.columns import Stage
from psm.collect.lanes import LaneEnd, Lanes
from psm.collect.refusal import Refused
from psm.errors import NoRoom, PSMError
from psm.progress import track

_AHEAD = 4


def list_all(run: BuildRun) -> None:
    """List what the archives have that were not listed to the end. One that fails stops no other.

    A page and the cursor after it are written together, so that a listing goes on with the page
    that a kill cost.
    """
    waiting = [name for name in run.archives if not run.catalogue.listing(name).is_complete]
    if not waiting:
        return
    run.heartbeat.begin(Stage.LIST)
    with Lanes[Page](_AHEAD) as lanes:
        for name in waiting:
            lanes.start(name, partial(_pages, run, run.archives[name], _cursor(run, name)))
        pages = _written(run, lanes)
        for count in track(pages, "listing", weight=int, unit="entries"):
            run.heartbeat.count(count)
            run.beat()


def _written(run: BuildRun, lanes: Lanes[Page]) -> Iterator[int]:
    for name, page in lanes:
        if isinstance(page, LaneEnd):
            _note(run, name, page.error)
            continue
        before = run.catalogue.listing(name)
        after = run.catalogue.add_page(name, page, most=_most(run, name))
        if after.is_complete:
            lanes.stop(name)
        yield after.count - before.count


def _pages(run: BuildRun, archive: Archive, cursor: str | None) -> Iterator[Page]:
    wanted = ListingRequest(bounds=run.plan.bounds, most=_most(run, archive.name))
    return archive.list(wanted, cursor)


def _cursor(run: BuildRun, name: str) -> str | None:
    return run.catalogue.listing(name).cursor


def _most(run: BuildRun, name: str) -> int | None:
    return run.plan.config.sources[name].most


def _note(run: BuildRun, name: str, error: Exception | None) -> None:
    if error is None:
        return
    if isinstance(error, NoRoom) or not isinstance(error, PSMError):
        raise error
    told = f"{error} ({error.detail})" if isinstance(error, Refused) and error.detail else error
    run.troubles[name] = f"not listed to the end: {told}"
